"""Smaller MLPs: which hidden units stay, what the others give instead, and the way through files and graphs."""

import argparse
import itertools
import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from espmedsam.export import calibrate, int8, model_dir, refine, slim
from espmedsam.export.__main__ import slimmed as as_asked
from espmedsam.export.__main__ import weights as as_given
from espmedsam.export.mlp import Mlp, Moments, least_missed, narrowed
from espmedsam.export.recipe import Recipe
from espmedsam.facts.architecture import DIMS
from espmedsam.train.pipeline import CONFIGS
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights
from test_nodes import keeps_the_contract

F, SIDE, BLOCK = np.float32, 64, "SemiTViT.layers.1.blocks.0"
MODALITY = model_dir.ModalitySpec("ultrasound", 2, "x", True)


@pytest.fixture(scope="module")
def state():
    return checkpoint.strict(reference_weights.weights(1001, 2, -0.75))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return [rng.standard_normal((1, 3, SIDE, SIDE)).astype(F) for _ in range(6)]


@pytest.fixture(scope="module")
def small(state, pictures):
    """Three hidden units for each channel, fitted on all pictures but the first."""
    return slim.slimmed(state, [slim.Look(SIDE, pictures[1:])], 3.0)


def embedding(folder, state, picture, storage="float32", **other):
    spec = model_dir.Spec(storage, SIDE, "imagenet", storage, "", **other)
    entry = model_dir.write_modality(folder, spec, MODALITY, state)
    return onnxruntime.InferenceSession(str(folder / entry["encoder"])).run(None, {"image": picture})[0]


def off(got, want):
    """Relative, root of the mean square."""
    return np.sqrt(((got - want) ** 2).mean() / (want**2).mean())


def made_up(rng, units=12, channels=4, rows=400):
    """An MLP, and its hidden units' values with what it gives: much of what a unit says, others say too."""
    hidden = rng.standard_normal((rows, 6)) @ rng.standard_normal((6, units)) + 0.3
    hidden += 0.3 * rng.standard_normal(hidden.shape)
    mlp = Mlp(
        rng.standard_normal((units, channels)),
        rng.standard_normal(units),
        rng.standard_normal((channels, units)),
        rng.standard_normal(channels),
    )
    moments = Moments(units, channels)
    for some in np.split(hidden, 4):
        moments.add(some, some @ mlp.fc2.T + mlp.fc2_bias)
    return mlp, hidden, moments


def lost(mlp, hidden, kept):
    """Mean square that the best fit of those units leaves."""
    known = np.column_stack([hidden[:, kept], np.ones(len(hidden))])
    want = hidden @ mlp.fc2.T
    return ((want - known @ np.linalg.lstsq(known, want, rcond=None)[0]) ** 2).mean()


def test_the_unit_that_is_dropped_is_the_one_missed_least():
    mlp, hidden, moments = made_up(np.random.default_rng(1))
    kept = least_missed(moments.covariance(), moments.shared(), 11)
    every = {gone: lost(mlp, hidden, [unit for unit in range(12) if unit != gone]) for gone in range(12)}
    assert set(range(12)) - set(kept) == {min(every, key=every.get)}


def test_dropped_one_by_one_they_lose_hardly_more_than_the_best_choice():
    mlp, hidden, moments = made_up(np.random.default_rng(2))
    kept = least_missed(moments.covariance(), moments.shared(), 6)
    best = min(lost(mlp, hidden, list(some)) for some in itertools.combinations(range(12), 6))
    strongest = np.argsort(-np.linalg.norm(mlp.fc2, axis=0) * np.sqrt((hidden**2).mean(0)))[:6]
    assert lost(mlp, hidden, kept) < 1.1 * best
    assert lost(mlp, hidden, kept) < lost(mlp, hidden, strongest)


def test_the_fit_gives_what_is_wanted_and_stays_near_what_it_was():
    mlp, hidden, moments = made_up(np.random.default_rng(3))
    assert narrowed(mlp, moments, 12) is mlp
    half = narrowed(mlp, moments, 6)
    kept = [int(np.flatnonzero((mlp.fc1 == row).all(1))[0]) for row in half.fc1]
    got = hidden[:, kept] @ half.fc2.T + half.fc2_bias
    want = hidden @ mlp.fc2.T + mlp.fc2_bias
    without = hidden[:, kept] @ mlp.fc2[:, kept].T + mlp.fc2_bias
    assert lost(mlp, hidden, kept) <= ((got - want) ** 2).mean() < 1.05 * lost(mlp, hidden, kept) + 1e-3
    assert ((got - want) ** 2).mean() < 0.7 * ((without - want) ** 2).mean()


