"""Checkpoints: strict keys and shapes, two file formats, no code executed."""

import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from espmedsam.weights import average, checkpoint, join
from espmedsam.weights import reference as reference_weights
from espmedsam.weights.checkpoint import CheckpointError


@pytest.fixture(scope="module")
def state():
    return reference_weights.weights(1001, 2, -0.75)


def test_the_official_network_has_504_entries_80_of_them_of_the_modality():
    keys = checkpoint.official_keys()
    assert len(keys) == 504
    assert sum(map(checkpoint.is_modality_key, keys)) == 80
    med = sum(int(np.prod(s)) for k, s in keys.items() if checkpoint.is_modality_key(k))
    assert med == 3_144_202  # reference README, "per-modality med parameters"


def test_safetensors_round_trip_is_bit_exact(tmp_path, state):
    path = tmp_path / "c.safetensors"
    checkpoint.write_safetensors(path, state)
    back = checkpoint.load(path)
    assert set(back) == {k for k in state if not k.endswith("num_batches_tracked")}
    assert all(np.array_equal(back[k], state[k]) for k in back)


def test_a_data_parallel_prefix_is_taken_off_and_a_teacher_ignored(state):
    wrapped = {f"module.{k}": v for k, v in state.items()}
    wrapped["module.image_encoder.pos_embed"] = np.zeros((1, 64, 64, 768), np.float32)
    assert set(checkpoint.strict(wrapped)) == set(checkpoint.strict(state))


@pytest.mark.parametrize("key", ["mask_query.weight", "SemiTViT.layers.2.blocks.5.med_dah.fc2.bias"])
def test_missing_extra_and_misshapen_keys_are_named(state, key):
    with pytest.raises(CheckpointError, match=f"missing key {key}"):
        checkpoint.strict({k: v for k, v in state.items() if k != key})
    with pytest.raises(CheckpointError, match="extra key mask_decoder.more"):
        checkpoint.strict({**state, "mask_decoder.more": np.zeros(1)})
    with pytest.raises(CheckpointError, match=rf"{key} has shape \(3, 3\), expected"):
        checkpoint.strict({**state, key: np.zeros((3, 3))})


def test_a_presence_head_is_whole_or_not_there(state):
    head = {key: np.ones(shape, np.float32) for key, shape in checkpoint.PRESENCE.items()}
    assert set(checkpoint.strict({**state, **head})) == set(checkpoint.strict(state)) | set(head)
    del head["presence_head.score.bias"]
    with pytest.raises(CheckpointError, match=r"missing key presence_head\.score\.bias"):
        checkpoint.strict({**state, **head})


def test_values_that_are_not_finite_are_refused(state):
    bad = dict(state)
    bad["mask_query.weight"] = np.full((7, 256), np.nan, np.float32)
    with pytest.raises(CheckpointError, match="mask_query.weight holds values that are not finite"):
        checkpoint.strict(bad)


class _Storage:
    """Pickles as PyTorch's storages do: a persistent id, no code."""

    def __init__(self, key, n):
        self.pid = ("storage", _Global("torch", "FloatStorage"), key, "cpu", n)


class _Global:
    def __init__(self, module, name):
        self.module, self.name = module, name


def write_pth(path, tensors):
    """A zip-format .pth as PyTorch >= 1.6 writes it, made without PyTorch."""
    blobs = {}

    class Pickler(pickle._Pickler):
        def persistent_id(self, obj):
            return obj.pid if isinstance(obj, _Storage) else None

        def save_global_object(self, obj):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())

        dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012 (as the class has it)

    Pickler.dispatch[_Global] = Pickler.save_global_object

    class Tensor:
        def __init__(self, key, value):
            self.key, self.value = key, value

    def save_tensor(self, obj):
        v = obj.value
        strides = tuple(s // v.itemsize for s in v.strides)
        self.save(_Global("torch._utils", "_rebuild_tensor_v2"))
        self.save((_Storage(obj.key, v.size), 0, v.shape, strides, False, OrderedDict()))
        self.write(b"R")

    Pickler.dispatch[Tensor] = save_tensor
    wrapped = {}
    for i, (k, v) in enumerate(tensors.items()):
        blobs[str(i)] = np.asarray(v, np.float32).tobytes()
        wrapped[k] = Tensor(str(i), np.asarray(v, np.float32))
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(wrapped)
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("archive/data.pkl", buffer.getvalue())
        for k, b in blobs.items():
            z.writestr(f"archive/data/{k}", b)


def test_a_pth_file_loads_to_the_same_arrays(tmp_path, state):
    path = tmp_path / "c.pth"
    write_pth(path, state)
    back = checkpoint.load(path)
    assert all(np.array_equal(back[k], state[k]) for k in back)


def test_a_pickle_that_would_run_code_is_refused_before_it_runs(tmp_path):
    touched = tmp_path / "touched"

    class Evil:
        def __reduce__(self):
            import os

            return os.system, (f"touch {touched}",)

    path = tmp_path / "evil.pth"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("archive/data.pkl", pickle.dumps({"mask_query.weight": Evil()}))
    with pytest.raises(CheckpointError, match="asks to run"):
        checkpoint.load(path)
    assert not touched.exists()


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff" * 64])
@pytest.mark.parametrize("name", ["c.pth", "c.safetensors"])
def test_files_that_are_no_checkpoints_are_refused(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(CheckpointError):
        checkpoint.load(path)


def test_the_mean_of_checkpoints_is_of_each_weight_and_of_one_network_only():
    a = {"w": np.array([1, 5], np.float32), "n": np.array(7, np.int64)}
    b = {"w": np.array([2, -5], np.float32), "n": np.array(9, np.int64)}
    found = average.mean([a, b])
    assert found["w"].dtype == np.float32 and np.array_equal(found["w"], [1.5, 0])
    assert found["n"] == 9
    for other in ({"w": b["w"]}, {**b, "w": np.zeros(3, np.float32)}):
        with pytest.raises(CheckpointError, match="not of one network"):
            average.mean([a, other])


def test_a_base_takes_another_ones_controller_and_nothing_else():
    key = "SemiTViT.layers.1.blocks.0.attn.med_attention_biases"
    base = {"w": np.zeros(3, np.float32), key: np.zeros(1, np.float32)}
    dressed = {"w": np.ones(3, np.float32), key: np.ones(1, np.float32), "more": np.ones(1, np.float32)}
    joined = join.join(base, dressed)
    assert joined.keys() == base.keys()
    assert np.array_equal(joined["w"], base["w"]) and np.array_equal(joined[key], dressed[key])
    for other in ({"w": dressed["w"]}, {**dressed, key: np.ones(2, np.float32)}):
        with pytest.raises(CheckpointError, match="med_attention_biases"):
            join.join(base, other)
