"""The encoder's layers as float nodes, over a checkpoint's own tensors.

`encoder` in `nodes.py` is written once, in terms of these methods; `int8.py` has the same methods for 8 bits. There,
`byte=True` says that a layer's output is 8-bit; here it is float32 all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..facts.architecture import DIMS, HEADS, WINDOWS
from .bodies import call
from .graph import Call, Graph

ROOT = "SemiTViT"  # of the encoder's keys
Parameters = dict[str, str]  # values by input name, "" where absent


@dataclass(frozen=True)
class MapShape:
    """Of a map."""

    side: int
    channels: int


@dataclass(frozen=True)
class BlockPlace:
    """Where a transformer block stands."""

    stage: int
    side: int  # of its map
    controller: bool  # whether the modality's controller takes part


@dataclass(frozen=True)
class Linear:
    """A linear layer or 1x1 convolution of a value."""

    x: str
    parameters: Parameters
    activation: str = "none"
    residual: str = ""
    byte: bool = False  # its output is 8-bit in the 8-bit form


def stem_geometry(side: int) -> dict[str, int]:
    """Attributes of the first convolution, of a picture of that side."""
    return {"height": side, "width": side, "kernel": 3, "stride": 2, "pad": 1, "planar": 1}


class FloatLayers:
    """Maps are rows [H*W, C], named by their value in the graph; `side` is that of the map a layer reads."""

    def __init__(self, graph: Graph):
        self.graph = graph

    # Parameters: constant arithmetic over stored tensors, folded when the graph is loaded --------------------------

    def parameters(self, key: str) -> Parameters:
        """Weight and bias ("" if it has none) by input name: BatchNorm folded where there is one."""
        graph = self.graph
        if graph.has(f"{key}.c.weight"):
            return dict(zip(("weight", "bias"), graph.conv_norm(key), strict=True))
        return {
            "weight": graph.weight(f"{key}.weight"),
            "bias": graph.weight(f"{key}.bias") if graph.has(f"{key}.bias") else "",
        }

    def matrix(self, key: str) -> Parameters:
        """Of a linear layer or a 1x1 convolution: the weight is [N, K]."""
        found = self.parameters(key)
        is_map = self.graph.has(f"{key}.c.weight") or ".neck." in key
        return {**found, "weight": self.graph.op("Flatten", found["weight"], axis=1) if is_map else found["weight"]}

    def widened(self, keys: list[str]) -> Parameters:
        """fc1 of parallel MLPs as one: rows below each other, each with its own LayerNorm's weight and bias folded in
        (W diag(gamma), b + W beta), since the normalised rows before them are the same."""
        graph, weights, biases = self.graph, [], []
        for key in keys:
            own = self.parameters(f"{key}.fc1")
            beta = graph.reshape(graph.weight(f"{key}.norm.bias"), -1, 1)
            weights.append(graph.op("Mul", own["weight"], graph.weight(f"{key}.norm.weight")))
            biases.append(graph.op("Add", own["bias"], graph.reshape(graph.op("MatMul", own["weight"], beta), -1)))
        return {"weight": self.joined("Concat", weights, axis=0), "bias": self.joined("Concat", biases, axis=0)}

    def narrowed(self, keys: list[str]) -> Parameters:
        """fc2 of parallel MLPs as one: columns beside each other, biases summed."""
        pairs = [self.parameters(f"{key}.fc2") for key in keys]
        return {
            "weight": self.joined("Concat", [own["weight"] for own in pairs], axis=1),
            "bias": self.joined("Add", [own["bias"] for own in pairs]),
        }

    def outside(self, key: str, stage: int) -> str:
        """qkv of a zero row, which the LayerNorm turns into its bias: W beta + b, [3C]."""
        graph, own = self.graph, self.parameters(f"{key}.qkv")
        beta = graph.reshape(graph.weight(f"{key}.norm.bias"), DIMS[stage], 1)
        return graph.op("Add", graph.reshape(graph.op("MatMul", own["weight"], beta), 3 * DIMS[stage]), own["bias"])

    def joined(self, op: str, values: list[str], **attributes: Any) -> str:
        """One value as it is, two through `op`."""
        return values[0] if len(values) == 1 else self.graph.op(op, *values, **attributes)

    # Nodes -------------------------------------------------------------------------------------------------------

    def float_node(self, key: str, node: Call, byte: bool) -> str:
        """A node that computes in float32 in every form; its output may be 8-bit in the 8-bit form."""
        return self.graph.node(node)

    def linear_node(self, key: str, layer: Linear) -> str:
        """One linear layer, whatever its parameters were made of."""
        inputs = {"x": layer.x, **layer.parameters, "residual": layer.residual}
        return self.graph.node(call("Linear", inputs, activation=layer.activation))

    def linear(self, value: str, key: str, activation: str = "none", residual: str = "", byte: bool = False) -> str:
        """Linear layer or 1x1 convolution."""
        return self.linear_node(key, Linear(value, self.matrix(key), activation, residual, byte))

    def stem(self, value: str, key: str, side: int) -> str:
        """3x3 convolution of stride 2 of the picture [1, 3, S, S], with GELU."""
        return self._stem(value, key, side, "gelu")

    def _stem(self, value: str, key: str, side: int, activation: str) -> str:
        node = call("Conv", {"x": value, **self.parameters(key)}, None, **stem_geometry(side), activation=activation)
        return self.graph.node(node)

    def conv(self, value: str, key: str, side: int, stride: int = 1, byte: bool = False) -> str:
        """3x3 convolution of a map."""
        return self.graph.node(
            call(
                "Conv",
                {"x": value, **self.parameters(key)},
                height=side,
                width=side,
                kernel=3,
                stride=stride,
                pad=1,
                planar=0,
                activation="none",
            )
        )

    def depthwise(self, value: str, key: str, shape: MapShape, stride: int) -> str:
        """3x3 with GELU, each channel by itself; 8-bit output."""
        return self._depthwise(value, key, shape, stride, "gelu")

    def local(self, value: str, key: str, shape: MapShape) -> str:
        """A block's local convolution: depthwise 3x3, float32 always."""
        return self._depthwise(value, key, shape, 1, "none")

    def _depthwise(self, value: str, key: str, shape: MapShape, stride: int, activation: str) -> str:
        return self.graph.node(
            call(
                "Depthwise",
                {"x": value, **self.parameters(key)},
                {"channels": shape.channels},
                height=shape.side,
                width=shape.side,
                stride=stride,
                activation=activation,
            )
        )

    def norm(self, value: str, key: str, epsilon: float = 1e-5, byte: bool = False) -> str:
        """LayerNorm."""
        inputs = {"x": value, "weight": self.graph.weight(f"{key}.weight"), "bias": self.graph.weight(f"{key}.bias")}
        return self.float_node(key, call("LayerNorm", inputs, epsilon=epsilon, activation="none"), byte)

    def window_attention(self, normed: str, key: str, place: BlockPlace) -> str:
        """From the LayerNorm's rows to the output projection; the controller's token is one more key and value per head.
        8-bit output."""
        qkv = self.linear(normed, f"{key}.qkv")
        graph, side, window = self.graph, place.side, WINDOWS[place.stage]
        inputs = {
            "qkv": qkv,
            "biases": graph.weight(f"{key}.attention_biases"),
            "outside": self.outside(key, place.stage) if side % window else "",
        }
        if place.controller:
            inputs["token"] = graph.weight(f"{key}.deep_QKV_embeddings_med")
            inputs["token_bias"] = graph.weight(f"{key}.med_attention_biases")
        node = call("WindowAttention", inputs, height=side, width=side, window=window, heads=HEADS[place.stage])
        return self.float_node(key, node, True)

    def mlp(self, value: str, keys: list[str], channels: int) -> str:
        """x + the sum of the MLPs (the block's own, the controller's beside it), as one MLP of both widths."""
        node = call("LayerNorm", {"x": value}, {"channels": channels}, epsilon=1e-5, activation="none")
        normed = self.float_node(f"{keys[0]}.norm", node, True)
        wide = self.linear_node(f"{keys[0]}.fc1", Linear(normed, self.widened(keys), "gelu", byte=True))
        return self.linear_node(f"{keys[0]}.fc2", Linear(wide, self.narrowed(keys), residual=value))
