"""Those who look: politely, slowly, not at all; for long or not, by a seeded choice."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import wire
from ledger import Ledger
from wire import Told

FOREVER = float("inf")
SMALL = 4096
"""Receive buffer of who does not read: soon the server cannot write."""
CHUNK, RATE = 100, 1000
"""Bytes that a slow one takes at a time, and in a second."""


class Kind(NamedTuple):
    """A way to look."""

    name: str
    read: Callable[[socket.socket, str], Generator[Told, None, None]]
    path: str


STREAM = Kind("MJPEG", wire.parts, "/v1/live/stream.mjpeg")
PAGE = Kind("WebSocket with picture", wire.messages, "/v1/live/ws?mask=polygons&picture=jpeg")
KINDS = (
    STREAM,
    PAGE,
    Kind("MJPEG, small", wire.parts, "/v1/live/stream.mjpeg?width=320"),
    Kind("WebSocket with mask", wire.messages, "/v1/live/ws?mask=png"),
    Kind("events", wire.events, "/v1/live/events?mask=polygons"),
)
PROBE = Kind("probe", wire.events, "/v1/live/events?mask=none")


@dataclass(frozen=True)
class Visit:
    """One viewer, from joining to leaving."""

    kind: Kind
    manner: str = "polite"
    seconds: float = FOREVER
    abrupt: bool = False
    """Leaves by a reset, with whatever was on its way."""
    pause: float = 0.0
    """Seconds before it joins."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.kind.name}, {self.manner}"


class Seat(threading.Thread):
    """One viewer after another, as `visits` says, until there are no more or it is told to stop."""

    def __init__(self, port: int, ledger: Ledger, visits: Iterator[Visit]) -> None:
        super().__init__(daemon=True)
        self.port, self.ledger, self.visits = port, ledger, visits
        self.leaving = threading.Event()
        self.hear: Callable[[Told], None] = lambda _: None

    def run(self) -> None:
        """Visits."""
        for visit in self.visits:
            if self.leaving.wait(visit.pause):
                return
            self.visit(visit)

    def visit(self, visit: Visit) -> None:
        """One of them. What ends it, but its own wish, is a fault for the polite; the others may be cut off."""
        self.ledger.join(visit.name)
        sock = wire.connect(self.port, None if visit.manner == "polite" else SMALL)
        until = time.monotonic() + visit.seconds
        try:
            match visit.manner:
                case "polite":
                    self.read(sock, visit, until)
                case "slow":
                    self.trickle(sock, visit, until)
                case "hanging":
                    self.say(sock, visit)
                    self.leaving.wait(min(visit.seconds, threading.TIMEOUT_MAX))
        except wire.RefusedError:
            self.ledger.refuse()
        except (OSError, wire.WireError, ValueError, KeyError) as error:
            if visit.manner == "polite":
                self.ledger.fault(f"{visit.name}: {type(error).__name__} {error}")
        finally:
            if visit.abrupt:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()

    def read(self, sock: socket.socket, visit: Visit, until: float) -> None:
        """All that comes."""
        last = None
        with closing(visit.kind.read(sock, visit.kind.path)) as stream:
            for told in stream:
                self.ledger.heard(visit.name, told, last)
                self.hear(told)
                last = told
                if time.monotonic() > until or self.leaving.is_set():
                    return
        self.ledger.fault(f"{visit.name}: the stream ended")

    def trickle(self, sock: socket.socket, visit: Visit, until: float) -> None:
        """A little now and then."""
        self.say(sock, visit)
        while time.monotonic() < until and not self.leaving.wait(CHUNK / RATE):
            if not sock.recv(CHUNK):
                return

    @staticmethod
    def say(sock: socket.socket, visit: Visit) -> None:
        """The request alone."""
        headers = wire.upgrade("dGhlIHNhbXBsZSBub25jZQ==") if visit.kind.read is wire.messages else None
        wire.ask(sock, visit.kind.path, headers)


def at_random(seed: str) -> Iterator[Visit]:
    """Visits without end: most are polite, most are short."""
    choose = random.Random(seed)
    while True:
        manner = choose.choices(("polite", "slow", "hanging"), (6, 1, 1))[0]
        seconds = min(choose.expovariate(1 / 8), 60.0)
        yield Visit(choose.choice(KINDS), manner, seconds, choose.random() < 0.3, choose.expovariate(1.0))