def test_parallel_mlps_are_one(state):
    keys, rng = [f"{BLOCK}.mlp", f"{BLOCK}.med_dah"], np.random.default_rng(4)
    one, x = Mlp.of(state, keys), rng.standard_normal((9, DIMS[1]))
    apart = 0
    for key in keys:
        rows = x * state[f"{key}.norm.weight"] + state[f"{key}.norm.bias"]
        hidden = np.maximum(rows @ state[f"{key}.fc1.weight"].T + state[f"{key}.fc1.bias"], 0)
        apart = apart + hidden @ state[f"{key}.fc2.weight"].T + state[f"{key}.fc2.bias"]
    assert np.allclose(np.maximum(x @ one.fc1.T + one.fc1_bias, 0) @ one.fc2.T + one.fc2_bias, apart, atol=1e-4)
    again = Mlp.of(one.tensors("a"), ["a"])
    assert np.allclose(again.fc1, one.fc1, atol=1e-6) and np.allclose(again.fc2_bias, one.fc2_bias, atol=1e-6)


def test_units_fill_the_tiles():
    assert [slim.hidden_units(3.0, channels) for channels in DIMS[1:]] == [384, 480, 960]
    assert [slim.hidden_units(2.5, channels) for channels in DIMS[1:]] == [320, 384, 800]
    assert slim.hidden_units(9, 128) == 8 * 128 and slim.hidden_units(0.01, 128) == slim.MULTIPLE


def test_all_units_give_the_network_as_it_was(tmp_path, state, pictures):
    full = slim.slimmed(state, [slim.Look(SIDE, pictures[1:3])], 8.0)
    got, want = (embedding(tmp_path / name, of, pictures[0]) for name, of in (("full", full), ("whole", state)))
    assert off(got, want) < 1e-4


def test_fewer_units_fitted_anew_beat_fewer_units(tmp_path, state, small, pictures):
    unfitted = dict(small)
    for block in int8.transformer_blocks():
        both = Mlp.of(state, [f"{block}.mlp", f"{block}.med_dah"])
        of = [int(np.argmin(np.abs(both.fc1 - row).sum(1))) for row in small[f"{block}.med_mlp.fc1.weight"]]
        cut = replace(both, fc1=both.fc1[of], fc1_bias=both.fc1_bias[of], fc2=both.fc2[:, of])
        unfitted |= cut.tensors(f"{block}.med_mlp")
    want, fitted, cut = (
        embedding(tmp_path / name, of, pictures[0]) for name, of in (("a", state), ("b", small), ("c", unfitted))
    )
    assert off(fitted, want) < 0.75 * off(cut, want)


def test_the_graph_has_the_smaller_shapes_and_the_base_stays(tmp_path, state, small):
    entries = {}
    for name, of in (("whole", state), ("small", small)):
        spec = model_dir.Spec("m", SIDE, "imagenet", "int8-weights", "")
        entries[name] = model_dir.write_modality(tmp_path / name, spec, MODALITY, of)
    assert entries["small"]["weights"][0] == entries["whole"]["weights"][0], "the base's bytes"
    assert entries["small"]["decoder"] == entries["whole"]["decoder"]
    sizes = [(tmp_path / name / entries[name]["weights"][1]).stat().st_size for name in ("whole", "small")]
    assert sizes[1] < 0.85 * sizes[0]
    encoder = tmp_path / "small" / entries["small"]["encoder"]
    keeps_the_contract(encoder)
    shapes = {t.name: list(t.dims) for t in onnx.load(encoder, load_external_data=False).graph.initializer}
    for key in int8.transformer_blocks():
        channels = DIMS[int(key.split(".")[2])]
        assert shapes[f"{key}.med_mlp.fc1.weight"] == [3 * channels, channels]
        assert shapes[f"{key}.med_mlp.fc2.weight"] == [channels, 3 * channels]
        assert not [name for name in shapes if name.startswith((f"{key}.mlp.", f"{key}.med_dah."))]


