"""The measured figures as Markdown."""

import statistics
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from machine import CORES
from sitting import Sitting

HEAD = """\
# Live

Research use only. Not for clinical use. Written by `make bench-live`. {date}, {cpu}, {cores} cores.

{source}, 640 x 480 at 30 a second, `live-224-int8`, {minutes:g} minutes for each number of viewers, by turns one on the
MJPEG stream and one on the page's WebSocket. Beside them a probe is told of every answer by server-sent events, without
pictures.

*p50* to *max*: milliseconds from a picture's capture to the moment at which a viewer is first told of its answer; *on
arrival*: the way to the viewer included. *Oldest mask*: the greatest age that any viewer was told with a mask, the budget
being {budget:.0f} ms. *Captured* to *left out*: a second.
"""
THREADS = {
    "live-capture": "capture (the phantom is drawn there)",
    "live-announce": "answers steadied and announced",
    "engine-0": "engine",
    "compute-1": "second computing thread",
    "tokio-rt-worker": "HTTP, drawing, encoding",
}
LEAST = 5e-4
"""Share of a core from which on a thread is worth a line."""
CORES_SAID = """\
In cores. *Others*: what else ran on this machine; *steal*: what ran on its host instead. *Without a core*: the engine's
thread was ready to run and had none.
"""
STAGES_SAID = """\
By the clock. `queue`: waiting for the engine while the picture before was in work.
"""
STAGES = ("queue", "frame", "preprocess", "encode", "self_prompt", "decode", "mask", "render")


def percentile(values: Sequence[float], share: float) -> float:
    """Of the sorted values, the one at that share."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def table(rows: Sequence[dict[str, str]]) -> str:
    """In Markdown, a column for each key; the first one's cells are words, the others' numbers."""
    head = f"| {' | '.join(rows[0])} |\n|---|{'---:|' * (len(rows[0]) - 1)}\n"
    return head + "".join(f"| {' | '.join(row.values())} |\n" for row in rows)


def cpu_model() -> str:
    """As the kernel names it."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(": ")[2] if names else "unknown CPU"


def head(sat: Sitting, source: str) -> str:
    """What the figures are of."""
    return HEAD.format(
        date=date.today(),
        cpu=cpu_model(),
        cores=CORES,
        source=source,
        minutes=sat.seconds / 60,
        budget=sat.ledger.budget_ms,
    )


def ages(sittings: Sequence[Sitting]) -> str:
    """How many, and how old."""
    rows = []
    for sat in sittings:
        told, arrived = sat.ages.told, sat.ages.arrived()
        rates = {
            name: f"{sat.counted(name) / sat.took:.2f}" for name in ("captured", "segmented", "replaced", "left_out")
        }
        old = {f"p{100 * share:.0f}": f"{percentile(told, share):.1f}" for share in (0.5, 0.95, 0.99)}
        rows.append({"viewers": str(sat.viewers)} | rates | old | {
            "max": f"{max(told, default=0):.1f}",
            "p99 on arrival": f"{percentile(arrived, 0.99):.1f}",
            "max on arrival": f"{max(arrived, default=0):.1f}",
            "oldest mask": f"{sat.ledger.oldest_mask_ms:.1f}",
            "the probe missed": f"{sat.ages.missed} of {sat.ages.answers + sat.ages.missed}",
        })  # fmt: skip
    return table(rows)


def machine(sittings: Sequence[Sitting]) -> str:
    """Whose the machine was meanwhile, in cores."""
    rows = []
    for sat in sittings:
        between = sat.end.machine.since(sat.begin.machine)
        ours = sum(map(sat.ran, sat.end.ran))
        own = sat.end.own - sat.begin.own
        others = max(0.0, between.busy - between.steal - ours - own)
        cores = {"the program": ours, "viewers": own, "others": others, "steal": between.steal, "idle": between.idle}
        rows.append({"viewers looking": str(sat.viewers)} | {who: f"{x / sat.took:.2f}" for who, x in cores.items()} | {
            "engine without a core, ms an answer": f"{sat.an_answer(sat.waited('engine-0')):.1f}",
            "memory, MiB": f"{statistics.median(sat.resident):.0f}",
        })  # fmt: skip
    return table(rows)


def threads(sittings: Sequence[Sitting]) -> str:
    """CPU time by thread: of a core, and for each answer, which a busy machine hardly changes."""
    rows = []
    names = {name for sat in sittings for name in sat.end.ran}
    for name in sorted(names, key=lambda name: (name not in THREADS, name)):
        if max(sat.ran(name) / sat.took for sat in sittings) < LEAST:
            continue
        row = {"thread": f"`{name}`: {THREADS[name]}" if name in THREADS else f"`{name}`"}
        for sat in sittings:
            row[f"{sat.viewers} viewers, % of a core"] = f"{100 * sat.ran(name) / sat.took:.1f}"
            row[f"{sat.viewers}, ms an answer"] = f"{sat.an_answer(sat.ran(name)):.2f}"
        rows.append(row)
    return table(rows)


def stages(sittings: Sequence[Sitting]) -> str:
    """Milliseconds of an answer's stages by the clock, as the program tells them."""
    rows = []
    for stage in STAGES:
        row = {"stage": f"`{stage}`"}
        for sat in sittings:
            took = sat.ages.stages.get(stage, [])
            busy = sum(took) / 10 / sat.took
            row[f"{sat.viewers} viewers, p50, ms"] = f"{percentile(took, 0.5):.2f}"
            row[f"{sat.viewers}, p99"] = f"{percentile(took, 0.99):.2f}"
            row[f"{sat.viewers}, % of the time"] = f"{busy:.1f}"
        rows.append(row)
    return table(rows)


def whole(sittings: Sequence[Sitting], source: str) -> str:
    """All of it."""
    return "\n".join([
        head(sittings[0], source), ages(sittings), "## Whose the cores were\n", CORES_SAID, machine(sittings),
        "## CPU time by thread\n", threads(sittings), "## Stages of an answer\n", STAGES_SAID, stages(sittings),
    ])  # fmt: skip
