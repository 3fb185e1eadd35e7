"""Those who are slow: with their head, their body, their handshake; or who never read what they asked for."""

import contextlib
import random
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable

import pictures
from door import PATIENCE, Door, Heard, Seen, Target, replies, send, until
from malformed import SEGMENT
from sockets import opened, viewers

MANY = 20
BEAT = 0.25
"""Seconds between a byte and the next."""
ENDLESS = [f"GET /v1/live/{name}" for name in ("events", "stream.mjpeg", "y4m", "ws")]
"""A body is nothing to them, and an end is not to be waited for."""
LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""Nothing can be read or written now."""
FULL = 60
"""Seconds until the buffers on the way to who does not read are full of the thriftiest stream, by five messages a second."""
SMALL = 4096
"""Receive buffer of who does not read: soon the server cannot write."""


class Trickler:
    """One connection, on which bytes go one by one until the server ends it."""

    def __init__(self, sock: socket.socket, start: bytes, rest: bytes) -> None:
        self.sock, self.rest, self.heard = sock, rest, Heard()
        self.went = 0
        self.began = time.monotonic()
        send(sock, start)
        sock.setblocking(False)

    def step(self) -> None:
        """One more byte, and a look at what came."""
        try:
            self.went += self.sock.send(self.rest[self.went % len(self.rest) :][:1])
        except LATER:
            pass
        except OSError:
            self.heard.ended = True  # What came before is still read.
        try:
            while data := self.sock.recv(1 << 16):
                self.heard.data += data
            self.heard.ended = True
        except LATER:
            pass
        except OSError:
            self.heard.ended = True
        self.heard.seconds = time.monotonic() - self.began


def step_all(tricklers: list[Trickler], seconds: float) -> None:
    """Until the server has ended all of them, for so long at most."""
    end = time.monotonic() + seconds
    while (left := [one for one in tricklers if not one.heard.ended]) and time.monotonic() < end:
        for one in left:
            one.step()
        time.sleep(BEAT)


def trickle(target: Target, start: Callable[[Door], bytes], rest: bytes, limit: int) -> Seen:
    """Many at once by both doors; each is ended by the limit."""
    seen, doors = Seen(sent=MANY), (target.near, target.far)
    with contextlib.ExitStack() as stack:
        all_of_them = []
        for number in range(MANY):
            door = doors[number % 2]
            all_of_them.append(Trickler(stack.enter_context(door.open()), start(door), rest))
        step_all(all_of_them, limit + PATIENCE)
    for one in all_of_them:
        seen.expect(one.heard.ended, f"still open after {one.heard.seconds:.0f} s, of {limit}")
        for reply in replies(one.heard.data):
            seen.reply(reply)
            seen.expect(reply.status in (408, 503), f"{reply.status} to who trickles")
        seen.saw["closed"] += one.heard.ended
    return seen


def heads(target: Target) -> Seen:
    """A head that never ends."""
    return trickle(target, lambda door: door.head("GET /v1/info")[:-2], b"X-A: b\r\n", target.limits.header)


def bodies(target: Target) -> Seen:
    """A body of 1 MB, four bytes a second."""
    length = f"Content-Length: {1 << 20}"
    return trickle(target, lambda door: door.head(SEGMENT, "Content-Type: image/png", length), b"x", target.limits.body)


def chunks(target: Target) -> Seen:
    """Chunks of one byte without end."""
    head = "Transfer-Encoding: chunked"
    return trickle(
        target, lambda door: door.head(SEGMENT, "Content-Type: image/png", head), b"1\r\nx\r\n", target.limits.body
    )


def everywhere(target: Target) -> Seen:
    """A body of spaces, four a second, wherever the API's document has something, and where a stranger may enter a
    token: those who read bodies give up, those who do not are done at once."""
    seen, kind = Seen(), "Content-Type: application/json"
    paths = target.near.ask("GET /openapi.json").json()["paths"]
    asked = [(target.near, f"{method.upper()} {path}") for path, methods in paths.items() for method in methods]
    asked = [
        (door, line.format(name="ultrasound", version="1", file="none")) for door, line in asked if line not in ENDLESS
    ]
    asked += [
        (target.stranger, line) for line in ("POST /login", "POST /logout", "POST /v1/segment", "GET /health/live")
    ]
    with contextlib.ExitStack() as stack:
        all_of_them = [
            Trickler(stack.enter_context(door.open()), door.head(line, kind, "Content-Length: 5000"), b" ")
            for door, line in asked
        ]
        limit = max(target.limits.body, target.limits.idle)
        step_all(all_of_them, limit + PATIENCE)
    for (_, line), one in zip(asked, all_of_them, strict=True):
        seen.sent += 1
        seen.expect(one.heard.ended, f"{line}: still open after {one.heard.seconds:.0f} s, of {limit}")
        for reply in replies(one.heard.data):
            seen.reply(reply)
    return seen


def silence(target: Target) -> Seen:
    """Not a word, on a new connection and on one that has been answered."""
    seen = Seen()
    socks = [door.open() for door in (target.near, target.far) for _ in range(5)]
    within = max(target.limits.header, target.limits.idle) + PATIENCE
    for number, sock in enumerate(socks):
        if number % 2:
            send(sock, target.far.head("GET /health/live"))
    end = time.monotonic() + within
    for sock in socks:
        with sock:
            sock.settimeout(max(0.1, end - time.monotonic()))
            try:
                while sock.recv(1 << 16):
                    pass
                seen.saw["closed"] += 1
            except TimeoutError:
                seen.faults.append(f"a silent connection is open after {within:.0f} s")
            except OSError:
                seen.saw["closed"] += 1
    seen.sent += len(socks)
    return seen


def connections(target: Target) -> int:
    """How many are open, as the program counts them, the asking one among them."""
    text = target.near.ask("GET /metrics").body.decode()
    (count,) = re.findall(r"^espmedsam_http_connections (\d+)", text, re.MULTILINE)
    return int(count)


def noise(side: int) -> bytes:
    """A picture whose overlay is larger than all buffers on its way."""
    choose = random.Random(3)
    rows = b"".join(b"\0" + choose.randbytes(side) for _ in range(side))
    return pictures.png(side, side, zlib.compress(rows, 0))


def deaf(target: Target) -> Seen:
    """Asks for long replies and reads none."""
    seen, before = Seen(), connections(target)
    picture = noise(1600)
    kind = "Content-Type: image/png"
    socks = []
    for door in (target.near, target.far) * 2:
        sock = door.open(SMALL)
        line = f"{SEGMENT}&format=overlay&on_mismatch=keep"
        seen.expect(send(sock, door.request(line, picture, kind)), "the picture was not taken")
        socks.append(sock)
    seen.sent = len(socks)
    within = target.limits.reply + 10 + PATIENCE
    cut = until(lambda: connections(target) <= before, within)
    seen.expect(cut, f"{connections(target) - before} who do not read are kept for {within:.0f} s")
    seen.saw["cut"] += len(socks) if cut else 0
    for sock in socks:
        sock.close()
    return seen


def lookers(target: Target) -> Seen:
    """Ask for live streams of every kind and read none of them: each is let go once the buffers on its way are full and
    it has taken nothing for as long as one may."""
    seen, before = Seen(), viewers(target)
    socks = []
    for path in ("/v1/live/stream.mjpeg", "/v1/live/y4m", "/v1/live/events?mask=polygons"):
        socks.append(target.near.open(SMALL))
        send(socks[-1], target.near.head(f"GET {path}"))
    socks += [opened(target.near, SMALL, path) for path in ("/v1/live/ws?picture=jpeg", "/v1/live/ws")]
    seen.sent = len(socks)
    came = until(lambda: viewers(target) == before + len(socks), PATIENCE)
    seen.expect(came, f"{viewers(target) - before} were counted as viewers, of {len(socks)}")
    within = target.limits.reply + FULL + PATIENCE
    gone = until(lambda: viewers(target) <= before, within)
    seen.expect(gone, f"{viewers(target) - before} who do not read are kept for {within:.0f} s")
    seen.saw["let go"] += len(socks) if gone else 0
    for sock in socks:
        sock.close()
    return seen
