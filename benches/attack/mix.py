"""Bad and hostile clients together, at a bounded rate, in processes of their own: wrong pictures and queries, and
all that attackers do in `make attack` that takes no minute and no place that good clients need."""

import multiprocessing
import os
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import bodies
import dummy
import malformed
import pictures
import sockets
import strangers
from door import PATIENCE, Door, Limits, Seen, Shot, Target, hear, send
from floods import AT_ONCE
from slow import Trickler

SPAWN = multiprocessing.get_context("spawn")
OTHERS = 0.4
"""Of them for each shot."""
TRICKLERS = 6
"""Of each process, at any time: half of them are slow with their head, half with their body."""


@dataclass(frozen=True)
class Aim:
    """What a process is told of its target: ports, and what it shows there."""

    near: int
    far: int
    certificate: Path
    token: str
    limits: Limits

    def target(self) -> Target:
        """As attackers use it."""
        tls = ssl.create_default_context(cafile=self.certificate)
        return Target(Door(self.near), Door(self.far, tls, self.token), self.limits)


@dataclass(frozen=True)
class Manner:
    """How attackers go about it."""

    every: float
    """Seconds between two attacks of one process."""
    without: Sequence[str] = ()
    """Kinds of shots that are left out, to see what the others cost."""
    seed: int = 1


@dataclass
class Tally:
    """What a process did in its turn."""

    seen: Seen = field(default_factory=Seen)
    attacks: int = 0
    cpu: float = 0.0
    """Its own seconds on a core."""
    pictures: list[tuple[float, float]] = field(default_factory=list)
    """From when to when each picture was with the program: while it decodes one, others wait."""


