"""A small ONNX writer: graphs, functions of our own domain, weights left in `.safetensors` files.

Weights are ONNX *external data*: the graph holds only (file, offset, length) into the checkpoint's own
`.safetensors`, so the shared base lies once on disk for all graphs and modalities, and the very file that PyTorch
loads is the one the device runs. Float16 tensors are cast to float32 on load; all float arithmetic is float32.

A node of the domain `espmedsam` (docs/nodes.md) is a call of a function that the file itself carries, written in
standard operators: any ONNX runtime can run the file, and the device may put one operator of its own for the node.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..facts.notice import METADATA

OPSET = 20  # Gelu
IR = 10
DOMAIN = "espmedsam"
_TYPES = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16, "I8": TensorProto.INT8}


class WeightFile:
    """Where each tensor lies in a `.safetensors` file."""

    def __init__(self, path: Path):
        self.path = path
        with path.open("rb") as f:
            n = int.from_bytes(f.read(8), "little")
            header = json.loads(f.read(n))
        self.entries = {k: h for k, h in header.items() if k != "__metadata__"}
        self.base = 8 + n


class Writer:
    """Nodes in order of writing; a name is given by `scope` and the operator, so that profiles read like the paper."""

    def __init__(self):
        self.nodes, self.count, self.scope = [], {}, ""

    def _name(self, op: str) -> str:
        key = f"{self.scope}.{op}" if self.scope else op
        n = self.count[key] = self.count.get(key, -1) + 1
        return f"{key}.{n}" if n else key

    def op(self, op: str, *inputs: str, outputs: int = 1, **attributes):
        """Adds a standard node; returns its output name, or a list of them."""
        name = self._name(op)
        outs = [name] if outputs == 1 else [f"{name}:{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), outs, name=name, **attributes))
        return outs[0] if outputs == 1 else outs

    def const(self, value, dtype=np.float32) -> str:
        """A constant written into the file."""
        raise NotImplementedError

    def ints(self, *values: int) -> str:
        """An int64 vector, as shapes want it."""
        return self.const(values, np.int64)

    def reshape(self, x: str, *shape: int) -> str:
        return self.op("Reshape", x, self.ints(*shape))

    def transpose(self, x: str, *perm: int) -> str:
        return self.op("Transpose", x, perm=list(perm))

    def split3(self, x: str) -> list[str]:
        """Three equal parts of axis 0, that axis taken away."""
        parts = self.op("Split", x, outputs=3, axis=0, num_outputs=3)
        return [self.op("Squeeze", p, self.ints(0)) for p in parts]


class Body(Writer):
    """The inside of a function: constants are nodes."""

    def const(self, value, dtype=np.float32) -> str:
        name = self._name("Constant")
        self.nodes.append(helper.make_node("Constant", [], [name], name=name,
                                           value=numpy_helper.from_array(np.asarray(value, dtype))))
        return name


class Graph(Writer):
    """A graph over weight files."""

    def __init__(self, name: str, files: list[WeightFile]):
        super().__init__()
        self.name, self.files = name, files
        self.initializers, self.inputs, self.outputs = {}, [], []
        self.used: set[str] = set()
        self.functions: dict[tuple, onnx.FunctionProto] = {}

    def const(self, value, dtype=np.float32) -> str:
        """An inline constant; equal ones are stored once."""
        a = np.asarray(value, dtype)
        key = f"const.{a.dtype}.{'x'.join(map(str, a.shape))}.{hashlib.sha1(a.tobytes()).hexdigest()[:12]}"
        if key not in self.initializers:
            self.initializers[key] = numpy_helper.from_array(a, key)
        return key

    def has(self, key: str) -> bool:
        """Whether a weight file holds the tensor."""
        return any(key in f.entries for f in self.files)

    def shape(self, key: str) -> list[int]:
        """Of a tensor of a weight file."""
        return next(f.entries[key]["shape"] for f in self.files if key in f.entries)

    def weight(self, key: str) -> str:
        """A tensor of the checkpoint: float32 (cast if stored as float16), or int8."""
        wide = f"{key}.f32"
        if wide in self.used:
            return wide
        if key in self.initializers:
            return key
        file = next((f for f in self.files if key in f.entries), None)
        if file is None:
            raise KeyError(f"{key} is in none of {[f.path.name for f in self.files]}")
        entry = file.entries[key]
        a, b = entry["data_offsets"]
        t = TensorProto(name=key, data_type=_TYPES[entry["dtype"]], dims=entry["shape"],
                        data_location=TensorProto.EXTERNAL)
        for k, v in (("location", file.path.name), ("offset", file.base + a), ("length", b - a)):
            t.external_data.add(key=k, value=str(v))
        self.initializers[key] = t
        if entry["dtype"] != "F16":
            return key
        self.used.add(wide)
        self.nodes.append(helper.make_node("Cast", [key], [wide], name=wide, to=TensorProto.FLOAT))
        return wide

    def input(self, name: str, shape: list[int], dtype=TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value: str, name: str, shape: list[int | None], dtype=TensorProto.FLOAT) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"out.{name}"))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def node(self, body: Callable, kind: str, inputs: dict[str, str], shape: dict | None = None, **attributes) -> str:
        """Adds a node of our domain; returns its output name.

        `inputs` are in the contract's order, "" where absent. `body(b, given, **attributes, **shape)` writes the
        function's inside into `b` and returns its output, where `given` maps the present inputs to their names.
        There is one function for each configuration: kind, attributes, shape, and which inputs are there.
        """
        present = tuple(k for k, v in inputs.items() if v)
        shape = shape or {}
        configuration = (kind, present, *sorted({**attributes, **shape}.items()))
        if configuration not in self.functions:
            b = Body()
            out = body(b, {k: k for k in present}, **attributes, **shape)
            b.nodes.append(helper.make_node("Identity", [out], ["y"]))
            formal = list(inputs)[:1 + max(list(inputs).index(k) for k in present)]
            number = sum(f.name.startswith(f"{kind}_") for f in self.functions.values())
            self.functions[configuration] = helper.make_function(
                DOMAIN, f"{kind}_{number}", formal, ["y"], b.nodes, [helper.make_opsetid("", OPSET)],
                attributes=list(attributes))
        function, name = self.functions[configuration], self._name(kind)
        self.nodes.append(helper.make_node(function.name, [inputs[k] for k in function.input], [name], name=name,
                                           domain=DOMAIN, **attributes))
        return name

    def conv_norm(self, key: str) -> tuple[str, str]:
        """Weight and bias of a convolution with its BatchNorm folded in: constant arithmetic, done once at load."""
        scale = self.op("Div", self.weight(f"{key}.bn.weight"),
                        self.op("Sqrt", self.op("Add", self.weight(f"{key}.bn.running_var"), self.const(1e-5))))
        weight = self.op("Mul", self.weight(f"{key}.c.weight"), self.op("Reshape", scale, self.ints(-1, 1, 1, 1)))
        bias = self.op("Sub", self.weight(f"{key}.bn.bias"),
                       self.op("Mul", self.weight(f"{key}.bn.running_mean"), scale))
        return weight, bias

    def save(self, path: Path, check: bool = True) -> None:
        """Writes the graph; its weight files must lie in the same folder."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, list(self.initializers.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        if self.functions:
            opsets.append(helper.make_opsetid(DOMAIN, 1))
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="espmedsam",
                                  functions=list(self.functions.values()))
        helper.set_model_props(model, METADATA)
        path.write_bytes(model.SerializeToString(deterministic=True))
        if check:
            onnx.checker.check_model(str(path))
