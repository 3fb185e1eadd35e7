"""DICOM objects read back by pydicom and by highdicom: the same mask bit for bit, over the frames that it is of.

And what viewers look at before they draw a segmentation over a picture (OHIF, 3D Slicer): that patient and study are the
same, that every object that is referred to is listed with its series, that sizes agree and frames exist.
"""

import highdicom as hd
import numpy as np
import pytest
from dicom_objects import WISHES, Written, amount, measured, write
from highdicom import _standard_utils as standard
from pydicom.dataset import Dataset

NOTICE = "Research use only. Not for clinical use."
PERSONAL = ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyID", "AccessionNumber"]


@pytest.fixture(scope="module", params=WISHES, ids=["-".join(filter(None, wish)) for wish in WISHES])
def written(request, tmp_path_factory) -> Written:
    return write(tmp_path_factory.mktemp("objects"), *request.param)


@pytest.mark.parametrize("name", ["binary", "fractional"])
def test_masks_are_read_back_bit_for_bit(written, name):
    expected = written.mask if name == "binary" else written.probabilities
    ds = written.read(name)
    assert np.array_equal(ds.pixel_array.reshape(expected.shape), expected)

    seg = hd.seg.segread(written.files[name])
    assert seg.segmentation_type.value == name.upper()
    instance = seg.get_source_image_uids()[0][2]
    as_stored = {"combine_segments": False, "rescale_fractional": False}
    if len(expected) > 1:
        frames = list(range(1, len(expected) + 1))
        found = seg.get_pixels_by_source_frame(instance, frames, **as_stored)
    else:
        found = seg.get_pixels_by_source_instance([instance], **as_stored)
    assert np.array_equal(found[..., 0], expected)


def test_half_of_a_fractional_one_is_the_mask(written):
    soft = written.read("fractional")
    half = soft.pixel_array.reshape(written.mask.shape) > soft.MaximumFractionalValue / 2
    assert np.array_equal(half, written.mask)


def test_a_reader_sees_what_it_is(written):
    for name in written.files:
        assert NOTICE in written.read(name).SeriesDescription
    ds = written.read("binary")
    assert ds.ContentDescription == NOTICE
    segment = hd.seg.segread(written.files["binary"]).get_segment_description(1)
    algorithm = segment.algorithm_identification
    assert (segment.segment_label, segment.algorithm_type.value) == ("breast lesion", "AUTOMATIC")
    assert (algorithm.name, len(algorithm.version)) == ("live-224-int8", 64)
    assert segment.segmented_property_type.value == "4147007"


def test_the_report_says_what_was_measured(written):
    report = hd.sr.srread(written.files["report"]).content
    groups = report.get_planar_roi_measurement_groups()
    assert len(groups) == len(written.mask)
    scaled = written.source is None  # 0.2 by 0.25 mm
    for number, (group, mask) in enumerate(zip(groups, written.mask, strict=True), 1):
        [area] = group.get_measurements()
        assert area.unit.value == ("mm2" if scaled else "{pixels}")
        assert area.value == pytest.approx(mask.sum() * (0.05 if scaled else 1), rel=1e-12)
        frame = group.referenced_segmentation_frame
        assert frame.referenced_sop_instance_uid == written.read("binary").SOPInstanceUID
        assert frame.referenced_frame_numbers == [number]
        assert group.finding_sites[0].value.value == "76752008"
    for item in measured(written.files["report"]):
        [sure] = item.ContentSequence
        assert (sure.RelationshipType, sure.ConceptNameCodeSequence[0].CodeValue) == ("HAS PROPERTIES", "371884006")
        assert amount(sure) == (amount(item)[0] / 8, amount(item)[1])
    [evaluations] = [item for item in report[0].ContentSequence if item.name.value == "C0034375"]
    assert evaluations.ContentSequence[0].value == NOTICE


def test_the_overlay_is_read_back(written):
    ds = written.read("overlay")
    assert ds.PhotometricInterpretation == "RGB"
    shown = ds.pixel_array
    assert shown.shape == (*written.mask.shape[1:], 3)
    assert np.array_equal(shown.ravel(), np.arange(shown.size).astype(np.uint8))


