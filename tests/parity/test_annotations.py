"""The mask as other programs' annotations, read back by their own libraries: it is the same mask."""

import json
import xml.etree.ElementTree as ET
from io import BytesIO

import numpy as np
import pytest
import resvg_py
import shapely
from PIL import Image, ImageDraw
from pycocotools.coco import COCO
from skimage.draw import polygon2mask
from test_polygons import PICTURES

NOTICE = "Research use only. Not for clinical use."
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=PICTURES, ids=lambda pair: pair[0].stem)
def written(request, espmedsam, tmp_path):
    """written(form): what the program writes of a picture, and its mask."""
    picture, modality = request.param
    ask = ["segment", picture, "--modality", modality, "--on-mismatch", "keep"]
    espmedsam(*ask, "--format", "png", "-o", tmp_path / "mask.png")
    mask = np.asarray(Image.open(tmp_path / "mask.png")) > 0

    def written(form: str):
        path = tmp_path / f"out.{form}"
        espmedsam(*ask, "--format", form, "-o", path)
        text = path.read_text()
        assert NOTICE in text
        return path, text, mask

    return written


def test_coco_is_read_by_pycocotools(written):
    path, _, mask = written("coco")
    document = COCO(path)
    found = np.zeros_like(mask)
    for annotation in document.loadAnns(document.getAnnIds()):
        region = document.annToMask(annotation).astype(bool)
        assert region.sum() == annotation["area"] and not (found & region).any()
        found |= region
    assert (found == mask).all()


def test_labelme_has_the_mask_in_its_polygons(written):
    _, text, mask = written("labelme")
    document = json.loads(text)
    assert (document["imageHeight"], document["imageWidth"]) == mask.shape
    found = np.zeros_like(mask)
    drawn = Image.new("1", mask.shape[::-1])
    for shape in document["shapes"]:
        # Pixels are points at whole numbers there.
        found |= polygon2mask(mask.shape, np.array(shape["points"])[:, ::-1] - 0.5)
        # As its own `shape_to_mask` draws them: outlines are of the mask there.
        ImageDraw.Draw(drawn).polygon([tuple(point) for point in shape["points"]], outline=1, fill=1)
    assert (found == mask).all()
    assert (np.asarray(drawn) | ~mask).all()


def test_geojson_is_read_by_shapely(written):
    _, text, mask = written("geojson")
    document = json.loads(text)
    polygons = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in document["features"]]
    assert all(shapely.is_valid(polygons))
    assert all(shapely.is_ccw(polygon.exterior) for polygon in polygons), "RFC 7946, 3.1.6"
    whole = shapely.union_all(polygons)
    shapely.prepare(whole)
    row, column = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    assert (shapely.contains_xy(whole, column, row) == mask).all()


def test_svg_is_drawn_by_resvg_as_the_mask(written):
    _, text, mask = written("svg")
    root = ET.fromstring(text)
    assert NOTICE in "".join(root.itertext())
    groups = root.findall(f"{SVG}g")
    # What is drawn beside the mask itself: words, and the stroke along its border.
    root.remove(groups[-1])
    del groups[0].attrib["stroke"]
    png = resvg_py.svg_to_bytes(svg_string=ET.tostring(root, encoding="unicode"))
    drawn = np.asarray(Image.open(BytesIO(bytes(png))).convert("RGBA"))[..., 3] > 0
    assert (drawn == mask).all()
