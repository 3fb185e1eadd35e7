"""The API's document against the running program: schemathesis asks all that it has, and must be answered as it
says, and by no fault of the program's; of streams without end, which it would read for ever, the beginnings are
asked for here."""

import json
import subprocess
from pathlib import Path
from typing import Any

import wire
from door import PATIENCE, Limits, Seen, Target, hear, replies, send
from server import Server, Setup

LIMITS = Limits()
CONFIG = Path(__file__).with_name("schemathesis.toml")
ENDLESS = ("live_events", "live_stream", "live_y4m", "live_socket")
"""Operations, by their ids; `schemathesis.toml` leaves these out."""
END = "end_source"
"""Ends what the others ask about: asked last."""


def hold(setup: Setup, schemathesis: Path, examples: int) -> list[str]:
    """Runs it all; prints what it says. What was wrong."""
    server = Server(setup)
    faults: list[str] = []
    try:
        document = server.target.near.ask("GET /openapi.json").json()
        faults += beginnings(server.target, document).faults
        url = f"http://127.0.0.1:{server.target.near.port}/openapi.json"
        run: list[str | Path] = [schemathesis.absolute(), "--config-file", CONFIG, "run", url, "--no-color"]
        many = ["--max-examples", str(examples)]
        for part in (
            ["--phases", "examples,coverage,fuzzing", *many, "--exclude-operation-id", END],
            ["--phases", "examples,coverage,fuzzing", *many, "--include-operation-id", END],
            ["--phases", "stateful", *many],
        ):
            # Its examples are kept where it runs.
            done = subprocess.run([*run, *part], cwd=server.folder.name)
            if done.returncode:
                faults.append(f"schemathesis {' '.join(part)}: see above")
    finally:
        faults += server.stop()
    return faults


def operations(document: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Address and description of each that is asked by GET and has no end."""
    gets = ((path, methods["get"]) for path, methods in document["paths"].items() if "get" in methods)
    return {one["operationId"]: (path, one) for path, one in gets if one["operationId"] in ENDLESS}


def beginnings(target: Target, document: dict[str, Any]) -> Seen:
    """Each endless stream begins as it is described, and refuses what its parameters do not allow."""
    seen, found = Seen(), operations(document)
    seen.expect(set(found) == set(ENDLESS), f"the document has only {sorted(found)} of {ENDLESS}")
    for name, (path, described) in found.items():
        begin(target, seen, name, path, described)
        wrong = [
            f"{path}?source=none",
            f"{path}?colour=red",
            f"{path}?{'a' * 5000}=1",
            f"{path}?source=phantom&source=phantom",
        ]
        wrong += [f"{path}?{one['name']}=-1e9" for one in described["parameters"] if one["name"] != "source"]
        for address in wrong:
            reply = target.near.ask(f"GET {address}", b"", *upgrade(name))
            seen.reply(reply)
            kinds = described["responses"]["4XX"]["content"]
            seen.expect(400 <= reply.status < 500, f"{address[:80]}: {reply.status}")
            seen.expect(
                reply.fields.get("content-type") in kinds, f"{address[:80]}: {reply.fields.get('content-type')}"
            )
    print(f"streams without end: {json.dumps(seen.saw)}", flush=True)
    return seen


def upgrade(name: str) -> list[str]:
    """The fields that a WebSocket is asked for with."""
    fields = wire.upgrade("dGhlIHNhbXBsZSBub25jZQ==") if name == "live_socket" else {}
    return [f"{field}: {value}" for field, value in fields.items()]


def begin(target: Target, seen: Seen, name: str, path: str, described: dict[str, Any]) -> None:
    """The head, and the first bytes of what has no end."""
    with target.near.open() as sock:
        send(sock, target.near.head(f"GET {path}", *upgrade(name)))
        heard = hear(sock, PATIENCE, lambda data: len(data.partition(b"\r\n\r\n")[2]) > 100)
    reply = replies(heard.data)[0]
    seen.saw[str(reply.status)] += 1
    (good,) = [said for said in described["responses"] if said.isdigit()]
    seen.expect(str(reply.status) == good, f"{path}: {reply.status}, and {good} is described")
    kinds = described["responses"][good].get("content", {"": None})
    kind = reply.fields.get("content-type", "").partition(";")[0]
    seen.expect(kind in kinds, f"{path}: {kind}, and {list(kinds)} are described")
    seen.expect(not heard.ended, f"{path}: it ended")
