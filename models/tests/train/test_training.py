"""Training end to end on a few pictures made on the spot: losses fall, runs resume, frozen parts stay."""

import csv
import sys

import cv2
import numpy as np
import pytest
import torch

from espmedsam import checkpoint, train

SAMPLING = {"discs": 1.0}


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Bright discs on noise, as ultrasound; a split of 10 and 4."""
    root = tmp_path_factory.mktemp("pool")
    rng = np.random.default_rng(0)
    index, split = [], []
    for i in range(14):
        image = rng.integers(0, 80, (90, 120, 3)).astype(np.uint8)
        mask = np.zeros((90, 120), np.uint8)
        cv2.circle(mask, tuple(int(v) for v in rng.integers(30, 60, 2)), 20, 255, -1)
        image[mask > 0] += 120
        cv2.imwrite(str(root / f"{i}.png"), image)
        cv2.imwrite(str(root / f"{i}_mask.png"), mask)
        row = {"dataset": "discs", "modality": "ultrasound", "stem": str(i)}
        index.append({**row, "image": f"{i}.png", "mask": f"{i}_mask.png", "empty": "0"})
        split.append({**row, "split": "train" if i < 10 else "val"})
    for name, rows in (("index.csv", index), ("split.csv", split)):
        with (root / name).open("w", newline="") as f:
            w = csv.DictWriter(f, rows[0])
            w.writeheader()
            w.writerows(rows)
    return root


def run(monkeypatch, pool, out, config, budget, init_root="."):
    path = out.parent / f"{out.name}.toml"
    path.write_text(config + f"\nbudget = {budget}\n[sampling]\ndiscs = 1.0\n")
    monkeypatch.setattr(sys, "argv", ["train", str(path), "--data", str(pool), "--split", str(pool / "split.csv"),
                                      "--out", str(out), "--init-root", str(init_root)])
    train.main()
    return [float(r["loss"]) for r in csv.DictReader((out / "curve_train.csv").open())]


BASE = 'init = ""\nside = [64]\nphase = [1.0]\nbatch = 4\nlr = 1e-3\nwarmup = 0.05\n'


def test_base_then_controller(monkeypatch, pool, tmp_path):
    losses = run(monkeypatch, pool, tmp_path / "base", 'stage = "base"\n' + BASE, 0.6)
    assert losses[-1] < losses[0]
    base = checkpoint.load(tmp_path / "base" / "ema.safetensors")
    config = 'stage = "controller"\nmodality = "ultrasound"\n' + BASE.replace('init = ""', 'init = "base/ema.safetensors"')
    run(monkeypatch, pool, tmp_path / "controller", config, 0.2, tmp_path)
    after = checkpoint.load(tmp_path / "controller" / "ema.safetensors")
    moved = {k for k in base if not np.array_equal(base[k], after[k])}
    assert moved and all(map(checkpoint.is_modality_key, moved))


def test_a_run_resumes_where_it_stopped(monkeypatch, pool, tmp_path):
    config = 'stage = "unet"\nwidth = 4\n' + BASE
    run(monkeypatch, pool, tmp_path / "u", config, 0.1)
    before = torch.load(tmp_path / "u" / "state.pt", weights_only=True)["progress"]
    run(monkeypatch, pool, tmp_path / "u", config, 0.15)
    after = torch.load(tmp_path / "u" / "state.pt", weights_only=True)["progress"]
    assert after[0] > before[0] and after[2] >= 0.15
