"""The program's presence score against onnxruntime, with a head by chance: shipped ones are seldom in doubt. Looked at once,
with its mirror image, and as tiles."""

import json

import numpy as np
import pytest
from espmedsam.export import model_dir
from espmedsam.weights.checkpoint import PRESENCE
from independent import Reference
from PIL import Image
from places import ROOT

# Sample, modality, side.
CASES = [("hc18_230_HC", "ultrasound", 224), ("kvasir_cju2htabevq9108015qjei0x7", "colonoscopy", 224)]
CASES += [("dsb_0121d6759c5adb29", "microscopy", 448)]
OPEN = {"absent_below": 0.0, "present_from": 0.0}


def head():
    rng = np.random.default_rng(5)
    made = {k: 2 * rng.uniform(-1, 1, shape) / np.sqrt(shape[-1]) for k, shape in PRESENCE.items()}
    return {k: v.astype(np.float32) for k, v in made.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A models folder of the cases' modalities, one model for each side."""
    root, models = tmp_path_factory.mktemp("presence"), []
    for side in sorted({side for *_, side in CASES}):
        shipped = next(m for m in model_dir.read_manifest(ROOT / "models") if m["side"] == side)
        entries = []
        for known in shipped["modality"]:
            name = known["name"]
            if name not in {modality for _, modality, s in CASES if s == side}:
                continue
            state = model_dir.read_weights(ROOT / "models/release", name if known["controller"] else "") | head()
            tables = {key: {name: known[key]} for key in ("views", "white_balance") if key in known}
            profile = shipped["preprocess"]["profile"]
            spec = model_dir.Spec(
                f"m{side}", side, profile, "int8-weights", "", folder="m", presence={name: OPEN}, **tables
            )
            modality = model_dir.ModalitySpec(name, known["index"], "x", known["controller"])
            entries.append(model_dir.write_modality(root, spec, modality, state))
        models.append(model_dir.model_entry(spec, entries))
    model_dir.write_manifest(root, models)
    return root


@pytest.mark.parametrize("stem, modality, side", CASES)
def test_the_score_is_that_of_onnxruntime(espmedsam, folder, tmp_path, stem, modality, side):
    path = next((ROOT / "tests/samples").glob(f"{stem}*.*"))
    rgb = np.asarray(Image.open(path).convert("RGB"))
    Image.fromarray(rgb).save(tmp_path / "picture.png")
    options = ("--model", f"m{side}", "--modality", modality, "--models", folder, "--format", "rle")
    told = json.loads(espmedsam("segment", tmp_path / "picture.png", *options))
    reference, said = Reference(folder, f"m{side}"), []
    entry = reference.entry(modality)

    def network(tensor):
        embedding = reference.session(entry["encoder"]).run(None, {"image": tensor})[0]
        patch, prompted = reference.session(entry["self_prompt"]).run(
            ["patch_logits", "prompted"], {"embedding": embedding}
        )
        feed = {"prompted": prompted, "modality": np.array([entry["index"]])}
        low, presence = reference.session(entry["decoder"]).run(["low_res_logits", "presence"], feed)
        said.append(presence.item())
        return low[0, 0], patch[0, 0]

    reference.looked(rgb, modality, network)
    views = entry.get("views", {})
    mirrored = {"no": 1, "across": 2, "both": 4}[views.get("mirrored", "no")]
    assert len(said) == mirrored * views.get("tiles", 1) ** 2
    logit = np.array(said).reshape(-1, mirrored).mean(1).max()
    score = 1 / (1 + np.exp(-logit))
    assert 0.01 < score < 0.99 and abs(told["presence"]["score"] - score) < 1e-3, (score, told["presence"])
    assert told["presence"]["state"] == "present"
