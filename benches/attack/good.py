"""Good clients: what they ask, and that each is answered as the first time."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import wire
from door import Door, Target
from server import ROOT

SAMPLE = ROOT / "tests/samples/hc18_230_HC.jpg"
ASK = "/v1/segment?modality=ultrasound"
NOT_NOW = 503


class Picture:
    """One picture, whose mask is always the same, to the byte."""

    def __init__(self, target: Target) -> None:
        self.target, self.picture = target, SAMPLE.read_bytes()
        self.first = b""

    def check(self) -> None:
        """Asks for it.

        Raises OSError where nothing, or another mask, comes.
        """
        reply = self.target.near.ask(f"POST {ASK}&format=png", self.picture, "Content-Type: image/jpeg")
        if reply.status != 200:
            raise OSError(f"a good client got {reply.status}: {reply.body[:200]!r}")
        self.first = self.first or reply.body
        if reply.body != self.first:
            raise OSError("a good client got another mask")

    def faults_now(self) -> list[str]:
        """What is wrong with the service, to one who means well."""
        try:
            self.check()
        except OSError as error:
            return [str(error)]
        return []


def without_times(text: bytes) -> bytes:
    """JSON but for how long it took."""
    said = json.loads(text)
    said.pop("times_ms", None)
    return json.dumps(said).encode()


def infer_body() -> tuple[bytes, dict[str, str]]:
    """A request of the Open Inference Protocol, the file behind its JSON."""
    file = SAMPLE.read_bytes()
    element = len(file).to_bytes(4, "little") + file
    one = {"name": "file", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(element)}}
    outputs = [{"name": "mask", "parameters": {"binary_data": True}}, {"name": "area_px"}]
    text = json.dumps({"inputs": [one], "outputs": outputs}).encode()
    return text + element, {"Inference-Header-Content-Length": str(len(text))}


@dataclass
class Account:
    """What one of them had."""

    name: str
    every: float
    """Seconds between two of its requests."""
    took: list[tuple[float, float]] = field(default_factory=list)
    """When each was asked, or its picture taken, and the milliseconds until its answer was there."""
    refused: list[float] = field(default_factory=list)
    """When it was told: not now."""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wish:
    """What is asked again and again."""

    path: str
    body: bytes
    headers: dict[str, str]
    same: Callable[[bytes], bytes] = lambda body: body
    """Of an answer, what has to be as the first time."""


class Asker(threading.Thread):
    """Asks one thing at a fixed pace on a connection that is kept, and opened anew where it was closed."""

    def __init__(self, door: Door, wish: Wish, account: Account) -> None:
        super().__init__(daemon=True)
        self.door, self.wish, self.account = door, wish, account
        self.leaving = threading.Event()
        self.first = b""
        self.connection = self.connect()

    def connect(self) -> http.client.HTTPConnection:
        """A connection, opened when it is first used."""
        patience = 120.0
        if self.door.tls:
            return http.client.HTTPSConnection("localhost", self.door.port, timeout=patience, context=self.door.tls)
        return http.client.HTTPConnection("127.0.0.1", self.door.port, timeout=patience)

    def run(self) -> None:
        """At its pace, until it is to leave."""
        due = time.monotonic()
        while not self.leaving.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.account.every, time.monotonic())
            try:
                self.ask()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.fault(f"{type(error).__name__} {error}")
                self.connection.close()
        self.connection.close()

    def ask(self) -> None:
        """Once."""
        shown = {"Authorization": f"Bearer {self.door.token}"} if self.door.token else {}
        began = time.monotonic()
        self.connection.request("POST", self.wish.path, self.wish.body, self.wish.headers | shown)
        reply = self.connection.getresponse()
        body = reply.read()
        if reply.status == NOT_NOW:
            self.account.refused.append(began)
            return
        self.account.took.append((began, 1e3 * (time.monotonic() - began)))
        if reply.status != 200:
            self.fault(f"{reply.status} {body[:200]!r}")
            return
        said = self.wish.same(body)
        self.first = self.first or said
        if said != self.first:
            self.fault("another answer than the first")

    def fault(self, text: str) -> None:
        """Kept in words, as long as there are few."""
        if len(self.account.faults) < 20:
            self.account.faults.append(f"{self.account.name}: {text}")


class Looker(threading.Thread):
    """Looks at the live source by a WebSocket, and notes how old what it is told is."""

    def __init__(self, door: Door, account: Account) -> None:
        super().__init__(daemon=True)
        self.door, self.account = door, account
        self.leaving = threading.Event()
        self.update = 0

    def run(self) -> None:
        """Until it is to leave."""
        try:
            with self.door.open() as sock, closing(wire.messages(sock, "/v1/live/ws?mask=polygons")) as told:
                for moment in told:
                    if self.leaving.is_set():
                        return
                    if moment.state == "mask" and moment.report["update"] != self.update and moment.age_ms:
                        self.update = moment.report["update"]
                        self.account.took.append((time.monotonic() - moment.age_ms / 1e3, moment.age_ms))
                self.account.faults.append(f"{self.account.name}: the stream ended")
        except (OSError, wire.WireError, wire.RefusedError, ValueError, KeyError) as error:
            self.account.faults.append(f"{self.account.name}: {type(error).__name__} {error}")


Client = Asker | Looker


def clients(target: Target, pace: float) -> list[Client]:
    """All kinds, of which one asks every `pace` seconds and the others half and a quarter as often."""
    jpeg = {"Content-Type": "image/jpeg"}
    picture = SAMPLE.read_bytes()
    body, headers = infer_body()
    return [
        Asker(target.near, Wish(f"{ASK}&format=png", picture, jpeg), Account("mask, near", pace)),
        Asker(target.far, Wish(f"{ASK}&format=rle", picture, jpeg, without_times), Account("JSON, far", 2 * pace)),
        Asker(
            target.near, Wish("/v2/models/ultrasound/infer", body, headers, mask_of), Account("infer, near", 4 * pace)
        ),
        Looker(target.near, Account("live, near", 0)),
    ]


def mask_of(reply: bytes) -> bytes:
    """The binary data of an inference: what follows the JSON, which is one object."""
    text = reply.decode("latin-1")
    _, end = json.JSONDecoder().raw_decode(text)
    return reply[end:]
