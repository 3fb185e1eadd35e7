"""The program's polygons against shapely (GEOS): valid by OGC Simple Features, of the mask's very pixels."""

import json

import numpy as np
import pytest
import shapely
from PIL import Image
from places import CASES, REFERENCE, ROOT

PICTURES = [
    (ROOT / f"tests/samples/{stem}.jpg", modality)
    for stem, modality in [
        *CASES,
        ("usgra_0032", "ultrasound"),
        ("usgra_0180", "ultrasound"),
        ("dsb_0121d6759c5adb29", "microscopy"),
        ("kvasir_cju2htabevq9108015qjei0x7", "colonoscopy"),
        ("kvasir_cju84hibuktj80871u519o71q", "colonoscopy"),
    ]
]
# Vessels, whose rings came back to a corner, and two heads side by side; outside the repository.
OUTSIDE = REFERENCE.parent / "cases"
PICTURES += [
    (path, modality)
    for path, modality in [
        (OUTSIDE / "c08_fundus_polygon.jpg", "fundus"),
        (OUTSIDE / "c19_dual_view.jpg", "ultrasound"),
    ]
    if path.exists()
]


@pytest.mark.parametrize("picture, modality", PICTURES, ids=[path.stem for path, _ in PICTURES])
def test_polygons_are_valid_and_cover_the_mask(espmedsam, tmp_path, picture, modality):
    ask = ["segment", picture, "--modality", modality, "--on-mismatch", "keep"]
    reply = json.loads(espmedsam(*ask, "--format", "json"))
    espmedsam(*ask, "--format", "png", "-o", tmp_path / "mask.png")
    mask = np.asarray(Image.open(tmp_path / "mask.png")) > 0

    polygons = [shapely.Polygon(region["outer"], region["holes"]) for region in reply["polygons"]]
    assert [shapely.is_valid_reason(p) for p in polygons] == ["Valid Geometry"] * len(polygons)
    areas = sorted((int(p.area) for p in polygons), reverse=True)
    assert sum(areas) == reply["area"]["px"] == mask.sum() > 0
    assert reply["regions"] == {"count": len(polygons), "areas_px": areas[:16]}

    whole = shapely.union_all(polygons)
    assert whole.area == sum(areas), "no two polygons cover the same pixel"
    shapely.prepare(whole)
    row, column = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    assert (shapely.contains_xy(whole, column, row) == mask).all()


def test_an_ellipse_is_of_the_region_that_it_names(espmedsam):
    for picture, modality in PICTURES:
        if modality != "ultrasound":
            continue
        reply = json.loads(
            espmedsam("segment", picture, "--modality", modality, "--format", "json", "--pixel-mm", 0.18)
        )
        polygons = [shapely.Polygon(region["outer"], region["holes"]) for region in reply["polygons"]]
        largest = max(polygons, key=lambda p: shapely.Polygon(p.exterior).area)
        left, top, right, bottom = largest.bounds
        region = reply["ellipse"]["region"]
        assert region["bbox"] == {"x": left, "y": top, "width": right - left, "height": bottom - top}
        assert region["area_px"] == largest.area
        assert region["share"] == pytest.approx(largest.area / reply["area"]["px"])
        codes = [warning["code"] for warning in reply["warnings"]]
        assert ("several-regions" in codes) == (len(polygons) > 1)
