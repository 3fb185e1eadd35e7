"""What the program sends to viewers, read from the socket: MJPEG, server-sent events, WebSocket."""

import base64
import hashlib
import json
import os
import socket
import struct
from collections.abc import Generator
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPResponse
from typing import Any

PATIENCE = 20.0
"""Seconds without a byte, and the stream is taken for dead: something comes five times a second."""
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9


class WireError(Exception):
    """What came is not what was promised."""


class RefusedError(Exception):
    """The server has no place for this viewer."""


@dataclass
class Told:
    """What a viewer is told of a moment."""

    state: str
    age_ms: float | None
    missed: int
    sequence: int | None
    payload: bytes = b""
    report: dict[str, Any] = field(default_factory=dict)
    """The JSON, where there is one."""


def connect(port: int, receive_buffer: int | None = None) -> socket.socket:
    """To the program on this machine."""
    sock = socket.socket()
    if receive_buffer:  # Before it is connected: the window follows from it.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", port))
    return sock


def ask(sock: socket.socket, path: str, headers: dict[str, str] | None = None) -> None:
    """Sends a request (RFC 9112)."""
    fields = {"Host": "127.0.0.1", **(headers or {})}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    sock.sendall("\r\n".join(lines).encode())


def upgrade(key: str) -> dict[str, str]:
    """The headers that ask for a WebSocket (RFC 6455 §4.1)."""
    return {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }


def reply(sock: socket.socket) -> HTTPResponse:
    """The head of a reply, its body to be read."""
    response = HTTPResponse(sock)
    response.begin()
    if response.status == 503:
        raise RefusedError
    if response.status != 200:
        raise WireError(f"status {response.status}: {response.read(500)!r}")
    return response


def events(sock: socket.socket, path: str) -> Generator[Told, None, None]:
    """Of `/v1/live/events`."""
    ask(sock, path)
    response = reply(sock)
    name = ""
    while line := response.readline():
        key, _, value = line.decode().rstrip("\n").partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            told = of_json(json.loads(value))
            if told.state != name:
                raise WireError(f"an event called '{name}' is about '{told.state}'")
            yield told


def parts(sock: socket.socket, path: str) -> Generator[Told, None, None]:
    """Of `/v1/live/stream.mjpeg`."""
    ask(sock, path)
    response = reply(sock)
    boundary = Message()
    boundary["Content-Type"] = response.headers["Content-Type"]
    delimiter = f"--{boundary.get_param('boundary')}".encode()
    while line := response.readline():
        if line.strip() != delimiter:
            raise WireError(f"expected {delimiter!r}, found {line[:80]!r}")
        head: dict[str, str] = {}
        while line := response.readline().strip():
            key, _, value = line.decode().partition(": ")
            head[key.lower()] = value
        picture = response.read(int(head["content-length"]))
        if not (picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9")):
            raise WireError(f"a JPEG of {len(picture)} bytes that is none")
        response.readline()
        age, sequence = head.get("x-espmedsam-age-ms"), head.get("x-espmedsam-sequence")
        yield Told(
            head["x-espmedsam-state"],
            float(age) if age else None,
            int(head["x-espmedsam-missed"]),
            int(sequence) if sequence else None,
            picture,
        )


def messages(sock: socket.socket, path: str) -> Generator[Told, None, None]:
    """Of `/v1/live/ws`: a header's length, the header, the payload it names."""
    for message in frames(sock, path):
        (length,) = struct.unpack_from(">I", message)
        told = of_json(json.loads(message[4 : 4 + length]))
        told.payload = message[4 + length :]
        if bool(told.payload) != bool(told.report.get("payload")):
            raise WireError(f"{len(told.payload)} bytes after a header with payload {told.report.get('payload')}")
        yield told


def of_json(report: dict[str, Any]) -> Told:
    """A live report."""
    if "Not for clinical use" not in report["notice"]:
        raise WireError("a report without the notice")
    return Told(report["state"], report["age_ms"], report["missed"], report["sequence"], report=report)


def frames(sock: socket.socket, path: str) -> Generator[bytes, None, None]:
    """Messages of a WebSocket (RFC 6455), as much of it as a viewer needs."""
    key = base64.b64encode(os.urandom(16)).decode()
    ask(sock, path, upgrade(key))
    stream = sock.makefile("rb")

    def exactly(count: int) -> bytes:
        if len(taken := stream.read(count)) < count:
            raise ConnectionResetError
        return taken

    status = stream.readline().decode().split()
    head = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(": ")
        head[name.lower()] = value
    if status[1:2] == ["503"]:
        raise RefusedError
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    if status[1:2] != ["101"] or head.get("sec-websocket-accept") != accept:
        raise WireError(f"no upgrade: {status} {head}")
    message = b""
    while True:
        first, second = exactly(2)
        final, code, length = first >> 7, first & 15, second & 127
        if second >> 7:
            raise WireError("a server's frame is masked")
        if length == 126:
            (length,) = struct.unpack(">H", exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", exactly(8))
        payload = exactly(length)
        if code == CLOSE:
            return
        if code == PING:
            # Masked with zeros: what it is stays readable.
            sock.sendall(bytes([0x8A, 0x80 | len(payload)]) + bytes(4) + payload)
        elif code in (BINARY, CONTINUATION):
            message += payload
            if final:
                yield message
                message = b""
        else:
            raise WireError(f"a frame of kind {code}")
