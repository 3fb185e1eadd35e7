"""Bodies that are bombs or lie: forms in pieces (RFC 7578), tensors whose sizes are not theirs (the Open Inference
Protocol)."""

import json
import struct
from typing import Any

from door import Door, Shot
from malformed import SEGMENT

EDGE = "multipart/form-data; boundary=edge"
INFER = "POST /v2/models/ultrasound/infer"
SAID = (400, 413, 415, 422)
"""What may be said of a body that is wrong."""


def part(name: str, value: bytes = b"x", more: str = "") -> bytes:
    """One field of a form."""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n{more}\r\n'.encode() + value + b"\r\n"


def multipart(door: Door) -> list[Shot]:
    """Forms."""
    end = b"--edge--\r\n"
    image, wish = part("image", b"\x89PNG\r\n\x1a\n"), part("modality", b"ultrasound")

    def form(name: str, body: bytes, kind: str = EDGE, may: tuple[int, ...] = SAID) -> Shot:
        return Shot(name, door.request(SEGMENT, body, f"Content-Type: {kind}"), may, mute=len(body) > 1 << 20)

    nested = "Content-Type: multipart/mixed; boundary=inner\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in image * 1000)
    kind = f"Content-Type: {EDGE}"
    return [
        form("10 000 fields", part("colour") * 10_000 + end),
        form("10 000 fields without a name", part("") * 10_000 + end),
        form("1000 pictures", image * 1000 + end),
        form("one wish 1000 times", wish * 1000 + image + end),
        form("no end", image + wish),
        form("no end within a field", image[:-10]),
        form("15 MB that never begin", bytes(15 << 20)),
        form("a form within a form", part("image", b"--inner\r\n\r\n" * 1000 + b"--inner--", nested) + end),
        form("a name of 1 MB", part("n" * (1 << 20)) + image + end),
        form("a wish of 1 MB", part("modality", b"u" * (1 << 20)) + image + end),
        form("a head of 8 MB", b"--edge\r\n" + b"X-A: " + b"x" * (8 << 20) + b"\r\n\r\n" + end),
        form("a head of 100 000 lines", b"--edge\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n" + end),
        form("1 MB of beginnings of the edge", part("image", b"\r\n--edg" * 150_000) + end),
        form("an edge of 8 kB", image, f"multipart/form-data; boundary={'e' * 8000}"),
        form("no edge", image + end, "multipart/form-data"),
        form("an edge of nothing", image + end, 'multipart/form-data; boundary=""'),
        form("names that are no text", part("\udcff".encode("utf-8", "surrogatepass").decode("latin-1")) + end),
        Shot(
            "chunks of one byte", door.head(SEGMENT, kind, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n", SAID
        ),
        Shot("longer than its length", door.head(SEGMENT, kind, "Content-Length: 20") + image + end, SAID),
        Shot("shorter than its length", door.head(SEGMENT, kind, "Content-Length: 500000") + image + end, (*SAID, 408)),
        Shot(
            "1 GB by its length",
            door.head(SEGMENT, kind, f"Content-Length: {1 << 30}") + image + end,
            (413,),
            mute=True,
        ),
        Shot("gzip", door.request(SEGMENT, bytes(1000), kind, "Content-Encoding: gzip"), (415,)),
    ]


def tensor(**changed: Any) -> dict[str, Any]:
    """An input that is right but for what is changed."""
    return {"name": "image", "shape": [32, 32], "datatype": "UINT8", "data": [7] * 1024} | changed


def inference(door: Door) -> list[Shot]:
    """Requests of /v2."""

    def ask(name: str, body: bytes, *fields: str) -> Shot:
        return Shot(name, door.request(INFER, body, *fields), SAID, mute=len(body) > 1 << 20)

    def of(what: str, **changed: Any) -> Shot:
        return ask(what, json.dumps({"inputs": [tensor(**changed)]}).encode())

    def binary(what: str, values: bytes, said: int, length: str | None = None, **changed: Any) -> Shot:
        one = tensor(parameters={"binary_data_size": said}, **changed)
        del one["data"]
        text = json.dumps({"inputs": [one]}).encode()
        return ask(what, text + values, f"Inference-Header-Content-Length: {len(text) if length is None else length}")

    file: dict[str, Any] = {"name": "file", "shape": [1], "datatype": "BYTES"}
    plain = json.dumps({"inputs": [tensor()]})
    many = dict.fromkeys(map(str, range(100_000)), 1)
    return [
        of("2^31 by 2^31", shape=[1 << 31, 1 << 31]),
        of("sides whose product overflows", shape=[1 << 32, 1 << 32, 3]),
        of("a side beyond 64 bits", shape=[1 << 70, 1]),
        of("a side below zero", shape=[-32, 32]),
        of("a side that is no number", shape=["32", 32]),
        of("10 000 sides", shape=[1] * 10_000),
        of("no sides", shape=[]),
        of("more values than it says", data=[7] * 100_000),
        of("nested to a depth of 1000", data=json.loads("[" * 500 + "7" + "]" * 500)),
        ask("nested to a depth of 5 000 000", plain.replace("[7", "[" * 5_000_000 + "7", 1).encode()),
        ask("5 000 000 values", plain.replace("[7", "[" + "7," * 5_000_000 + "7", 1).encode()),
        ask("5 000 000 inputs", b'{"inputs":[' + b"0," * 5_000_000 + b"0]}"),
        ask("100 000 inputs", json.dumps({"inputs": [tensor(data=[])] * 20_000}).encode()),
        ask("100 000 outputs", json.dumps({"inputs": [tensor()], "outputs": [{"name": "mask"}] * 100_000}).encode()),
        ask("100 000 parameters", json.dumps({"inputs": [tensor()], "parameters": many}).encode()),
        ask("an id of 1 MB", json.dumps({"inputs": [tensor()], "id": "i" * (1 << 20)}).encode()),
        ask("one key 100 000 times", b"{" + b'"id":"a",' * 100_000 + plain[1:].encode()),
        ask("numbers beyond all", plain.replace("7", "1e999", 1).encode()),
        ask("no JSON", b"{" * 100),
        ask("no text", b'{"inputs": "\xff\xfe"}'),
        of("no datatype there is", datatype="FP64"),
        binary("fewer bytes than it says", bytes(10), 1024),
        binary("more bytes than it says", bytes(4096), 1024),
        binary("2^63 bytes by what it says", bytes(1024), 1 << 63),
        binary("bytes below zero", bytes(1024), -1),
        binary("JSON that ends beyond the body", bytes(1024), 1024, "99999999"),
        binary("JSON of no length", bytes(1024), 1024, "0"),
        binary("JSON of a length below zero", bytes(1024), 1024, "-5"),
        binary("JSON of two lengths", bytes(1024), 1024, "100\r\nInference-Header-Content-Length: 200"),
        binary("a file of 4 GB by its element", struct.pack("<I", 0xFFFFFFFF) + bytes(100), 104, **file),
        binary("a file cut in its length", b"\x01", 1, **file),
        of("a file that is no base64", **file, data=["%%%"]),
    ]  # fmt: skip
