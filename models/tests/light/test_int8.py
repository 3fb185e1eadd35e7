"""8 bits: the nodes' functions against integers in numpy, the quantizer, the 8-bit encoder against the float one."""

import functools
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from espmedsam.export import calibrate, calibrate_decoder, int8, model_dir, refine
from espmedsam.export.bodies import call
from espmedsam.export.graph import Graph
from espmedsam.export.quantize import WEIGHT_MAX, Histogram, quantized_weight
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights
from onnx import TensorProto
from PIL import Image
from test_nodes import keeps_the_contract

F, U8, I8 = np.float32, np.uint8, np.int8
TYPES = {np.dtype(F): TensorProto.FLOAT, np.dtype(U8): TensorProto.UINT8, np.dtype(I8): TensorProto.INT8}


@functools.cache
def reference(modality=2):
    """A checkpoint made by rule; not to be changed."""
    return checkpoint.strict(reference_weights.weights(1001, modality, -0.75))


def run(tmp_path, kind, inputs, shape=None, **attributes):
    """One node through onnxruntime; all inputs are fed, absent ones are None."""
    g = Graph("node", [])
    given = {k: v for k, v in inputs.items() if v is not None}
    names = {k: g.input(k, list(v.shape), TYPES[v.dtype]) if v is not None else "" for k, v in inputs.items()}
    g.output(
        g.node(call(kind, names, shape, **attributes)),
        "out",
        [None, None],
        TensorProto.UINT8 if "y_scale" in given else TensorProto.FLOAT,
    )
    g.save(tmp_path / "node.onnx")
    return onnxruntime.InferenceSession(str(tmp_path / "node.onnx")).run(None, given)[0]


def quant(x, scale, zero):
    return np.clip(np.rint(x / scale) + zero, 0, 255).astype(U8)


def gelu(x):
    return np.vectorize(lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2))))(x.astype(np.float64))


def finish(acc, i, activation):
    """The contract's words, on int32 sums [R, N]."""
    real = acc.astype(F) * (i["x_scale"] * i["weight_scale"]) + (0 if i["bias"] is None else i["bias"])
    if i.get("residual_scale") is not None:
        real = real + i["residual_scale"] * (i["residual"].astype(F) - i["residual_zero"])
    elif i.get("residual") is not None:
        real = real + i["residual"]
    if i.get("y_scale") is None:
        return real
    if activation == "gelu":
        mid = quant(real, i["mid_scale"], i["mid_zero"]).astype(np.float64)
        real = gelu((mid - i["mid_zero"]) * i["mid_scale"])
    return quant(real, i["y_scale"], i["y_zero"])


def same(got, want):
    """Floats to rounding; bytes but for a tie that rounding turned."""
    assert got.dtype == want.dtype or want.dtype == np.float64
    if got.dtype == U8:
        off = np.abs(got.astype(int) - want)
        assert off.max() <= 1 and (off > 0).mean() < 2e-3
    else:
        assert np.allclose(got, want, rtol=1e-5, atol=1e-5)


def operands(rng, rows, weight_shape, residual=None, activation="none", byte=True):
    n = weight_shape[0]
    i = {
        "x_scale": F(0.02),
        "x_zero": U8(117),
        "weight": rng.integers(-64, 65, weight_shape).astype(I8),
        "weight_scale": rng.uniform(0.001, 0.01, n).astype(F),
        "bias": rng.standard_normal(n).astype(F),
    }
    if residual == "float":
        i |= {"residual": rng.standard_normal((rows, n)).astype(F), "residual_scale": None, "residual_zero": None}
    elif residual == "byte":
        i |= {"residual": rng.integers(0, 256, (rows, n)).astype(U8), "residual_scale": F(0.03), "residual_zero": U8(9)}
    absent = {"mid_scale": None, "mid_zero": None, "y_scale": None, "y_zero": None}
    mid = {"mid_scale": F(0.05), "mid_zero": U8(100)} if activation == "gelu" else {}
    return {**i, **absent, **mid, **({"y_scale": F(0.0371), "y_zero": U8(5 if mid else 128)} if byte else {})}


def arrays(i):
    return {k: None if v is None else np.asarray(v) for k, v in i.items()}


@pytest.mark.parametrize(
    "residual, activation, byte",
    [
        (None, "none", False),
        (None, "none", True),
        (None, "gelu", True),
        ("float", "none", False),
        ("byte", "gelu", True),
    ],
)
def test_qlinear_is_integers_then_one_scale(tmp_path, residual, activation, byte):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (37, 96)).astype(U8)
    i = operands(rng, 37, (24, 96), residual, activation, byte)
    got = run(tmp_path, "QLinear", arrays({"x": x, **i}), activation=activation)
    acc = (x.astype(np.int32) - i["x_zero"]) @ i["weight"].astype(np.int32).T
    same(got, finish(acc, i, activation))


