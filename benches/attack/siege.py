"""Good clients beside bad and hostile ones, quiet turns and attacked ones in one run: does it go on as it began?

A third kind of turn has the same attackers at a server that does nothing. What good clients wait longer there than
in quiet is the machine's, whose cores they share with attackers; what they wait longer attacked than there is the
program's own.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from door import Limits
from good import Client, clients
from machine import Busy, Footprint
from mix import Aim, Dummy, Horde, Manner, Tally
from server import Server, Setup

LIMITS = Limits()
QUIET, ATTACKED, CONTROL = "quiet", "attacked", "control"
TURNS = (QUIET, ATTACKED, QUIET, CONTROL)
PROCESSES = 2


@dataclass(frozen=True)
class Plan:
    """How long, how fast."""

    seconds: float
    turn: float
    """Seconds of one turn."""
    pace: float
    """Seconds between two requests of the busiest good client."""
    manner: Manner


@dataclass
class Turn:
    """What was in one."""

    kind: str
    began: float
    ended: float = 0.0
    cpu: float = 0.0
    """The program's seconds on a core."""
    machine: Busy = field(default_factory=lambda: Busy(0, 0, 0))
    footprint: Footprint | None = None
    """At its end, when attackers have gone."""
    tallies: list[Tally] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began


class Spans:
    """Times from when to when."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        self.spans = sorted(spans)
        self.begins = [began for began, _ in self.spans]
        self.longest = max((ended - began for began, ended in self.spans), default=0.0)

    def meet(self, began: float, ended: float) -> bool:
        """Whether one of them is within that time, if only in part."""
        first, last = bisect_left(self.begins, began - self.longest), bisect_right(self.begins, ended)
        return any(began < end for _, end in self.spans[first:last])


@dataclass
class Siege:
    """All of it."""

    plan: Plan
    began: float = field(default_factory=time.monotonic)
    turns: list[Turn] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def found(self) -> list[str]:
        """All that was wrong, each in the same words once."""
        good = [fault for client in self.clients for fault in client.account.faults]
        attackers = [fault for turn in self.of(ATTACKED) for tally in turn.tallies for fault in tally.seen.faults]
        return list(dict.fromkeys([*self.faults, *good, *attackers]))

    def of(self, kind: str) -> list[Turn]:
        """Those turns."""
        return [turn for turn in self.turns if turn.kind == kind]

    def took(self, client: Client, kind: str) -> list[float]:
        """Milliseconds of a client's requests that began in such a turn."""
        spans = Spans((turn.began, turn.ended) for turn in self.of(kind))
        return [ms for at, ms in client.account.took if spans.meet(at, at)]

    def undisturbed(self, client: Client) -> list[float]:
        """The same of attacked turns, but of those alone during which no picture of an attacker was decoded."""
        turns = self.of(ATTACKED)
        spans = Spans((turn.began, turn.ended) for turn in turns)
        decoded = Spans(span for turn in turns for tally in turn.tallies for span in tally.pictures)
        took = client.account.took
        return [ms for at, ms in took if spans.meet(at, at) and not decoded.meet(at, at + ms / 1e3)]


def siege(setup: Setup, plan: Plan, after_round: Callable[[Siege], None]) -> Siege:
    """Runs it, and says after each round how it stands. What was wrong so far is in it; what grew is not judged yet."""
    server = Server(setup)
    siege = Siege(plan)
    try:
        fight(server, siege, after_round)
    finally:
        siege.faults += server.stop()
    return siege


def fight(server: Server, siege: Siege, after_round: Callable[[Siege], None]) -> None:
    """All turns."""
    target, here = server.target, Path(server.folder.name)
    aim = Aim(target.near.port, target.far.port, here / "certificate.pem", target.far.token, target.limits)
    dummy = Dummy(aim, here / "identity.pem")
    horde = Horde(PROCESSES, [aim, dummy.aim], siege.plan.manner)
    siege.clients = clients(target, siege.plan.pace)
    try:
        for client in siege.clients:
            client.start()
        for kind in turns(siege):
            turn = Turn(kind, time.monotonic())
            siege.turns.append(turn)
            play(server, siege.plan, turn, horde, {ATTACKED: aim, CONTROL: dummy.aim}.get(kind))
            if server.run.poll() is not None:
                raise SystemExit(f"attack: it ended by itself: {server.said()}")
            progress(siege)
            if kind == TURNS[-1]:
                after_round(siege)
    finally:
        for client in siege.clients:
            client.leaving.set()
        horde.leave()
        dummy.leave()
    for client in siege.clients:
        client.join(30)


def turns(siege: Siege) -> Iterator[str]:
    """Round by round, as long as there is time for a whole one; one round at least."""
    while True:
        yield from TURNS
        spent = time.monotonic() - siege.began
        if spent + len(TURNS) * siege.plan.turn > siege.plan.seconds:
            return


def play(server: Server, plan: Plan, turn: Turn, horde: Horde, aim: Aim | None) -> None:
    """One turn."""
    cpu, machine = server.cpu(), Busy.now()
    if aim:
        horde.attack(aim)
    time.sleep(plan.turn)
    turn.ended = time.monotonic()
    turn.cpu, turn.machine = server.cpu() - cpu, Busy.now().since(machine)
    if aim:
        # Each ends what it is at: a moment that is in no turn.
        turn.tallies = horde.rest()
    if turn.kind == CONTROL:
        # That server is none, and what attackers miss there says nothing.
        for tally in turn.tallies:
            tally.seen.faults.clear()
    turn.footprint = server.footprint()


def progress(siege: Siege) -> None:
    """A line for who watches."""
    last = siege.turns[-1]
    held = last.footprint
    assert held
    print(
        f"{(last.ended - siege.began) / 60:7.1f} min {last.kind:8} {last.cpu / last.seconds:.2f} cores, "
        f"{held.resident_mib:.1f} MiB ({held.peak_mib:.0f} at most), {held.files} files, {held.threads} threads, "
        f"{sum(len(tally.seen.faults) for tally in last.tallies)} faults",
        flush=True,
    )
