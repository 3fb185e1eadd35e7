"""The decoder's layers over stored weights, as float nodes (`DecoderLayers`) and the large ones in 8 bits.

`decoder` in `nodes.py` is written once, in terms of these methods. Ranges are named by layer: `KEY.x` (a float input),
`KEY.y` (after ReLU).
"""

from __future__ import annotations

from .bodies import call
from .graph import Graph
from .int8 import Ranges, wide
from .layers import Parameters


class DecoderLayers:
    """Maps and tokens are rows [R, 256], named by their value in the graph."""

    def __init__(self, graph: Graph):
        self.graph = graph

    def parameters(self, key: str) -> Parameters:
        """Weight and bias by input name; a weight in 8 bits is cast and scaled when the graph is loaded."""
        graph = self.graph
        weight = wide(graph, key) if graph.has(f"{key}.weight_scale") else graph.weight(f"{key}.weight")
        return {"weight": weight, "bias": graph.weight(f"{key}.bias")}

    def linear(self, value: str, key: str, activation: str = "none", residual: str = "") -> str:
        """Linear layer or 1x1 convolution."""
        graph, own = self.graph, self.parameters(key)
        if len(graph.shape(f"{key}.weight")) > 2:
            own = {**own, "weight": graph.op("Flatten", own["weight"], axis=1)}
        return graph.node(call("Linear", {"x": value, **own, "residual": residual}, activation=activation))

    def mlp(self, tokens: str, key: str) -> str:
        """tokens + linear, ReLU, linear."""
        return self.linear(self.linear(tokens, f"{key}.lin1", "relu"), f"{key}.lin2", residual=tokens)

    def up_conv(self, value: str, key: str, side: int) -> str:
        """2x2 transposed convolution of stride 2 of a map of that side."""
        inputs = {"x": value, **self.parameters(key)}
        return self.graph.node(call("UpConv", inputs, height=side, width=side, activation="none"))


class Int8DecoderLayers(DecoderLayers):
    """The queries' MLPs, two thirds of the decoder's weights, and the first up-convolution in 8 bits."""

    def __init__(self, graph: Graph, ranges: Ranges):
        super().__init__(graph)
        self.ranges = ranges

    def mlp(self, tokens: str, key: str) -> str:
        first, second = f"{key}.lin1", f"{key}.lin2"
        # Its zero is byte 0: what is below is cut off, which is ReLU.
        scale, zero = self._range(f"{first}.y")
        hidden = self._linear(self._bytes(tokens, f"{first}.x"), first, {"y_scale": scale, "y_zero": zero})
        return self._linear({"x": hidden, "x_scale": scale, "x_zero": zero}, second, {"residual": tokens})

    def up_conv(self, value: str, key: str, side: int) -> str:
        inputs = self._bytes(value, f"{key}.x") | self._eight(key)
        return self.graph.node(call("QUpConv", inputs, height=side, width=side))

    def _linear(self, value: Parameters, key: str, more: Parameters) -> str:
        return self.graph.node(call("QLinear", value | self._eight(key) | more, activation="none"))

    def _eight(self, key: str) -> Parameters:
        return {name: self.graph.weight(f"{key}.{name}") for name in ("weight", "weight_scale", "bias")}

    def _range(self, name: str) -> tuple[str, str]:
        scale, zero = self.ranges[name]
        return self.graph.const(scale), self.graph.const(zero, "uint8")

    def _bytes(self, value: str, name: str) -> Parameters:
        """A float value as bytes: x, its scale and zero by input name."""
        scale, zero = self._range(name)
        x = self.graph.node(call("Quantize", {"x": value, "y_scale": scale, "y_zero": zero}))
        return {"x": x, "x_scale": scale, "x_zero": zero}
