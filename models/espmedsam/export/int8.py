"""The encoder's layers in 8 bits: the same methods as `FloatLayers`, over int8 weights and known ranges.

What stays float32, and why, is listed in models/README.md. A layer with an 8-bit input takes it, or a Quantize node
makes one of a float value. Ranges are named by layer: `KEY.x` (a float input), `KEY.mid` (before GELU), `KEY.y`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from ..facts.architecture import DEPTHS, DIMS, HEADS, WINDOWS
from ..weights.checkpoint import mlps, official_keys
from .attention import ZERO, HeadSteps, Steps
from .bodies import call
from .graph import Call, Graph
from .layers import ROOT, BlockPlace, FloatLayers, Linear, MapShape, Parameters, stem_geometry
from .quantize import WEIGHT_MAX, quantized_weight

STEM = f"{ROOT}.patch_embed.seq.0"
# Of the decoder: layer -> the axis of its weight that its outputs are along.
DECODER = {
    **{f"mask_decoder.transformer.layers.{layer}.mlp.lin{linear}": 0 for layer in (0, 1) for linear in (1, 2)},
    "mask_decoder.output_upscaling.0": 1,
}

Ranges = dict[str, tuple[float, int]]  # layer and value -> (scale, zero)


def _folded(state: dict[str, np.ndarray], key: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Weight and bias of a convolution with its BatchNorm folded in, or of a plain layer."""
    if f"{key}.c.weight" not in state:
        return state[f"{key}.weight"], state.get(f"{key}.bias")
    scale = state[f"{key}.bn.weight"] / np.sqrt(state[f"{key}.bn.running_var"] + 1e-5)
    return (
        state[f"{key}.c.weight"] * scale[:, None, None, None],
        state[f"{key}.bn.bias"] - state[f"{key}.bn.running_mean"] * scale,
    )


