"""The program against onnxruntime on the shipped models and real pictures: every stage but the runtime is written
twice. Pictures are handed over as PNG, because JPEG decoders may differ by a grey level.

An 8-bit model is held to the noise of rounding alone. Where a real number lies in the middle between two steps, rounding of
the last bit decides; the two go different ways by one step, and what differs spreads through fifty quantized layers. That
each node is right is asked in test_each_node.py, that all together are, to the bit, in test_contract.py."""

import tomllib

import numpy as np
import pytest
from independent import Reference, iou, mask
from PIL import Image
from places import ROOT

MODELS = {m["name"]: m for m in tomllib.loads((ROOT / "models/manifest.toml").read_text())["model"]}
STORAGE = {name: m["storage"] for name, m in MODELS.items()}
SAMPLES = ROOT / "tests/samples"
MODALITY = {
    "hc18": "ultrasound",
    "usgra": "ultrasound",
    "kvasir": "colonoscopy",
    "ISIC": "dermoscopy",
    "dsb": "microscopy",
}
# Real pictures as other devices might show them: mirrored, cropped, of another size and shape.
VIEWS = {
    "as-is": lambda a: a,
    "mirrored": lambda a: a[:, ::-1],
    "cropped": lambda a: a[a.shape[0] // 5 :, : a.shape[1] * 4 // 5],
    "small": lambda a: np.asarray(Image.fromarray(a).resize((97, 131), Image.BICUBIC)),
    "large": lambda a: np.asarray(Image.fromarray(a).resize((1280, 720), Image.BICUBIC)),
}


def pictures():
    for path in sorted(SAMPLES.glob("*.jpg")):
        modality = next(m for k, m in MODALITY.items() if path.stem.startswith(k))
        rgb = np.asarray(Image.open(path).convert("RGB"))
        for view, change in VIEWS.items():
            yield f"{path.stem}-{view}", modality, np.ascontiguousarray(change(rgb))


@pytest.fixture(scope="module", params=STORAGE)
def model(request):
    """Each model of the shipped manifest."""
    return request.param


@pytest.fixture(scope="module")
def outputs(tmp_path_factory, espmedsam, model):
    """Name -> (modality, picture, logits, patch, mask) from the program."""
    root = tmp_path_factory.mktemp("parity")
    found = {}
    served = {m["name"] for m in MODELS[model]["modality"]}
    for name, modality, rgb in pictures():
        if modality not in served:
            continue
        (root / modality).mkdir(exist_ok=True)
        Image.fromarray(rgb).save(root / modality / f"{name}.png")
        found[name] = (modality, rgb)
    for modality in {m for m, _ in found.values()}:
        for form in ("npy", "png"):
            espmedsam(
                "segment",
                root / modality,
                "--model",
                model,
                "--modality",
                modality,
                "--on-mismatch",
                "keep",
                "--models",
                ROOT / "models",
                "--format",
                form,
                "-o",
                root / f"{modality}-{form}",
            )
    return {
        name: (
            m,
            rgb,
            np.load(root / f"{m}-npy/{name}.low_res.npy"),
            np.load(root / f"{m}-npy/{name}.patch.npy"),
            np.asarray(Image.open(root / f"{m}-png/{name}.mask.png")),
        )
        for name, (m, rgb) in found.items()
    }


def test_pictures_agree_with_onnxruntime(outputs, model):
    reference, exact = Reference(ROOT / "models", model), STORAGE[model] != "int8"
    twin = next(m for m in MODELS if STORAGE[m] != "int8" and MODELS[m]["side"] == MODELS[model]["side"])
    unquantized = Reference(ROOT / "models", twin)
    assert len(outputs) >= (20 if len(MODELS[model]["modality"]) == 6 else 5)
    logits, overlaps, apart, ours, theirs = {}, {}, {}, {}, {}
    for name, (modality, rgb, low, patch, png) in outputs.items():
        want, want_patch = reference.logits(rgb, modality)
        logits[name] = max(np.abs(low - want).max(), np.abs(patch - want_patch).max())
        overlaps[name] = iou(png > 0, mask(want, *rgb.shape[:2]) & (not reference.absent(modality)))
        assert set(np.unique(png)) <= {0, 255} and png.shape == rgb.shape[:2], name
        if not exact:
            exactly = unquantized.logits(rgb, modality)[0]
            apart[name], ours[name], theirs[name] = rms(low - want), rms(low - exactly), rms(want - exactly)
    print(
        f"\n{model}: {len(outputs)} pictures, largest logit difference {max(logits.values()):.1e}, "
        f"least overlap of masks {min(overlaps.values()):.4f} ({min(overlaps, key=overlaps.get)})"
    )
    if exact:
        assert max(logits.values()) <= 1e-2, logits
        assert min(overlaps.values()) >= 0.995, overlaps
    else:
        # One step's difference in one byte spreads through fifty rounded layers, so two runtimes are two roundings of one
        # network. Were they independent, their distance would be the hypotenuse of their distances from float: it is
        # never more. Nor is ours the coarser rounding. One picture's distance from float says little: by chance it may be
        # a quarter of what the same picture's is when resized.
        closest = {name: apart[name] / np.hypot(ours[name], theirs[name]) for name in apart}
        ours, theirs, apart = (rms(list(distances.values())) for distances in (ours, theirs, apart))
        print(
            f"{model}: from float, program {ours:.3f}, onnxruntime {theirs:.3f}; from each other {apart:.3f}; of two "
            f"independent roundings' distance at most {max(closest.values()):.2f}"
        )
        assert max(closest.values()) <= 1, closest
        assert ours <= 1.1 * theirs and apart <= theirs


def rms(values) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def test_the_masks_find_the_targets_of_the_shipped_samples(outputs, model):
    """Not an accuracy figure (see `make eval`): a shipped picture must not be a picture of failure."""
    stems = {"ultrasound": "hc18_230_HC", "colonoscopy": "kvasir_cju84hibuktj80871u519o71q"}
    if MODELS[model]["side"] >= 448:  # nuclei are served there
        stems["microscopy"] = "dsb_0121d6759c5adb29"
    for stem in (stems[m["name"]] for m in MODELS[model]["modality"] if m["name"] in stems):
        truth = np.asarray(Image.open(SAMPLES / f"{stem}_mask.png")) > 127
        least = 0.5 if stem.startswith("dsb") else 0.8  # many small nuclei: overlap falls with their edges
        assert iou(outputs[f"{stem}-as-is"][4] > 0, truth) > least, stem
