"""The program's sizes against scikit-image and shapely, on its own masks of the samples and, where the pool is, of pictures
of every data set. Tolerances follow from definitions: where those agree, nothing but rounding is allowed."""

import csv
import json
from itertools import pairwise

import numpy as np
import pytest
import shapely
from PIL import Image
from places import ROOT, SHARED
from pycocotools import mask as coco
from skimage.measure import label, perimeter_crofton, regionprops
from test_polygons import PICTURES

ROUNDING = 1e-9
EACH = 2  # pictures of each data set
ALIASES = {"endoscopy": "colonoscopy", "xray": "x-ray"}


def pool():
    """The first of each data set's validation pictures."""
    folder = SHARED / "data"
    if not folder.exists():
        return []
    with (folder / "index.csv").open() as index, (folder / "split.csv").open() as split:
        held_out = {(row["dataset"], row["stem"]) for row in csv.DictReader(split) if row["split"] == "val"}
        rows = [row for row in csv.DictReader(index) if (row["dataset"], row["stem"]) in held_out]
    picked = {}
    for row in rows:
        picked.setdefault(row["dataset"], []).append(row)
    each = [row for rows in picked.values() for row in rows[:EACH]]
    return [(folder / row["image"], ALIASES.get(row["modality"], row["modality"])) for row in each]


def feret(points: np.ndarray) -> tuple[float, float]:
    """Greatest distance and least width of a set of points."""
    hull = shapely.get_coordinates(shapely.convex_hull(shapely.MultiPoint(points)))
    longest = max(np.hypot(*(hull - corner).T).max() for corner in hull)
    sides = [(a, (b - a) / np.hypot(*(b - a))) for a, b in pairwise(hull)]
    return longest, min(np.abs((hull - a) @ (-along[1], along[0])).max() for a, along in sides)


def check(region, mask: np.ndarray, pitch=(1, 1)):
    """One region, or all of a mask, against what the peers make of its pixels."""
    figures = {key: told["value"] for key, told in region["figures"].items()}
    area = mask.sum() * pitch[0] * pitch[1]
    assert figures["area"] == pytest.approx(area, rel=ROUNDING)
    assert figures["equivalent_diameter"] == pytest.approx(np.sqrt(4 * area / np.pi), rel=ROUNDING)
    row, column = np.nonzero(mask)
    corners = np.concatenate([np.stack([column + x, row + y], 1) for x in (0, 1) for y in (0, 1)]) * pitch
    longest, narrowest = feret(corners)
    assert figures["feret_max"] == pytest.approx(longest, rel=ROUNDING)
    assert figures["feret_min"] == pytest.approx(narrowest, rel=ROUNDING)
    peer = regionprops(mask.astype(np.uint8), spacing=pitch[::-1])[0]
    # Pixels are points there: their own moments are not counted.
    if pitch == (1, 1):
        for ours, theirs in (
            ("major_axis", peer.axis_major_length),
            ("minor_axis", peer.axis_minor_length),
        ):
            assert figures[ours] ** 2 == pytest.approx(theirs**2 + 16 / 12, rel=ROUNDING, abs=1e-6)
        assert figures["perimeter"] == pytest.approx(perimeter_crofton(mask, 4), rel=ROUNDING)
        # Its points are the middles of pixels' sides, half a pixel from corners, at both ends.
        assert abs(figures["feret_max"] - peer.feret_diameter_max) <= 1


def sized(espmedsam, picture, modality, *more):
    ask = [
        "segment",
        picture,
        "--modality",
        modality,
        "--on-mismatch",
        "keep",
        "--format",
        "json",
        "--sizes",
        *more,
    ]
    reply = json.loads(espmedsam(*ask))
    return reply, coco.decode(reply["rle"]).astype(bool)


@pytest.mark.parametrize(
    "picture, modality",
    PICTURES + pool(),
    ids=lambda value: getattr(value, "stem", value),
)
def test_sizes_are_those_of_scikit_image(espmedsam, picture, modality):
    reply, mask = sized(espmedsam, picture, modality)
    sizes = reply["sizes"]
    if not mask.any():
        assert sizes == {"whole": None, "regions": []}
        return
    check(sizes["whole"], mask)
    labels = label(mask, connectivity=1)
    largest = sorted(regionprops(labels), key=lambda region: -region.area)[:16]
    assert len(sizes["regions"]) == len(largest)
    for ours, theirs in zip(sizes["regions"], largest, strict=True):
        check(ours, labels == theirs.label)
        spread = [told["plus_minus"] for told in ours["figures"].values()]
        assert all(s is None for s in spread) or all(s >= 0 for s in spread)


def test_millimetres_are_those_of_pixels_that_are_not_square(espmedsam):
    picture, pitch = ROOT / "tests/samples/hc18_230_HC.jpg", (0.25, 0.125)
    line = (10, 20, 300.5, 200)
    reply, mask = sized(
        espmedsam,
        picture,
        "ultrasound",
        "--pixel-mm",
        "0.25,0.125",
        "--caliper",
        ",".join(map(str, line)),
    )
    check(reply["sizes"]["whole"], mask, pitch)
    units = {told["unit"] for told in reply["sizes"]["whole"]["figures"].values()}
    assert units == {"mm", "mm2"} and reply["ellipse"]["circumference_plus_minus_mm"] > 0
    caliper = reply["sizes"]["caliper"]
    whole = shapely.LineString([line[:2], line[2:]])
    regions = shapely.union_all([shapely.Polygon(r["outer"], r["holes"]) for r in reply["polygons"]])
    assert Image.open(picture).size == mask.shape[::-1]
    length = np.hypot((line[2] - line[0]) * pitch[0], (line[3] - line[1]) * pitch[1])
    assert caliper["length"]["value"] == pytest.approx(length, rel=ROUNDING)
    share = whole.intersection(regions).length / whole.length
    assert caliper["in_mask"]["value"] == pytest.approx(length * share, rel=ROUNDING)