def test_the_largest_sums_do_not_saturate(tmp_path):
    x, i = np.full((1, 1280), 255, U8), operands(np.random.default_rng(0), 1, (2, 1280), byte=False)
    i |= {
        "x_zero": U8(0),
        "weight": np.repeat(np.array([[64], [-64]], I8), 1280, 1),
        "bias": None,
        "x_scale": F(1),
        "weight_scale": np.ones(2, F),
    }
    got = run(tmp_path, "QLinear", arrays({"x": x, **i}), activation="none")
    assert got.tolist() == [[255 * 64 * 1280, -255 * 64 * 1280]]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions_take_cells_outside_as_zero(tmp_path, stride, depthwise):
    rng, h, w, c, n = np.random.default_rng(2), 6, 5, 8, 8 if depthwise else 12
    x = rng.integers(0, 256, (h * w, c)).astype(U8)
    i = operands(rng, 0, (n, 1 if depthwise else c, 3, 3), activation="gelu" if depthwise else "none")
    attributes = {"height": h, "width": w, "stride": stride}
    if depthwise:
        got = run(tmp_path, "QDepthwise", arrays({"x": x, **i}), {"channels": c}, **attributes, activation="gelu")
    else:
        got = run(tmp_path, "QConv", arrays({"x": x, **i}), **attributes, kernel=3, pad=1, planar=0, activation="none")
    wide = np.pad(x.reshape(h, w, c).astype(np.int32) - i["x_zero"], ((1, 1), (1, 1), (0, 0)))
    weight = i["weight"].astype(np.int32)
    acc = [
        np.einsum(
            "yxc,cyx->c" if depthwise else "yxc,ncyx->n",
            wide[y : y + 3, z : z + 3],
            weight[:, 0] if depthwise else weight,
        )
        for y in range(0, h, stride)
        for z in range(0, w, stride)
    ]
    same(got, finish(np.array(acc), i, "gelu" if depthwise else "none"))


def test_a_picture_is_convolved_plane_by_plane(tmp_path):
    rng, side, c, n = np.random.default_rng(8), 6, 3, 5
    x = rng.integers(0, 256, (1, c, side, side)).astype(U8)
    i = operands(rng, 0, (n, c, 3, 3), activation="gelu")
    geometry = {"height": side, "width": side, "kernel": 3, "pad": 1, "stride": 2, "planar": 1}
    got = run(tmp_path, "QConv", arrays({"x": x, **i}), **geometry, activation="gelu")
    wide = np.pad(x[0].astype(np.int32) - i["x_zero"], ((0, 0), (1, 1), (1, 1)))
    cells = [(y, z) for y in range(0, side, 2) for z in range(0, side, 2)]
    acc = [np.einsum("cyx,ncyx->n", wide[:, y : y + 3, z : z + 3], i["weight"].astype(np.int32)) for y, z in cells]
    same(got, finish(np.array(acc), i, "gelu"))


def test_an_up_convolution_makes_four_cells_of_one(tmp_path):
    rng, h, w, k, n = np.random.default_rng(9), 3, 4, 20, 6
    x = rng.integers(0, 256, (h * w, k)).astype(U8)
    i = operands(rng, 0, (n, k, 2, 2), byte=False) | {"weight": rng.integers(-64, 65, (k, n, 2, 2)).astype(I8)}
    wanted = ("x_scale", "x_zero", "weight", "weight_scale", "bias")
    got = run(tmp_path, "QUpConv", arrays({"x": x, **{name: i[name] for name in wanted}}), height=h, width=w)
    cells = (x.astype(np.int32) - i["x_zero"]).reshape(h, w, k)
    acc = np.einsum("hwk,knyx->hywxn", cells, i["weight"].astype(np.int32)).reshape(4 * h * w, n)
    same(got, finish(acc, i, "none"))


def test_a_weight_keeps_seven_bits_and_loses_least():
    rng = np.random.default_rng(3)
    w = rng.standard_normal((16, 300)).astype(F)
    w[:, 0] = 12  # an outlier must not coarsen the others
    got, scale = quantized_weight(w)
    naive = np.abs(w).max(1) / WEIGHT_MAX
    error = ((got * scale[:, None] - w) ** 2).sum(1)
    assert np.abs(got).max() <= WEIGHT_MAX and got.dtype == I8 and scale.dtype == F
    assert (error <= ((np.rint(w / naive[:, None]) * naive[:, None] - w) ** 2).sum(1) + 1e-4).all()
    given, same_scale = quantized_weight(w[:, :9], scale)
    assert given.shape == (16, 9) and same_scale is scale
    assert not quantized_weight(np.zeros((2, 3), F))[0].any()


