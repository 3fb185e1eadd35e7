"""Checkpoints side by side, on a small pool."""

import re
import sys

import numpy as np
import pytest
import torch
from espmedsam.measure import compare
from espmedsam.network.unet import UNet
from espmedsam.pictures.pool import load_split, normalise, read_pair, square
from espmedsam.teachers import segmenter
from espmedsam.weights import checkpoint


@pytest.fixture
def files(tmp_path):
    torch.manual_seed(0)
    for name in ("ultrasound", "colonoscopy"):
        net = UNet(4)
        net.head.weight.data *= 1000  # so that it marks some pixels and not others
        checkpoint.write_safetensors(
            tmp_path / f"{name}.safetensors", {k: v.numpy() for k, v in net.state_dict().items()}
        )
    return tmp_path


def test_columns_and_ensembles(pool, files, monkeypatch, capsys):
    one, other = files / "ultrasound.safetensors", files / "colonoscopy.safetensors"
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "c",
            "--data",
            str(pool),
            "--split",
            str(pool / "split.csv"),
            "--modality",
            "ultrasound",
            "--side",
            "64",
            "--out",
            str(files / "table.md"),
            f"a={one}",
            "own=" + str(files / "{modality}.safetensors"),
            f"both={one} {other}",
        ],
    )
    compare.main()
    said = capsys.readouterr().out
    assert (files / "table.md").read_text() in said
    a, own, both = (float(v) for v in re.search(r"`discs` \(\d\) \| (\S+) \| (\S+) \| (\S+) \|", said).groups())
    assert a == own  # the modality's own file is the first
    assert 0 < a < 1 and a != both
    assert "holes" not in said and said.count("+0.000 [+0.000, +0.000]") == 1

    # The ensemble's Dice, worked out again from the two networks' probabilities.
    want = []
    for item in load_split(pool, pool / "split.csv", "val"):
        if item.modality == "ultrasound":
            image, mask = read_pair(item)
            x = torch.from_numpy(normalise(square(image, 64)))[None]
            p = sum(segmenter.load(str(f))(x, torch.tensor([2])).probability for f in (one, other)) / 2
            marked = torch.nn.functional.interpolate(p[None], mask.shape, mode="bilinear")[0, 0].numpy() >= 0.5
            want.append(2 * (marked & (mask > 127)).sum() / (marked.sum() + (mask > 127).sum()))
    assert both == pytest.approx(np.mean(want), abs=6e-4)


def test_a_column_has_a_file():
    with pytest.raises(SystemExit, match="'a=' is not NAME=FILE"):
        compare.Column("a=")


def test_what_cannot_be_compared_is_said(pool, files, monkeypatch, capsys):
    given = ["c", "--data", str(pool), "--split", str(pool / "split.csv"), "--side", "64"]
    monkeypatch.setattr(sys, "argv", [*given, "--dataset", "squares", f"a={files}/ultrasound.safetensors"])
    with pytest.raises(SystemExit):
        compare.main()
    assert "no picture of the split" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*given, "a=nowhere.safetensors"])
    with pytest.raises(SystemExit, match="nowhere.safetensors does not exist"):
        compare.main()
