"""The usual light of training pictures, against its definition."""

import sys

import numpy as np
import pytest

from espmedsam import white_balance
from small_pool import pool  # noqa: F401 (fixture)


def test_light_of_a_tinted_picture():
    reflected = np.random.default_rng(0).uniform(60, 140, (40, 50, 1))
    x = reflected * [1.4, 0.9, 0.7]
    assert white_balance.light(x) == pytest.approx([1.4, 0.9, 0.7], abs=1e-6)
    x[:10] = 12  # a border
    x[-10:] = 255  # a highlight
    assert white_balance.light(x) == pytest.approx([1.4, 0.9, 0.7], abs=1e-6)


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