def test_every_storage_and_form_gives_one_network(tmp_path, small, pictures):
    ranges = {"ultrasound": calibrate.ranges(refine.Encoder(small, SIDE, True), pictures[1:4], grid=9)}
    want = embedding(tmp_path / "float", small, pictures[0])
    assert off(embedding(tmp_path / "plain", small, pictures[0], form="plain"), want) < 1e-4
    assert off(embedding(tmp_path / "half", small, pictures[0], "float16"), want) < 0.01
    wide = embedding(tmp_path / "wide", small, pictures[0], "int8-weights")
    assert off(wide, want) < 0.1
    stored = model_dir.read_weights(tmp_path / "wide" / "int8-weights", "ultrasound")
    assert slim.is_slim(stored) and slim.fits(stored, 3.0) and not slim.fits(stored, 2.0)
    assert off(embedding(tmp_path / "restored", int8.restored(stored), pictures[0]), wide) < 1e-4
    assert off(embedding(tmp_path / "eight", stored, pictures[0], "int8", ranges=ranges), want) < 0.15
    again = model_dir.weight_names(tmp_path / "eight/int8")
    assert again == model_dir.weight_names(tmp_path / "wide/int8-weights"), "read and written again, the same files"


def test_what_is_shipped_is_written_byte_for_byte(tmp_path):
    shipped = {model["name"]: model for model in model_dir.read_manifest(CONFIGS.parent)}["live-224-int8"]
    recipe, ranges = Recipe.read(CONFIGS / "release.toml"), CONFIGS / "ranges-224.json"
    known, steps = json.loads(ranges.read_text())["encoders"], calibrate.known_steps(ranges)
    entry = next(of for of in shipped["modality"] if of["name"] == "ultrasound")
    state = as_asked(
        arguments(), recipe, "ultrasound", model_dir.read_weights(CONFIGS.parent / "release", "ultrasound")
    )
    spec = model_dir.Spec("m", 224, recipe.profile, "int8", "", ranges=known, attention=steps, folder="release")
    again = model_dir.write_modality(tmp_path, spec, MODALITY, state)
    for path in (entry["encoder"], *entry["weights"]):
        assert (tmp_path / path).read_bytes() == (CONFIGS.parent / path).read_bytes()
    assert again["encoder"] == entry["encoder"]


def test_whole_controllers_lie_beside_what_is_shipped_and_are_not_shipped():
    """Packages, wheel and image hold what the manifest lists."""
    recipe, models = Recipe.read(CONFIGS / "release.toml"), CONFIGS.parent
    assert {path.name.rpartition("-")[0] for path in (models / slim.WHOLE).iterdir()} == recipe.mlp.keys()
    for name in recipe.modalities:
        assert slim.fits(model_dir.read_weights(models / "release", name), recipe.mlp.get(name))
        assert not slim.is_slim(slim.whole(models / "release", name))
    listed = [file["path"] for model in model_dir.read_manifest(models) for file in model["file"]]
    assert listed and all(path.startswith("release/") for path in listed)


def arguments(**given):
    """A command line's, as far as it counts here."""
    defaults = {"data": None, "split": None, "storage": "int8-weights", "exported": None, "controller": {}}
    return argparse.Namespace(**defaults | given)


def test_a_recipe_is_kept_to(state, small):
    of = Recipe.read(CONFIGS / "release.toml")
    whole, three, two = (replace(of, mlp=mlp) for mlp in ({}, {"ultrasound": 3.0}, {"ultrasound": 2.0}))
    assert as_asked(arguments(), whole, "ultrasound", state) is state
    assert as_asked(arguments(storage="int8"), three, "ultrasound", small) is small
    assert as_asked(arguments(), three, "x-ray", state) is state, "it is not named"
    with pytest.raises(SystemExit, match="needs --data"):
        as_asked(arguments(), three, "ultrasound", state)
    for other in (whole, two):
        with pytest.raises(SystemExit, match="begin from whole weights"):
            as_asked(arguments(), other, "ultrasound", small)
    assert of.sides("ultrasound") == [224] and of.sides("fundus") == [224, 448]


def cut(state, _looks, width):
    """As `slim.slimmed`, at once: the first units, and no fit."""
    for block in int8.transformer_blocks():
        both = Mlp.of(state, [f"{block}.mlp", f"{block}.med_dah"])
        some = slice(slim.hidden_units(width, both.fc1.shape[1]))
        one = replace(both, fc1=both.fc1[some], fc1_bias=both.fc1_bias[some], fc2=both.fc2[:, some])
        state = {name: value for name, value in state.items() if not name.startswith(f"{block}.med_dah.")}
        state |= one.tensors(f"{block}.med_mlp")
    return state


