"""Connections by the hundred: held, dropped, reset; requests one upon the other."""

import socket
import struct

from door import PATIENCE, Door, Seen, Target, hear, replies, send, until
from malformed import SEGMENT
from slow import connections

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: an end by a reset."""


def held(target: Target) -> Seen:
    """More than there are places for, by each door: the near one says so, the far one leaves it room; then all are free."""
    seen, count = Seen(), target.limits.connections
    far = [Door(target.far.port).open() for _ in range(count)]
    try:
        # Whoever calls from here is let in, while those from elsewhere have all that they may have.
        seen.expect(target.near.ask("GET /health/live").status == 200, "the near door has no place left")
        near = [target.near.open() for _ in range(count)]
        refused = 0
        for sock in near[-count // 4 :]:
            for reply in replies(hear(sock, PATIENCE, lambda data: b"}" in data).data):
                seen.reply(reply)
                refused += reply.status == 503
        seen.expect(refused > 0, "nobody was told that there are too many")
        for sock in near:
            sock.close()
    finally:
        for sock in far:
            sock.close()
    seen.sent = 2 * count
    free = until(lambda: answers(target), PATIENCE)
    seen.expect(free, "no place came free")
    seen.expect(until(lambda: connections(target) <= 3, target.limits.header + PATIENCE), "places are still taken")
    return seen


def answers(target: Target) -> bool:
    """Whether there is a place."""
    try:
        return target.near.ask("GET /health/live").status == 200
    except OSError:
        return False


def resets(target: Target) -> Seen:
    """Comes and is gone by a reset: at once, within a request, within its body."""
    seen = Seen()
    starts = [b"", b"GET /v1/in", target.near.head(SEGMENT, "Content-Length: 100000") + bytes(5000)]
    for number in range(300):
        sock = Door((target.near, target.far)[number % 2].port).open()
        send(sock, starts[number % len(starts)])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        sock.close()
        seen.sent += 1
    seen.expect(until(lambda: answers(target), PATIENCE), "it does not answer any more")
    return seen


def unread(target: Target) -> Seen:
    """Ten thousand requests for a long page on one connection, and no reply is read: cut, and not kept in memory."""
    seen, before = Seen(sent=1), connections(target)
    with target.near.open(4096) as sock:
        sock.settimeout(1)
        # More than it reads is left in the system's buffers.
        send(sock, target.near.head("GET /openapi.json") * 10_000)
        within = target.limits.reply + PATIENCE
        cut = until(lambda: connections(target) <= before, within)
    seen.expect(cut, f"who does not read is kept for {within:.0f} s")
    seen.saw["cut"] += cut
    return seen


def pipelined(target: Target) -> Seen:
    """A thousand requests before the first reply is read: answered in their order, or the connection is closed."""
    seen, count = Seen(sent=1), 1000
    with target.near.open() as sock:
        send(
            sock,
            target.near.request("GET /health/live") * count + target.near.head("GET /v1/info", "Connection: close"),
        )
        heard = hear(sock, target.limits.reply + PATIENCE)
    found = heard.replies()
    for reply in found:
        seen.reply(reply)
    seen.expect(heard.ended, "still open")
    seen.expect(len(found) <= count + 1, f"{len(found)} replies to {count + 1} requests")
    seen.expect(all(reply.status == 200 for reply in found), f"{dict(seen.saw)}")
    return seen
