"""Phantoms without their target: how often a mask is shown where there is nothing."""

import time
from dataclasses import replace

import wire
from program import Command, Program

SOURCES = ("phantom:no-fetal-head", "phantom:no-lesion", "phantom:no-polyp")


def watch(command: Command, seconds: float) -> tuple[int, float]:
    """Masks that began to be shown, and the share of what was told that had one."""
    program = Program(command)
    try:
        program.wait_for_answers()
        sock = wire.connect(program.port)
        begun = told = masked = 0
        before = ""
        until = time.monotonic() + seconds
        for moment in wire.events(sock, "/v1/live/events?mask=none"):
            begun += moment.state == "mask" != before
            before = moment.state
            told += 1
            masked += moment.state == "mask"
            if time.monotonic() > until:
                break
        return begun, masked / max(told, 1)
    finally:
        program.stop()


def table(command: Command, minutes: float) -> str:
    """Of each phantom without its target."""
    lines = ["| nothing there | false overlays a minute | share of the time |", "|---|---:|---:|"]
    for source in SOURCES:
        begun, share = watch(replace(command, source=source), 60 * minutes)
        lines.append(f"| `{source}` | {begun / minutes:.1f} | {100 * share:.1f} % |")
    return "\n".join(lines)
