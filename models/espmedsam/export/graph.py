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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import DTypeLike
from onnx import TensorProto, helper, numpy_helper

from ..facts.nodes import DOMAIN, NODES
from ..facts.notice import METADATA

OPSET = 20  # Gelu
IR = 10
_TYPES = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16, "I8": TensorProto.INT8}


class WeightFile:
    """Where each tensor lies in a `.safetensors` file."""

    def __init__(self, path: Path):
        self.path = path
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        self.entries = {key: entry for key, entry in header.items() if key != "__metadata__"}
        self.base = 8 + length  # where the tensors' bytes begin


class Writer:
    """Nodes in order of writing; a name is given by `scope` and the operator, so that profiles read like the paper."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.count: dict[str, int] = {}
        self.scope = ""

    def _name(self, op: str) -> str:
        key = f"{self.scope}.{op}" if self.scope else op
        number = self.count[key] = self.count.get(key, -1) + 1
        return f"{key}.{number}" if number else key

    def op(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Adds a standard node; returns its output name."""
        name = self._name(op)
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def const(self, value: Any, dtype: DTypeLike = np.float32) -> str:
        """A constant written into the file."""
        raise NotImplementedError

    def ints(self, *values: int) -> str:
        """An int64 vector, as shapes want it."""
        return self.const(values, np.int64)

    def reshape(self, value: str, *shape: int) -> str:
        """To a shape; -1 is what is left, 0 stays."""
        return self.op("Reshape", value, self.ints(*shape))

    def transpose(self, value: str, *perm: int) -> str:
        """Axes in another order."""
        return self.op("Transpose", value, perm=list(perm))

    def split3(self, value: str) -> list[str]:
        """Three equal parts of axis 0, that axis taken away."""
        name = self._name("Split")
        parts = [f"{name}:{number}" for number in range(3)]
        self.nodes.append(helper.make_node("Split", [value], parts, name=name, axis=0, num_outputs=3))
        return [self.op("Squeeze", part, self.ints(0)) for part in parts]


class Body(Writer):
    """The inside of a function: constants are nodes."""

    def const(self, value: Any, dtype: DTypeLike = np.float32) -> str:
        name = self._name("Constant")
        self.nodes.append(
            helper.make_node("Constant", [], [name], name=name, value=numpy_helper.from_array(np.asarray(value, dtype)))
        )
        return name


@dataclass(frozen=True)
class Call:
    """A node of our domain that is asked for."""

    kind: str
    body: Callable[
        ..., str
    ]  # (b, given, **attributes, **shape) writes the function's inside into `b`, gives its output
    inputs: Mapping[str, str]  # by the contract's names; "" or left out where absent
    attributes: Mapping[str, Any]
    shape: Mapping[str, int] = field(default_factory=dict)  # what the body needs to know beside the attributes


