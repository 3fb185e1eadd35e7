"""Graphs: window padding follows the side, weights are shared by content, the import command refuses what it must."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from espmedsam.export import calibrate, int8, model_dir
from espmedsam.export.__main__ import renewed
from espmedsam.export.plain import bias_offsets
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights
from PIL import Image


@pytest.fixture(scope="module")
def states():
    return {m: checkpoint.strict(reference_weights.weights(1001, m, -0.75)) for m in (2, 5)}


def test_bias_offsets_number_the_offsets_by_first_occurrence():
    # The reference README's words: offset order = first occurrence of (|dy|,|dx|) scanning all pairs row-major.
    for w in (7, 14):
        seen, cells = {}, [(y, x) for y in range(w) for x in range(w)]
        want = [[seen.setdefault((abs(a - c), abs(b - d)), len(seen)) for c, d in cells] for a, b in cells]
        assert np.array_equal(bias_offsets(w), want)


@pytest.mark.parametrize("side", [32, 96, 224, 256])
def test_every_side_gives_maps_of_the_contract(tmp_path, states, side):
    spec = model_dir.Spec("m", side, "imagenet", "float16", "")
    entry = model_dir.write_modality(tmp_path, spec, model_dir.ModalitySpec("ultrasound", 2, "x", True), states[2])
    run = {k: onnxruntime.InferenceSession(str(tmp_path / entry[k])) for k in ("encoder", "self_prompt", "decoder")}
    x = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
    embedding = run["encoder"].run(None, {"image": x})[0]
    assert embedding.shape == (1, 256, side // 16, side // 16)
    patch, prompted = run["self_prompt"].run(None, {"embedding": embedding})
    assert patch.shape == (1, 1, side // 32, side // 32)
    # Only two prompt vectors exist, and each covers its 2 x 2 cells.
    prompt = (prompted - embedding)[0].reshape(256, side // 32, 2, side // 32, 2)
    assert np.abs(prompt - prompt[:, :, :1, :, :1]).max() < 1e-5
    masks = [run["decoder"].run(None, {"prompted": prompted, "modality": np.array([m])})[0] for m in range(6)]
    assert masks[0].shape == (1, 1, side // 4, side // 4)
    assert all(np.abs(masks[0] - m).max() > 1e-3 for m in masks[1:])


def test_two_modalities_share_the_base_and_two_bases_do_not(tmp_path, states):
    spec = model_dir.Spec("m", 224, "imagenet", "float32", "")
    entries = [
        model_dir.write_modality(tmp_path, spec, model_dir.ModalitySpec(n, i, "x", True), states[i])
        for n, i in (("ultrasound", 2), ("colonoscopy", 5))
    ]
    a, b = entries
    assert a["weights"][0] == b["weights"][0] and a["decoder"] == b["decoder"]
    assert a["weights"][1] != b["weights"][1] and a["encoder"] != b["encoder"]
    other = dict(states[2])
    other["mask_query.weight"] = other["mask_query.weight"] + 1
    c = model_dir.write_modality(tmp_path, spec, model_dir.ModalitySpec("x-ray", 1, "x", True), other)
    assert c["weights"][0] != a["weights"][0] and c["decoder"] != a["decoder"]


def test_the_same_weights_give_the_same_bytes(tmp_path, states):
    spec = model_dir.Spec("m", 64, "imagenet", "float16", "")
    entry = model_dir.ModalitySpec("ultrasound", 2, "x", True)
    first = {
        k: model_dir.digest(tmp_path / "a" / v)
        for k, v in model_dir.write_modality(tmp_path / "a", spec, entry, states[2]).items()
        if k in ("encoder", "decoder")
    }
    again = {
        k: model_dir.digest(tmp_path / "b" / v)
        for k, v in model_dir.write_modality(tmp_path / "b", spec, entry, states[2]).items()
        if k in ("encoder", "decoder")
    }
    assert first == again


def test_a_new_controller_leaves_the_bytes_of_the_base(tmp_path, states):
    """Training went on from what an export gave back; another controller came of it, and BatchNorms that fold alike."""
    spec = model_dir.Spec("m", 64, "imagenet", "int8-weights", "")
    entry = model_dir.ModalitySpec("ultrasound", 2, "x", True)
    first = model_dir.write_modality(tmp_path, spec, entry, states[2])["weights"]
    folder = (tmp_path / first[0]).parent
    trained = int8.restored(model_dir.read_weights(folder, "ultrasound"))
    trained |= {k: v for k, v in states[5].items() if checkpoint.is_modality_key(k)}
    norm = "SemiTViT.patch_embed.seq.2.bn."
    trained[norm + "weight"] = trained[norm + "weight"] * 2
    trained[norm + "running_var"] = (trained[norm + "running_var"] + 1e-5) * 4 - 1e-5
    spare = reference_weights.weights(1001, 2, -0.75)  # for official keys that no export keeps
    checkpoint.write_safetensors(tmp_path / "trained.safetensors", spare | trained)
    state = renewed(folder, tmp_path / "trained.safetensors")
    second = model_dir.write_modality(tmp_path, spec, entry, state)["weights"]
    assert second[0] == first[0] and second[1] != first[1]
    trained[norm + "weight"] = trained[norm + "weight"] * 1.05
    checkpoint.write_safetensors(tmp_path / "trained.safetensors", spare | trained)
    with pytest.raises(SystemExit, match="of another base"):
        renewed(folder, tmp_path / "trained.safetensors")


def _import(*args):
    return subprocess.run(
        [sys.executable, "-m", "espmedsam.export.import_checkpoint", *map(str, args)],
        text=True,
        capture_output=True,
        cwd=Path(__file__).parents[2],
    )


def test_the_import_command(tmp_path):
    path = tmp_path / "c.safetensors"
    for m in (2, 5):
        checkpoint.write_safetensors(tmp_path / f"{m}.safetensors", reference_weights.weights(1001, m, -0.75))
    out = tmp_path / "models"
    base = ("--preprocess", "official", "--side", 64, "--out", out)
    assert _import("--checkpoint", tmp_path / "2.safetensors", "--modality", "ultrasound", *base).returncode == 0
    second = _import("--checkpoint", tmp_path / "5.safetensors", "--modality", "colonoscopy", *base)
    assert "base shared with ultrasound" in second.stdout, second.stderr
    manifest = model_dir.read_manifest(out)
    assert [y["name"] for y in manifest[0]["modality"]] == ["ultrasound", "colonoscopy"]
    assert manifest[0]["preprocess"]["std"] == manifest[0]["preprocess"]["mean"]
    for args, said in (
        (("--checkpoint", path, "--modality", "ultrasound", *base), "does not exist"),
        (("--checkpoint", tmp_path / "2.safetensors", "--modality", "mri", *base), "--index"),
        (
            ("--checkpoint", tmp_path / "2.safetensors", "--modality", "ultrasound", "--side", 100, "--out", out),
            "multiple of 32",
        ),
    ):
        failed = _import(*args)
        assert failed.returncode != 0 and said in failed.stderr
    assert model_dir.read_manifest(out) == manifest


def test_views_reach_the_manifest(tmp_path, states):
    spec = model_dir.Spec("m", 224, "imagenet", "float32", "", views={"ultrasound": {"tiles": 2, "mirrored": "across"}})
    entries = [
        model_dir.write_modality(tmp_path, spec, model_dir.ModalitySpec(n, i, "x", True), states[i])
        for n, i in (("ultrasound", 2), ("colonoscopy", 5))
    ]
    model_dir.write_manifest(tmp_path, [model_dir.model_entry(spec, entries)])
    read = {m["name"]: m.get("views") for m in model_dir.read_manifest(tmp_path)[0]["modality"]}
    assert read == {"ultrasound": {"tiles": 2, "mirrored": "across"}, "colonoscopy": None}


def test_calibration_sees_the_tiles_that_are_served(tmp_path):
    grey = np.add.outer(np.arange(832), np.arange(832)) % 256
    Image.fromarray(np.stack([grey] * 3, -1).astype(np.uint8)).save(tmp_path / "a.png")
    whole = calibrate.tensor(tmp_path / "a.png", 448 + 384, "imagenet")
    for number, (top, left) in enumerate([(0, 0), (0, 384), (384, 0), (384, 384), (0, 0)]):
        found = calibrate.Served(448, "imagenet", 2).at(tmp_path / "a.png", number)
        assert np.array_equal(found, whole[..., top : top + 448, left : left + 448])
    assert calibrate.Served(448, "imagenet").at(tmp_path / "a.png", 3).shape == (1, 3, 448, 448)


def listed(folder, sizes, modality="ultrasound"):
    """A pool's lists: so many training pictures of each data set, and one of another part."""
    names = [(of, str(at), "train") for of, size in sizes.items() for at in range(size)] + [("a", "kept", "val")]
    index = "".join(f"{of},{modality},{stem},{of}/{stem}.png\n" for of, stem, _ in names)
    (folder / "index.csv").write_text("dataset,modality,stem,image\n" + index)
    split = "".join(f"{of},{stem},{part}\n" for of, stem, part in names)
    (folder / "split.csv").write_text("dataset,stem,split\n" + split)


