"""Millimetres out of DICOM are those that are told by hand: a fetal head of HC18, wrapped with its scale in either way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_objects import amount, measured
from PIL import Image
from places import PROGRAM, ROOT
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SAMPLE = ROOT / "tests" / "samples" / "hc18_230_HC.jpg"
CM = 0.0138
"""Per pixel; an ultrasound region's units."""


def wrapped(pixels: np.ndarray, **elements: Any) -> FileDataset:
    """An ultrasound picture (PS3.3, A.6) of these pixels."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PhotometricInterpretation = "US", "RGB"
    data.Rows, data.Columns, data.SamplesPerPixel = *pixels.shape[:2], 3
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PlanarConfiguration = 0
    for name, value in elements.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    return data


def region(corners: tuple[int, int, int, int], units: int = 3, delta: float = CM) -> Dataset:
    """Of tissue, in two dimensions (PS3.3, C.8.5.5)."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = corners
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX = item.PhysicalDeltaY = delta
    return item


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Of the sample, as Pillow has them."""
    return np.asarray(Image.open(SAMPLE).convert("RGB"))


def answer(path: Path, *more: str, form: str = "json") -> dict[str, Any]:
    """What the program says of a file."""
    command = [
        PROGRAM,
        "segment",
        path,
        "--models",
        ROOT / "models",
        "--modality",
        "ultrasound",
        "--format",
        form,
        *more,
    ]
    done = subprocess.run(command, check=True, capture_output=True)
    return json.loads(done.stdout) if form == "json" else {}


@pytest.fixture(scope="module")
def by_hand(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same pixels as PNG, their size told."""
    path = tmp_path_factory.mktemp("scale") / "head.png"
    Image.fromarray(pixels).save(path)
    return answer(path, "--pixel-mm", repr(10 * CM))


@pytest.mark.parametrize("kind", ["regions", "spacing"])
def test_millimetres_are_those_told_by_hand_to_the_bit(kind, pixels, by_hand, tmp_path):
    height, width = pixels.shape[:2]
    said = {
        "regions": {"SequenceOfUltrasoundRegions": Sequence([region((0, 0, width - 1, height - 1))])},
        "spacing": {"PixelSpacing": [repr(10 * CM)[:16]] * 2},
    }[kind]
    path = tmp_path / "head.dcm"
    wrapped(pixels, **said).save_as(path, enforce_file_format=True)
    found = answer(path)
    assert found["rle"] == by_hand["rle"]
    assert found["ellipse"] == by_hand["ellipse"]
    assert by_hand["ellipse"]["circumference_mm"] > 100


def test_the_report_object_has_the_sizes_of_json(by_hand, pixels, tmp_path):
    picture = tmp_path / "head.png"
    Image.fromarray(pixels).save(picture)
    more = ("--pixel-mm", repr(10 * CM))
    figures = answer(picture, "--sizes", *more)["sizes"]["whole"]["figures"]
    answer(picture, *more, "-o", str(tmp_path / "head.sr.dcm"), form="sr")
    told = {of.ConceptNameCodeSequence[0].CodeMeaning: of for of in measured(tmp_path / "head.sr.dcm")}
    ellipse = by_hand["ellipse"]
    expected = {
        "Area": (figures["area"]["value"], figures["area"]["plus_minus"], "mm2"),
        "Perimeter": (figures["perimeter"]["value"], figures["perimeter"]["plus_minus"], "mm"),
        "Circumference": (ellipse["circumference_mm"], ellipse["circumference_plus_minus_mm"], "mm"),
    }
    for name, (value, plus_minus, unit) in expected.items():
        [sure] = told[name].ContentSequence
        assert amount(told[name]) == (value, unit)
        assert amount(sure) == (plus_minus, unit)
        assert plus_minus > 0


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        # Parts of the picture's sides. The head lies in both; in neither; on a picture made half as large since.
        ([(0, 0, 0.5, 1), (0.5, 0, 1, 1)], "more than one"),
        ([(0, 0, 0.02, 0.02)], "none of"),
        ([(0, 0, 2, 2)], "reach beyond"),
    ],
)
def test_where_they_cannot_be_known_there_are_none(regions, reason, pixels, tmp_path):
    path = tmp_path / "head.dcm"
    height, width = pixels.shape[:2]
    sides = np.array([width, height, width, height])
    corners = [np.array(of) * sides - [0, 0, 1, 1] for of in regions]
    items = Sequence([region(tuple(int(corner) for corner in of)) for of in corners])
    wrapped(pixels, SequenceOfUltrasoundRegions=items).save_as(path, enforce_file_format=True)
    found = answer(path)
    assert "ellipse" not in found
    (warning,) = [each for each in found["warnings"] if each["code"] == "no-millimetres"]
    assert reason in warning["message"]


def test_seconds_are_no_lengths(pixels, tmp_path):
    path = tmp_path / "head.dcm"
    height, width = pixels.shape[:2]
    items = Sequence([region((0, 0, width - 1, height - 1), units=4)])
    wrapped(pixels, SequenceOfUltrasoundRegions=items).save_as(path, enforce_file_format=True)
    found = answer(path)
    assert "ellipse" not in found
    assert any(each["code"] == "no-millimetres" for each in found["warnings"])