def folded(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A checkpoint's tensors with every BatchNorm folded into its convolution (`KEY.c.weight`, `KEY.bias`)."""
    out = {k: v for k, v in state.items() if ".bn." not in k}
    for key in [k.removesuffix(".bn.weight") for k in state if k.endswith(".bn.weight")]:
        out[f"{key}.c.weight"], bias = _folded(state, key)
        assert bias is not None, "a BatchNorm has one"
        out[f"{key}.bias"] = bias
    return out


def tensors(state: dict[str, np.ndarray], controller: bool) -> dict[str, np.ndarray]:
    """The 8-bit layers of encoder and decoder: `KEY.weight` int8, `KEY.weight_scale` and `KEY.bias` float32. The
    checkpoint's own tensors of these layers are no longer needed (`stored`)."""
    out: dict[str, np.ndarray] = {}

    def put(key: str, weight: np.ndarray, bias: np.ndarray | None, scale: np.ndarray | None = None) -> None:
        out[f"{key}.weight"], out[f"{key}.weight_scale"] = quantized_weight(weight, scale)
        if bias is not None:
            out[f"{key}.bias"] = bias.astype(np.float32)

    out |= _decoder(state)
    for key in _convolutions():
        weight, bias = _folded(state, key)
        put(key, weight.reshape(len(weight), -1) if weight.shape[2:] == (1, 1) else weight, bias)
    for block in transformer_blocks():
        for key in (f"{block}.attn.qkv", f"{block}.attn.proj"):
            put(key, *_folded(state, key))
        for mlp in dict.fromkeys([f"{block}.mlp", *mlps(state.__contains__, block, controller)]):
            weight, bias = state[f"{mlp}.fc1.weight"], state[f"{mlp}.fc1.bias"]
            gamma, beta = state[f"{mlp}.norm.weight"], state[f"{mlp}.norm.bias"]
            put(f"{mlp}.fc1", weight * gamma, bias + weight @ beta)
            # One sum over both MLPs' columns has one scale per row: the base's, which all modalities share.
            shared = out[f"{block}.mlp.fc2.weight_scale"] if mlp.endswith(".med_dah") else None
            put(f"{mlp}.fc2", *_folded(state, f"{mlp}.fc2"), shared)
        if out.pop(f"{block}.med_dah.fc2.weight_scale", None) is not None:
            _fits(out, state, block)
    return out


def _decoder(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The decoder's part of `tensors`."""
    out: dict[str, np.ndarray] = {}
    for key, axis in DECODER.items():
        weight, scale = quantized_weight(np.moveaxis(state[f"{key}.weight"], axis, 0))
        out |= {f"{key}.weight": np.moveaxis(weight, 0, axis), f"{key}.weight_scale": scale}
        out[f"{key}.bias"] = state[f"{key}.bias"].astype(np.float32)
    return out


def _fits(out: dict[str, np.ndarray], state: dict[str, np.ndarray], block: str) -> None:
    """Refuses a controller whose fc2 is beyond the range of the base's scales."""
    key = f"{block}.med_dah.fc2.weight"
    beyond = np.abs(state[key]) > (WEIGHT_MAX + 0.5) * out[f"{block}.mlp.fc2.weight_scale"][:, None]
    if beyond.mean() > 0.01:
        raise ValueError(f"{key}: {beyond.mean():.1%} of the weights are too large for the base's 8-bit scales")


def _convolutions() -> list[str]:
    """The encoder's convolutions in 8 bits: all but the blocks' local ones."""
    blocks = [f"{ROOT}.layers.0.blocks.{block}" for block in range(DEPTHS[0])]
    merges = [f"{ROOT}.layers.{stage}.downsample" for stage in range(3)]
    of_three = [f"{key}.conv{number}" for key in blocks + merges for number in (1, 2, 3)]
    return [STEM, f"{ROOT}.patch_embed.seq.2", *of_three, f"{ROOT}.neck.0", f"{ROOT}.neck.2"]


def transformer_blocks() -> list[str]:
    """Those of stages 1 to 3."""
    return [f"{ROOT}.layers.{stage}.blocks.{block}" for stage in (1, 2, 3) for block in range(DEPTHS[stage])]


def stored(state: dict[str, np.ndarray], controller: bool) -> dict[str, np.ndarray]:
    """What an 8-bit model's files hold: the 8-bit layers, and all others' own tensors as float16."""
    eight = tensors(state, controller)
    layers = {k.removesuffix(".weight") for k in eight if k.endswith(".weight")}
    norms = {f"{k.removesuffix('.fc1')}.norm" for k in layers if k.endswith(".fc1")}
    gone = tuple(f"{k}." for k in layers | norms)
    return {**{k: v.astype(np.float16) for k, v in state.items() if not k.startswith(gone)}, **eight}


def kept(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Stored tensors that were read as float32, as they were stored: all but the 8-bit layers' own as float16."""
    state = completed(state)
    own = {
        f"{k.removesuffix('weight')}{part}"
        for k, v in state.items()
        if v.dtype == np.int8
        for part in ("weight", "weight_scale", "bias")
    }
    return {k: v if k in own else v.astype(np.float16) for k, v in state.items()}


def completed(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With those layers in 8 bits too that earlier exports stored as floats: the first convolution and the decoder's."""
    if f"{STEM}.c.weight" not in state:
        return state
    weight, bias = _folded(state, STEM)
    assert bias is not None, "BatchNorm has one"
    eight, scale = quantized_weight(weight)
    kept = {k: v for k, v in state.items() if not k.startswith(f"{STEM}.")}
    return kept | {f"{STEM}.weight": eight, f"{STEM}.weight_scale": scale, f"{STEM}.bias": bias} | _decoder(state)


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
        weight = v.astype(np.float32) * scale.reshape([-1 if at == DECODER.get(name, 0) else 1 for at in range(v.ndim)])
        if f"{name}.c.weight" in shapes:
            shape = shapes[f"{name}.c.weight"]
            one, zero = np.ones(shape[0], np.float32), np.zeros(shape[0], np.float32)
            out |= {
                f"{name}.c.weight": weight.reshape(shape),
                f"{name}.bn.weight": one,
                f"{name}.bn.running_mean": zero,
                f"{name}.bn.running_var": one - np.float32(1e-5),
            }
        else:
            out[key] = weight.reshape(shapes.get(key, weight.shape))  # a slimmed MLP has none there
        if name.endswith(".fc1"):
            norm = f"{name.removesuffix('.fc1')}.norm"
            out |= {
                f"{norm}.weight": np.ones(weight.shape[1], np.float32),
                f"{norm}.bias": np.zeros(weight.shape[1], np.float32),
            }
    for name in [k.removesuffix(".c.weight") for k in out if k.endswith(".c.weight") and f"{k[:-9]}.bias" in state]:
        out[f"{name}.bn.bias"] = out.pop(f"{name}.bias")
    return out


def wide(graph: Graph, key: str, scaled: str = "") -> str:
    """A layer's weight in float32, cast and scaled when the graph is loaded; `scaled`: the layer whose scales it has, if not
    its own."""
    scale, rank = graph.weight(f"{scaled or key}.weight_scale"), len(graph.shape(f"{key}.weight"))
    shape = [-1 if at == DECODER.get(key, 0) else 1 for at in range(rank)]
    weight = graph.op("Cast", graph.weight(f"{key}.weight"), to=TensorProto.FLOAT)
    return graph.op("Mul", weight, graph.reshape(scale, *shape))


class WideLayers(FloatLayers):
    """Float arithmetic over stored 8-bit weights: cast and scaled when the graph is loaded."""

    def parameters(self, key: str) -> Parameters:
        graph = self.graph
        if not graph.has(f"{key}.weight_scale") and ".med_dah.fc2" not in key:
            return super().parameters(key)
        of = key.replace("med_dah", "mlp") if ".fc2" in key else key  # a controller's fc2 has the base's scales
        weight = wide(graph, key, of)
        return {"weight": weight, "bias": graph.weight(f"{key}.bias") if graph.has(f"{key}.bias") else ""}

    def matrix(self, key: str) -> Parameters:
        return self.parameters(key) if self.graph.has(f"{key}.weight_scale") else super().matrix(key)

    def widened(self, keys: list[str]) -> Parameters:  # each LayerNorm is folded in already
        parts = [self.parameters(f"{key}.fc1") for key in keys]
        return {name: self.joined("Concat", [part[name] for part in parts], axis=0) for name in parts[0]}


class Int8Layers(FloatLayers):
    """Values are named as in `FloatLayers`; `self.bytes` knows scale and zero of those that are uint8."""

    def __init__(self, graph: Graph, ranges: Ranges, steps: Steps | None = None):
        super().__init__(graph)
        self.ranges = ranges
        self.steps = steps or {}  # of attentions that are in 8 bits
        self.bytes: dict[str, tuple[str, str]] = {}

    # Ranges ------------------------------------------------------------------------------------------------------

    def _range(self, name: str, of: str) -> Parameters:
        """Scale and zero as inputs `of`_scale and `of`_zero."""
        scale, zero = self.ranges[name]
        return {f"{of}_scale": self.graph.const(scale), f"{of}_zero": self.graph.const(zero, np.uint8)}

    def _emit(self, node: Call) -> str:
        """A node; notes its output's scale and zero if it is 8-bit."""
        out = self.graph.node(node)
        if node.inputs.get("y_scale"):
            self.bytes[out] = node.inputs["y_scale"], node.inputs["y_zero"]
        return out

    def _eight(self, key: str, node: Call, byte: bool) -> str:
        """A QLinear, QConv or QDepthwise node, from one that lacks the scales and zeros of what goes in and out."""
        x = node.inputs["x"]
        if x not in self.bytes:
            x = self._emit(call("Quantize", {"x": x, **self._range(f"{key}.x", "y")}))
        known = dict(zip(("x_scale", "x_zero"), self.bytes[x], strict=True))
        if node.attributes["activation"] == "gelu":
            known |= self._range(f"{key}.mid", "mid")
        if byte:
            known |= self._range(f"{key}.y", "y")
        return self._emit(replace(node, inputs={**node.inputs, "x": x, **known}))

    # Parameters --------------------------------------------------------------------------------------------------

    def eight(self, key: str) -> Parameters:
        """Weight, its scale, and bias by input name."""
        graph = self.graph
        return {
            "weight": graph.weight(f"{key}.weight"),
            "weight_scale": graph.weight(f"{key}.weight_scale"),
            "bias": graph.weight(f"{key}.bias") if graph.has(f"{key}.bias") else "",
        }

    def matrix(self, key: str) -> Parameters:
        return self.eight(key)

    def widened(self, keys: list[str]) -> Parameters:
        parts = [self.eight(f"{key}.fc1") for key in keys]
        return {name: self.joined("Concat", [part[name] for part in parts], axis=0) for name in parts[0]}

    def narrowed(self, keys: list[str]) -> Parameters:
        graph = self.graph
        return {
            "weight": self.joined("Concat", [graph.weight(f"{key}.fc2.weight") for key in keys], axis=1),
            "weight_scale": graph.weight(f"{keys[0]}.fc2.weight_scale"),
            "bias": self.joined("Add", [graph.weight(f"{key}.fc2.bias") for key in keys]),
        }

    def outside(self, key: str, stage: int) -> str:
        graph, own = self.graph, self.eight(f"{key}.qkv")
        weight = wide(graph, f"{key}.qkv")
        beta = graph.reshape(graph.weight(f"{key}.norm.bias"), DIMS[stage], 1)
        return graph.op("Add", graph.reshape(graph.op("MatMul", weight, beta), 3 * DIMS[stage]), own["bias"])

    # Nodes -------------------------------------------------------------------------------------------------------

    def float_node(self, key: str, node: Call, byte: bool) -> str:
        known = self._range(f"{key}.y", "y") if byte else {}
        return self._emit(replace(node, inputs={**node.inputs, **known}))

    def linear_node(self, key: str, layer: Linear) -> str:
        scale, zero = self.bytes.get(layer.residual, ("", ""))
        inputs = {
            "x": layer.x,
            **layer.parameters,
            "residual": layer.residual,
            "residual_scale": scale,
            "residual_zero": zero,
        }
        return self._eight(key, call("QLinear", inputs, activation=layer.activation), layer.byte)

    def stem(self, value: str, key: str, side: int) -> str:
        node = call("QConv", {"x": value, **self.eight(key)}, None, **stem_geometry(side), activation="gelu")
        return self._eight(key, node, True)

    def conv(self, value: str, key: str, side: int, stride: int = 1, byte: bool = False) -> str:
        node = call(
            "QConv",
            {"x": value, **self.eight(key)},
            height=side,
            width=side,
            kernel=3,
            stride=stride,
            pad=1,
            planar=0,
            activation="none",
        )
        return self._eight(key, node, byte)

    def depthwise(self, value: str, key: str, shape: MapShape, stride: int) -> str:
        node = call(
            "QDepthwise",
            {"x": value, **self.eight(key)},
            {"channels": shape.channels},
            height=shape.side,
            width=shape.side,
            stride=stride,
            activation="gelu",
        )
        return self._eight(key, node, True)

    def window_attention(self, normed: str, key: str, place: BlockPlace) -> str:
        if key not in self.steps:
            return super().window_attention(normed, key, place)
        graph, heads, side, window = self.graph, HEADS[place.stage], place.side, WINDOWS[place.stage]
        steps = HeadSteps.of(self.steps[key])

        def in_steps(value: str, step: np.ndarray, *shape: int) -> str:
            return graph.op("Div", value, graph.const(step.reshape(shape)))

        def columns(value: str) -> str:
            """[3C], each part of each head in its own steps."""
            rows = graph.reshape(value, 3 * heads, -1)
            return graph.reshape(in_steps(rows, steps.per_column(), 3 * heads, 1), -1)

        own = self.eight(f"{key}.qkv")
        parameters = {**own, "weight_scale": columns(own["weight_scale"]), "bias": columns(own["bias"])}
        one = {"y_scale": graph.const(1), "y_zero": graph.const(ZERO, np.uint8)}
        qkv = self._eight(f"{key}.qkv", call("QLinear", {"x": normed, **parameters, **one}, activation="none"), False)
        inputs = {
            "qkv": qkv,
            "biases": graph.weight(f"{key}.attention_biases"),
            "fineness": graph.const(steps.fineness),
            "value_scale": graph.const(steps.value),
            "outside": columns(self.outside(key, place.stage)) if side % window else "",
        }
        if place.controller:
            token = graph.weight(f"{key}.deep_QKV_embeddings_med")
            inputs["token_key"] = in_steps(token, steps.key, heads, 1, 1)
            inputs["token_value"] = in_steps(token, steps.value, heads, 1, 1)
            inputs["token_bias"] = graph.weight(f"{key}.med_attention_biases")
        node = call("QWindowAttention", inputs, height=side, width=side, window=window, heads=heads)
        return self.float_node(key, node, True)
