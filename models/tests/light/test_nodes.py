"""The graphs of our domain's nodes give what those of standard operators give, and keep docs/nodes.md's contract."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from espmedsam.export import model_dir
from espmedsam.export.graph import DOMAIN
from espmedsam.facts.nodes import NODES
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights

# Kind -> attributes, as docs/nodes.md lists them.
ATTRIBUTES = {
    "Linear": {"activation"},
    "LayerNorm": {"epsilon", "activation"},
    "Quantize": set(),
    "ToRows": set(),
    "Conv": {"height", "width", "kernel", "stride", "pad", "planar", "activation"},
    "Depthwise": {"height", "width", "stride", "activation"},
    "WindowAttention": {"height", "width", "window", "heads"},
    "ToMap": {"height", "width"},
    "DensePrompt": {"height", "width"},
    "Add": set(),
    "Row": set(),
    "SelfAttention": {"heads"},
    "TokenToImage": {"heads"},
    "ImageToToken": {"heads"},
    "UpConv": {"height", "width", "activation"},
    "MaskHead": {"height", "width"},
    "Presence": set(),
    "Roots": set(),
    "Classify": set(),
    "QLinear": {"activation"},
}
ATTRIBUTES |= {"QConv": ATTRIBUTES["Conv"], "QDepthwise": ATTRIBUTES["Depthwise"], "QUpConv": ATTRIBUTES["MaskHead"]}
ATTRIBUTES |= {"QWindowAttention": ATTRIBUTES["WindowAttention"]}
STANDARD = {
    "Identity",
    "Cast",
    "Div",
    "Sqrt",
    "Add",
    "Sub",
    "Mul",
    "Reshape",
    "Flatten",
    "MatMul",
    "Concat",
    "Sin",
    "Cos",
    "LayerNormalization",
    "Gelu",
}  # constant arithmetic and the outputs' names


@pytest.fixture(scope="module")
def state():
    return checkpoint.strict(reference_weights.weights(1001, 2, -0.75))


def write(root, state, side, form, controller=True):
    spec = model_dir.Spec("m", side, "imagenet", "float16", "", form=form)
    modality = model_dir.ModalitySpec("ultrasound", 2, "x", controller)
    entry = model_dir.write_modality(root / form, spec, modality, state)
    return {k: root / form / entry[k] for k in ("encoder", "self_prompt", "decoder")}


@pytest.mark.parametrize("side, controller", [(32, True), (96, False), (224, True), (256, True)])
def test_nodes_and_plain_operators_agree(tmp_path, state, side, controller):
    feeds = {"encoder": {"image": np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)}}
    nodes, plain = (write(tmp_path, state, side, form, controller) for form in ("nodes", "plain"))
    for graph in ("encoder", "self_prompt", "decoder"):
        got, want = (onnxruntime.InferenceSession(str(p[graph])).run(None, feeds[graph]) for p in (nodes, plain))
        for g, w in zip(got, want, strict=True):
            assert g.shape == w.shape and np.abs(g - w).max() <= 1e-4
        feeds |= {"self_prompt": {"embedding": want[0]}, "decoder": {"prompted": want[-1], "modality": np.array([4])}}


def keeps_the_contract(path):
    """Whether a graph holds nothing but what docs/nodes.md tells the device of."""
    contract = (Path(__file__).parents[3] / "docs/nodes.md").read_text()
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path, load_external_data=False)
    called = set()
    for n in model.graph.node:
        if n.domain != DOMAIN:
            assert n.op_type in STANDARD and f"`{n.op_type}`" in contract, n.name
            continue
        kind = n.op_type.rpartition("_")[0]
        called.add(n.op_type)
        assert f"| `{kind}` |" in contract
        attributes = {a.name: a.i for a in n.attribute}
        assert set(attributes) == ATTRIBUTES[kind], n.name
        if kind.endswith("WindowAttention"):
            tiles = not any(attributes[k] % attributes["window"] for k in ("height", "width"))
            given = dict(zip(NODES[kind].inputs, n.input, strict=False))
            assert bool(given.get("outside")) is not tiles
    assert called == {f.name for f in model.functions}
    assert all(o.domain in ("", DOMAIN) for o in model.opset_import) and model.ir_version == 10


def test_a_presence_head_keeps_the_contract(tmp_path, state):
    rng = np.random.default_rng(1)
    head = {k: rng.uniform(-0.1, 0.1, shape).astype(np.float32) for k, shape in checkpoint.PRESENCE.items()}
    feeds = {"prompted": rng.standard_normal((1, 256, 4, 4)).astype(np.float32), "modality": np.array([4])}
    nodes, plain = (write(tmp_path, state | head, 64, form)["decoder"] for form in ("nodes", "plain"))
    keeps_the_contract(nodes)
    got, want = (onnxruntime.InferenceSession(str(path)).run(None, feeds) for path in (nodes, plain))
    assert len(got) == 2 and all(np.abs(g - w).max() <= 1e-4 for g, w in zip(got, want, strict=True))


@pytest.mark.parametrize("side", [224, 256])
def test_the_graphs_keep_the_contract_of_nodes(tmp_path, state, side):
    for path in write(tmp_path, state, side, "nodes").values():
        keeps_the_contract(path)


def test_a_model_folder_gives_itself_again(tmp_path, state):
    spec = model_dir.Spec("m", 64, "imagenet", "float16", "")
    modality = model_dir.ModalitySpec("ultrasound", 2, "x", True)
    first = model_dir.write_modality(tmp_path / "a", spec, modality, state)
    state = model_dir.read_weights(tmp_path / "a/m", "ultrasound")
    again = model_dir.write_modality(tmp_path / "b", spec, modality, state)
    assert first == again
    for path in (first["encoder"], *first["weights"]):
        assert model_dir.digest(tmp_path / "a" / path) == model_dir.digest(tmp_path / "b" / path)
