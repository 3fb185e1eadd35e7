"""The usual light of training pictures, against its definition."""

import sys

import numpy as np
import pytest
from espmedsam.pictures import white_balance


def test_light_of_a_tinted_picture():
    reflected = np.random.default_rng(0).uniform(60, 140, (40, 50, 1))
    x = reflected * [1.4, 0.9, 0.7]
    assert white_balance.light(x) == pytest.approx([1.4, 0.9, 0.7], abs=1e-6)
    x[:10] = 12  # a border
    x[-10:] = 255  # a highlight
    assert white_balance.light(x) == pytest.approx([1.4, 0.9, 0.7], abs=1e-6)


def test_two_lights_become_one_and_brightness_stays():
    """What crates/engine/src/preprocess/white_balance.rs is tested for, of the same pictures."""
    reflected = (60 + np.arange(400) * 37 % 41).reshape(20, 20, 1).astype(np.float32)
    usual = [1.33, 0.91, 0.76]
    warm, cold = (
        white_balance.balance(reflected * np.array(v), usual, 1.0) for v in ([1.4, 0.9, 0.7], [1.1, 0.95, 0.95])
    )
    assert np.abs(warm - cold).max() < 1e-2
    assert warm.mean() == pytest.approx(reflected.mean(), rel=1e-3)
    tinted = reflected * np.array([1.2, 0.9, 0.9])
    assert white_balance.balance(tinted, usual, 0.0) == pytest.approx(tinted, abs=1e-3)
    dark = np.full((20, 20, 3), 12.0)
    assert np.array_equal(white_balance.balance(dark, usual, 1.0), dark)


def test_the_usual_light_of_a_pool(pool, monkeypatch, capsys):
    given = ["w", "--data", str(pool), "--split", str(pool / "split.csv"), "--dataset"]
    monkeypatch.setattr(sys, "argv", [*given, "holes"])
    white_balance.main()
    said = capsys.readouterr().out
    assert said.startswith("holes: 2 pictures, usual = [")
    usual = [float(v) for v in said.split("[")[1].split("]")[0].split(",")]
    assert sum(usual) == pytest.approx(3, abs=0.01) and all(0.9 < v < 1.1 for v in usual)  # grey noise
    monkeypatch.setattr(sys, "argv", [*given, "squares"])
    with pytest.raises(SystemExit, match="no training pictures of 'squares'"):
        white_balance.main()
