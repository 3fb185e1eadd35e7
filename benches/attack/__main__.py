"""The program under attack: every kind of hostile client once, or for hours beside good ones. Exit status 1: it did
not hold.

`make attack` has each attack once against a program with both doors, then schemathesis ask all that the API's document has;
`make soak-attacked` has good clients, bad ones and hostile ones for HOURS, quiet minutes and attacked ones by turns.
"""

import argparse
import sys
from pathlib import Path

import document
import mix
import siege
import sortie
import tables
import verdict
from server import ROOT, Setup


def soak(setup: Setup, plan: siege.Plan, out: Path | None) -> list[str]:
    """The siege; its tables are printed, and written after each round if that is asked for. What was wrong."""

    def write(now: siege.Siege) -> None:
        if out:
            out.write_text(tables.whole(now))

    fought = siege.siege(setup, plan, write)
    fought.faults += verdict.judge(fought)
    print(tables.whole(fought))
    write(fought)
    return fought.found()


def main() -> int:
    """By arguments."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=Path, default=ROOT / "target/release/espmedsam")
    p.add_argument("--models", type=Path, default=ROOT / "models")
    p.add_argument("--only", default="", help="attacks whose name has this in it")
    p.add_argument(
        "--schema", type=Path, metavar="ST", help="schemathesis' program: ask what the document has, instead"
    )
    p.add_argument("--examples", type=int, default=20, help="of schemathesis, for each operation")
    p.add_argument("--hours", type=float, help="the soak, instead")
    p.add_argument("--turn", type=float, default=60, help="seconds of each of the soak's turns")
    p.add_argument("--pace", type=float, default=2, help="seconds between two requests of its busiest good client")
    p.add_argument("--every", type=float, default=0.5, help="seconds between two attacks of each of its attackers")
    p.add_argument("--without", nargs="*", default=[], choices=mix.SHOTS, help="kinds of shots that it has not")
    p.add_argument("--seed", type=int, default=1, help="of its attackers")
    p.add_argument("--out", type=Path, help="a Markdown file for its tables")
    a = p.parse_args()
    if a.schema:
        faults = document.hold(Setup(a.binary, a.models, document.LIMITS), a.schema, a.examples)
    elif a.hours:
        plan = siege.Plan(3600 * a.hours, a.turn, a.pace, mix.Manner(a.every, a.without, a.seed))
        faults = soak(Setup(a.binary, a.models, siege.LIMITS), plan, a.out)
    else:
        faults = sortie.sortie(Setup(a.binary, a.models, sortie.LIMITS), a.only)
    for fault in faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    print("failed" if faults else "passed", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
