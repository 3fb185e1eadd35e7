"""`docs/contract.json`: the facts that the program has too. The program's own test (crates/engine) writes the file, and
holds it to what the program says."""

import json
from pathlib import Path

import onnx
import pytest
from espmedsam.export import calibrate, model_dir
from espmedsam.export.bodies import BODIES
from espmedsam.facts import architecture
from espmedsam.facts.modalities import MODALITIES
from espmedsam.facts.nodes import NODES
from espmedsam.facts.signs import NAMES

ROOT = Path(__file__).parents[3]
CONTRACT = json.loads((ROOT / "docs/contract.json").read_text())
# The program's short names of an attention's projections.
SHORT = {f"{of}_{part}": f"{part[0]}{of[0]}" for of in ("q", "k", "v", "out") for part in ("weight", "bias")}
ELEMENTS = {onnx.TensorProto.FLOAT: "F32", onnx.TensorProto.INT64: "I64"}


def test_modalities_and_signs_are_the_programs():
    assert list(MODALITIES) == CONTRACT["modalities"] and len(MODALITIES) == CONTRACT["mask_queries"]
    assert len(MODALITIES) + 1 == CONTRACT["guard_classes"]
    assert list(NAMES) == CONTRACT["signs"]


def test_the_networks_shape_is_the_programs():
    strides = (architecture.EMBEDDING_STRIDE, architecture.PATCH_STRIDE, architecture.LOGIT_STRIDE)
    assert strides == tuple(CONTRACT["strides"][of] for of in ("embedding", "patch", "logits"))
    assert CONTRACT["embedding_channels"] == architecture.EMBED
    assert CONTRACT["tile_overlap"] == calibrate.OVERLAP


def test_nodes_have_the_inputs_that_the_program_reads():
    assert NODES.keys() == BODIES.keys()
    ours = {kind: [SHORT.get(name, name) for name in node.inputs] for kind, node in NODES.items()}
    assert ours == CONTRACT["nodes"]


@pytest.mark.parametrize("graph", ["encoder", "self_prompt", "decoder"])
def test_shipped_graphs_take_and_give_what_the_program_asks(graph):
    side, wanted = CONTRACT["graphs"]["side"], CONTRACT["graphs"]["ports"][graph]
    model = next(m for m in model_dir.read_manifest(ROOT / "models") if m["side"] == side)
    found = onnx.load(ROOT / "models" / model["modality"][0][graph], load_external_data=False).graph

    def ports(values):
        kinds = [value.type.tensor_type for value in values]
        return [{"name": value.name, "element": ELEMENTS[kind.elem_type], "shape": [d.dim_value for d in kind.shape.dim]}
                for value, kind in zip(values, kinds, strict=True)]  # fmt: skip

    given, optional = ports(found.output), wanted.pop("optional")
    if optional in given:
        given.remove(optional)
    assert {"inputs": ports(found.input), "outputs": given} == wanted


def test_the_documents_attributes_are_the_exports():
    rows = [line.split(" | ") for line in (ROOT / "docs/nodes.md").read_text().splitlines() if line.startswith("| `")]
    for kind, _, attributes, *_ in rows:
        name = kind.strip("| `")
        if not attributes.startswith("as "):
            assert NODES[name].attributes == set(attributes.split("`")[1::2]), name
