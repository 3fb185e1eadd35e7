"""The doors under attack, and what comes out of them: bytes go as they are, replies are read as far as they come."""

import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import wire

PATIENCE = 30.0
"""Seconds past the server's own limits, from which on it hangs: the machine may be busy."""
MOST = 64 << 20
"""Bytes that are read of one connection."""
BUSY = (503, 507)
"""What a server may say beyond 499: not now, and that there is no more room."""
NOTICE = "Not for clinical use"


class Reply:
    """One reply out of a connection's bytes (RFC 9112)."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.body = b""
        self.whole = False

    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


def replies(data: bytes) -> list[Reply]:
    """All of them; the last one may be cut short."""
    found = []
    while b"\r\n\r\n" in data:
        head, _, data = data.partition(b"\r\n\r\n")
        reply = Reply(head)
        data = take_body(reply, data)
        found.append(reply)
    return found


def take_body(reply: Reply, data: bytes) -> bytes:
    """Gives a reply what is its own; the rest."""
    if reply.status in (204, 304) or reply.status // 100 == 1:
        reply.whole = True
        return b"" if reply.status == 101 else data  # After 101 it is HTTP no more.
    if reply.fields.get("transfer-encoding") == "chunked":
        while b"\r\n" in data:
            size, _, data = data.partition(b"\r\n")
            length = int(size, 16)
            reply.body += data[:length]
            reply.whole = length == 0 and data.startswith(b"\r\n")
            data = data[length + 2 :]
            if reply.whole:
                break
        return data
    length = int(reply.fields.get("content-length", len(data)))
    reply.body, reply.whole = data[:length], len(data) >= length
    return data[length:]


def wrong_with(reply: Reply) -> str | None:
    """What is wrong with a reply, whatever was asked: a fault of the program's, or a refusal that does not say what it is.

    One without a body is HTTP's own, to what is no HTTP.
    """
    start = f"{reply.status} {reply.body[:200]!r}"
    if reply.status >= 500 and reply.status not in BUSY:
        return f"a fault of the program's: {start}"
    if reply.status < 400 or not (reply.whole and reply.body):
        return None
    try:
        problem = reply.json()
        typed = problem["type"].startswith("/problems/") and NOTICE in problem["notice"]
    except (ValueError, KeyError, TypeError, AttributeError):
        typed = NOTICE.encode() in reply.body and reply.fields.get("content-type", "").startswith("text/html")
    return None if typed else f"a refusal without its type: {start}"


@dataclass
class Heard:
    """All that a connection gave."""

    data: bytes = b""
    ended: bool = False
    seconds: float = 0.0

    def replies(self) -> list[Reply]:
        """In it."""
        return replies(self.data)


def hear(sock: socket.socket, seconds: float, enough: Callable[[bytearray], bool] = lambda _: False) -> Heard:
    """Reads until the end, for so long at most, or until that is enough."""
    heard, began = Heard(), time.monotonic()
    data = bytearray()
    try:
        while (left := began + seconds - time.monotonic()) > 0 and len(data) < MOST and not enough(data):
            sock.settimeout(left)
            if not (more := sock.recv(1 << 16)):
                heard.ended = True
                break
            data += more
    except TimeoutError:
        pass
    except OSError:
        heard.ended = True
    heard.data, heard.seconds = bytes(data), time.monotonic() - began
    return heard


def send(sock: socket.socket, data: bytes) -> bool:
    """Sends it; whether all went. A server may close on who says too much."""
    try:
        sock.sendall(data)
        return True
    except OSError:
        return False


@dataclass(frozen=True)
class Door:
    """A way in: that for this machine, or that for others, with TLS and perhaps a token."""

    port: int
    tls: ssl.SSLContext | None = None
    token: str = ""

    def open(self, receive_buffer: int | None = None) -> socket.socket:
        """A connection."""
        sock = wire.connect(self.port, receive_buffer)
        return self.tls.wrap_socket(sock, server_hostname="localhost") if self.tls else sock

    def head(self, line: str, *fields: str) -> bytes:
        """A request's head, as a good client writes it."""
        shown = [f"Authorization: Bearer {self.token}"] if self.token else []
        return "\r\n".join([f"{line} HTTP/1.1", f"Host: localhost:{self.port}", *shown, *fields, "", ""]).encode()

    def request(self, line: str, body: bytes = b"", *fields: str) -> bytes:
        """A whole request."""
        return self.head(line, f"Content-Length: {len(body)}", *fields) + body

    def ask(self, line: str, body: bytes = b"", *fields: str) -> Reply:
        """One request on a connection of its own, and its reply, which must come."""
        with self.open() as sock:
            send(sock, self.request(line, body, "Connection: close", *fields))
            heard = hear(sock, 60 + PATIENCE)
        found = heard.replies()
        if not found or not found[-1].whole:
            raise OSError(f"{line}: no reply, but {heard.data[:100]!r} in {heard.seconds:.1f} s")
        return found[-1]