def histogram(x):
    h = Histogram()
    for look in (h.widen, h.add):
        look(x)
    return h


def test_a_range_holds_zero_and_leaves_outliers_out():
    x = np.random.default_rng(4).standard_normal(1_000_000).astype(F)
    scale, zero = histogram(np.append(x, F(20))).range()
    assert 0 < zero < 255 and scale * (255 - zero) < 8
    scale, zero = histogram(np.abs(x) + 3).range()
    assert zero == 0
    assert histogram(np.zeros(9, F)).range() == (1.0, 0)


def test_a_range_before_gelu_forgets_what_gelu_flattens():
    x = np.random.default_rng(5).uniform(-30, 3, 100_000).astype(F)
    value, gelu_only = histogram(x).range(), histogram(x).range(before_gelu=True)
    assert value[0] * value[1] > 20 and gelu_only[0] * gelu_only[1] < 8


@pytest.mark.parametrize("controller", [False, True])
def test_the_eight_bit_encoder_follows_the_float_one(tmp_path, controller):
    state = reference()
    rng, side, of = np.random.default_rng(6), 64, "ultrasound" if controller else "base"
    pictures = [rng.standard_normal((1, 3, side, side)).astype(F) for _ in range(4)]
    encoder = refine.Encoder(state, side, controller)
    ranges = {of: calibrate.ranges(encoder, pictures[1:], grid=9)}
    steps = {of: calibrate.attention_steps(encoder, pictures[1:])}
    assert len(steps[of]) == 10
    modality = model_dir.ModalitySpec("ultrasound", 2, "x", controller)
    out = []
    for storage, attention_of in (("float32", {}), ("int8", {}), ("int8", steps)):
        spec = model_dir.Spec(storage, side, "imagenet", storage, "", ranges=ranges, attention=attention_of)
        entry = model_dir.write_modality(tmp_path, spec, modality, state)
        keeps_the_contract(tmp_path / entry["encoder"])
        out.append(onnxruntime.InferenceSession(str(tmp_path / entry["encoder"])).run(None, {"image": pictures[0]})[0])
    errors = [np.sqrt(((y - out[0]) ** 2).mean() / (out[0] ** 2).mean()) for y in out[1:]]
    assert max(errors) < 0.15 and errors[0] != errors[1]


