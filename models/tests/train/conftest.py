"""A pool of a few pictures made on the spot, and a way to train on it."""

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from espmedsam.train.__main__ import main


@pytest.fixture(scope="session")
def pool(tmp_path_factory):
    """Bright discs on noise as ultrasound, dark ones as colonoscopy; a split of 10 and 4, and 2 without masks."""
    return drawn(tmp_path_factory.mktemp("pool"), 16)


@pytest.fixture(scope="session")
def pool_with_empties(tmp_path_factory):
    """The same, and 2 and 1 without a disc."""
    return drawn(tmp_path_factory.mktemp("empties"), 19)


def drawn(root, count):
    """A pool of so many pictures in the folder."""
    rng = np.random.default_rng(0)
    index, split = [], []
    for i in range(count):
        modality = "colonoscopy" if i % 5 == 4 and i < 16 else "ultrasound"
        image = rng.integers(0, 80, (90, 120, 3)).astype(np.uint8)
        mask, empty = np.zeros((90, 120), np.uint8), i >= 16
        if not empty:
            cv2.circle(mask, tuple(int(v) for v in rng.integers(30, 60, 2)), 20, 255, -1)
        image[mask > 0] += 120
        if modality == "colonoscopy":
            image = 255 - image
        cv2.imwrite(str(root / f"{i}.png"), image)
        labelled = i not in (14, 15)
        if labelled:
            cv2.imwrite(str(root / f"{i}_mask.png"), mask)
        row = {"dataset": "discs" if modality == "ultrasound" else "holes", "modality": modality, "stem": str(i)}
        index.append(
            {
                **row,
                "image": f"{i}.png",
                "mask": f"{i}_mask.png" if labelled else "",
                "source_split": "",
                "empty": str(int(empty)) if labelled else "",
            }
        )
        split.append({**row, "split": "train" if i < 10 or i in (16, 17) else "val" if labelled else "unlabelled"})
    for name, rows in (("index.csv", index), ("split.csv", split)):
        with (root / name).open("w", newline="") as f:
            w = csv.DictWriter(f, rows[0])
            w.writeheader()
            w.writerows(rows)
    return root


@pytest.fixture
def run(monkeypatch, pool, tmp_path):
    """`run(name, config, budget)` trains a stage in `tmp_path / name`, on another pool if one is named; its checkpoints are
    relative to `tmp_path`. Gives the losses on the way."""

    def train(name: str, config: str, budget: float, data: Path = pool) -> list[float]:
        path = tmp_path / f"{name}.toml"
        common = "phase = [1.0]\nbatch = 4\nwarmup = 0.02\nevaluate_every = 0.05\n"
        path.write_text(f"{config}\n{common}budget = {budget}\n[sampling]\ndiscs = 0.7\nholes = 0.3\n")
        monkeypatch.setattr(
            sys,
            "argv",
            [
                "train",
                str(path),
                "--data",
                str(data),
                "--split",
                str(data / "split.csv"),
                "--device",
                "cpu",
                "--threads",
                str(torch.get_num_threads()),
                "--runs",
                str(tmp_path),
                "--out",
                str(tmp_path / name),
            ],
        )
        main()
        return [float(r["loss"]) for r in csv.DictReader((tmp_path / name / "curve_train.csv").open())]

    return train
