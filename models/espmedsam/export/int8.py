"""The encoder's layers in 8 bits: the same methods as `FloatLayers`, over int8 weights and known ranges.

What stays float32, and why, is listed in models/README.md. A layer with an 8-bit input takes it, or a Quantize node
makes one of a float value. Ranges are named by layer: `KEY.x` (a float input), `KEY.mid` (before GELU), `KEY.y`.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from ..facts.architecture import DEPTHS, DIMS
from ..weights.checkpoint import official_keys
from . import functions as f
from . import functions_int8 as q
from .graph import Graph
from .layers import FloatLayers
from .quantize import WEIGHT_MAX, quantized_weight

Ranges = dict[str, tuple[float, int]]


def _folded(state: dict[str, np.ndarray], key: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Weight and bias of a convolution with its BatchNorm folded in, or of a plain layer."""
    if f"{key}.c.weight" not in state:
        return state[f"{key}.weight"], state.get(f"{key}.bias")
    scale = state[f"{key}.bn.weight"] / np.sqrt(state[f"{key}.bn.running_var"] + 1e-5)
    return (state[f"{key}.c.weight"] * scale[:, None, None, None],
            state[f"{key}.bn.bias"] - state[f"{key}.bn.running_mean"] * scale)


def folded(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A checkpoint's tensors with every BatchNorm folded into its convolution (`KEY.c.weight`, `KEY.bias`)."""
    out = {k: v for k, v in state.items() if ".bn." not in k}
    for key in [k.removesuffix(".bn.weight") for k in state if k.endswith(".bn.weight")]:
        out[f"{key}.c.weight"], out[f"{key}.bias"] = _folded(state, key)
    return out


def tensors(state: dict[str, np.ndarray], controller: bool) -> dict[str, np.ndarray]:
    """The encoder's 8-bit layers: `KEY.weight` int8, `KEY.weight_scale` and `KEY.bias` float32. The checkpoint's own
    tensors of these layers are no longer needed (`stored`)."""
    out, root = {}, "SemiTViT"

    def put(key, weight, bias, scale=None):
        out[f"{key}.weight"], out[f"{key}.weight_scale"] = quantized_weight(weight, scale)
        if bias is not None:
            out[f"{key}.bias"] = bias.astype(np.float32)

    for key in _convolutions():
        weight, bias = _folded(state, key)
        put(key, weight.reshape(len(weight), -1) if weight.shape[2:] == (1, 1) else weight, bias)
    for i in (1, 2, 3):
        for j in range(DEPTHS[i]):
            block = f"{root}.layers.{i}.blocks.{j}"
            for key in (f"{block}.attn.qkv", f"{block}.attn.proj"):
                put(key, *_folded(state, key))
            for mlp in (f"{block}.mlp", f"{block}.med_dah")[:1 + controller]:
                weight, bias = _folded(state, f"{mlp}.fc1")
                gamma, beta = state[f"{mlp}.norm.weight"], state[f"{mlp}.norm.bias"]
                put(f"{mlp}.fc1", weight * gamma, bias + weight @ beta)
                # One sum over both MLPs' columns has one scale per row: the base's, which all modalities share.
                put(f"{mlp}.fc2", *_folded(state, f"{mlp}.fc2"), out.get(f"{block}.mlp.fc2.weight_scale"))
            if out.pop(f"{block}.med_dah.fc2.weight_scale", None) is not None:
                _fits(out, state, block)
    return out


def _fits(out: dict[str, np.ndarray], state: dict[str, np.ndarray], block: str) -> None:
    """Refuses a controller whose fc2 is beyond the range of the base's scales."""
    key = f"{block}.med_dah.fc2.weight"
    beyond = np.abs(state[key]) > (WEIGHT_MAX + 0.5) * out[f"{block}.mlp.fc2.weight_scale"][:, None]
    if beyond.mean() > 0.01:
        raise ValueError(f"{key}: {beyond.mean():.1%} of the weights are too large for the base's 8-bit scales")


def _convolutions() -> list[str]:
    """The encoder's convolutions in 8 bits: all but the first, and the blocks' local ones."""
    root = "SemiTViT"
    blocks = [f"{root}.layers.0.blocks.{j}" for j in range(DEPTHS[0])]
    merges = [f"{root}.layers.{i}.downsample" for i in range(3)]
    return [f"{root}.patch_embed.seq.2", *(f"{k}.conv{n}" for k in blocks + merges for n in (1, 2, 3)),
            f"{root}.neck.0", f"{root}.neck.2"]


def stored(state: dict[str, np.ndarray], controller: bool) -> dict[str, np.ndarray]:
    """What an 8-bit model's files hold: the 8-bit layers, and all others' own tensors as float16."""
    eight = tensors(state, controller)
    layers = {k.removesuffix(".weight") for k in eight if k.endswith(".weight")}
    norms = {f"{k.removesuffix('.fc1')}.norm" for k in layers if k.endswith(".fc1")}
    gone = tuple(f"{k}." for k in layers | norms)
    return {**{k: v.astype(np.float16) for k, v in state.items() if not k.startswith(gone)}, **eight}


def kept(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Stored tensors that were read as float32, as they were stored: all but the 8-bit layers' own as float16."""
    own = {f"{k.removesuffix('weight')}{n}" for k, v in state.items() if v.dtype == np.int8
           for n in ("weight", "weight_scale", "bias")}
    return {k: v if k in own else v.astype(np.float16) for k, v in state.items()}


def is_stored(state: dict[str, np.ndarray]) -> bool:
    """Whether the tensors are as `stored` gives them."""
    return any(v.dtype == np.int8 for v in state.values())


def restored(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A checkpoint in the official layout, float32, that computes with exactly the stored weights: BatchNorms and
    LayerNorms that were folded in are there, and do nothing."""
    shapes, out = official_keys(), {}
    for key, v in state.items():
        name = key.removesuffix(".weight")
        if v.dtype != np.int8:
            if not key.endswith(".weight_scale"):
                out[key] = v.astype(np.float32)
            continue
        scale = state.get(f"{name}.weight_scale")
        if scale is None:  # a controller's fc2 has the base's
            scale = state[f"{name.replace('med_dah', 'mlp')}.weight_scale"]
        weight = v.astype(np.float32) * scale.reshape(-1, *[1] * (v.ndim - 1))
        if f"{name}.c.weight" in shapes:
            shape = shapes[f"{name}.c.weight"]
            one, zero = np.ones(shape[0], np.float32), np.zeros(shape[0], np.float32)
            out |= {f"{name}.c.weight": weight.reshape(shape), f"{name}.bn.weight": one,
                    f"{name}.bn.running_mean": zero, f"{name}.bn.running_var": one - np.float32(1e-5)}
        else:
            out[key] = weight.reshape(shapes[key])
        if name.endswith(".fc1"):
            norm = f"{name.removesuffix('.fc1')}.norm"
            out |= {f"{norm}.weight": np.ones(weight.shape[1], np.float32),
                    f"{norm}.bias": np.zeros(weight.shape[1], np.float32)}
    for name in [k.removesuffix(".c.weight") for k in out if k.endswith(".c.weight") and f"{k[:-9]}.bias" in state]:
        out[f"{name}.bn.bias"] = out.pop(f"{name}.bias")
    return out


class WideLayers(FloatLayers):
    """Float arithmetic over stored 8-bit weights: cast and scaled when the graph is loaded."""

    def parameters(self, key):
        g = self.g
        if not g.has(f"{key}.weight_scale") and ".med_dah.fc2" not in key:
            return super().parameters(key)
        scale, shape = g.weight(f"{key.replace('med_dah', 'mlp') if '.fc2' in key else key}.weight_scale"), g.shape(f"{key}.weight")
        weight = g.op("Mul", g.op("Cast", g.weight(f"{key}.weight"), to=TensorProto.FLOAT),
                      g.reshape(scale, -1, *[1] * (len(shape) - 1)))
        return {"weight": weight, "bias": g.weight(f"{key}.bias") if g.has(f"{key}.bias") else ""}

    def matrix(self, key):
        return self.parameters(key) if self.g.has(f"{key}.weight_scale") else super().matrix(key)

    def widened(self, keys):  # each LayerNorm is folded in already
        parts = [self.parameters(f"{key}.fc1") for key in keys]
        return {n: self.joined("Concat", [p[n] for p in parts], axis=0) for n in parts[0]}


class Int8Layers(FloatLayers):
    """Values are named as in `FloatLayers`; `self.bytes` knows scale and zero of those that are uint8."""

    def __init__(self, g: Graph, ranges: Ranges):
        super().__init__(g)
        self.ranges = ranges
        self.bytes: dict[str, tuple[str, str]] = {}

    # Ranges ------------------------------------------------------------------------------------------------------

    def _range(self, name: str, of: str) -> dict[str, str]:
        """Scale and zero as inputs `of`_scale and `of`_zero."""
        scale, zero = self.ranges[name]
        return {f"{of}_scale": self.g.const(scale), f"{of}_zero": self.g.const(zero, np.uint8)}

    def _emit(self, body, kind: str, inputs: dict[str, str], shape: dict | None = None, **attributes) -> str:
        """A node; notes its output's scale and zero if it is 8-bit."""
        y = self.g.node(body, kind, inputs, shape, **attributes)
        if inputs.get("y_scale"):
            self.bytes[y] = inputs["y_scale"], inputs["y_zero"]
        return y

    def _eight(self, body, kind: str, key: str, x: str, parameters: dict[str, str], byte: bool,
               residual: dict[str, str] | None = None, shape: dict | None = None, **attributes) -> str:
        """A QLinear, QConv or QDepthwise node."""
        if x not in self.bytes:
            x = self._emit(f.quantize, "Quantize", {"x": x, **self._range(f"{key}.x", "y")})
        absent = {k: "" for k in ("mid_scale", "mid_zero", "y_scale", "y_zero")}
        mid = self._range(f"{key}.mid", "mid") if attributes["activation"] == "gelu" else {}
        y = self._range(f"{key}.y", "y") if byte else {}
        inputs = {"x": x, **dict(zip(("x_scale", "x_zero"), self.bytes[x])), **parameters, **(residual or {}),
                  **absent, **mid, **y}
        return self._emit(body, kind, inputs, shape, **attributes)

    # Parameters --------------------------------------------------------------------------------------------------

    def eight(self, key: str) -> dict[str, str]:
        """Weight, its scale, and bias by input name."""
        g = self.g
        return {"weight": g.weight(f"{key}.weight"), "weight_scale": g.weight(f"{key}.weight_scale"),
                "bias": g.weight(f"{key}.bias") if g.has(f"{key}.bias") else ""}

    matrix = eight

    def widened(self, keys):
        parts = [self.eight(f"{key}.fc1") for key in keys]
        return {n: self.joined("Concat", [p[n] for p in parts], axis=0) for n in parts[0]}

    def narrowed(self, keys):
        g = self.g
        return {"weight": self.joined("Concat", [g.weight(f"{key}.fc2.weight") for key in keys], axis=1),
                "weight_scale": g.weight(f"{keys[0]}.fc2.weight_scale"),
                "bias": self.joined("Add", [g.weight(f"{key}.fc2.bias") for key in keys])}

    def outside(self, key, stage):
        g, p = self.g, self.eight(f"{key}.qkv")
        weight = g.op("Mul", g.op("Cast", p["weight"], to=TensorProto.FLOAT), g.reshape(p["weight_scale"], -1, 1))
        beta = g.reshape(g.weight(f"{key}.norm.bias"), DIMS[stage], 1)
        return g.op("Add", g.reshape(g.op("MatMul", weight, beta), 3 * DIMS[stage]), p["bias"])

    # Nodes -------------------------------------------------------------------------------------------------------

    def float_node(self, key, body, kind, inputs, shape, byte, **attributes):
        y = self._range(f"{key}.y", "y") if byte else {}
        return self._emit(body, kind, {**inputs, **y}, shape, **attributes)

    def linear_node(self, key, x, parameters, activation, residual, byte):
        scale, zero = self.bytes.get(residual, ("", ""))
        inputs = {"residual": residual, "residual_scale": scale, "residual_zero": zero}
        return self._eight(q.qlinear, "QLinear", key, x, parameters, byte, inputs, activation=activation)

    def conv(self, x, key, side, stride=1, byte=False):
        return self._eight(q.qconv, "QConv", key, x, self.eight(key), byte, height=side, width=side, kernel=3,
                           stride=stride, pad=1, planar=0, activation="none")

    def depthwise(self, x, key, side, channels, stride):
        return self._eight(q.qdepthwise, "QDepthwise", key, x, self.eight(key), True, shape={"channels": channels},
                           height=side, width=side, stride=stride, activation="gelu")