def test_the_eight_bit_decoder_follows_the_float_one(tmp_path):
    state, side = reference(), 64
    rng = np.random.default_rng(10)
    pictures = [rng.standard_normal((1, 3, side, side)).astype(F) for _ in range(4)]
    known = calibrate_decoder.ranges([calibrate_decoder.Seen(refine.Encoder(state, side, True), pictures[1:])])
    assert len(known) == 5 and all(zero == 0 for name, (_, zero) in known.items() if name.endswith(".y"))
    modality = model_dir.ModalitySpec("ultrasound", 2, "x", True)
    stored, feeds, out = int8.stored(state, True), {"modality": np.array([2])}, []
    encoder = {"ultrasound": calibrate.ranges(refine.Encoder(state, side, True), pictures[1:], grid=9)}
    for name, decoder in (("wide", {}), ("eight", known)):
        spec = model_dir.Spec(name, side, "imagenet", "int8", "", ranges=encoder, decoder=decoder)
        entry = model_dir.write_modality(tmp_path, spec, modality, stored)
        keeps_the_contract(tmp_path / entry["decoder"])
        assert ("int8" in entry["decoder"]) == bool(decoder)
        run = {of: onnxruntime.InferenceSession(str(tmp_path / entry[of])).run for of in ("self_prompt", "decoder")}
        if not out:
            embedding = rng.standard_normal((1, 256, side // 16, side // 16)).astype(F)
            feeds["prompted"] = run["self_prompt"](["prompted"], {"embedding": embedding})[0]
        out.append(run["decoder"](["low_res_logits"], feeds)[0])
    kinds = {node.op_type.split("_")[0] for node in onnx.load(tmp_path / entry["decoder"]).graph.node}
    assert {"QLinear", "QUpConv"} <= kinds
    error = np.sqrt(((out[1] - out[0]) ** 2).mean() / (out[0] ** 2).mean())
    assert 0 < error < 0.15


def test_layers_that_earlier_exports_stored_as_floats_are_stored_in_eight_bits_now():
    """Everything else stays as it lies there."""
    state = reference()
    now = int8.stored(state, True)
    earlier = {k: v for k, v in now.items() if not k.startswith((f"{int8.STEM}.", *int8.DECODER))}
    old = {k: v for k, v in state.items() if k.startswith((f"{int8.STEM}.", *(f"{key}." for key in int8.DECODER)))}
    again = int8.kept({k: v if v.dtype == I8 else v.astype(F) for k, v in (earlier | old).items()})
    assert again.keys() == now.keys()
    assert all(v.dtype == now[k].dtype and np.array_equal(v, now[k]) for k, v in again.items())


@pytest.mark.parametrize("controller", [False, True])
def test_stored_weights_give_one_network_however_they_are_read(tmp_path, controller):
    stored = int8.stored(reference(), controller)
    if not controller:
        stored = {k: v for k, v in stored.items() if not checkpoint.is_modality_key(k)}
    state = int8.restored(stored)
    official = checkpoint.official_keys()
    assert all(v.shape == official[k] and v.dtype == F for k, v in state.items())
    missing = {k for k in official if k not in state and not k.endswith("num_batches_tracked")}
    assert all(checkpoint.is_modality_key(k) for k in missing) and bool(missing) != controller
    side, out = 64, []
    picture = np.random.default_rng(7).standard_normal((1, 3, side, side)).astype(F)
    modality = model_dir.ModalitySpec("ultrasound", 2, "x", controller)
    for storage, weights in (("float32", state), ("int8-weights", stored)):
        entry = model_dir.write_modality(
            tmp_path, model_dir.Spec(storage, side, "imagenet", storage, ""), modality, weights
        )
        out.append(onnxruntime.InferenceSession(str(tmp_path / entry["encoder"])).run(None, {"image": picture})[0])
    assert np.abs(out[0] - out[1]).max() < 1e-3 * np.abs(out[0]).max()
    # Read from the folder and written again, it is the same file.
    again = model_dir.read_weights(tmp_path / "int8-weights", "ultrasound" if controller else "")
    model_dir.write_modality(
        tmp_path / "again", model_dir.Spec("m", side, "imagenet", "int8-weights", ""), modality, again
    )
    assert model_dir.weight_names(tmp_path / "again/m") == model_dir.weight_names(tmp_path / "int8-weights")


def test_two_controllers_share_the_eight_bit_base():
    bases = [int8.stored(reference(m), True) for m in (2, 5)]
    shared = [k for k in bases[0] if not checkpoint.is_modality_key(k)]
    assert all(np.array_equal(bases[0][k], bases[1][k]) for k in shared)
    assert bases[0]["SemiTViT.layers.1.blocks.0.mlp.fc1.weight"].dtype == I8
    assert "SemiTViT.layers.1.blocks.0.mlp.norm.weight" not in bases[0]


def test_a_controller_beyond_the_base_scales_is_refused():
    state = reference()
    key = "SemiTViT.layers.1.blocks.0.med_dah.fc2.weight"
    with pytest.raises(ValueError, match="too large for the base"):
        int8.stored({**state, key: state[key] * 9}, True)


def test_the_import_command_writes_eight_bits_beside_floats(tmp_path):
    path, pictures = tmp_path / "c.safetensors", tmp_path / "pictures"
    checkpoint.write_safetensors(path, reference_weights.weights(1001, 2, -0.75))
    pictures.mkdir()
    for i in range(2):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (70, 90, 3)).astype(U8)).save(pictures / f"{i}.png")
    command = [
        sys.executable,
        "-m",
        "espmedsam.export.import_checkpoint",
        "--checkpoint",
        path,
        "--modality",
        "ultrasound",
        "--side",
        "64",
        "--out",
        tmp_path / "models",
    ]
    for more in ([], ["--storage", "int8", "--pictures", pictures]):
        subprocess.run(command + more, check=True, cwd=Path(__file__).parents[2])
    models = model_dir.read_manifest(tmp_path / "models")
    assert [(m["name"], m["storage"], m["default"]) for m in models] == [
        ("imported-official-64", "float32", True),
        ("imported-official-64-int8", "int8", False),
    ]
    size = [sum((tmp_path / "models" / p).stat().st_size for p in m["modality"][0]["weights"]) for m in models]
    assert size[1] < size[0] / 2
    alone = subprocess.run(
        [*command, "--storage", "int8"], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert alone.returncode != 0 and "--pictures" in alone.stderr


def test_ranges_of_other_weights_are_refused(tmp_path):
    (tmp_path / "r.json").write_text('{"weights": ["base-00000000"], "encoders": {}}')
    models = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "espmedsam.export",
        "configs/release.toml",
        "--from",
        "release",
        "--out",
        tmp_path,
        "--storage",
        "int8",
        "--ranges",
        tmp_path / "r.json",
    ]
    done = subprocess.run(command, cwd=models, capture_output=True, text=True)
    assert done.returncode != 0 and "base-00000000" in done.stderr