def mistakes(door: Door) -> list[Shot]:
    """What clients do that mean well."""
    kind, jpeg = "Content-Type: image/jpeg", (Path(__file__).parents[2] / "tests/samples/usgra_0180.jpg").read_bytes()

    def ask(name: str, path: str, body: bytes, may: int) -> Shot:
        return Shot(name, door.request(f"POST {path}", body, kind), (may,))

    return [
        ask("a text", "/v1/segment?modality=ultrasound", b"Dear sirs, attached please find", 415),
        ask("half a picture", "/v1/segment?modality=ultrasound", jpeg[: len(jpeg) // 2], 422),
        ask("nothing", "/v1/segment?modality=ultrasound", b"", 400),
        ask("no modality", "/v1/segment", jpeg, 400),
        ask("a modality there is not", "/v1/segment?modality=mri", jpeg, 400),
        ask("a wish there is not", "/v1/segment?modality=ultrasound&colour=red", jpeg, 400),
        ask("a size that is none", "/v1/segment?modality=ultrasound&pixel_mm=small", jpeg, 400),
        ask("a page there is not", "/v1/segment?modality=ultrasound&page=9", jpeg, 422),
        ask("a model there is not", "/v2/models/none/infer", b"{}", 404),
        Shot("a wrong method", door.head("GET /v1/segment"), (405, 403)),
        Shot("a wrong address", door.head("GET /v3/segment"), (404, 403)),
    ]


LARGEST = 1 << 20
"""Bytes of a shot: more of them would be the machine's work, and not the program's."""
PICTURES = "pictures"
SHOTS: dict[str, Callable[[Door], list[Shot]]] = {
    "mistakes": mistakes,
    "junk": malformed.junk,
    "heads": malformed.heads,
    "smuggling": malformed.smuggling,
    "forms": bodies.multipart,
    "inference": bodies.inference,
    PICTURES: pictures.bombs,
}
"""By the kind that they are left out by."""


@dataclass(frozen=True)
class Blow:
    """An attack of the mix."""

    strike: Callable[[], Seen]
    picture: bool = False
    """Whether it is a picture that the program may take to decode."""


def loaded(target: Target, without: Sequence[str]) -> list[Blow]:
    """Every shot at both doors, but for those kinds."""
    kinds = [kind for kind in SHOTS if kind not in without]
    shots = [(door, kind, shot) for door in (target.near, target.far) for kind in kinds for shot in SHOTS[kind](door)]
    return [
        Blow(partial(shot.fire, door, target.limits), kind == PICTURES)
        for door, kind, shot in shots
        if len(shot.data) <= LARGEST
    ]


def blows(target: Target, shots: list[Blow], choose: random.Random) -> Iterator[Blow]:
    """Without end, in an order by chance: every shot once, between them the rest."""
    others: list[Blow] = [
        Blow(partial(guess, target)),
        Blow(partial(broken, target, choose)),
        Blow(partial(hanging, target)),
        Blow(partial(resets, target)),
        Blow(partial(no_tls, target, choose)),
    ]
    while True:
        for shot in choose.sample(shots, len(shots)):
            yield shot
            if choose.random() < OTHERS:
                yield choose.choice(others)


def guess(target: Target) -> Seen:
    """A token by chance."""
    seen = Seen(sent=1)
    reply = target.stranger.ask("GET /v1/info", b"", f"Authorization: Bearer espm_{os.urandom(32).hex()}")
    seen.reply(reply)
    seen.expect(reply.status in (401, 429, 503), f"{reply.status} to a guess")
    return seen


def broken(target: Target, choose: random.Random) -> Seen:
    """A WebSocket that is broken at once."""
    name, data = choose.choice(list(sockets.BROKEN.items()))
    seen = Seen(sent=1)
    with sockets.opened(target.near) as sock:
        send(sock, data)
        heard = hear(sock, target.limits.header + PATIENCE)
    seen.expect(heard.ended, f"{name}: the WebSocket is still open after {heard.seconds:.0f} s")
    seen.expect(b"/smuggled" not in heard.data, f"{name}: the hidden request was answered")
    seen.saw["closed"] += heard.ended
    return seen


def hanging(target: Target) -> Seen:
    """Two that read nothing, for a second."""
    socks = [sockets.opened(target.near, 4096) for _ in range(2)]
    time.sleep(1)
    for sock in socks:
        sock.close()
    return Seen(sent=2)


def resets(target: Target) -> Seen:
    """Ten that are gone by a reset, within a request."""
    for number in range(10):
        sock = Door((target.near, target.far)[number % 2].port).open()
        send(sock, b"POST /v1/seg")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        sock.close()
    return Seen(sent=10)


def no_tls(target: Target, choose: random.Random) -> Seen:
    """Into the far door, what is none of today."""
    name, data = choose.choice(list(strangers.RAW.items()))
    seen = Seen(sent=1)
    with strangers.plain(target.far.port) as sock:
        send(sock, data)
        heard = hear(sock, target.limits.header + PATIENCE)
    seen.expect(heard.ended, f"{name}: still open after {heard.seconds:.0f} s")
    seen.expect(heard.data[:1] in (b"", bytes([strangers.ALERT])), f"{name}: {heard.data[:80]!r}")
    return seen


class Slow:
    """Tricklers, some at any time."""

    def __init__(self, target: Target) -> None:
        self.target, self.all = target, list[Trickler]()
        self.made = 0

    def step(self, tally: Tally) -> None:
        """A byte of each; who was ended is replaced."""
        for one in self.all:
            one.step()
            limit = max(self.target.limits.header, self.target.limits.body)
            tally.seen.expect(one.heard.seconds < limit + PATIENCE, f"a trickler is kept for {one.heard.seconds:.0f} s")
        for one in [one for one in self.all if one.heard.ended]:
            tally.seen.saw["trickler cut"] += 1
            one.sock.close()
            self.all.remove(one)
        if len(self.all) < TRICKLERS:
            door = (self.target.near, self.target.far)[self.made // 2 % 2]
            start = (
                door.head("GET /v1/info")[:-2]
                if self.made % 2
                else door.head(malformed.SEGMENT, "Content-Length: 9999")
            )
            self.all.append(Trickler(door.open(), start, b"X-A: b\r\n"))
            self.made += 1
            tally.seen.sent += 1

    def leave(self) -> None:
        """All of them."""
        while self.all:
            self.all.pop().sock.close()


def assail(orders: Connection, aims: list[Aim], manner: Manner, number: int) -> None:
    """A process: rests until it has an aim, attacks it every so many seconds until it is told something else, and
    tells what it saw."""
    choose = random.Random(f"{manner.seed}-{number}")
    ready = {aim: (target := aim.target(), loaded(target, manner.without)) for aim in aims}
    orders.send("ready")
    while (aim := orders.recv()) is not None:
        target, shots = ready[aim]
        tally, began = Tally(), time.process_time()
        slow, due = Slow(target), time.monotonic()
        for blow in blows(target, shots, choose):
            if orders.poll(max(0.0, due - time.monotonic())):
                break
            due = max(due + manner.every, time.monotonic())
            try:
                slow.step(tally)
                struck = time.monotonic()
                tally.seen.add(blow.strike())
                tally.attacks += 1
                if blow.picture:
                    tally.pictures.append((struck, time.monotonic()))
            except OSError as error:
                # A connection was cut where one might be: counted, and judged by whether good clients notice.
                tally.seen.saw[type(error).__name__] += 1
        orders.recv()
        slow.leave()
        tally.cpu = time.process_time() - began
        orders.send(tally)


class Horde:
    """All attacking processes."""

    def __init__(self, count: int, aims: list[Aim], manner: Manner) -> None:
        self.orders: list[Connection] = []
        self.processes = []
        for number in range(count):
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=assail, args=(theirs, aims, manner, number), daemon=True)
            process.start()
            self.orders.append(ours)
            self.processes.append(process)
        for ours in self.orders:
            ours.recv()

    def attack(self, aim: Aim) -> None:
        """From now on."""
        for orders in self.orders:
            orders.send(aim)

    def rest(self) -> list[Tally]:
        """No more; what each did."""
        for orders in self.orders:
            orders.send("rest")
        return [orders.recv() for orders in self.orders]

    def leave(self) -> None:
        """For good."""
        for orders, process in zip(self.orders, self.processes, strict=True):
            orders.send(None)
            process.join(PATIENCE)
            process.kill()


class Dummy:
    """The server that does nothing, and an aim at it."""

    def __init__(self, aim: Aim, identity: Path) -> None:
        self.ports, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=dummy.serve, args=(theirs, identity), daemon=True)
        self.process.start()
        near, far = self.ports.recv()
        self.aim = Aim(near, far, aim.certificate, aim.token, aim.limits)

    def leave(self) -> None:
        """For good."""
        self.ports.send("end")
        self.process.join(PATIENCE)
        self.process.kill()
