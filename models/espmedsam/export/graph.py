"""A small ONNX graph writer: one method per operator used, weights left in `.safetensors` files.

Weights are ONNX *external data*: the graph holds only (file, offset, length) into the checkpoint's own
`.safetensors`, so the shared base lies once on disk for all graphs and modalities, and the very file that PyTorch
loads is the one the device runs. Float16 tensors are cast to float32 on load; all arithmetic is float32.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20  # Gelu
IR = 10
_TYPES = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16}


class WeightFile:
    """Where each tensor lies in a `.safetensors` file."""

    def __init__(self, path: Path):
        self.path = path
        with path.open("rb") as f:
            n = int.from_bytes(f.read(8), "little")
            header = json.loads(f.read(n))
        self.entries = {k: h for k, h in header.items() if k != "__metadata__"}
        self.base = 8 + n


class Graph:
    """Nodes in order of writing; a name is given by `scope` and the operator, so that profiles read like the paper."""

    def __init__(self, name: str, files: list[WeightFile]):
        self.name, self.files = name, files
        self.nodes, self.initializers, self.inputs, self.outputs = [], {}, [], []
        self.used: set[str] = set()
        self.scope = ""
        self.count: dict[str, int] = {}

    def _name(self, op: str) -> str:
        key = f"{self.scope}.{op}" if self.scope else op
        n = self.count[key] = self.count.get(key, -1) + 1
        return f"{key}.{n}" if n else key

    def op(self, op: str, *inputs: str, outputs: int = 1, **attributes):
        """Adds a node; returns its output name, or a list of them."""
        name = self._name(op)
        outs = [name] if outputs == 1 else [f"{name}:{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), outs, name=name, **attributes))
        return outs[0] if outputs == 1 else outs

    def const(self, value, dtype=np.float32) -> str:
        """An inline constant; equal ones are stored once."""
        a = np.asarray(value, dtype)
        key = f"const.{a.dtype}.{'x'.join(map(str, a.shape))}.{hashlib.sha1(a.tobytes()).hexdigest()[:12]}"
        if key not in self.initializers:
            self.initializers[key] = numpy_helper.from_array(a, key)
        return key

    def ints(self, *values: int) -> str:
        """An inline int64 vector, as shapes want it."""
        return self.const(values, np.int64)

    def weight(self, key: str) -> str:
        """A tensor of the checkpoint, float32 (cast if stored as float16)."""
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
        if entry["dtype"] == "F32":
            return key
        self.used.add(wide)
        self.nodes.append(helper.make_node("Cast", [key], [wide], name=wide, to=TensorProto.FLOAT))
        return wide

    def input(self, name: str, shape: list[int], dtype=TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value: str, name: str, shape: list[int]) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"out.{name}"))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    # Layers -----------------------------------------------------------------------------------------------------

    def linear(self, x: str, key: str) -> str:
        """x @ weight^T + bias."""
        w = self.op("Transpose", self.weight(f"{key}.weight"), perm=[1, 0])
        return self.op("Add", self.op("MatMul", x, w), self.weight(f"{key}.bias"))

    def layer_norm(self, x: str, key: str, eps: float = 1e-5) -> str:
        """Over the last axis."""
        return self.op("LayerNormalization", x, self.weight(f"{key}.weight"), self.weight(f"{key}.bias"),
                       axis=-1, epsilon=eps)

    def layer_norm_2d(self, x: str, key: str) -> str:
        """Over the channels of NCHW."""
        y = self.op("Transpose", x, perm=[0, 2, 3, 1])
        return self.op("Transpose", self.layer_norm(y, key, 1e-6), perm=[0, 3, 1, 2])

    def conv(self, x: str, weight: str, bias: str | None, kernel: int, stride: int = 1, groups: int = 1,
             pad: int | None = None) -> str:
        pad = kernel // 2 if pad is None else pad
        inputs = [x, weight] + ([bias] if bias else [])
        return self.op("Conv", *inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def conv_norm(self, x: str, key: str, kernel: int = 1, stride: int = 1, groups: int = 1) -> str:
        """Convolution with its BatchNorm folded in: constant arithmetic, done once when the graph is loaded."""
        scale = self.op("Div", self.weight(f"{key}.bn.weight"),
                        self.op("Sqrt", self.op("Add", self.weight(f"{key}.bn.running_var"), self.const(1e-5))))
        weight = self.op("Mul", self.weight(f"{key}.c.weight"), self.op("Reshape", scale, self.ints(-1, 1, 1, 1)))
        bias = self.op("Sub", self.weight(f"{key}.bn.bias"),
                       self.op("Mul", self.weight(f"{key}.bn.running_mean"), scale))
        return self.conv(x, weight, bias, kernel, stride, groups)

    def gelu(self, x: str) -> str:
        """Exact (erf) GELU."""
        return self.op("Gelu", x)

    def reshape(self, x: str, *shape: int) -> str:
        return self.op("Reshape", x, self.ints(*shape))

    def transpose(self, x: str, *perm: int) -> str:
        return self.op("Transpose", x, perm=list(perm))

    def split3(self, x: str) -> list[str]:
        """Three equal parts of axis 0, that axis taken away."""
        parts = self.op("Split", x, outputs=3, axis=0, num_outputs=3)
        return [self.op("Squeeze", p, self.ints(0)) for p in parts]

    def save(self, path: Path) -> None:
        """Writes the graph; its weight files must lie in the same folder."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, list(self.initializers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR,
                                  producer_name="espmedsam")
        helper.set_model_props(model, {"notice": "Research use only. Not for clinical use."})
        data = model.SerializeToString(deterministic=True)
        path.write_bytes(data)
        onnx.checker.check_model(str(path))
