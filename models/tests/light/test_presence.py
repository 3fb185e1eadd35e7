"""The presence head in the export: a second output of the decoder where the weights have one, and bounds in the manifest."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from espmedsam.export import int8, model_dir, nodes, plain
from espmedsam.export.decoder import DecoderLayers
from espmedsam.export.graph import Graph, WeightFile
from espmedsam.measure import presence, statistics
from espmedsam.measure.evaluation import Picture
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights

ROOT = Path(__file__).parents[3]
CONTRACT = json.loads((ROOT / "docs/contract.json").read_text())
BOUNDS = {"absent_below": 0.125, "present_from": 0.5}
ULTRASOUND = model_dir.ModalitySpec("ultrasound", 2, "x", True)


def head(seed=0):
    """Weights by chance, of the size that training begins with."""
    rng = np.random.default_rng(seed)
    made = {k: rng.uniform(-1, 1, shape) / np.sqrt(shape[-1]) for k, shape in checkpoint.PRESENCE.items()}
    return {k: v.astype(np.float32) for k, v in made.items()}


@pytest.fixture(scope="module")
def state():
    return checkpoint.strict(reference_weights.weights(1001, 2, -0.75))


def decoded(path, side, index=2):
    feed = {"prompted": prompted(side), "modality": np.array([index])}
    return onnxruntime.InferenceSession(str(path)).run(None, feed)


def prompted(side):
    return np.random.default_rng(7).standard_normal((1, 256, side // 16, side // 16)).astype(np.float32)


def logit(token, rows, weights, index):
    """The head a second time, in numpy and double precision."""
    erf = np.vectorize(math.erf)
    seen = np.concatenate([token, rows.mean(0), rows.max(0)]).astype(float)
    x = weights["presence_head.hidden.weight"].astype(float) @ seen + weights["presence_head.hidden.bias"]
    x = 0.5 * x * (1 + erf(x / np.sqrt(2)))
    return weights["presence_head.score.weight"][index].astype(float) @ x + weights["presence_head.score.bias"][index]


def written(root, state, storage="float32", form="nodes", **more):
    spec = model_dir.Spec(storage, 64, "imagenet", storage, "", form=form, **more)
    return model_dir.write_modality(root, spec, ULTRASOUND, state)


@pytest.mark.parametrize("form", ["nodes", "plain"])
def test_the_head_is_a_second_output_and_the_first_stays(tmp_path, state, form):
    weights = head()
    without = written(tmp_path / "a", state, form=form)
    entry = written(tmp_path / "b", state | weights, form=form)
    for index in (0, 2, 5):
        (mask,) = decoded(tmp_path / "a" / without["decoder"], 64, index)
        with_head, found = decoded(tmp_path / "b" / entry["decoder"], 64, index)
        assert np.array_equal(mask, with_head) and found.shape == (1, 1) and found.dtype == np.float32
    graph = onnx.load(tmp_path / "b" / entry["decoder"], load_external_data=False).graph
    assert [output.name for output in graph.output] == ["low_res_logits", "presence"]


def test_the_output_is_the_heads(tmp_path, state):
    weights = head(1)
    entry = written(tmp_path, state | weights)
    path = tmp_path / entry["decoder"]
    model = onnx.load(path)
    token = next(n for n in model.graph.node if n.op_type.startswith("Presence_")).input[1]
    model.graph.output.append(onnx.helper.make_tensor_value_info(token, onnx.TensorProto.FLOAT, [1, 256]))
    onnx.save(model, tmp_path / "tapped.onnx")
    rows = prompted(64)[0].reshape(256, -1).T
    seen = set()
    for index in range(6):
        _, found, token = decoded(tmp_path / "tapped.onnx", 64, index)
        assert found.item() == pytest.approx(logit(token[0], rows, weights, index), abs=1e-4)
        seen.add(round(found.item(), 4))
    assert len(seen) == 6, "each modality has a score of its own"


def test_eight_bit_storage_keeps_the_head_as_float16(tmp_path, state):
    weights = head(2)
    want = decoded(tmp_path / written(tmp_path, state | weights)["decoder"], 64)[1].item()
    stored = int8.stored(state | weights, True)
    assert all(stored[k].dtype == np.float16 for k in checkpoint.PRESENCE)
    entry = written(tmp_path, state | weights, "int8-weights")
    found = decoded(tmp_path / entry["decoder"], 64)[1].item()
    # Half a unit of float16's last place, 2^-12 of each of some hundred products of about 0.1.
    assert found != want and abs(found - want) < 0.01
    again = model_dir.read_weights(tmp_path / "int8-weights", "ultrasound")
    assert checkpoint.PRESENCE.keys() <= again.keys() and checkpoint.PRESENCE.keys() <= int8.restored(again).keys()
    assert written(tmp_path / "again", again, "int8-weights") == entry


@pytest.mark.parametrize("side", [224, 448])
def test_shipped_decoders_are_written_as_they_lie_there(tmp_path, side):
    """Weights without a head give the same file, byte by byte, as before there was one."""
    models = [m for m in model_dir.read_manifest(ROOT / "models") if m["side"] == side]
    for model in models:
        kept = ROOT / "models" / model["modality"][0]["decoder"]
        base = ROOT / "models" / model["modality"][0]["weights"][0]
        if checkpoint.PRESENCE.keys() & WeightFile(base).entries.keys():
            pytest.skip("these have a head")
        nodes.decoder(DecoderLayers(Graph("decoder", [WeightFile(base)])), side).save(tmp_path / kept.name, check=False)
        assert (tmp_path / kept.name).read_bytes() == kept.read_bytes()
    assert models


def test_the_output_is_the_one_that_the_program_may_find(tmp_path, state):
    side, optional = CONTRACT["graphs"]["side"], CONTRACT["graphs"]["ports"]["decoder"]["optional"]
    base = model_dir.write_weights(tmp_path, "base", state | head(), "float32")
    files = [WeightFile(base)]
    for graph in (nodes.decoder(DecoderLayers(Graph("decoder", files)), side), plain.decoder(side, files)):
        found = graph.outputs[1]
        shape = [d.dim_value for d in found.type.tensor_type.shape.dim]
        assert {"name": found.name, "element": "F32", "shape": shape} == optional


def test_bounds_stand_in_the_manifest_and_need_a_head(tmp_path, state):
    entry = written(tmp_path, state | head(), presence={"ultrasound": BOUNDS, "fundus": BOUNDS})
    spec = model_dir.Spec("m", 64, "imagenet", "float32", "")
    model_dir.write_manifest(tmp_path, [model_dir.model_entry(spec, [entry])])
    (model,) = model_dir.read_manifest(tmp_path)
    assert model["modality"][0]["presence"] == BOUNDS
    assert "[model.modality.presence]\nabsent_below = 0.125\n" in (tmp_path / "manifest.toml").read_text()
    with pytest.raises(ValueError, match="without a presence head"):
        written(tmp_path, state, presence={"ultrasound": BOUNDS})


def export(*args):
    command = [sys.executable, "-m", "espmedsam.export", *map(str, args)]
    return subprocess.run(command, cwd=ROOT / "models", text=True, capture_output=True)


def test_the_export_takes_the_bases_head_if_it_is_asked_for(tmp_path, state):
    raw = reference_weights.weights(1001, 2, -0.75)
    checkpoint.write_safetensors(tmp_path / "base.safetensors", raw | head(3))
    checkpoint.write_safetensors(tmp_path / "own.safetensors", raw | head(4))
    recipe = 'name = "m"\nfolder = "m"\nside = 64\nprofile = "imagenet"\ndescription = ""\nbase = "base.safetensors"\n'
    recipe += '[modality.ultrasound]\nlabel = "x"\ncontroller = "own.safetensors"\ntrained_on = []\nlicences = []\n'
    (tmp_path / "recipe.toml").write_text(recipe)
    (tmp_path / "presence.json").write_text(json.dumps({"bounds": {"ultrasound": BOUNDS}}))
    run = (tmp_path / "recipe.toml", "--runs", tmp_path, "--out")
    for out, more in (("with", ["--presence", tmp_path / "presence.json"]), ("without", [])):
        done = export(*run, tmp_path / out, *more)
        assert done.returncode == 0, done.stderr
        (modality,) = model_dir.read_manifest(tmp_path / out)[0]["modality"]
        found = model_dir.read_weights(tmp_path / out / "m", "ultrasound")
        assert modality.get("presence") == (BOUNDS if more else None)
        assert len(decoded(tmp_path / out / modality["decoder"], 64)) == 1 + bool(more)
        assert bool(more) == ("presence_head.hidden.bias" in found)
        if more:
            kept = head(3)["presence_head.hidden.bias"].astype(np.float16)
            assert np.array_equal(found["presence_head.hidden.bias"], kept)


def pictures(dataset, empty, scores, modality="colonoscopy"):
    return [Picture(dataset, str(i), modality, empty, True, presence=float(s)) for i, s in enumerate(scores)]


def test_bounds_keep_every_sources_targets_and_doubt_every_sources_empties():
    some = pictures("easy", False, np.linspace(0.9, 1, 100)) + pictures("hard", False, np.linspace(0.30005, 1, 50))
    some += pictures("clean", True, np.linspace(0, 0.1, 100)) + pictures("near", True, np.linspace(0, 0.8, 50))
    found = presence.bounds(some)
    hard, near = np.linspace(0.30005, 1, 50), np.linspace(0, 0.8, 50)
    assert (hard >= found["absent_below"]).mean() == pytest.approx(0.86)
    easy = presence.bounds([p for p in some if p.dataset != "hard"])
    assert (np.linspace(0.9, 1, 100) >= easy["absent_below"]).mean() == presence.SENSITIVITY
    assert (near < found["present_from"]).mean() == 0.9
    cells = [row.cells() for row in presence.figures(some, {"colonoscopy": found})]
    rows = {(row[1], row[2]): row[4:] for row in cells}
    assert rows["hard", "target"][0] == "0.140" and rows["easy", "target"][:3] == ["0.000", "0.000", "1.000"]
    assert rows["near", "empty"][2] == "0.100" and rows["clean", "empty"][0] == "1.000"


def test_bounds_are_judged_on_pictures_that_did_not_choose_them():
    """Scores without any order."""
    rng = np.random.default_rng(0)
    some = pictures("a", False, rng.random(60)) + pictures("b", True, rng.random(60))
    some = [replace(p, stem=f"{p.dataset}{p.stem}") for p in some]
    chosen = {"colonoscopy": presence.bounds(some)}
    target, empty = presence.figures(some, chosen)
    assert (target.dataset, empty.dataset, target.empty, empty.empty) == ("a", "b", False, True)
    fold = statistics.folds([p.key for p in some], presence.FOLDS)
    for row in (target, empty):
        called = []
        for number in range(presence.FOLDS):
            of = presence.bounds(p for p, at in zip(some, fold, strict=True) if at != number)
            own = (p for p, at in zip(some, fold, strict=True) if at == number and p.empty == row.empty)
            called += [(p.presence < of["absent_below"], p.presence >= of["present_from"]) for p in own]
        absent, present = np.mean(called, 0)
        assert len(called) == row.pictures == 60
        assert (row.cross_fitted.absent, row.cross_fitted.present) == (pytest.approx(absent), pytest.approx(present))
    assert target.chosen_on.absent <= 0.05 < target.cross_fitted.absent
    assert empty.chosen_on.present <= 0.1 and empty.cross_fitted != empty.chosen_on
    few = pictures("a", False, [0.9]) + [replace(p, stem="e") for p in pictures("b", True, [0.1])]
    assert [row.cells()[-1] for row in presence.figures(few, {"colonoscopy": presence.OPEN})] == ["–", "–"]


def test_the_command_writes_both_figures(tmp_path):
    some = pictures("a", False, np.linspace(0.5, 1, 30)) + pictures("b", True, np.linspace(0, 0.6, 30))
    rows = [asdict(p) | {"presence": {"score": p.presence}} for p in some]
    (tmp_path / "eval.json").write_text(json.dumps({"pictures": rows}))
    command = [sys.executable, "-m", "espmedsam.measure.presence", "--eval", tmp_path / "eval.json"]
    done = subprocess.run(
        [*command, "--out", tmp_path / "presence.json"], cwd=ROOT / "models", text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith(
        "| absent, cross-fitted | unsure, cross-fitted | present, cross-fitted |"
    )
    known = json.loads((tmp_path / "presence.json").read_text())
    assert [row["dataset"] for row in known["figures"]] == ["a", "b"] and known["bounds"].keys() == {"colonoscopy"}
    assert known["figures"][0]["cross_fitted"].keys() == {"absent", "unsure", "present"}


def test_bounds_keep_their_order_and_need_both_sorts_of_pictures():
    apart = pictures("a", False, np.linspace(0.8, 1, 40)) + pictures("b", True, np.linspace(0, 0.1, 40))
    found = presence.bounds(apart)
    assert found["absent_below"] == found["present_from"] > 0.79
    assert presence.bounds(pictures("a", False, np.ones(40))) is None
    assert presence.bounds([Picture("a", "1", "colonoscopy", True, True)]) is None
    few = pictures("a", False, [0.9] * 30) + pictures("b", False, [0.1] * 5) + pictures("c", True, [0.2] * 30)
    assert presence.bounds(few)["absent_below"] == 0.1, "small sources count together"
