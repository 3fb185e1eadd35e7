"""Whether it can go on like this: memory flat, every picture accounted for, nothing said that must not be."""

import statistics
from collections.abc import Sequence

import sitting
from program import Command
from sitting import Plan, Sitting
from viewers import at_random

VIEWERS = 8
WARM = 60.0
"""Seconds that are not judged: every kind of viewer has come by then, and what is kept for them is there."""
FLAT = 0.02
"""How far apart a first and a last third may lie."""
FILES = 4
"""Open files more at the end than at the beginning: viewers come and go."""


def thirds(values: Sequence[float]) -> tuple[float, float, float]:
    """The medians of first, middle and last third."""
    third = max(1, len(values) // 3)
    first, middle, last = values[:third], values[third:-third] or values, values[-third:]
    return statistics.median(first), statistics.median(middle), statistics.median(last)


def soak(command: Command, minutes: float, seed: int) -> list[str]:
    """Runs it; prints what was seen. What was wrong."""
    seats = [at_random(f"{seed}-{seat}") for seat in range(VIEWERS)]
    sat = sitting.sit(command, Plan(seats, 60 * minutes, WARM))
    return [*sat.faults, *judge(sat)]


def judge(sat: Sitting) -> list[str]:
    """What grew."""
    faults = []
    first, middle, last = thirds(sat.resident)
    change = last / first - 1
    print(
        f"memory: {first:.1f}, {middle:.1f}, {last:.1f} MiB (first, middle, last third), {100 * change:+.2f} %, "
        f"{min(sat.resident):.1f} to {max(sat.resident):.1f}"
    )
    if abs(change) > FLAT:
        faults.append(f"memory changed by {100 * change:+.1f} %")
    files = [float(footprint.files) for footprint in sat.footprints]
    before, _, after = thirds(files)
    threads = [float(footprint.threads) for footprint in sat.footprints]
    print(f"open files: {before:.0f} to {after:.0f}; threads: {min(threads):.0f} to {max(threads):.0f}")
    if after > before + FILES:
        faults.append(f"open files went from {before:.0f} to {after:.0f}")
    ledger = sat.ledger
    joined = sum(ledger.joined.values()) - 1
    print(f"viewers: {joined} joined, {ledger.refused} were refused; {sum(ledger.messages.values())} messages")
    for name, count in sorted(ledger.joined.items()):
        print(f"  {count:5} {name}: {ledger.messages[name]} messages")
    if ledger.refused:
        faults.append(f"{ledger.refused} of {joined} viewers were refused, and there was room for all")
    print(f"states told: {dict(ledger.states)}; oldest mask {ledger.oldest_mask_ms:.1f} of {ledger.budget_ms:.0f} ms")
    over = sum(age > ledger.budget_ms for age in sat.ages.arrived())
    print(f"answers over the budget on arrival at the probe: {over} of {sat.ages.answers}")
    print(f"pictures: {dict(sat.accounts.counts)}")
    return faults