def test_calibration_looks_at_as_many_pictures_as_it_says_from_every_data_set(tmp_path):
    sizes = {"a": 40, "b": 40, "c": 3, "d": 40, "e": 40}
    listed(tmp_path, sizes)
    for count, each in ((48, [11, 11, 3, 11, 12]), (7, [1, 1, 1, 2, 2]), (500, list(sizes.values()))):
        found = list(calibrate.chosen(tmp_path, tmp_path / "split.csv", "ultrasound", count))
        assert found == list(calibrate.chosen(tmp_path, tmp_path / "split.csv", "ultrasound", count))
        of = [path.parent.name for path in found]
        assert [of.count(name) for name in sizes] == each and len(set(found)) == len(found)
        assert tmp_path / "a/kept.png" not in found
    assert [path.stem for path in calibrate.chosen(tmp_path, tmp_path / "split.csv", "ultrasound", 20)][:4] == [
        "0", "10", "20", "30",
    ]  # fmt: skip
    assert not list(calibrate.chosen(tmp_path, tmp_path / "split.csv", "x-ray", 9))


def test_figures_for_the_manifest_are_of_sets_with_a_target():
    shown = {"dataset": "a", "modality": "x-ray", "images": 3, "dice_mean": 0.12345, "iou_mean": 0.1}
    empty = shown | {"dataset": "b", "images": 0, "dice_mean": None, "iou_mean": None}
    found = model_dir.measured({"datasets": [shown, empty]})
    assert found == {"x-ray": [{"dataset": "a", "images": 3, "dice": 0.1235, "iou": 0.1}]}
