"""The siege's figures as Markdown."""

from collections import Counter
from datetime import date

from machine import CORES
from mix import TRICKLERS
from report import cpu_model, percentile, table
from siege import ATTACKED, CONTROL, PROCESSES, QUIET, Siege
from verdict import FLAT, LONG, quiet, trend

KINDS = (QUIET, ATTACKED, CONTROL)
HEAD = """\
# Attacked

Research use only. Not for clinical use. Written by `make soak-attacked`. {date}, {cpu}, {cores} cores, shared.

{hours:.2f} hours so far of {planned:g}, in turns of {turn:g} s: quiet, attacked, quiet, *control*: the same
attackers at a server that does nothing, so that what their own use of the cores costs is seen apart. Good clients go
on through all of them: a mask of 400 x 270 every {pace:g} s, the same as JSON from the other door half as often, an
inference by /v2 a quarter as often, and a viewer of a live source by WebSocket. Attackers: {processes} processes,
each an attack every {every:g} s and {tricklers} connections that trickle, of those of `make attack`; left out: {without}.
"""
TIMES = """\
Milliseconds from asking to the whole answer; *live*: the age of what is told, of one picture a second. *control ÷
quiet* is the machine's, *attacked ÷ control* the program's own. *No picture of theirs meanwhile*: of those answers
only that were asked for while no attacker's picture was with the program, which decodes large ones one at a time, on
threads of their own.
Refused: told 503, of all.
"""


def whole(siege: Siege) -> str:
    """All of it, so far."""
    plan = siege.plan
    head = HEAD.format(
        date=date.today(), cpu=cpu_model(), cores=CORES, hours=(siege.turns[-1].ended - siege.began) / 3600,
        planned=plan.seconds / 3600, turn=plan.turn, pace=plan.pace, every=plan.manner.every, processes=PROCESSES,
        tricklers=TRICKLERS, without=", ".join(plan.manner.without) or "nothing",
    )  # fmt: skip
    return "\n".join([
        head, "## Good clients\n", TIMES, times(siege), "## What it took\n", cores(siege),
        "## What was done to it\n", done(siege), "## What it holds\n", holds(siege), "## Faults\n", faults(siege), "",
    ])  # fmt: skip


def times(siege: Siege) -> str:
    """Of each good client, by kind of turn."""
    rows = []
    for client in siege.clients:
        account = client.account
        of = {kind: siege.took(client, kind) for kind in KINDS}
        row = {"client": account.name}
        for kind, took in of.items():
            row[f"{kind}: answers"] = str(len(took))
            row[f"{kind}: p50"], row[f"{kind}: p99"] = (f"{percentile(took, share):.0f}" for share in (0.5, 0.99))
        p99 = {kind: percentile(took, 0.99) for kind, took in of.items()}
        row["p99, attacked ÷ quiet"] = f"**{p99[ATTACKED] / p99[QUIET]:.2f}**"
        row["control ÷ quiet"] = f"{p99[CONTROL] / p99[QUIET]:.2f}"
        row["attacked ÷ control"] = f"{p99[ATTACKED] / p99[CONTROL]:.2f}"
        others = siege.undisturbed(client)
        row["p99 attacked, no picture of theirs meanwhile"] = f"{percentile(others, 0.99):.0f} of {len(others)}"
        row["refused"] = f"{len(account.refused)} of {len(account.refused) + len(account.took)}"
        rows.append(row)
    return table(rows)


def cores(siege: Siege) -> str:
    """Whose the machine was, in cores; and the program's own, for each answer to good clients."""
    rows = []
    for kind in KINDS:
        turns = siege.of(kind)
        seconds = sum(turn.seconds for turn in turns) or 1.0
        ours = sum(turn.cpu for turn in turns)
        theirs = sum(tally.cpu for turn in turns for tally in turn.tallies)
        busy = sum(turn.machine.busy - turn.machine.steal for turn in turns)
        steal = sum(turn.machine.steal for turn in turns)
        answers = sum(len(siege.took(client, kind)) for client in siege.clients)
        rows.append({
            "turns": f"{kind}, {len(turns)}", "the program": f"{ours / seconds:.2f}", "attackers": f"{theirs / seconds:.2f}",
            "all else": f"{max(0.0, busy - ours - theirs) / seconds:.2f}", "steal": f"{steal / seconds:.2f}",
            "the program, CPU ms an answer to good clients": f"{1e3 * ours / max(1, answers):.0f}",
        })  # fmt: skip
    return "In cores.\n\n" + table(rows)


def done(siege: Siege) -> str:
    """By attackers, and what they saw."""
    rows = []
    for kind in (ATTACKED, CONTROL):
        turns = siege.of(kind)
        seconds = sum(turn.seconds for turn in turns) or 1.0
        tallies = [tally for turn in turns for tally in turn.tallies]
        saw = sum((tally.seen.saw for tally in tallies), Counter[str]())
        rows.append({
            "turns": kind, "attacks": str(sum(tally.attacks for tally in tallies)),
            "a second": f"{sum(tally.attacks for tally in tallies) / seconds:.1f}",
            "connections a second": f"{sum(tally.seen.sent for tally in tallies) / seconds:.1f}",
            "seen": ", ".join(f"{what}: {count}" for what, count in sorted(saw.items())),
        })  # fmt: skip
    return table(rows)


def holds(siege: Siege) -> str:
    """Memory, files and threads at the end of quiet turns."""
    held = quiet(siege)
    middle, slope, hours = trend(siege)
    judged = "" if 3600 * hours >= LONG else f" (too short to be judged: {LONG / 60:.0f} min are needed)"
    files, threads = ([getattr(one, what) for _, one in held] for what in ("files", "threads"))
    peak = max(one.peak_mib for _, one in held)
    resident = [one.resident_mib for _, one in held]
    return (
        f"Memory {min(resident):.1f} to {max(resident):.1f} MiB at the end of quiet turns, {peak:.0f} at most ever. "
        f"Over the last half, {hours:.2f} h: {middle:.1f} MiB, {slope:+.2f} MiB an hour, "
        f"{100 * slope * hours / middle:+.1f} %, of {100 * FLAT:.0f} %{judged}. Open files {min(files)} to {max(files)}, "
        f"threads {min(threads)} to {max(threads)}.\n"
    )


def faults(siege: Siege) -> str:
    """So far."""
    return "\n".join(f"- {fault}" for fault in siege.found()) or "None."
