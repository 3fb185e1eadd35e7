"""The package as it was installed from its wheel: the program's masks, bit for bit, and typed errors for whoever errs."""

import os
import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path

import espmedsam
import numpy as np
import pydicom
import pytest
from espmedsam import _native, errors
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage, UltrasoundMultiFrameImageStorage, generate_uid
from skimage import io, measure

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "samples"
PROGRAM = os.environ.get("PROGRAM", ROOT / "target" / "release" / "espmedsam")
POLYP = SAMPLES / "kvasir_cju84hibuktj80871u519o71q.jpg"
PICTURES = [
    ("kvasir_cju84hibuktj80871u519o71q.jpg", "colonoscopy"),
    ("kvasir_cju2htabevq9108015qjei0x7.jpg", "colonoscopy"),
    ("hc18_230_HC.jpg", "ultrasound"),
    ("usgra_0032.jpg", "ultrasound"),
    ("ISIC_0000390.jpg", "dermoscopy"),
    ("dsb_0121d6759c5adb29.jpg", "microscopy"),
]


@pytest.fixture(scope="session")
def segmenter():
    return espmedsam.Segmenter()


def test_it_is_the_wheel_with_its_models_and_not_the_training_package(segmenter):
    assert "site-packages" in Path(espmedsam.__file__).parts
    assert (Path(espmedsam.__file__).parent / "models" / "manifest.toml").is_file()
    assert espmedsam.NOTICE == "Research use only. Not for clinical use."
    assert "ultrasound" in segmenter.modalities
    assert "polyp" in segmenter.modalities["colonoscopy"]


@pytest.mark.parametrize(("name", "modality"), PICTURES)
def test_a_mask_is_the_programs_bit_for_bit(segmenter, name, modality, tmp_path):
    out = tmp_path / "mask.png"
    command = [PROGRAM, "segment", SAMPLES / name, "--modality", modality, "--format", "png", "-o", out]
    subprocess.run(command, check=True, cwd=ROOT)
    expected = np.asarray(Image.open(out))
    of_file = segmenter.segment_file(SAMPLES / name, modality)
    assert np.array_equal(of_file.mask, expected)
    assert of_file.area_px == (expected == 255).sum()


def test_an_array_is_segmented_as_its_file_would_be(segmenter, tmp_path):
    Image.fromarray(io.imread(POLYP)).save(tmp_path / "polyp.png")
    picture = io.imread(tmp_path / "polyp.png")
    of_array = segmenter.segment(picture, "colonoscopy")
    of_file = segmenter.segment_file((tmp_path / "polyp.png").read_bytes(), "colonoscopy")
    assert of_array.mask.any()
    assert np.array_equal(of_array.mask, of_file.mask)
    # However its rows lie.
    apart = np.zeros((picture.shape[0], 2 * picture.shape[1], 3), np.uint8)
    apart[:, ::2] = picture
    assert np.array_equal(segmenter.segment(apart[:, ::2], "colonoscopy").mask, of_array.mask)
    grey = np.asfortranarray(io.imread(SAMPLES / "hc18_230_HC.jpg", as_gray=True))
    grey = grey if grey.dtype == np.uint8 else np.round(grey * 255).astype(np.uint8)
    of_grey = segmenter.segment(grey, "ultrasound")
    assert np.array_equal(of_grey.mask, segmenter.segment(np.dstack([grey] * 3), "ultrasound").mask)


def test_a_mask_is_a_view_that_outlives_its_result(segmenter):
    result = segmenter.segment_file(POLYP, "colonoscopy")
    mask = result.mask
    address = result._native.__array_interface__["data"][0]
    assert mask.__array_interface__["data"][0] == address
    assert mask.dtype == np.uint8
    assert not mask.flags.writeable
    copy = mask.copy()
    del result
    segmenter.segment_file(POLYP, "colonoscopy")
    assert np.array_equal(mask, copy)


