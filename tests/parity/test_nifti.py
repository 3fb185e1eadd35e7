"""A file's masks as one NIfTI stack, read back by nibabel: the same masks, in their order."""

import subprocess

import nibabel
import numpy as np
import pytest
from PIL import Image
from places import PROGRAM, ROOT
from test_dicom_scale import SAMPLE, wrapped

NOTICE = b"Research use only. Not for clinical use."


def test_a_loop_is_one_stack_of_its_masks(espmedsam, tmp_path):
    head = np.asarray(Image.open(SAMPLE).convert("RGB"))
    frames = [head, head[:, ::-1], np.roll(head, 60, 1)]
    loop = wrapped(np.stack(frames)[0], NumberOfFrames=3)
    loop.PixelData = np.stack(frames).tobytes()
    loop.save_as(tmp_path / "loop.dcm")
    ask = ["segment", tmp_path / "loop.dcm", "--frames", "0-2"]
    espmedsam(*ask, "--format", "nifti", "-o", tmp_path / "loop.nii.gz")
    espmedsam(*ask, "--format", "png", "-o", tmp_path)
    masks = [np.asarray(Image.open(tmp_path / f"loop.frame-{frame:04}.mask.png")) > 0 for frame in range(3)]
    assert all(mask.any() for mask in masks) and (masks[0] != masks[1]).any()

    stack = nibabel.load(tmp_path / "loop.nii.gz")
    assert stack.header["descrip"].item().startswith(NOTICE)
    assert stack.header.get_xyzt_units() == ("unknown", "unknown")
    voxels = np.asarray(stack.dataobj)
    assert voxels.dtype == np.uint8 and voxels.shape == (head.shape[1], head.shape[0], 1, 3)
    assert (voxels[:, :, 0].transpose(2, 1, 0) == np.stack(masks)).all()


def test_a_picture_is_a_stack_of_one_with_its_millimetres(espmedsam, tmp_path):
    ask = ["segment", SAMPLE, "--modality", "ultrasound", "--pixel-mm", "0.25,0.125"]
    espmedsam(*ask, "--format", "nifti", "-o", tmp_path)
    espmedsam(*ask, "--format", "png", "-o", tmp_path)
    mask = np.asarray(Image.open(tmp_path / f"{SAMPLE.stem}.mask.png")) > 0
    stack = nibabel.load(tmp_path / f"{SAMPLE.stem}.nii.gz")
    assert stack.header.get_zooms()[:2] == (0.25, 0.125) and stack.header.get_xyzt_units()[0] == "mm"
    assert np.array_equal(np.asarray(stack.dataobj)[:, :, 0, 0].T, mask)


@pytest.mark.parametrize("form", ["png", "nifti", "seg"])
def test_what_is_to_be_doubted_is_said_beside_a_file_that_has_no_words_for_it(form, tmp_path):
    skin = ROOT / "tests/samples/ISIC_0000390.jpg"
    ask = ["segment", skin, "--modality", "x-ray", "--on-mismatch", "keep", "--format", form, "-o", tmp_path / "out"]
    done = subprocess.run([PROGRAM, *ask], capture_output=True, text=True, check=True)
    assert "does not look like its modality" in done.stderr