class Graph(Writer):
    """A graph over weight files."""

    def __init__(self, name: str, files: list[WeightFile]):
        super().__init__()
        self.name, self.files = name, files
        self.initializers: dict[str, TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.used: set[str] = set()
        self.functions: dict[tuple[object, ...], onnx.FunctionProto] = {}

    def const(self, value: Any, dtype: DTypeLike = np.float32) -> str:
        """An inline constant; equal ones are stored once."""
        array = np.asarray(value, dtype)
        digest = hashlib.sha1(array.tobytes()).hexdigest()[:12]
        key = f"const.{array.dtype}.{'x'.join(map(str, array.shape))}.{digest}"
        if key not in self.initializers:
            self.initializers[key] = numpy_helper.from_array(array, key)
        return key

    def has(self, key: str) -> bool:
        """Whether a weight file holds the tensor."""
        return any(key in file.entries for file in self.files)

    def shape(self, key: str) -> list[int]:
        """Of a tensor of a weight file."""
        return next(file.entries[key]["shape"] for file in self.files if key in file.entries)

    def weight(self, key: str) -> str:
        """A tensor of the checkpoint: float32 (cast if stored as float16), or int8."""
        wide = f"{key}.f32"
        if wide in self.used:
            return wide
        if key in self.initializers:
            return key
        file = next((file for file in self.files if key in file.entries), None)
        if file is None:
            raise KeyError(f"{key} is in none of {[file.path.name for file in self.files]}")
        entry = file.entries[key]
        start, end = entry["data_offsets"]
        tensor = TensorProto(
            name=key, data_type=_TYPES[entry["dtype"]], dims=entry["shape"], data_location=TensorProto.EXTERNAL
        )
        where = {"location": file.path.name, "offset": file.base + start, "length": end - start}
        for name, value in where.items():
            tensor.external_data.add(key=name, value=str(value))
        self.initializers[key] = tensor
        if entry["dtype"] != "F16":
            return key
        self.used.add(wide)
        self.nodes.append(helper.make_node("Cast", [key], [wide], name=wide, to=TensorProto.FLOAT))
        return wide

    def input(self, name: str, shape: Sequence[int | None], dtype: int = TensorProto.FLOAT) -> str:
        """An input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value: str, name: str, shape: Sequence[int | None], dtype: int = TensorProto.FLOAT) -> None:
        """Names a value as an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"out.{name}"))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def node(self, call: Call) -> str:
        """Adds a node of our domain; returns its output name.

        There is one function for each configuration: kind, attributes, shape, and which inputs are there.
        """
        contract = NODES[call.kind]
        contract.check(call.inputs, call.attributes)
        inputs = {name: call.inputs.get(name, "") for name in contract.inputs}
        present = tuple(name for name, value in inputs.items() if value)
        configuration = (call.kind, present, *sorted({**call.attributes, **call.shape}.items()))
        if configuration not in self.functions:
            body = Body()
            out = call.body(body, {name: name for name in present}, **call.attributes, **call.shape)
            body.nodes.append(helper.make_node("Identity", [out], ["y"]))
            formal = list(inputs)[: 1 + max(list(inputs).index(name) for name in present)]
            number = sum(function.name.startswith(f"{call.kind}_") for function in self.functions.values())
            self.functions[configuration] = helper.make_function(
                DOMAIN,
                f"{call.kind}_{number}",
                formal,
                ["y"],
                body.nodes,
                [helper.make_opsetid("", OPSET)],
                attributes=list(call.attributes),
            )
        function, name = self.functions[configuration], self._name(call.kind)
        self.nodes.append(
            helper.make_node(
                function.name,
                [inputs[formal] for formal in function.input],
                [name],
                name=name,
                domain=DOMAIN,
                **call.attributes,
            )
        )
        return name

    def conv_norm(self, key: str) -> tuple[str, str]:
        """Weight and bias of a convolution with its BatchNorm folded in: constant arithmetic, done once at load."""
        scale = self.op(
            "Div",
            self.weight(f"{key}.bn.weight"),
            self.op("Sqrt", self.op("Add", self.weight(f"{key}.bn.running_var"), self.const(1e-5))),
        )
        weight = self.op("Mul", self.weight(f"{key}.c.weight"), self.op("Reshape", scale, self.ints(-1, 1, 1, 1)))
        bias = self.op(
            "Sub", self.weight(f"{key}.bn.bias"), self.op("Mul", self.weight(f"{key}.bn.running_mean"), scale)
        )
        return weight, bias

    def save(self, path: Path, check: bool = True) -> None:
        """Writes the graph; its weight files must lie in the same folder. An old one is replaced only when whole."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, list(self.initializers.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        if self.functions:
            opsets.append(helper.make_opsetid(DOMAIN, 1))
        model = helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=IR,
            producer_name="espmedsam",
            functions=list(self.functions.values()),
        )
        helper.set_model_props(model, METADATA)
        part = path.with_name(f"{path.stem}.part.onnx")
        part.write_bytes(model.SerializeToString(deterministic=True))
        if check:
            onnx.checker.check_model(str(part))
        part.replace(path)