def test_what_is_said_agrees_with_scikit_image(segmenter):
    result = segmenter.segment_file(POLYP, "colonoscopy", pixel_mm=0.1)
    regions = measure.regionprops(measure.label(result.mask, connectivity=1))
    assert result.report["regions"]["count"] == len(regions)
    assert result.area_px == sum(region.area for region in regions)
    assert 0 < result.confidence <= 1
    assert result.presence[0] in ("present", "unsure")
    assert result.sizes
    assert sum(entry["area"] for entry in result.to_coco()["annotations"]) == result.area_px
    assert result.to_geojson()["type"] == "FeatureCollection"
    assert result._repr_png_().startswith(b"\x89PNG")
    assert espmedsam.NOTICE in repr(result)
    assert result.report["notice"] == espmedsam.NOTICE


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """A head and a black picture as one ultrasound loop, 0.25 mm a pixel."""
    head = io.imread(SAMPLES / "hc18_230_HC.jpg", as_gray=True)
    head = head if head.dtype == np.uint8 else np.round(head * 255).astype(np.uint8)
    loop = pydicom.Dataset()
    loop.file_meta = pydicom.dataset.FileMetaDataset()
    loop.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    loop.file_meta.MediaStorageSOPClassUID = loop.SOPClassUID = UltrasoundMultiFrameImageStorage
    loop.file_meta.MediaStorageSOPInstanceUID = loop.SOPInstanceUID = generate_uid()
    loop.StudyInstanceUID, loop.SeriesInstanceUID = generate_uid(), generate_uid()
    loop.PatientID, loop.PatientName, loop.Modality = "P7", "Doe^Jane", "US"
    loop.Rows, loop.Columns, loop.NumberOfFrames = *head.shape, 2
    loop.SamplesPerPixel, loop.PhotometricInterpretation = 1, "MONOCHROME2"
    loop.BitsAllocated, loop.BitsStored, loop.HighBit, loop.PixelRepresentation = 8, 8, 7, 0
    loop.PixelSpacing = [0.25, 0.25]
    loop.PixelData = head.tobytes() + bytes(head.size)
    path = tmp_path_factory.mktemp("loop") / "loop.dcm"
    loop.save_as(path, enforce_file_format=True)
    return path, head


def test_a_dicom_file_gives_a_segmentation_that_refers_to_it(segmenter, loop):
    path, head = loop
    source = pydicom.dcmread(path)
    result = segmenter.segment_file(path, "ultrasound", keep_identity=True)
    assert np.array_equal(result.mask, segmenter.segment(head, "ultrasound").mask)
    # The file's own millimetres, and what is told by hand in their place.
    assert result.sizes["whole"]["no_millimetres"] is None
    told = segmenter.segment_file(path, "ultrasound", pixel_mm=0.5)
    [of_file, by_hand] = [one.sizes["whole"]["figures"]["area"] for one in (result, told)]
    assert of_file["unit"] == "mm2"
    assert by_hand["value"] == pytest.approx(4 * of_file["value"])
    seg = pydicom.dcmread(BytesIO(result.to_dicom_seg()))
    assert seg.SOPClassUID == SegmentationStorage
    assert (seg.PatientID, seg.StudyInstanceUID) == ("P7", source.StudyInstanceUID)
    [referred] = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert referred.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert np.array_equal(seg.pixel_array.reshape(head.shape) > 0, result.mask > 0)
    again = pydicom.dcmread(BytesIO(result.to_dicom_seg()))
    assert again.SOPInstanceUID == seg.SOPInstanceUID
    fractional = pydicom.dcmread(BytesIO(result.to_dicom_seg(fractional=True)))
    assert fractional.SegmentationType == "FRACTIONAL"
    report = pydicom.dcmread(BytesIO(result.to_dicom_sr()))
    assert report.Modality == "SR"
    assert seg.SOPInstanceUID in str(report)


def test_objects_are_of_nobody_unless_it_is_said_and_of_files_alone(segmenter, loop):
    path, head = loop
    nobody = pydicom.dcmread(BytesIO(segmenter.segment_file(path.read_bytes(), "ultrasound").to_dicom_seg()))
    assert nobody.PatientID != "P7"
    assert "Doe" not in str(nobody)
    assert not segmenter.segment_file(path, "ultrasound", frame=1, on_mismatch="keep").mask.any()
    with pytest.raises(espmedsam.EspmedsamError) as caught:
        segmenter.segment_file(path, "ultrasound", frame=2)
    assert caught.value.code == "no-such-page"
    with pytest.raises(errors.BadArgumentError, match="counted from 0, not -1"):
        segmenter.segment_file(path, "ultrasound", frame=-1)
    with pytest.raises(errors.BadArgumentError, match="segment_file"):
        segmenter.segment(head, "ultrasound").to_dicom_seg()
    with pytest.raises(TypeError, match="no such wish: colour"):
        segmenter.segment(head, "ultrasound", colour="red")


