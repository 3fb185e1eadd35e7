"""Every node of the program against onnxruntime, each by itself: both get the values that the program computed before it,
so that nothing a node does can hide behind what others did, and no error adds up."""

import math
from collections import defaultdict

import numpy as np
import onnx
import onnxruntime
import pytest
from espmedsam.export.graph import DOMAIN
from onnx import helper, numpy_helper
from places import CASES

OWN = ":own"
# Largest error of a float node's output, relative to its largest magnitude. Up to a thousand products are summed in
# another order than onnxruntime's, each step with a relative error of 6e-8; nodes that only move or add numbers, or turn
# exact sums into real numbers, round once or twice.
SUMS, ONCE = 1e-5, 1e-6
TOLERANCE = defaultdict(
    lambda: SUMS,
    QLinear=ONCE,
    QConv=ONCE,
    QDepthwise=ONCE,
    QUpConv=ONCE,
    Add=0,
    Row=0,
    ToRows=0,
    ToMap=0,
    DensePrompt=ONCE,
)
# Bytes: a real number within rounding of the middle between two steps may go either way, by one step.
DIFFERING = 1e-3
GELU_SLOPE = 1.13


def separated(path, values):
    """The graph with each node's output renamed, its old name an input: no node reads another's result. Nodes that the
    program has not stay as they are: they depend on no input (folded at load), or are the same as another."""
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    moving = {i.name for i in graph.input}
    nodes, calls = {}, set()
    for node in graph.node:
        if moving.intersection(node.input):
            moving.update(node.output)
        if node.domain != DOMAIN:
            continue
        call = (node.op_type, *node.input)
        if node.name in values:
            nodes[node.name] = node.op_type.rpartition("_")[0]
            node.output[0] += OWN
            calls.add(call)
        else:
            assert node.output[0] not in moving or call in calls, f"{node.name} is not in the dump"
    kept = [n for n in graph.node if not (n.op_type == "Identity" and n.output[0] in {o.name for o in graph.output})]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(kept)
    for name, value in values.items():
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        graph.input.append(helper.make_tensor_value_info(name, kind, value.shape))
        if name in nodes:
            graph.output.append(helper.make_tensor_value_info(name + OWN, kind, value.shape))
    out = path.with_name(f"separated-{path.name}")
    out.write_bytes(model.SerializeToString())
    return out, nodes


def most_steps(path):
    """By how many steps a node's bytes may differ: one; before a GELU, a step of the value that goes into it."""
    model = onnx.load(path, load_external_data=False)
    constants = {t.name: t for t in model.graph.initializer}
    formal = {f.name: f.input for f in model.functions}
    steps = {}
    for node in model.graph.node:
        i = dict(zip(formal.get(node.op_type, ()), node.input, strict=False))
        if i.get("mid_scale"):
            mid, y = (numpy_helper.to_array(constants[i[k]]) for k in ("mid_scale", "y_scale"))
            steps[node.name] = max(1, math.ceil(GELU_SLOPE * mid / y))
    return steps


def session(path):
    """onnxruntime as it stands in the file: no operators fused."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options)


def table(rows):
    """Kind, nodes, and the worst of them."""
    lines = [f"{'kind':24} {'nodes':>5} {'values':>9} {'differ':>7} {'share':>8} {'worst':>9}"]
    for (kind, dtype), found in sorted(rows.items()):
        values, differ = sum(f[1] for f in found), sum(f[2] for f in found)
        worst = max(f[3] for f in found)
        lines.append(
            f"{kind + ' ' + dtype:24} {len(found):5} {values:9} {differ:7} {differ / values:8.5f} {worst:9.2g}"
        )
    return "\n".join(lines)


@pytest.mark.parametrize("model", ["live-224", "live-224-int8", "live-224-attention"])
@pytest.mark.parametrize("stem, modality", CASES)
def test_each_node_gives_what_onnxruntime_gives(dumped, model, stem, modality):
    rows, steps = defaultdict(list), {}
    for path, values in dumped(model, stem, modality).values():
        steps |= most_steps(path)
        path, nodes = separated(path, values)
        names = [name + OWN for name in nodes]
        for (name, kind), want in zip(nodes.items(), session(path).run(names, values), strict=True):
            got = values[name]
            assert got.dtype == want.dtype and got.shape == want.shape, name
            error = np.abs(got.astype(np.float64) - want)
            worst = error.max() if got.dtype == np.uint8 else error.max() / np.abs(want).max()
            rows[kind, str(got.dtype)].append((name, got.size, np.count_nonzero(error), worst))
    print(
        f"\n{model}, {modality} ({stem}); worst: steps of bytes, error of floats relative to the largest\n{table(rows)}"
    )
    for (kind, dtype), found in rows.items():
        for name, values, differ, worst in found:
            if dtype == "uint8":
                assert worst <= steps.get(name, 1) and differ <= DIFFERING * values, (name, differ / values, worst)
            else:
                assert worst <= TOLERANCE[kind], (name, worst)
    assert ("QLinear", "uint8") in rows or model == "live-224"
