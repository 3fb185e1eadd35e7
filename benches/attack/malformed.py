"""What is no HTTP, too much of it, or two things at once: junk, header bombs, requests hidden in others' bodies (RFC
9112 §11)."""

import random

from door import Door, Shot

HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""The request that must never be answered: who answers it names it."""
SEGMENT = "POST /v1/segment?modality=ultrasound"
REFUSED = (400, 415)
"""Not HTTP; or taken for a picture, which it is not."""


def framed(door: Door, *fields: str) -> bytes:
    """A head whose framing is in the given fields, written as they are."""
    return door.head(SEGMENT, "Content-Type: image/png", *fields)


def smuggling(door: Door) -> list[Shot]:
    """A front that reads a message's length otherwise than the server would take the hidden request for another's."""
    size, hidden = len(HIDDEN), door.request("GET /smuggled")
    end = b"0\r\n\r\n"
    one_chunk = b"%x\r\n" % len(hidden) + hidden + b"\r\n" + end
    length = f"Content-Length: {len(hidden)}"
    both = f"Content-Length: {len(end + hidden)}"
    chunked = "Transfer-Encoding: chunked"
    # Framing that nobody may believe: refused, and the connection closed.
    refused = {
        "CL.TE": (framed(door, both, chunked), end + hidden),
        "TE.CL": (framed(door, chunked, "Content-Length: 4"), one_chunk),
        "two Content-Length": (framed(door, "Content-Length: 0", length), hidden),
        "a list of Content-Length": (framed(door, f"Content-Length: 0, {len(hidden)}"), hidden),
        "Content-Length with a sign": (framed(door, f"Content-Length: +{len(hidden)}"), hidden),
        "Content-Length below zero": (framed(door, "Content-Length: -1"), hidden),
        "Content-Length in hexadecimal": (framed(door, f"Content-Length: 0x{len(hidden):x}"), hidden),
        "Content-Length beyond 64 bits": (framed(door, "Content-Length: 99999999999999999999999"), hidden),
        "space before the colon": (framed(door, f"Content-Length : {len(hidden)}"), hidden),
        "folded Transfer-Encoding": (framed(door, "Transfer-Encoding:\r\n chunked", both), end + hidden),
        "folded line": (framed(door, "X-A: a\r\n b", length), hidden),
        "bare CR in a line": (framed(door, "X-A: a\rContent-Length: 0", length), hidden),
        "NUL in a line": (framed(door, "X-A: a\0b", length), hidden),
        "xchunked": (framed(door, "Transfer-Encoding: xchunked", both), end + hidden),
        "chunked is not the last": (framed(door, "Transfer-Encoding: chunked, identity"), end + hidden),
        "two Transfer-Encoding": (framed(door, chunked, "Transfer-Encoding: identity"), end + hidden),
        "tab before chunked": (framed(door, "Transfer-Encoding:\tchunked", both), end + hidden),
        "chunked in HTTP/1.0": (framed(door, both, chunked).replace(b"HTTP/1.1", b"HTTP/1.0", 1), end + hidden),
        "bare LF in a chunk's extension": (framed(door, chunked), b"2;\nxx\r\n%x\r\n" % size + end + HIDDEN),
        "chunk below zero": (framed(door, chunked), b"-1\r\n" + hidden),
        "chunk beyond 64 bits": (framed(door, chunked), b"F" * 17 + b"\r\n" + hidden),
        "chunks ended by bare LF": (framed(door, chunked), b"0\n\n" + hidden),
        "chunk longer than it says": (framed(door, chunked), b"1\r\nxy" + end + hidden),
        "trailers without end": (framed(door, chunked), b"0\r\n" + b"a: b\r\n" * 5000 + b"\r\n" + hidden),
    }
    shots = [Shot(name, head + body, REFUSED, closes=True) for name, (head, body) in refused.items()]
    # Framing that is plain: what is in the body stays there.
    inside = {
        "one length said twice": (framed(door, length, length), hidden),
        "lines ended by bare LF": (framed(door, length).replace(b"\r\n", b"\n"), hidden),
        "a chunk's extension": (framed(door, chunked), one_chunk.replace(b"\r\n", b';a="b"\r\n', 1)),
        "Expect: 100-continue": (framed(door, length, "Expect: 100-continue"), hidden),
        "a body of GET": (door.head("GET /health/live", length), hidden),
    }
    shots += [Shot(name, head + body, (200, 400, 415)) for name, (head, body) in inside.items()]
    # It outranks the Host line. From elsewhere any name is good, unless a list is set: what counts there is the token.
    evil = door.head("GET http://evil.example/v1/info")
    return [*shots, Shot("another host in absolute form", evil, (200,) if door.tls else (421,))]


def heads(door: Door) -> list[Shot]:
    """Too many lines, too long ones, one without end, too long an address; and what is not to be found in a head."""
    live = "GET /health/live"
    too_large = (400, 414, 431)
    return [
        Shot("1000 lines", door.head(live, *(f"X-{number}: y" for number in range(1000))), too_large),
        Shot("a line of 1 MB", door.head(live, "X-Long: " + "x" * (1 << 20)), too_large, mute=True),
        Shot("a line without end", door.head(live)[:-4] + b"\r\nX-Long: " + b"x" * (1 << 18), too_large, mute=True),
        Shot("a name of 100 kB", door.head(live, "x" * 100_000 + ": y"), too_large, mute=True),
        Shot("an address of 100 kB", door.head("GET /" + "a" * 100_000), too_large, mute=True),
        Shot("an address of 30 kB", door.head("GET /" + "%2e%2e%2f" * 3300), (400, 401, 403, 404, 414, 431)),
        Shot("a query of 5000 wishes", door.request(f"{SEGMENT}&" + "a=b&" * 5000), (400,)),
        Shot("a query of one wish 2000 times", door.request(f"{SEGMENT}&" + "frames=0&" * 2000), (400,)),
        Shot("300 kB of cookies", door.head(live, *["Cookie: " + "a=b; " * 1000] * 60), too_large, mute=True),
        Shot("two Host lines", door.head(live, "Host: evil.example")),
        Shot("no Host line", f"{live} HTTP/1.1\r\n\r\n".encode()),
        Shot("HTTP/0.9", f"{live}\r\n\r\n".encode()),
        Shot("HTTP/3.7", door.head(live).replace(b"HTTP/1.1", b"HTTP/3.7")),
        Shot("a method of 10 kB", door.head("G" * 10_000 + " /health/live"), (400, 405)),
        Shot("TRACE", door.head("TRACE /v1/info"), (403, 405)),
        Shot("CONNECT", door.head("CONNECT localhost:22"), (400, 403, 404, 405, 421)),
        Shot("HTTP/2 from the first byte", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), mute=True),
        Shot("paths that lead out", door.head("GET /samples/..%2f..%2f..%2fetc%2fpasswd"), (403, 404)),
    ]


def junk(door: Door) -> list[Shot]:
    """Bytes by chance, the same each time; and what other protocols say first."""
    choose = random.Random(7)
    others = {
        "TLS to who speaks none": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
        "SMTP": b"EHLO evil.example\r\n",
        "DICOM": b"\x01\x00\x00\x00\x00\xcd\x00\x01" + b"ESPMEDSAM       " * 4,
        "MQTT": b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04evil",
    }
    shots = [Shot(name, data, mute=True) for name, data in others.items()]
    for number in range(40):
        data = choose.randbytes(choose.choice((1, 10, 1000, 60_000)))
        shots.append(Shot(f"junk {number}", data, (400, 414, 431), mute=True))
    # A good request of which some bytes are others.
    for number in range(60):
        spoilt = bytearray(door.request(SEGMENT, b"", "Content-Type: image/png", "Accept: application/json"))
        for _ in range(choose.randint(1, 4)):
            spoilt[choose.randrange(len(spoilt))] = choose.randrange(256)
        shots.append(Shot(f"spoilt {number}", bytes(spoilt), tuple(range(400, 432)), mute=True))
    return shots
