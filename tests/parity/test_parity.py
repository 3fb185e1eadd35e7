"""The program against onnxruntime on the shipped model and real pictures: every stage but the runtime is written
twice. Pictures are handed over as PNG, because JPEG decoders may differ by a grey level."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from independent import Reference, iou, mask

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests/samples"
MODALITY = {"hc18": "ultrasound", "usgra": "ultrasound", "kvasir": "colonoscopy", "ISIC": "dermoscopy",
            "dsb": "microscopy"}
# Real pictures as other devices might show them: mirrored, cropped, of another size and shape.
VIEWS = {
    "as-is": lambda a: a,
    "mirrored": lambda a: a[:, ::-1],
    "cropped": lambda a: a[a.shape[0] // 5:, : a.shape[1] * 4 // 5],
    "small": lambda a: np.asarray(Image.fromarray(a).resize((97, 131), Image.BICUBIC)),
    "large": lambda a: np.asarray(Image.fromarray(a).resize((1280, 720), Image.BICUBIC)),
}


def pictures():
    for path in sorted(SAMPLES.glob("*.jpg")):
        modality = next(m for k, m in MODALITY.items() if path.stem.startswith(k))
        rgb = np.asarray(Image.open(path).convert("RGB"))
        for view, change in VIEWS.items():
            yield f"{path.stem}-{view}", modality, np.ascontiguousarray(change(rgb))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory, espmedsam):
    """Name -> (modality, picture, logits, patch, mask) from the program."""
    root = tmp_path_factory.mktemp("parity")
    found = {}
    for name, modality, rgb in pictures():
        (root / modality).mkdir(exist_ok=True)
        Image.fromarray(rgb).save(root / modality / f"{name}.png")
        found[name] = (modality, rgb)
    for modality in {m for m, _ in found.values()}:
        for form in ("npy", "png"):
            espmedsam("segment", root / modality, "--modality", modality, "--models", ROOT / "models", "--format", form,
                      "-o", root / f"{modality}-{form}")
    return {name: (m, rgb, np.load(root / f"{m}-npy/{name}.low_res.npy"), np.load(root / f"{m}-npy/{name}.patch.npy"),
                   np.asarray(Image.open(root / f"{m}-png/{name}.mask.png")))
            for name, (m, rgb) in found.items()}


def test_at_least_twenty_pictures_agree_with_onnxruntime(outputs):
    reference = Reference(ROOT / "models")
    assert len(outputs) >= 20
    worst = 0.0
    for name, (modality, rgb, low, patch, png) in outputs.items():
        want, want_patch = reference.logits(rgb, modality)
        worst = max(worst, np.abs(low - want).max())
        assert np.abs(low - want).max() <= 1e-2, name
        assert np.abs(patch - want_patch).max() <= 1e-2, name
        assert set(np.unique(png)) <= {0, 255} and png.shape == rgb.shape[:2], name
        assert iou(png > 0, mask(want, *rgb.shape[:2])) >= 0.995, name
    print(f"{len(outputs)} pictures, largest logit difference {worst:.1e}")


def test_the_masks_find_the_targets_of_the_shipped_samples(outputs):
    """Not an accuracy figure (see `make eval`): a shipped picture must not be a picture of failure."""
    for stem in ("hc18_230_HC", "kvasir_cju84hibuktj80871u519o71q"):
        truth = np.asarray(Image.open(SAMPLES / f"{stem}_mask.png")) > 127
        assert iou(outputs[f"{stem}-as-is"][4] > 0, truth) > 0.8, stem
