"""Live sources as the OpenAPI document promises them, through the generated client and over its HTTP client."""

import json
import time

import pytest
from test_client import OPERATIONS, SPEC

NOTICE = "Research use only. Not for clinical use."
SOURCE = {"name": "second", "modality": "colonoscopy",
          "source": {"kind": "phantom", "target": "polyp", "rate": 2}, "budget_ms": 5000}

# Parameters of each operation that answers with JSON, and its status.
ASKED = {
    "list_sources": ({}, 200),
    "list_cameras": ({}, 200),
    "live_latest": ({"source": "phantom"}, 200),
    "live_freeze": ({"source": "phantom"}, 200),
    "live_resume": ({"source": "phantom"}, 200),
    "live_modality": ({"source": "phantom", "modality": "ultrasound"}, 200),
    "live_surround": ({"source": "phantom"}, 200),
    "live_region": ({"source": "phantom"}, 200),
    "live_scale": ({"source": "phantom", "pixel_mm": "0.2,0.25"}, 200),
    "live_clip": ({"source": "phantom"}, 201),
    "list_clips": ({}, 200),
}
# What each of the others begins with, over plain HTTP, and its media type.
SHOWN = {
    "live_stream": (b"--espmedsam-picture\r\n", "multipart/x-mixed-replace; boundary=espmedsam-picture"),
    "live_events": (b"id: ", "text/event-stream"),
    "live_y4m": (b"YUV4MPEG2 W640 H480 F25:1 ", "video/x-yuv4mpeg"),
    "live_latest_mask": (b"\x89PNG", "image/png"),
    "live_latest_picture": (b"\xff\xd8\xff", "image/jpeg"),
    "live_snapshot": (b"\x89PNG", "image/png"),
    "live_surround_picture": (b"\xff\xd8\xff", "image/jpeg"),
}
# Tried below, each in its own way.
OTHERS = {"begin_source", "end_source", "live_socket", "get_clip"}


@pytest.fixture
def seen(client):
    """Once the phantom's mask is there."""
    patience = time.monotonic() + 60
    while client.get_httpx_client().get("/v1/live/latest.json").json().get("state") != "mask":
        assert time.monotonic() < patience, "the phantom is not segmented"
        time.sleep(0.1)


def test_every_live_operation_is_tried_here():
    live = {name for name, (tag, _) in OPERATIONS.items() if tag == "live"}
    assert live == ASKED.keys() | SHOWN.keys() | OTHERS


@pytest.mark.parametrize("name", ASKED)
def test_what_is_told(generated, client, seen, name):
    parameters, status = ASKED[name]
    reply = generated(f"api.live.{name}").sync_detailed(client=client, **parameters)
    assert reply.status_code == status, reply.content
    # What was read is all that was sent: nothing is answered that is not documented.
    assert reply.parsed.to_dict() == json.loads(reply.content)
    assert json.loads(reply.content).get("notice", NOTICE) == NOTICE


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown(client, seen, name):
    begin, kind = SHOWN[name]
    path = OPERATIONS[name][1]
    method = next(iter(SPEC["paths"][path]))
    parameters = {"source": "phantom"}
    if name == "live_surround_picture":
        parameters |= {"x": 40, "y": 40, "width": 300, "height": 200}
    with client.get_httpx_client().stream(method, path, params=parameters) as reply:
        assert (reply.status_code, reply.headers["content-type"]) == (200, kind)
        assert kind.split(";")[0] in SPEC["paths"][path][method]["responses"]["200"]["content"]
        assert next(reply.iter_bytes(len(begin))) == begin


def test_a_socket_is_asked_for_as_one(generated, client):
    reply = generated("api.live.live_socket").sync_detailed(client=client, source="phantom")
    assert (reply.status_code, reply.parsed.type_) == (426, "/problems/no-upgrade")


def test_a_source_is_begun_and_ended(client):
    http = client.get_httpx_client()
    assert http.post("/v1/sources", json=SOURCE).status_code == 201
    assert {source["name"] for source in http.get("/v1/sources").json()["sources"]} == {"phantom", "second"}
    assert http.delete("/v1/sources/second").status_code == 204
    assert [source["name"] for source in http.get("/v1/sources").json()["sources"]] == ["phantom"]


def test_a_clip_can_be_fetched(client, seen):
    http = client.get_httpx_client()
    saved = http.post("/v1/live/clip").json()
    files = {entry["name"]: entry for entry in http.get("/v1/live/clips").json()["files"]}
    videos = [name for name in files if name.endswith(".avi") and name in json.dumps(saved)]
    video = http.get(f"/v1/live/clips/{videos[0]}").content
    assert video.startswith(b"RIFF") and len(video) == files[videos[0]]["bytes"]
    lines = http.get(f"/v1/live/clips/{videos[0][:-4]}.jsonl").text.splitlines()
    assert len(lines) > 1 and all(json.loads(line)["notice"] == NOTICE for line in lines)