def test_a_region_is_all_that_is_marked(segmenter):
    height, width = io.imread(POLYP).shape[:2]
    region = (0, 0, width // 2, height)
    result = segmenter.segment_file(POLYP, "colonoscopy", region=region, on_mismatch="keep")
    assert result.mask.shape == (height, width)
    assert not result.mask[:, width // 2 :].any()


def test_every_kind_of_fault_has_an_exception():
    assert set(errors.KINDS) == set(_native.FAULTS)


GREY = np.full((64, 64), 128, np.uint8)


@pytest.mark.parametrize(
    ("picture", "wish", "kind", "code"),
    [
        (GREY.astype(np.float32), {}, errors.BadArgumentError, "bad-argument"),
        (GREY.astype(np.int8), {}, errors.BadArgumentError, "bad-argument"),
        (GREY.tolist(), {}, errors.BadArgumentError, "bad-argument"),
        (np.zeros((64, 64, 4), np.uint8), {}, errors.BadArgumentError, "bad-argument"),
        (np.zeros((2, 64, 64, 3), np.uint8), {}, errors.BadArgumentError, "bad-argument"),
        (np.zeros((0, 64), np.uint8), {}, errors.PictureError, "picture-too-small"),
        (np.broadcast_to(np.uint8(0), (1 << 20, 1 << 20)), {}, errors.PictureError, "picture-too-large"),
        (GREY, {"modality": "telepathy"}, errors.UnknownNameError, "unknown-modality"),
        (GREY, {"model": "none"}, errors.UnknownNameError, "unknown-model"),
        (GREY, {}, errors.ModalityMismatchError, "modality-mismatch"),
        (GREY, {"region": (0, 0, 65, 1)}, errors.PictureError, "bad-region"),
        (GREY, {"pixel_mm": -1.0}, errors.BadArgumentError, "bad-argument"),
        (GREY, {"pixel_mm": float("nan")}, errors.BadArgumentError, "bad-argument"),
        (GREY, {"timeout": -1.0}, errors.BadArgumentError, "bad-argument"),
        (GREY, {"timeout": 0.0}, errors.TimedOutError, "timed-out"),
        (GREY, {"on_mismatch": "ignore"}, errors.BadArgumentError, "bad-argument"),
    ],
)
def test_whoever_errs_is_told(segmenter, picture, wish, kind, code):
    wish = {"modality": "ultrasound"} | wish
    with pytest.raises(kind) as caught:
        segmenter.segment(picture, **wish)
    assert caught.value.code == code
    assert isinstance(caught.value, espmedsam.EspmedsamError)
    assert str(caught.value)


def test_files_and_folders_that_are_none():
    with pytest.raises(errors.ModelUnusableError, match="manifest"):
        espmedsam.Segmenter("/nowhere")
    segmenter = espmedsam.Segmenter(threads=1)
    for data, code in [
        (b"", "empty-picture"),
        (b"text", "not-a-picture"),
        (POLYP.read_bytes()[:999], "damaged-picture"),
    ]:
        with pytest.raises(errors.PictureError) as caught:
            segmenter.segment_file(data, "colonoscopy")
        assert caught.value.code == code


def test_other_threads_run_while_a_mask_is_made():
    segmenter = espmedsam.Segmenter(threads=1)
    picture = io.imread(POLYP)
    segmenter.segment(picture, "colonoscopy")  # loads it
    begun, ended = threading.Event(), threading.Event()

    def work():
        begun.set()
        for _ in range(5):
            segmenter.segment(picture, "colonoscopy")
        ended.set()

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait()
    steps, longest, last = 0, 0.0, time.perf_counter()
    while not ended.is_set():
        now = time.perf_counter()
        longest, last, steps = max(longest, now - last), now, steps + 1
    worker.join()
    # With the interpreter's lock held, this loop would turn five times, once between two pictures.
    assert steps > 1000, (steps, longest)


def test_a_strangers_ten_minutes_are_as_the_page_says():
    page = (ROOT / "docs" / "embed.md").read_text()
    code = page.split("<<'PY'\n")[1].split("PY\n")[0]
    said = subprocess.run(
        [sys.executable, "-"], input=code, text=True, capture_output=True, check=True, cwd=ROOT
    ).stdout
    assert said.startswith("<espmedsam.Result colonoscopy ")
    assert espmedsam.NOTICE in said


def test_threads_that_share_a_segmenter_get_the_same_masks(segmenter):
    picture = io.imread(POLYP)
    expected = segmenter.segment(picture, "colonoscopy").mask
    wrong = []

    def work():
        for _ in range(4):
            if not np.array_equal(segmenter.segment(picture, "colonoscopy").mask, expected):
                wrong.append(threading.current_thread().name)

    threads = [threading.Thread(target=work) for _ in range(min(8, 2 * (os.cpu_count() or 1)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
