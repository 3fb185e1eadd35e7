"""A model of one's own beside shipped ones, on made-up weights: what is written, what is refused, what is told."""

import argparse
import json
import stat
import sys
import tomllib
from dataclasses import replace

import cv2
import numpy as np
import onnxruntime
import pytest
from espmedsam.export import calibrate, int8, model_dir, slim
from espmedsam.export.mlp import Mlp
from espmedsam.measure.evaluation import Evaluation
from espmedsam.own import __main__ as own
from espmedsam.own import card, dataset, files, package, training
from espmedsam.train.from_release import ReleaseError
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights

BLOCK = "SemiTViT.layers.1.blocks.0"
# Stands in for the program: half of every mask is right, and every second picture without a target is marked.
PROGRAM = """#!{python}
import csv, json, sys
given = dict(zip(sys.argv[1::1], sys.argv[2::1]))
kept = {{row["stem"] for row in csv.DictReader(open(given["--split"])) if row["split"] == "val"}}
rows = [row for row in csv.DictReader(open(given["--data"] + "/index.csv")) if row["stem"] in kept]
pictures = [
    dict(dataset="own", stem=row["stem"], modality="ultrasound", empty=row["empty"] == "1", marked=at % 2 == 0,
         dice=None if row["empty"] == "1" else 0.25 + 0.5 * (at % 2))
    for at, row in enumerate(sorted(rows, key=lambda row: row["empty"]))
]
figures = dict(dataset="own", modality="ultrasound", images=len(rows), dice_mean=0.5, iou_mean=0.4)
json.dump(dict(model="m", datasets=[figures], pictures=pictures), open(given["--json"], "w"))
"""


def reference(seed=1001):
    """The official network's keys, by a rule."""
    return checkpoint.strict(reference_weights.weights(seed, 2, -0.75))