def test_whole_controllers_are_kept_beside_and_begun_from(tmp_path, monkeypatch, state):
    """Exported whole, then slimmed from that folder into itself, then slimmed anew from what was kept."""
    monkeypatch.setattr(slim, "looks", lambda *_: [])
    monkeypatch.setattr(slim, "slimmed", cut)
    release, kept = tmp_path / "release", tmp_path / slim.WHOLE
    spec = model_dir.Spec("m", SIDE, "imagenet", "int8-weights", "", folder="release")
    model_dir.write_modality(tmp_path, spec, MODALITY, state)
    before = {path.name: path.read_bytes() for path in release.glob("ultrasound-*")}
    of = Recipe.read(CONFIGS / "release.toml")

    def exported(width):
        args = arguments(exported=release, out=tmp_path, data=tmp_path, split=tmp_path)
        recipe = replace(of, mlp={"ultrasound": width} if width else {})
        given = as_asked(args, recipe, "ultrasound", as_given(args, recipe, "ultrasound"))
        entry = model_dir.write_modality(tmp_path, spec, MODALITY, given)
        model_dir.prune(tmp_path, [{"modality": [entry]}])
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == before, "byte for byte"
        return model_dir.read_weights(release, "ultrasound")

    kept.mkdir()
    (kept / "ultrasound-0.safetensors").write_bytes(b"of earlier weights")
    three = exported(3.0)
    assert slim.fits(three, 3.0) and slim.width(three) == 3.0
    assert slim.width(slim.whole(release, "ultrasound")) is None
    again = exported(3.0)
    assert all(np.array_equal(again[key], three[key]) for key in three), "what is so already stays"
    assert slim.fits(exported(2.0), 2.0)
    assert not slim.is_slim(exported(None)) and {p.name for p in release.glob("ultrasound-*")} == before.keys()


@pytest.mark.parametrize(
    ("mlp", "message"),
    [
        ("mlp = 3.0", "mlp is 3.0, expected a table"),
        ("[mlp]\nx-ray = 0", "mlp of x-ray is 0"),
        ("[mlp]\nx-ray = 8", "mlp of x-ray is 8, expected more than 0 and less than 8"),
        ("[mlp]\nx-ray = true", "mlp of x-ray is True"),
        ('[mlp]\nx-ray = "3"', "mlp of x-ray is 3"),
        ("[mlp]\nheart = 3", "mlp names heart, which has no controller"),
    ],
)
def test_widths_beyond_reason_are_refused(tmp_path, mlp, message):
    values = tomllib.loads((CONFIGS / "release.toml").read_text())
    values = {key: values[key] for key in ("name", "folder", "side", "profile", "description", "base")}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    modality = ["[modality.x-ray]", 'label = "lungs"', 'controller = "c"', "trained_on = []", "licences = []"]
    recipe = tmp_path / "r.toml"
    recipe.write_text("\n".join([*lines, mlp, *modality]))
    with pytest.raises(SystemExit, match=message):
        Recipe.read(recipe)


def test_two_evaluations_are_compared_by_picture(tmp_path):
    row = {"dataset": "us", "modality": "ultrasound", "empty": False, "marked": True}
    for name, dices in (("before", (0.9, 0.8, 0.7)), ("after", (0.9, 0.7, 0.7))):
        rows = [{**row, "stem": f"s{at}", "dice": dice, "iou": dice / (2 - dice)} for at, dice in enumerate(dices)]
        rows.append({**row, "stem": "none", "empty": True, "marked": name == "after"})
        (tmp_path / f"{name}.json").write_text(json.dumps({"pictures": rows}))
    command = [sys.executable, "-m", "espmedsam.measure.paired", tmp_path / "before.json", tmp_path / "after.json"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert "| `us` | 3 | 0.800 | 0.767 | -0.0333" in done.stdout
    assert "| `ultrasound` | 3 | 0.800 | 0.767 | -0.0333" in done.stdout
    assert "us s1: 0.800 -> 0.700" in done.stdout and "marked: 0 of 1 -> 1 of 1" in done.stdout
