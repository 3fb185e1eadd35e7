"""The program watching a live source, looked at by viewers: how old its answers are, what that costs, whether it lasts.

`make bench-live` measures, with 0, 1 and 4 viewers; `make soak` has eight viewers join, hang and leave, `make idle` leaves
it alone, `make memory` gives it the largest usual picture, and these judge. Exit status 1: something was told or counted
that must not be, whatever the machine was busy with; times alone fail nothing.
"""

import argparse
import itertools
import sys
from pathlib import Path

import empty
import idle
import memory
import report
import sitting
import soak
from program import ROOT, Command
from sitting import Plan
from viewers import PAGE, STREAM, Visit


def bench(command: Command, arguments: argparse.Namespace) -> list[str]:
    """Each number of viewers with a program of its own; the tables are printed, and written if that is asked for."""
    sittings = []
    for viewers in arguments.viewers:
        kinds = itertools.islice(itertools.cycle((STREAM, PAGE)), viewers)
        seats = [iter([Visit(kind)]) for kind in kinds]
        sat = sitting.sit(command, Plan(seats, 60 * arguments.minutes))
        sittings.append(sat)
        print(report.ages([sat]), report.machine([sat]), sep="\n", file=sys.stderr, flush=True)
    text = report.whole(sittings, command.source)
    text += "\n## Nothing there\n\n" + empty.table(command, min(arguments.minutes, 2)) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text)
    return [f"{sat.viewers} viewers: {fault}" for sat in sittings for fault in sat.faults]


def main() -> int:
    """By arguments."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=Path, default=ROOT / "target/release/espmedsam")
    p.add_argument("--models", type=Path, default=ROOT / "models")
    p.add_argument("--source", default="phantom:fetal-head", help="what `espmedsam live` is to watch")
    p.add_argument("--minutes", type=float, default=10, help="for each number of viewers, or of the soak")
    p.add_argument("--viewers", type=int, nargs="+", default=[0, 1, 4])
    p.add_argument("--out", type=Path, help="a Markdown file for the tables")
    p.add_argument("--soak", action="store_true", help=f"{soak.VIEWERS} viewers that join, hang and leave, instead")
    p.add_argument("--idle", action="store_true", help="nothing to do: CPU time and bytes written, instead")
    p.add_argument(
        "--memory", action="store_true", help=f"one viewer of 1280 x 720: {memory.MOST_MB} MB at most, instead"
    )
    p.add_argument("--seed", type=int, default=1, help="of their choices")
    a = p.parse_args()
    command = Command(a.binary, a.models, a.source)
    if a.idle:
        faults = idle.idle(command, a.minutes)
    elif a.memory:
        faults = memory.memory(command, a.minutes)
    else:
        faults = soak.soak(command, a.minutes, a.seed) if a.soak else bench(command, a)
    for fault in faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    print("failed" if faults else "passed", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
