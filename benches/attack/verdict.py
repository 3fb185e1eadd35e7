"""What grew over a siege, and who was turned away."""

import statistics

from machine import Footprint
from siege import ATTACKED, CONTROL, QUIET, Siege
from sortie import PEAK_MIB

WARM = 0.1
"""Share of the run that is not judged: until then every kind of client has come."""
FLAT = 0.03
"""How much memory may grow over the last half, by its trend."""
LONG = 1800.0
"""Seconds that a last half has to last for a trend to be one."""
FILES, THREADS = 6, 4
"""More of them in the last quiet turns than in the first."""
REFUSED = 0.01
"""Share of good clients' requests that may be told: not now."""


def quiet(siege: Siege) -> list[tuple[float, Footprint]]:
    """What was held at the end of quiet turns, the first tenth left out, with its time in hours."""
    held = [(turn.ended - siege.began, turn.footprint) for turn in siege.of(QUIET) if turn.footprint]
    start = WARM * siege.plan.seconds
    return [(at / 3600, footprint) for at, footprint in held if at >= start] or [(held[-1][0] / 3600, held[-1][1])]


def trend(siege: Siege) -> tuple[float, float, float]:
    """Of memory over the last half: its middle in MiB, MiB an hour, hours."""
    held = quiet(siege)
    half = held[len(held) // 2 :]
    hours = half[-1][0] - half[0][0]
    slope = 0.0
    if hours > 0:
        slope, _ = statistics.linear_regression([at for at, _ in half], [one.resident_mib for _, one in half])
    return statistics.median(one.resident_mib for _, one in half), slope, hours


def judge(siege: Siege) -> list[str]:
    """What grew, and who was turned away. Times fail nothing."""
    faults = []
    middle, slope, hours = trend(siege)
    grown = slope * hours / middle
    if 3600 * hours >= LONG and grown > FLAT:
        faults.append(f"memory grew by {100 * grown:.1f} % over the last half, {slope:.2f} MiB an hour")
    held = [footprint for _, footprint in quiet(siege)]
    first, last = held[0], held[-1]
    peak = max(one.peak_mib for one in held)
    if peak > PEAK_MIB:
        faults.append(f"{peak:.0f} MiB were resident, of {PEAK_MIB:.0f}")
    if last.files > first.files + FILES:
        faults.append(f"open files went from {first.files} to {last.files}")
    if last.threads > first.threads + THREADS:
        faults.append(f"threads went from {first.threads} to {last.threads}")
    for client in siege.clients:
        answered, refused = len(client.account.took), len(client.account.refused)
        if not answered:
            faults.append(f"{client.account.name}: never answered")
        if refused > REFUSED * (answered + refused):
            faults.append(f"{client.account.name}: {refused} of {answered + refused} were told: not now")
    for kind in (ATTACKED, CONTROL):
        if not sum(tally.attacks for turn in siege.of(kind) for tally in turn.tallies):
            faults.append(f"nobody attacked in the turns '{kind}'")
    return faults
