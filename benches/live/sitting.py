"""The program and its viewers for a while, looked at once a second."""

import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ledger import Accounts, Ages, Ledger
from machine import Busy, Footprint
from program import Command, Program
from viewers import PROBE, Seat, Visit

GONE = 15.0
"""Seconds after which nobody who left is counted as a viewer any more."""


@dataclass
class Meters:
    """What is read before and after."""

    time: float
    machine: Busy
    ran: dict[str, float]
    waited: dict[str, float]
    own: float
    counts: Counter[str]


@dataclass
class Sitting:
    """What came of it."""

    viewers: int
    seconds: float
    ledger: Ledger
    ages: Ages
    accounts: Accounts
    begin: Meters
    end: Meters
    resident: list[float] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def took(self) -> float:
        """Seconds between the meters' readings."""
        return self.end.time - self.begin.time

    def counted(self, name: str) -> int:
        """How many more of that count there are."""
        return self.end.counts[name] - self.begin.counts[name]

    def an_answer(self, seconds: float) -> float:
        """Of these, the milliseconds that fall to each answer."""
        return 1e3 * seconds / max(1, self.counted("segmented"))

    def ran(self, thread: str) -> float:
        """Seconds that threads of that name were on a core."""
        return self.end.ran.get(thread, 0.0) - self.begin.ran.get(thread, 0.0)

    def waited(self, thread: str) -> float:
        """Seconds that they were ready and had none."""
        return self.end.waited.get(thread, 0.0) - self.begin.waited.get(thread, 0.0)


@dataclass(frozen=True)
class Plan:
    """Who looks, and for how long."""

    seats: list[Iterator[Visit]]
    seconds: float
    settle: float = 5.0
    """Seconds between the first answer and the first measurement."""


def sit(command: Command, plan: Plan) -> Sitting:
    """Starts the program, lets everybody look, and ends it."""
    program = Program(command)
    try:
        sitting = attend(program, plan)
    except (OSError, ValueError) as error:
        sys.exit("\n".join([f"bench: it cannot be asked any more: {error!r}", *program.stop()]))
    except BaseException:
        program.stop()
        raise
    ledger, accounts = sitting.ledger, sitting.accounts
    sitting.faults = [*ledger.faults, *program.stop()]
    if ledger.fault_count > len(ledger.faults):
        sitting.faults.append(f"and {ledger.fault_count - len(ledger.faults)} more")
    if lost := accounts.unaccounted():
        sitting.faults.append(f"{lost} pictures are not accounted for: {dict(accounts.counts)}")
    if not sitting.ages.answers:
        sitting.faults.append("no answer came to the probe")
    return sitting


def attend(program: Program, plan: Plan) -> Sitting:
    """Viewers come, are watched, and go."""
    program.wait_for_answers()
    ledger, ages = Ledger(program.source()["budget_ms"]), Ages()
    seats = [Seat(program.port, ledger, visits) for visits in plan.seats]
    probe = Seat(program.port, ledger, iter([Visit(PROBE)]))
    for seat in (probe, *seats):
        seat.start()
    time.sleep(plan.settle)
    # Not before: the first seconds are the others' coming.
    probe.hear = ages.heard
    begin = meters(program)
    sitting = Sitting(len(seats), plan.seconds, ledger, ages, Accounts(ledger), begin, begin)
    watch(program, sitting)
    sitting.end = meters(program)
    probe.hear = lambda _: None
    leave(program, sitting, seats)
    probe.leaving.set()
    probe.join(GONE)
    return sitting


def watch(program: Program, sitting: Sitting) -> None:
    """Looks once a second."""
    start = time.monotonic()
    for second in itertools.count(1):
        footprint = program.process.footprint()
        sitting.footprints.append(footprint)
        sitting.resident.append(footprint.resident_mib)
        program.process.look()
        sitting.accounts.look(program.source())
        if second >= sitting.seconds:
            return
        time.sleep(max(0.0, start + second - time.monotonic()))


def leave(program: Program, sitting: Sitting, seats: list[Seat]) -> None:
    """All but the probe, and the program must notice."""
    for seat in seats:
        seat.leaving.set()
    for seat in seats:
        seat.join(GONE)
    until = time.monotonic() + GONE
    while (left := program.source()["viewers"]) > 1:
        if time.monotonic() > until:
            sitting.ledger.fault(f"{left - 1} viewers are counted {GONE:.0f} s after the last one left")
            return
        time.sleep(0.2)


def meters(program: Program) -> Meters:
    """Now."""
    ran, waited = program.process.times()
    own = os.times()
    counts = Counter(program.source()["counts"])
    return Meters(time.monotonic(), Busy.now(), ran, waited, own.user + own.system, counts)
