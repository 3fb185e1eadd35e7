"""Every attack once, each followed by a good client, who must be served as at the beginning."""

import time

import bodies
import floods
import malformed
import pictures
import slow
import sockets
import strangers
from door import Act, Limits, volley
from good import Picture
from machine import Footprint
from server import Server, Setup

LIMITS = Limits(header=2, idle=4, body=3, reply=4, connections=96, viewers=6)
"""Short, as attackers are to reach them."""
ATTACKS: dict[str, Act] = {
    "junk, near": volley(malformed.junk),
    "junk, far": volley(malformed.junk, lambda target: target.far),
    "heads, near": volley(malformed.heads),
    "heads, far": volley(malformed.heads, lambda target: target.far),
    "smuggling, near": volley(malformed.smuggling),
    "smuggling, far": volley(malformed.smuggling, lambda target: target.far),
    "forms": volley(bodies.multipart),
    "inference": volley(bodies.inference),
    "pictures": volley(pictures.bombs),
    "slow heads": slow.heads,
    "slow bodies": slow.bodies,
    "slow chunks": slow.chunks,
    "slow bodies everywhere": slow.everywhere,
    "silence": slow.silence,
    "replies that nobody reads": slow.deaf,
    "streams that nobody reads": slow.lookers,
    "broken WebSockets": sockets.broken,
    "WebSocket floods": sockets.flood,
    "WebSockets that hang": sockets.crowd,
    "TLS of long ago, and none": strangers.downgrade,
    "handshakes that stop": strangers.stalled,
    "renegotiation": strangers.renegotiation,
    "guesses": strangers.guesses,
    "uploads of strangers": strangers.uploads,
    "connections held": floods.held,
    "connections reset": floods.resets,
    "requests upon requests": floods.pipelined,
    "replies upon replies that nobody reads": floods.unread,
}
PEAK_MIB = 800.0
"""Resident at most: the program with its model (150), and its budgets by docs/espmedsam.toml: pictures 384, replies
64, uploads twice 64."""
GONE = 40.0
"""Seconds until all is given back: threads that had something to do wait some ten for more."""
FILES, THREADS = 4, 4
"""More of them at the end than at the beginning."""


def sortie(setup: Setup, only: str = "") -> list[str]:
    """Those whose name has that in it; prints what was seen. What was wrong."""
    server = Server(setup)
    faults: list[str] = []
    try:
        good = Picture(server.target)
        good.check()
        before = server.footprint()
        print("| attack | connections | seen | s | CPU s |\n|---|---:|---|---:|---:|", flush=True)
        for name, act in ATTACKS.items():
            if only in name:
                faults += [f"{name}: {fault}" for fault in one(server, name, act, good)]
        faults += left_behind(server, before)
    finally:
        faults += server.stop()
    return faults


def one(server: Server, name: str, act: Act, good: Picture) -> list[str]:
    """An attack, and the good client after it."""
    began, cpu = time.monotonic(), server.cpu()
    try:
        seen = act(server.target)
    except OSError as error:
        return [f"it cannot be asked any more: {error!r}", *good.faults_now()]
    saw = ", ".join(f"{what}: {count}" for what, count in sorted(seen.saw.items()))
    took = time.monotonic() - began
    print(f"| {name} | {seen.sent} | {saw} | {took:.1f} | {server.cpu() - cpu:.1f} |", flush=True)
    return seen.faults + good.faults_now()


def left_behind(server: Server, before: Footprint) -> list[str]:
    """What is still held when all have gone."""
    faults = []
    until = time.monotonic() + GONE
    while True:
        now = server.footprint()
        more = now.files > before.files + FILES, now.threads > before.threads + THREADS
        if not any(more) or time.monotonic() > until:
            break
        time.sleep(0.5)
    print(
        f"\nopen files: {before.files} to {now.files}; threads: {before.threads} to {now.threads}; "
        f"memory: {before.resident_mib:.0f} to {now.resident_mib:.0f} MiB, {now.peak_mib:.0f} at most"
    )
    if more[0]:
        faults.append(f"open files went from {before.files} to {now.files}")
    if more[1]:
        faults.append(f"threads went from {before.threads} to {now.threads}")
    if now.peak_mib > PEAK_MIB:
        faults.append(f"{now.peak_mib:.0f} MiB were resident, of {PEAK_MIB:.0f}")
    return faults