def ship(root, state):
    """A folder of shipped models."""
    spec = model_dir.Spec("live", 224, "imagenet-antialias", "int8-weights", "", default=True, folder="release")
    known = model_dir.ModalitySpec("ultrasound", 2, "a disc", True, ["discs"], ["CC0"])
    model = model_dir.model_entry(spec, [model_dir.write_modality(root, spec, known, state)])
    (root / "guard").mkdir()
    (root / "guard/guard-1.onnx").write_bytes(b"guard")
    guard = {"side": 64, "inverted": 0.85, "file": "guard-1.onnx", "classes": ["ultrasound", "other"], "threshold": {}}
    (root / "guard/guard.json").write_text(json.dumps(guard))
    model_dir.write_manifest(root, [model])
    (root / "configs").mkdir()
    layers = [key for key in int8.DECODER if not key.endswith("lin2")]
    decoder = {f"{key}.x": [0.02, 128] for key in layers} | {f"{key}.y": [0.02, 0] for key in layers}
    weights = model_dir.weight_names(root / "release")
    ranges = {"weights": weights, "encoders": {"ultrasound": {}}, "decoder": decoder}
    (root / "configs/ranges-224.json").write_text(json.dumps(ranges))
    return root


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return ship(tmp_path_factory.mktemp("shipped"), reference())


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Twelve discs and four pictures with none, as pairs."""
    folder, rng = tmp_path_factory.mktemp("given"), np.random.default_rng(0)
    for at in range(16):
        mask = np.zeros((60, 80), np.uint8)
        if at < 12:
            cv2.circle(mask, tuple(int(v) for v in rng.integers(20, 40, 2)), 12, 255, -1)
        cv2.imwrite(str(folder / f"{at:02}.png"), rng.integers(0, 80, (60, 80)).astype(np.uint8) + mask // 3)
        cv2.imwrite(str(folder / f"{at:02}_mask.png"), mask)
    return folder


def all_files(root):
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}


def listed(root):
    """Path -> what the manifest says of the file."""
    manifest = tomllib.loads((root / "manifest.toml").read_text())
    return {f["path"]: f for f in [*(f for m in manifest["model"] for f in m["file"]), manifest["guard"]["file"]]}


def controller(path, models, factor):
    """A checkpoint as training leaves it: the shipped one, its controller moved."""
    state = package.begun(models, "ultrasound")
    moved = {k: v * factor for k, v in state.items() if "med_dah.fc1" in k}
    checkpoint.write_safetensors(path, state | moved)
    return path, moved


def test_what_is_written_can_be_loaded_and_is_what_was_trained(tmp_path, models, given):
    pool = tmp_path / "pool"
    dataset.write(own.read(given), given, pool, "ultrasound")
    subject = package.Own("own-disc-224-int8", "ultrasound", "disc", models, pool)
    before = {name: model_dir.digest(path) for name, path in all_files(models).items()}
    for factor in (1.25, 0.75):  # a second training takes the place of the first
        path, moved = controller(tmp_path / "c.safetensors", models, np.float32(factor))
        with files.replaced(tmp_path / "models") as out:
            package.write(subject, path, out)
            package.judge(out, subject.name, [{"dataset": "own", "images": 3, "dice": 0.5, "iou": 0.4}])
    out = tmp_path / "models"
    assert {name: model_dir.digest(path) for name, path in all_files(models).items()} == before

    found = listed(out)
    for path, known in found.items():
        assert (model_dir.digest(out / path), (out / path).stat().st_size) == (known["sha256"], known["bytes"]), path
    assert all_files(out).keys() == found.keys() | {"manifest.toml", "guard/guard.json"}, "nothing of the first is left"
    assert listed(models).items() <= found.items()
    assert all(path.stat().st_nlink == 1 for path in (out / "release").iterdir()), "or ONNX would refuse them"

    live, mine = model_dir.read_manifest(out)
    assert live == model_dir.read_manifest(models)[0] and not mine["default"]
    (entry,) = mine["modality"]
    assert (entry["label"], entry["trained_on"]) == ("disc", ["discs", "own pictures of disc"])
    assert entry["licences"] == ["CC0", "own pictures: not stated"] and entry["validation"][0]["dice"] == 0.5
    stored = {k: v for name in entry["weights"] for k, v in checkpoint.read_safetensors(out / name).items()}
    restored = int8.restored(stored)
    key = f"{BLOCK}.med_dah.fc1.weight"
    scale = np.abs(moved[key]).max(1, keepdims=True) / 64
    assert (np.abs(restored[key] * restored[f"{BLOCK}.med_dah.norm.weight"] - moved[key]) <= 0.51 * scale).all()

    picture = calibrate.tensor(given / "00.png", 224, "imagenet-antialias")
    ours, theirs = (
        onnxruntime.InferenceSession(str(out / encoder)).run(None, {"image": picture})[0]
        for encoder in (entry["encoder"], live["modality"][0]["encoder"])
    )
    assert ours.shape == theirs.shape == (1, 256, 14, 14) and np.isfinite(ours).all()
    assert not np.allclose(ours, theirs, atol=1e-3)
    assert "int8" in entry["decoder"], "the shipped one, with its ranges"
    onnxruntime.InferenceSession(str(out / entry["decoder"]))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """One thread, and ranges from two pictures: what is asked here is how a package is written, not how well it sees."""
    monkeypatch.setattr(training.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(package, "CALIBRATED", 2)


def asked(given, models, out, **other):
    program = out.parent / "program"
    out.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    values = {"modality": "ultrasound", "label": "disc", "minutes": 0.01}
    return argparse.Namespace(**values | {"folder": given, "models": models, "program": program, "out": out} | other)


def test_a_folder_becomes_a_model_and_another_folder_does_not_go_on_from_it(tmp_path, models, given):
    out = tmp_path / "out"
    own.make(asked(given, models, out))
    told = (out / "README.md").read_text()
    assert "learned from 12 pictures" in told and "judged by 4 others, 1\nof them without a target" in told
    assert "shipped controller, trained on discs" in told
    rows = [line.split(" | ") for line in told.splitlines() if line.startswith(("| own-", "| shipped"))]
    assert [row[2:] for row in rows] == [["2 of 3", "0 of 1 |"]] * 2
    assert rows[1][0] == "| shipped: live, for a disc"
    (mine,) = (model for model in model_dir.read_manifest(out / "models") if model["name"] == "own-disc-224-int8")
    assert mine["modality"][0]["validation"] == [{"dataset": "own", "images": 4, "dice": 0.5, "iou": 0.4}]
    trained = model_dir.digest(out / "run/ema.safetensors")

    copied = tmp_path / "copied"
    copied.mkdir()
    for path in given.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    own.make(asked(copied, models, out))  # the same pictures: goes on, and is finished
    (copied / "15.png").unlink()
    (copied / "15_mask.png").unlink()
    for wrong, message in (
        (asked(copied, models, out), "begun with other pictures, masks or groups: move it away"),
        (asked(given, ship(tmp_path / "others", reference(7)), out), "begun with other shipped weights: move"),
    ):
        with pytest.raises(training.ResumeError, match=message):
            own.make(wrong)
    assert model_dir.digest(out / "run/ema.safetensors") == trained and (out / "README.md").read_text() == told


def test_a_program_that_fails_leaves_no_half_made_models(tmp_path, models, given):
    out = tmp_path / "out"
    with pytest.raises(files.OwnError, match="could not be measured"):
        own.make(asked(given, models, out, program="/bin/false"))
    assert not (out / "models").exists() and not list(out.glob("*.part"))


@pytest.fixture
def slim_models(tmp_path):
    """Shipped with the first 3d hidden units of every block."""
    state = reference()
    for block in int8.transformer_blocks():
        both = Mlp.of(state, [f"{block}.mlp", f"{block}.med_dah"])
        some = slice(3 * both.fc1.shape[1])
        cut = replace(both, fc1=both.fc1[some], fc1_bias=both.fc1_bias[some], fc2=both.fc2[:, some])
        state = {k: v for k, v in state.items() if not k.startswith(f"{block}.med_dah.")}
        state |= cut.tensors(f"{block}.med_mlp")
    return ship(tmp_path / "slim", state)


def test_over_smaller_mlps_a_model_learns_with_whole_ones_and_gets_smaller_ones(tmp_path, slim_models, given):
    slim.keep_whole(slim_models, "ultrasound", reference(), "int8-weights")
    pool = tmp_path / "pool"
    dataset.write(own.read(given), given, pool, "ultrasound")
    subject = package.Own("own-disc-224-int8", "ultrasound", "disc", slim_models, pool)
    path, moved = controller(tmp_path / "c.safetensors", slim_models, np.float32(1.25))
    assert moved, "what is trained has a controller's MLPs"
    with files.replaced(tmp_path / "models") as out:
        package.write(subject, path, out)
    out = tmp_path / "models"
    entry = model_dir.read_manifest(out)[-1]["modality"][0]
    stored = {k: v for name in entry["weights"] for k, v in checkpoint.read_safetensors(out / name).items()}
    assert slim.width(stored) == 3.0 and not [k for k in stored if ".med_dah." in k]
    picture = calibrate.tensor(given / "00.png", 224, "imagenet-antialias")
    trained = model_dir.Spec("float", 224, "imagenet-antialias", "float32", "")
    of = model_dir.ModalitySpec("ultrasound", 2, "", True)
    whole = model_dir.write_modality(tmp_path, trained, of, checkpoint.load(path))
    shipped = model_dir.read_manifest(slim_models)[0]["modality"][0]
    got, cut, want = (
        onnxruntime.InferenceSession(str(encoder)).run(None, {"image": picture})[0]
        for encoder in (out / entry["encoder"], slim_models / shipped["encoder"], tmp_path / whole["encoder"])
    )
    assert ((got - want) ** 2).mean() < 0.5 * ((cut - want) ** 2).mean()


def test_a_release_with_smaller_mlps_alone_is_refused(tmp_path, capsys, monkeypatch, slim_models, given):
    models = slim_models
    with pytest.raises(ReleaseError, match="ultrasound has smaller MLPs, which are not trained on"):
        package.begun(models, "ultrasound")
    monkeypatch.setattr(own, "arguments", lambda: asked(given, models, tmp_path / "out"))
    assert own.main() == 1 and "smaller MLPs" in capsys.readouterr().err
    with pytest.raises(ReleaseError, match="holds 0 files fundus"):
        package.begun(models, "fundus")


def test_models_and_pictures_are_never_written_over(tmp_path):
    models, folder = tmp_path / "models", tmp_path / "given"
    for out in (models, models / "own", tmp_path, folder):
        with pytest.raises(files.OwnError):
            own.check_apart(folder, models, out)
    with pytest.raises(files.OwnError, match="would overwrite it"):
        own.check_apart(tmp_path / "out/pool/images", models, tmp_path / "out")
    (tmp_path / "link").symlink_to(models)
    with pytest.raises(files.OwnError):
        own.check_apart(folder, models, tmp_path / "link/own")
    own.check_apart(folder, models, tmp_path / "out/own/given")
    own.check_apart(folder, models, folder / "result")


def test_names_are_of_any_label():
    assert own.model_name("Thyroid nodule") == "own-thyroid-nodule-224-int8"
    symbols = [own.model_name(label) for label in ("结节", "腺体", "!!!")]
    assert len(set(symbols)) == 3 and all(len(name) == len("own-12345678-224-int8") for name in symbols)


@pytest.mark.parametrize("label", ["a\nb", " ", "x" * 61])
def test_labels_that_are_none_are_refused(tmp_path, monkeypatch, capsys, label):
    given = [str(tmp_path), "--modality", "x-ray", "--models", "m", "--program", sys.executable, "--out", "o"]
    monkeypatch.setattr(sys, "argv", ["own", *given, "--label", label])
    with pytest.raises(SystemExit):
        own.arguments()
    assert "--label is" in capsys.readouterr().err


def test_the_card_names_the_model_that_serves(tmp_path):
    entries = [{"name": "fundus", "index": 3, "label": "vessels", "trained_on": [], "validation": []}]
    files_of = {"encoder": "e", "self_prompt": "s", "decoder": "d", "weights": []}
    for name in files_of | {}:
        (tmp_path / name[0]).write_text("")
    spec = model_dir.Spec("live", 224, "imagenet", "int8", "", default=True)
    fine = model_dir.Spec("fine", 448, "imagenet", "int8", "", preferred_for=("fundus",))
    models = [model_dir.model_entry(s, [e | files_of for e in entries]) for s in (spec, fine)]
    model_dir.write_manifest(tmp_path, models)
    made = package.Own("own-x", "fundus", "x", tmp_path, tmp_path)
    rows = [{"dataset": "own", "stem": "1", "modality": "fundus", "empty": False, "marked": True, "dice": 0.75}]
    seen = Evaluation.of({"pictures": rows})
    told = card.text(made, dataset.Found(12, 0, 12, 1, 0, ""), seen, seen)
    assert "| shipped: fine, for vessels | 0.750 [0.750, 0.750] | 0 of 1 | – |" in told
    assert "trained on data that are not stated" in told
    with pytest.raises(files.OwnError, match="no default model of x-ray"):
        package.shipped(tmp_path, "x-ray")