@dataclass(frozen=True)
class Limits:
    """What the program is told to bear, in seconds and numbers; by default what it has by itself."""

    header: int = 10
    idle: int = 75
    body: int = 10
    reply: int = 30
    connections: int = 256
    viewers: int = 16

    def toml(self) -> str:
        """Keys of the section `[server]`."""
        return (
            f"header_timeout_s = {self.header}\nidle_timeout_s = {self.idle}\nbody_timeout_s = {self.body}\n"
            f"reply_timeout_s = {self.reply}\nmax_connections = {self.connections}\nmax_viewers = {self.viewers}\n"
        )


@dataclass(frozen=True)
class Target:
    """All that attackers know of it."""

    near: Door
    far: Door
    limits: Limits

    @property
    def stranger(self) -> Door:
        """The far door, without a token."""
        return Door(self.far.port, self.far.tls)


@dataclass
class Seen:
    """What an attack did and what came of it."""

    sent: int = 0
    """Connections."""
    saw: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def reply(self, reply: Reply) -> None:
        """One more."""
        self.saw[str(reply.status)] += 1
        if wrong := wrong_with(reply):
            self.faults.append(wrong)

    def expect(self, good: bool, otherwise: str) -> None:
        """Something that must be."""
        if not good:
            self.faults.append(otherwise)

    def add(self, other: "Seen") -> None:
        """Those of another one, too."""
        self.sent += other.sent
        self.saw.update(other.saw)
        self.faults += other.faults


Act = Callable[[Target], Seen]


@dataclass(frozen=True)
class Shot:
    """Bytes of one connection. A good request follows them there, which asks for the connection's end.

    Whatever the server makes of the bytes, it has to end the connection, and to answer no more than was asked.
    """

    name: str
    data: bytes
    may: tuple[int, ...] = (400,)
    """Statuses that may be answered to it, any number of times."""
    closes: bool = False
    """Whether the connection must be closed at once, and the good request after it not be answered."""
    mute: bool = False
    """Whether nothing at all may be answered: who is cut off while still sending may not get to read why."""

    def fire(self, door: Door, limits: Limits) -> Seen:
        """At that door."""
        seen = Seen(sent=1)
        within = max(limits.header, limits.idle, limits.body, limits.reply) + PATIENCE
        try:
            with door.open() as sock:
                send(sock, self.data + door.head("GET /health/live", "Connection: close"))
                heard = hear(sock, within)
        except OSError as error:
            return Seen(1, Counter(), [f"{self.name}: no connection: {error}"])
        answers = heard.replies()
        if not heard.ended:
            seen.faults.append(f"{self.name}: still open after {heard.seconds:.0f} s: {heard.data[:100]!r}")
        if not answers and not self.mute and not heard.data:
            seen.faults.append(f"{self.name}: closed without a word")
        if b"/smuggled" in heard.data:
            seen.faults.append(f"{self.name}: the hidden request was answered")
        # The good request at the end, if it was reached.
        last = bool(answers) and answers[-1].status == 200 and b'"status"' in answers[-1].body
        if last and self.closes:
            seen.faults.append(f"{self.name}: it went on after what it cannot believe")
        for reply in answers[:-1] if last else answers:
            seen.reply(reply)
            if reply.status not in (100, 503, *self.may):
                seen.faults.append(f"{self.name}: {reply.status} {reply.body[:200]!r}")
        if not answers:
            seen.saw["closed"] += 1
        return seen


def volley(shots: Callable[[Door], list[Shot]], of: Callable[[Target], Door] = lambda target: target.near) -> Act:
    """All shots, one after the other."""

    def act(target: Target) -> Seen:
        seen, door = Seen(), of(target)
        for shot in shots(door):
            seen.add(shot.fire(door, target.limits))
        return seen

    return act


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Waits for it, for so long at most; whether it came."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
