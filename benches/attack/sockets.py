"""WebSockets that flood, hang or are none (RFC 6455)."""

import contextlib
import os
import select
import socket
import struct
import time

import wire
from door import PATIENCE, Door, Seen, Target, hear, send, until

PATH = "/v1/live/ws?mask=none"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
FLOOD = 1.0
"""Seconds."""


def frame(code: int, data: bytes = b"", final: bool = True, said: int | None = None) -> bytes:
    """Masked, as a client's is to be; the length may be another than the data's."""
    length = len(data) if said is None else said
    head = bytes([final << 7 | code])
    if length < 126:
        head += bytes([128 | length])
    elif length < 1 << 16:
        head += bytes([254]) + struct.pack(">H", length)
    else:
        head += bytes([255]) + struct.pack(">Q", length)
    # Masked with zeros: what it is stays readable.
    return head + bytes(4) + data


BROKEN = {
    "a frame of 2^62 bytes": frame(BINARY, bytes(100_000), said=1 << 62),
    "a message of 1 MB": frame(TEXT, b"x" * (1 << 20)),
    "a message in 100 000 pieces": frame(TEXT, b"x", False) + frame(0, b"x", False) * 100_000,
    "no mask": b"\x81\x04text",
    "a reserved bit": b"\xc1" + frame(TEXT, b"text")[1:],
    "a code that there is not": frame(5, b"text"),
    "a ping of 200 bytes": frame(PING, bytes(200)),
    "a ping in pieces": frame(PING, b"", False),
    "more of nothing": frame(0, b"text"),
    "a text that is none": frame(TEXT, b"\xff\xfe\xfd"),
    "an end of one byte": frame(CLOSE, b"\3"),
    "HTTP": b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100,
}
"""What ends a WebSocket at once."""


def opened(door: Door, receive_buffer: int | None = None, path: str = PATH) -> socket.socket:
    """A WebSocket, by its request alone."""
    sock = door.open(receive_buffer)
    fields = [f"{name}: {value}" for name, value in wire.upgrade("dGhlIHNhbXBsZSBub25jZQ==").items()]
    send(sock, door.head(f"GET {path}", *fields))
    return sock


def viewers(target: Target) -> int:
    """How many look, as the program counts them."""
    return sum(source["viewers"] for source in target.near.ask("GET /v1/sources").json()["sources"])


def gone(target: Target, before: int, seen: Seen) -> None:
    """All places are free again."""
    within = target.limits.reply + PATIENCE
    left = until(lambda: viewers(target) <= before, within)
    seen.expect(left, f"{viewers(target) - before} viewers are counted {within:.0f} s after they left")


def broken(target: Target) -> Seen:
    """Each is closed, and nothing in it is answered."""
    seen = Seen()
    for name, data in BROKEN.items():
        for door in (target.near, target.far):
            with opened(door) as sock:
                send(sock, data)
                heard = hear(sock, target.limits.header + PATIENCE)
            seen.sent += 1
            seen.expect(heard.data.startswith(b"HTTP/1.1 101"), f"{name}: {heard.data[:80]!r}")
            seen.expect(heard.ended, f"{name}: the WebSocket is still open after {heard.seconds:.0f} s")
            seen.expect(b"/smuggled" not in heard.data, f"{name}: the hidden request was answered")
            seen.saw["closed"] += heard.ended
    return seen


def flood(target: Target) -> Seen:
    """Pings and words as fast as they go, by who reads what comes and by who does not: neither is kept."""
    seen, before = Seen(), viewers(target)
    kinds = {"pings": frame(PING, os.urandom(100)) * 100, "words": frame(TEXT, b"word") * 100}
    for name, data in kinds.items():
        with opened(target.near) as sock:
            seen.saw[name] += 100 * pour(sock, data, FLOOD, reads=True) // len(data)
        gone(target, before, seen)
        with opened(target.near, 4096) as sock:
            came = until(lambda: viewers(target) > before, PATIENCE)
            within = target.limits.reply + PATIENCE
            pour(sock, data, within, reads=False)
            seen.expect(
                came and viewers(target) <= before, f"who sends {name} and reads nothing is kept for {within:.0f} s"
            )
    seen.sent = 2 * len(kinds)
    return seen


def pour(sock: socket.socket, data: bytes, seconds: float, reads: bool) -> int:
    """Sends the same again and again for so long, or until the server ends it; bytes that went."""
    went, rest, end = 0, data, time.monotonic() + seconds
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            # Not blocking: who does not read what comes would wait for its own sending.
            readable, writable, _ = select.select([sock] if reads else [], [sock], [], 1.0)
            if readable and not sock.recv(1 << 16):
                break
            if writable:
                sent = sock.send(rest)
                went, rest = went + sent, rest[sent:] or data
    return went


def crowd(target: Target) -> Seen:
    """As many as there are places for and more, that never read; those beyond are told so, and a leave frees every place."""
    seen, before = Seen(), viewers(target)
    count = target.limits.viewers + 4
    socks = [opened(target.near, 4096) for _ in range(count)]
    refused = 0
    for sock in socks:
        heard = hear(sock, PATIENCE, lambda data: b"\r\n\r\n" in data)
        refused += heard.data.startswith(b"HTTP/1.1 503")
        seen.saw[heard.data[9:12].decode()] += 1
    seen.sent = count
    seen.expect(refused >= 4, f"{refused} of {count} were refused, and there are {target.limits.viewers} places")
    for sock in socks:
        sock.close()
    gone(target, before, seen)
    return seen
