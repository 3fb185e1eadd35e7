"""A report with outlines, read back by highdicom: the polygons of JSON on their frames, with their own measurements."""

import json

import highdicom as hd
import numpy as np
from PIL import Image
from test_dicom_scale import SAMPLE, wrapped


def around(outline: list[list[int]]) -> tuple[int, ...]:
    """Smallest box: x, y, width, height."""
    low, high = np.min(outline, axis=0), np.max(outline, axis=0)
    return (*low.tolist(), *(high - low).tolist())


def test_outlines_are_the_polygons_of_their_frames(espmedsam, tmp_path):
    head = np.asarray(Image.open(SAMPLE).convert("RGB"))
    frames = np.stack([head, head[:, ::-1], np.roll(head, 60, 1)])
    loop = wrapped(head, NumberOfFrames=len(frames), StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2")
    loop.PixelData = frames.tobytes()
    loop.save_as(tmp_path / "loop.dcm", enforce_file_format=True)
    ask = ["segment", tmp_path / "loop.dcm", "--frames", "0-2", "--identity", "kept"]
    espmedsam(*ask, "--format", "sr-outlines", "-o", tmp_path / "loop.sr.dcm")
    espmedsam(*ask, "--format", "json", "--sizes", "-o", tmp_path)

    report = hd.sr.srread(tmp_path / "loop.sr.dcm")
    [evidence] = report.CurrentRequestedProcedureEvidenceSequence
    assert len(evidence.ReferencedSeriesSequence) == 1, "nothing but the source is needed"
    found = []
    for group in report.content.get_planar_roi_measurement_groups():
        [source] = group.roi.ContentSequence
        [referred] = source.ReferencedSOPSequence
        assert referred.ReferencedSOPInstanceUID == loop.SOPInstanceUID
        figures = {of.name.meaning: of.value for of in group.get_measurements()}
        found.append((referred.ReferencedFrameNumber, group.roi.value, figures["Area"], figures["Perimeter"]))

    expected = []
    for frame in range(len(frames)):
        told = json.loads((tmp_path / f"loop.frame-{frame:04}.json").read_text())
        outlines = {around(polygon["outer"]): polygon["outer"] for polygon in told["polygons"]}
        for region in told["sizes"]["regions"]:
            outline = outlines[tuple(region["bbox"].values())]
            figures = [region["figures"][key]["value"] for key in ("area", "perimeter")]
            expected.append((frame + 1, np.array([*outline, outline[0]]), *figures))
    assert len(found) == len(expected) >= len(frames)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[0] == theirs[0] and ours[2:] == theirs[2:]
        assert np.array_equal(ours[1], theirs[1])
