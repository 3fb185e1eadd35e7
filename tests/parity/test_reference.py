"""An official-format checkpoint, imported and run by the program, against outputs of the official network.

The weights follow the rule of the reference folder's README; the stored outputs are float16 of the official code's
float32 results (PyTorch 2.15, CPU).
"""

import json
import subprocess
import sys

import numpy as np
import pytest
from espmedsam.facts.modalities import MODALITIES
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights
from independent import iou, mask
from PIL import Image
from places import REFERENCE, ROOT

CASE = REFERENCE / "case-a"


@pytest.fixture(scope="module")
def meta():
    return json.loads((CASE / "meta.json").read_text())


def test_the_rule_gives_the_probed_weights(meta):
    state = reference_weights.weights(meta["seed"], 0, meta["patch_decoder.3.bias"])
    for key, first in meta["weight_probe"].items():
        assert np.array_equal(state[key].ravel()[: len(first)], np.array(first, np.float32)), key


@pytest.fixture(scope="module")
def imported(meta, tmp_path_factory):
    root = tmp_path_factory.mktemp("case-a")
    for index, name in enumerate(MODALITIES):
        state = reference_weights.weights(meta["seed"], index, meta["patch_decoder.3.bias"])
        checkpoint.write_safetensors(root / "c.safetensors", state)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "espmedsam.export.import_checkpoint",
                "--checkpoint",
                root / "c.safetensors",
                "--modality",
                name,
                "--preprocess",
                "imagenet",
                "--out",
                root / "models",
            ],
            check=True,
            cwd=ROOT / "models",
        )
    return root


def error(got, want):
    """The largest difference beyond the rounding to float16 of what is stored."""
    rounding = np.spacing(np.abs(want)).astype(np.float64) / 2
    return (np.abs(got - want.astype(np.float64)) - rounding).max()


@pytest.mark.parametrize("index", range(6))
def test_all_six_modalities_through_the_program(imported, espmedsam, index):
    out = imported / f"out{index}"
    images = [CASE / "img0.png", CASE / "img1.png"]
    espmedsam(
        "segment",
        *images,
        "--modality",
        MODALITIES[index],
        "--models",
        imported / "models",
        "--format",
        "npy",
        "-o",
        out,
    )
    for i in range(2):
        low, patch = (np.load(CASE / f"mod{index}_img{i}_{name}.npy") for name in ("lowres", "patch"))
        got = np.load(out / f"img{i}.low_res.npy")
        errors = error(got, low), error(np.load(out / f"img{i}.patch.npy"), patch)
        overlap = iou(mask(got, 1024, 1024), mask(low.astype(np.float64), 1024, 1024))
        print(f"{MODALITIES[index]}, img{i}: logits {errors[0]:.1e}, patch {errors[1]:.1e}, IoU {overlap:.5f}")
        assert max(errors) <= 2e-3 and overlap >= 0.999
    if index == 0:
        png = np.asarray(Image.open(CASE / "mod0_img0_mask1024.png")) > 127
        assert iou(mask(np.load(out / "img0.low_res.npy"), 1024, 1024), png) >= 0.999
