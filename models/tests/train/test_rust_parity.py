"""The program against PyTorch on the shipped model: the same weights file, two independent implementations."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from espmedsam.export import int8, model_dir, slim
from espmedsam.network import ESPMedSAM
from espmedsam.weights.checkpoint import SLIM
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[3] / "tests/parity"))
from independent import Reference, iou, mask
from places import PROGRAM, ROOT, SHARED
from test_parity import pictures

MODEL = "live-224"  # PyTorch's arithmetic is float32


def network(entry: dict) -> ESPMedSAM:
    """The modality's weights, in PyTorch."""
    net = ESPMedSAM().eval()
    stored = model_dir.read_weights(ROOT / "models" / Path(entry["weights"][0]).parent, entry["name"])
    state = {k: torch.from_numpy(v) for k, v in int8.restored(stored).items()}
    for key in int8.transformer_blocks() if slim.is_slim(stored) else ():  # the controller's MLP is the one of both
        block = net.get_submodule(key)
        units, channels = state[f"{key}.{SLIM}.fc1.weight"].shape
        block.med_dah.fc1, block.med_dah.fc2 = torch.nn.Linear(channels, units), torch.nn.Linear(units, channels)
        for name in block.med_dah.state_dict():
            state[f"{key}.med_dah.{name}"] = state.pop(f"{key}.{SLIM}.{name}")
        for name in ("weight", "bias"):
            state[f"{key}.mlp.fc2.{name}"] = torch.zeros_like(state[f"{key}.mlp.fc2.{name}"])
    net.load_state_dict(net.state_dict() | state)
    return net


def real_pictures():
    """The samples, and where the pool is at hand 20 whole pictures of it, 10 of each shipped controller."""
    yield from pictures()
    for dataset, modality in (("hc18", "ultrasound"), ("kvasir_seg", "colonoscopy")):
        for path in sorted((SHARED / "data" / dataset / "images").glob("*"))[:10]:
            yield path.stem, modality, np.asarray(Image.open(path).convert("RGB"))


def test_at_least_twenty_real_pictures_agree_with_pytorch(tmp_path):
    reference = Reference(ROOT / "models", MODEL)
    entries = {m["name"]: m for m in reference.model["modality"]}
    found = list(real_pictures())
    assert len(found) >= 20
    for name, modality, rgb in found:
        (tmp_path / modality).mkdir(exist_ok=True)
        Image.fromarray(rgb).save(tmp_path / modality / f"{name}.png")
    worst, least, empty = 0.0, 1.0, 0
    for modality in sorted({m for _, m, _ in found}):
        for form in ("npy", "png", "rle"):
            subprocess.run(
                [
                    PROGRAM,
                    "segment",
                    tmp_path / modality,
                    "--modality",
                    modality,
                    "--on-mismatch",
                    "keep",
                    "--models",
                    ROOT / "models",
                    "--model",
                    MODEL,
                    "--format",
                    form,
                    "-o",
                    tmp_path / f"{modality}-{form}",
                ],
                check=True,
            )
        entry = entries[modality]
        net = network(entry)
        for name, _, rgb in (p for p in found if p[1] == modality):

            def run(tensor, net=net, entry=entry):
                with torch.no_grad():
                    low, patch = net(torch.from_numpy(tensor), torch.tensor([entry["index"]]), entry["controller"])
                return low[0].numpy(), patch[0].numpy()

            want, _ = reference.looked(rgb, modality, run)
            got = np.load(tmp_path / f"{modality}-npy/{name}.low_res.npy")
            png = np.asarray(Image.open(tmp_path / f"{modality}-png/{name}.mask.png")) > 0
            worst = max(worst, float(np.abs(got - want).max()))
            # Where nothing is there by the network's own word (tests/parity has that against onnxruntime), no mask is left.
            said = json.loads((tmp_path / f"{modality}-rle/{name}.rle.json").read_text())["presence"]
            if said is not None and said["state"] == "absent":
                empty += 1
                assert not png.any(), name
            else:
                least = min(least, iou(png, mask(want, *rgb.shape[:2])))
            assert worst <= 1e-2 and least >= 0.995, name
    assert len(found) - empty >= 20
    print(
        f"{len(found)} pictures, {empty} of nothing: largest logit difference {worst:.1e}, least mask IoU {least:.4f}"
    )


if __name__ == "__main__":
    pytest.main([__file__, "-s"])