def test_objects_are_of_whom_they_should_be(written):
    studies = set()
    for name in written.files:
        ds = written.read(name)
        studies.add(ds.StudyInstanceUID)
        for keyword in PERSONAL:
            kept = written.source.get(keyword) if written.identity == "kept" else None
            assert str(ds.get(keyword) or "") == str(kept or ""), (name, keyword)
    assert len(studies) == 1
    if written.source is not None:
        same = written.source.StudyInstanceUID in studies
        assert same == (written.identity == "kept")


def references(ds: Dataset) -> set[tuple[str, str]]:
    """Every object that is referred to anywhere, by class and instance."""
    found = set()
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                found |= references(item)
    if "ReferencedSOPInstanceUID" in ds:
        found.add((ds.ReferencedSOPClassUID, ds.ReferencedSOPInstanceUID))
    return found


def test_a_viewer_finds_what_is_referred_to(written):
    ds = written.read("binary")
    [series] = ds.ReferencedSeriesSequence
    [source] = references(series)
    assert references(ds) == {source}
    evidence = written.read("report").CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.StudyInstanceUID == ds.StudyInstanceUID
    listed = {item.SeriesInstanceUID: references(item) for item in evidence.ReferencedSeriesSequence}
    own = (ds.SOPClassUID, ds.SOPInstanceUID)
    assert listed == {series.SeriesInstanceUID: {source}, ds.SeriesInstanceUID: {own}}
    assert references(written.read("report")) == {source, own}

    if written.identity == "kept":
        of = written.source
        assert source == (of.SOPClassUID, of.SOPInstanceUID)
        assert series.SeriesInstanceUID == of.SeriesInstanceUID
        assert ds.get("FrameOfReferenceUID") == of.get("FrameOfReferenceUID")
        assert (ds.Rows, ds.Columns) == (of.Rows, of.Columns)
    elif written.source is None:
        picture = written.read("source")
        assert source == (picture.SOPClassUID, picture.SOPInstanceUID)
        assert series.SeriesInstanceUID == picture.SeriesInstanceUID
    several = written.source is not None and int(written.source.get("NumberOfFrames") or 1) > 1
    for number, group in enumerate(ds.PerFrameFunctionalGroupsSequence, 1):
        [image] = group.DerivationImageSequence[0].SourceImageSequence
        assert image.get("ReferencedFrameNumber") == (number if several else None)
        assert list(group.FrameContentSequence[0].DimensionIndexValues) == [1, number]


IODS = {
    "binary": "segmentation",
    "fractional": "segmentation",
    "report": "comprehensive-sr",
    "overlay": "secondary-capture-image",
}


def items_at(items: list[Dataset], path: list[str]) -> list[Dataset]:
    for keyword in path:
        items = [inner for item in items for inner in item.get(keyword) or []]
    return items


@pytest.mark.parametrize("name", IODS)
def test_what_the_standard_asks_for_is_there(written, name):
    """By the tables of PS3.3 that highdicom carries: what must be there (type 1) with a value, or at least (type 2)."""
    attributes = standard.get_module_attribute_map()
    checked = 0
    for module in standard.get_iod_module_map()[IODS[name]]:
        # Their content is all conditional: a tree of items.
        if module["usage"] != "M" or module["key"] == "sr-document-content":
            continue
        for attribute in attributes[module["key"]]:
            keyword, path = attribute["keyword"], attribute["path"]
            groups = {"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"}
            # Which groups there are, and whether shared or of each frame, is asked of no table but of dciodvfy.
            if attribute["type"] not in ("1", "2") or (len(path) == 1 and path[0] in groups):
                continue
            for item in items_at([written.read(name)], path):
                assert keyword in item, (module["key"], path, keyword)
                if attribute["type"] == "1" and item[keyword].VR != "SQ":
                    assert item[keyword].value not in (None, ""), (module["key"], path, keyword)
                checked += 1
    assert checked > 20
