"""Pictures that real devices, programs and enemies write, and what is right for each: `shared/cases/README.md`.

The files lie outside the repository; without them this file is not collected, and `make test` says so. Areas are those
of the same picture saved plainly: two files of one picture have one area.
"""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import CASES
from shapely.geometry import Polygon

# Longest time that a hostile file may hold anything, seconds.
PATIENCE = 1.0


@pytest.fixture
def post(address, client):
    """post(file, query): status and JSON of the reply, or its bytes."""
    def post(file: str, **query: str) -> tuple[int, dict | bytes]:
        address_ = f"{address}/v1/segment?" + "&".join(f"{name}={value}" for name, value in query.items())
        body = (CASES / file).read_bytes() if isinstance(file, str) else file
        request = urllib.request.Request(address_, body, {"Content-Type": "application/octet-stream"})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text, status, kind = reply.read(), reply.status, reply.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            text, status, kind = error.read(), error.code, error.headers["Content-Type"]
        return status, json.loads(text) if "json" in kind else text
    return post


def codes(reply: dict) -> list[str]:
    return [warning["code"] for warning in reply["warnings"]]


@pytest.mark.parametrize(("file", "modality", "area"), [
    ("c03a_microscopy_12in16.tif", "microscopy", 22_348),
    ("c03c_ultrasound_14in16.png", "ultrasound", 2_110),
    ("c04a_mjpeg_no_huffman.jpg", "ultrasound", 56_640),
    ("c05_bigtiff.tif", "microscopy", 22_348),
    ("c06a_stack_4_pages.tif", "microscopy", 22_348),
    ("c11b_tiff_palette.tif", "microscopy", 22_348),
    ("c13_no_eoi.jpg", "ultrasound", 56_640),
])
def test_the_mask_is_that_of_the_plain_picture(post, file, modality, area):
    status, reply = post(file, modality=modality)
    assert status == 200, reply
    assert reply["area"]["px"] == area


def test_few_bits_are_said(post):
    _, reply = post("c03a_microscopy_12in16.tif", modality="microscopy")
    assert reply["image"]["bits"] == 12 and "range-from-picture" in codes(reply)


def test_a_stack_s_pages_are_counted_and_chosen(post):
    _, first = post("c06a_stack_4_pages.tif", modality="microscopy")
    assert first["image"]["pages"] == 4 and "pages-left" in codes(first)
    status, black = post("c06b_stack_first_page_black.tif", modality="microscopy")
    assert status == 422 and black["type"] == "/problems/modality-mismatch"
    assert "page 1 of 4" in black["detail"]
    status, second = post("c06b_stack_first_page_black.tif", modality="microscopy", page="2")
    assert status == 200 and second["image"]["page"] == 2 and second["area"]["px"] > 1000
    status, fifth = post("c06b_stack_first_page_black.tif", modality="microscopy", page="5")
    assert status == 422 and fifth["type"] == "/problems/no-such-page"


def test_every_polygon_is_valid_and_the_area_is_kept(post):
    _, reply = post("c08_fundus_polygon.jpg", modality="fundus", format="polygons")
    polygons = [Polygon(region["outer"], region["holes"]) for region in reply["polygons"]]
    assert polygons and all(polygon.is_valid for polygon in polygons)
    assert sum(polygon.area for polygon in polygons) == reply["area"]["px"]


def test_reversed_grey_is_refused_with_that_reason(post):
    status, reply = post("c10_xray_inverted.png", modality="x-ray")
    assert status == 422 and reply["modality_check"]["inverted"], reply
    assert "inverted" in reply["detail"]


@pytest.mark.parametrize("file", ["c11a_tiff_jpeg.tif", "c11c_tiff_float.tif"])
def test_other_tiffs_are_read(post, file):
    status, reply = post(file, modality="microscopy")
    assert status == 200 and reply["area"]["fraction"] > 0.2, reply


def test_fifty_megapixels_name_the_setting(post, address):
    status, reply = post("c17_50_megapixel.png", modality="dermoscopy")
    assert status == 422 and "`image.max_pixels`" in reply["detail"]
    with urllib.request.urlopen(f"{address}/v1/info") as info:
        assert json.load(info)["image"]["max_pixels"] == 24_000_000


def test_content_in_alpha_is_laid_on_black_and_said(post):
    status, reply = post("c18_content_in_alpha.png", modality="ultrasound")
    assert status == 200 and reply["image"]["transparent"] and "transparent-on-black" in codes(reply), reply


def test_two_regions_are_told(post):
    _, reply = post("c19_dual_view.jpg", modality="ultrasound", pixel_mm="0.18")
    assert reply["regions"]["count"] == 2 and "several-regions" in codes(reply)


def test_heic_is_named(post):
    status, reply = post("c23_heic.heic", modality="ultrasound")
    assert status == 415 and "HEIC" in reply["detail"] and "PNG" in reply["detail"]


@pytest.mark.parametrize(("file", "problem"), [
    ("tiff_jpeg_cut_half.tif", "damaged-picture"),
    ("tiff_jpeg_1strip_16k.tif", "damaged-picture"),
    ("tiff_jpeg_64strips_16k.tif", "damaged-picture"),
    ("jpeg_progressive_2000_scans.jpg", "picture-too-large"),
])
def test_a_hostile_file_is_refused_at_once(post, file, problem):
    start = time.monotonic()
    status, reply = post(f"hostile/{file}", modality="ultrasound")
    assert (status, reply["type"]) == (422, f"/problems/{problem}")
    assert time.monotonic() - start < PATIENCE


def test_a_picture_too_tall_for_jpeg_says_so(post):
    query = {"modality": "ultrasound", "on_mismatch": "keep"}
    status, reply = post("hostile/tall_16x70000.png", format="overlay-jpeg", **query)
    assert 400 <= status < 500 and "PNG" in reply["detail"] + reply["action"]
    status, picture = post("hostile/tall_16x70000.png", format="overlay", **query)
    assert status == 200 and picture.startswith(b"\x89PNG")


def test_replies_speak_no_library_s_words_and_no_paths(post):
    for file in sorted(path for path in CASES.rglob("*") if path.is_file() and path.suffix != ".md"):
        _, reply = post(str(file.relative_to(CASES)), modality="ultrasound", format="rle")
        text = json.dumps(reply)
        assert not any(word in text for word in ("zune", "Format error", "decoder", "IoError", str(Path.home()))), text
