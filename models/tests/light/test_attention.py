"""Attention on bytes: the node's function against integers in numpy, its steps, the recipe's option."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from espmedsam.export import attention
from test_int8 import U8, F, arrays, quant, run, same


def attention_inputs(rng, shape, token, tiles):
    """Of a window attention on bytes, all that may be given."""
    height, width, window, heads = shape
    vectors = {name: (rng.standard_normal((heads, 1, 32)) * 40).astype(F) for name in ("token_key", "token_value")}
    return {
        "qkv": rng.integers(0, 256, (height * width, 96 * heads)).astype(U8),
        "biases": rng.standard_normal((heads, window**2)).astype(F) * 2,
        "fineness": 2.0 ** rng.integers(3, 10, heads).astype(F),
        "value_scale": rng.uniform(0.01, 0.02, heads).astype(F),
        **(vectors if token else dict.fromkeys(vectors)),
        "token_bias": np.array([-1.5], F) if token else None,
        "outside": None if tiles else (rng.standard_normal(96 * heads) * 40).astype(F),
        "y_scale": F(0.011),
        "y_zero": U8(117),
    }


def attended(i, height, width, window, heads):
    """The contract's words in int64, one query after the other."""
    qkv = i["qkv"].astype(np.int64).reshape(height, width, heads, 3, 32) - 128
    if i["outside"] is not None:
        whole = [-(-side // window) * window for side in (height, width)]
        wide = np.broadcast_to(
            np.rint(i["outside"]).astype(np.int64).reshape(heads, 3, 32), (*whole, heads, 3, 32)
        ).copy()
        wide[:height, :width] = qkv
        qkv = wide
    out = np.zeros((height, width, heads, 32), F)
    for y, x, head in np.ndindex(height, width, heads):
        top, left, units = y // window * window, x // window * window, i["fineness"][head] * F(28 * np.log2(np.e))
        cells = [(a, b) for a in range(top, top + window) for b in range(left, left + window)]
        k, v = (np.clip([qkv[a, b, head, part] for a, b in cells], -64, 64) for part in (1, 2))
        bias = [i["biases"][head, abs(a - y) * window + abs(b - x)] for a, b in cells]
        if i["token_key"] is not None:
            key, value = (np.clip(np.rint(i[name][head]), -64, 64).astype(int) for name in ("token_key", "token_value"))
            k, v, bias = np.concatenate([k, key]), np.concatenate([v, value]), [*bias, i["token_bias"][0]]
        score = k @ qkv[y, x, head, 0] + np.rint(np.array(bias, F) * units).astype(np.int64)
        step, half = int(i["fineness"][head]), int(i["fineness"][head]) // 2
        weight = [round(255 * 0.5 ** (d / 28)) if d < 255 else 0 for d in (score.max() - score + half) // step]
        out[y, x, head] = (np.array(weight) @ v).astype(F) / F(sum(weight)) * i["value_scale"][head]
    return quant(out.reshape(height * width, heads * 32), i["y_scale"], i["y_zero"])


@pytest.mark.parametrize("shape, token", [((14, 7, 7, 2), True), ((9, 10, 7, 1), True), ((6, 6, 3, 2), False)])
def test_attention_on_bytes_is_integers_then_one_scale(tmp_path, shape, token):
    height, width, window, heads = shape
    tiles = not (height % window or width % window)
    i = attention_inputs(np.random.default_rng(11), shape, token, tiles)
    got = run(tmp_path, "QWindowAttention", arrays(i), height=height, width=width, window=window, heads=heads)
    assert np.ptp(got) > 50
    same(got, attended(i, height, width, window, heads))


def test_steps_of_attention_make_a_product_a_unit():
    rng = np.random.default_rng(12)
    given = rng.uniform(0.005, 0.09, (3, 5))
    steps = attention.HeadSteps.of(given)
    unit = 28 * np.log2(np.e) / math.sqrt(32) * steps.query * steps.key
    assert np.allclose(unit * steps.fineness, 1, rtol=1e-6)
    assert (np.log2(steps.fineness) % 1 == 0).all() and (steps.value == given[2]).all()
    moved = np.stack([steps.query, steps.key]) / given[:2]
    assert (np.abs(np.log2(moved)) <= 0.25 + 1e-6).all()


def test_a_step_loses_least_and_may_leave_outliers_out():
    x = np.random.default_rng(13).standard_normal(100_000).astype(F)
    some = attention.Magnitudes()
    for look in (some.widen, some.add):
        look(np.append(x, F(9)))
    assert 3 < 64 * some.step(64) < 8
    assert attention.Magnitudes().step(64) == 1.0


@pytest.mark.parametrize(
    "attention_is, said", [("int8", "no steps of attention"), ("int4", "expected float32 or int8")]
)
def test_attention_in_8_bits_wants_its_steps(tmp_path, attention_is, said):
    models = Path(__file__).parents[2]
    lines = (models / "configs/release.toml").read_text().splitlines()
    recipe = [f'attention = "{attention_is}"', *(line for line in lines if not line.startswith("attention ="))]
    (tmp_path / "recipe.toml").write_text("\n".join(recipe))
    ranges = json.loads((models / "configs/ranges-224.json").read_text())
    ranges.pop("attention", None)
    (tmp_path / "ranges.json").write_text(json.dumps(ranges))
    command = [
        sys.executable,
        "-m",
        "espmedsam.export",
        tmp_path / "recipe.toml",
        "--from",
        "release",
        "--out",
        tmp_path,
    ]
    command += ["--storage", "int8", "--ranges", tmp_path / "ranges.json"]
    done = subprocess.run(command, cwd=models, capture_output=True, text=True)
    assert done.returncode != 0 and said in done.stderr
