"""Narrows the ranges of convolutions by what the whole encoder loses, not by what the tensor itself does.

One range serves all channels of a tensor. Where a few channels reach far and matter little, as behind a folded BatchNorm,
the range with the smallest error of the tensor is wide, and the channels that matter fall between its steps: of LiteMedSAM's
encoder one such convolution made nine tenths of the whole 8-bit error. So ranges are narrowed as long as the embedding
gains by it; what reaches farther is clipped.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime

from . import model_dir, nodes
from .graph import Call, Graph, WeightFile
from .int8 import Ranges
from .layers import FloatLayers, Linear, MapShape

# Convolutions and what merges patches: BatchNorms are folded into them. Behind LayerNorms channels are alike.
CONVOLUTIONS = re.compile(
    r"SemiTViT\.(patch_embed\.seq\.\d|layers\.0\.blocks\.\d\.conv\d|layers\.\d\.downsample\.conv\d)\.y"
)
FACTORS = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.22, 0.16, 0.11)
PICTURES = 12  # at most, evenly of those there are


@dataclass(frozen=True)
class Encoder:
    """An encoder whose ranges are asked for."""

    state: dict[str, np.ndarray]  # a float checkpoint
    side: int
    controller: bool


class OneQuantized(FloatLayers):
    """Float layers, but what one convolution stores is rounded to 8 bits: before its GELU and after it, by scales and zeros
    that are inputs of the graph."""

    def __init__(self, graph: Graph, key: str):
        super().__init__(graph)
        self.key = key
        self.inputs: list[str] = []

    def _rounded(self, value: str, name: str) -> str:
        scale, zero = f"{name}.scale", f"{name}.zero"
        self.graph.input(scale, [])
        self.graph.input(zero, [])
        self.inputs += [scale, zero]
        # Not QuantizeLinear, whose zero would have to be a constant of its type.
        steps = self.graph.op("Round", self.graph.op("Div", value, scale))
        low = self.graph.op("Neg", zero)
        high = self.graph.op("Sub", self.graph.const(np.float32(255)), zero)
        return self.graph.op("Mul", self.graph.op("Clip", steps, low, high), scale)

    def _stored(self, value: str, key: str, gelu: bool, byte: bool) -> str:
        if gelu:
            value = self.graph.op("Gelu", self._rounded(value, "mid") if key == self.key else value)
        return self._rounded(value, "y") if byte and key == self.key else value

    def float_node(self, key: str, node: Call, byte: bool) -> str:
        return self._stored(super().float_node(key, node, byte), key, False, byte)

    def stem(self, value: str, key: str, side: int) -> str:
        return self._stored(self._stem(value, key, side, "none"), key, True, True)

    def linear_node(self, key: str, layer: Linear) -> str:
        y = super().linear_node(key, replace(layer, activation="none"))
        return self._stored(y, key, layer.activation == "gelu", layer.byte)

    def conv(self, value: str, key: str, side: int, stride: int = 1, byte: bool = False) -> str:
        return self._stored(super().conv(value, key, side, stride, byte), key, False, byte)

    def depthwise(self, value: str, key: str, shape: MapShape, stride: int) -> str:
        return self._stored(self._depthwise(value, key, shape, stride, "none"), key, True, True)


def narrowed(encoder: Encoder, pictures: Sequence[np.ndarray], found: Ranges) -> Ranges:
    """`found`, and the ranges of its convolutions as narrow as the embeddings of the pictures want them."""
    keys = [name.removesuffix(".y") for name in found if CONVOLUTIONS.fullmatch(name)]
    some = pictures[:: -(-len(pictures) // PICTURES)]
    out = dict(found)
    with tempfile.TemporaryDirectory() as folder:
        weights = model_dir.write_weights(Path(folder), "all", encoder.state, "float32")
        wanted = _session(encoder, weights, "")[0]
        want = [wanted.run(["embedding"], {"image": picture})[0] for picture in some]
        for key in keys:
            session, inputs = _session(encoder, weights, key)
            names = sorted({name.split(".")[0] for name in inputs})
            losses = []
            for factor in FACTORS:
                trial = {name: _scaled(found[f"{key}.{name}"], factor) for name in names}
                feeds = {f"{name}.scale": np.array(scale, np.float32) for name, (scale, _) in trial.items()}
                feeds |= {f"{name}.zero": np.array(zero, np.float32) for name, (_, zero) in trial.items()}
                got = (session.run(["embedding"], {"image": picture, **feeds})[0] for picture in some)
                losses.append((sum(float(((a - b) ** 2).sum()) for a, b in zip(got, want, strict=True)), trial))
            for name, value in min(losses, key=lambda pair: pair[0])[1].items():
                out[f"{key}.{name}"] = value
    return out


def _scaled(of: tuple[float, int], factor: float) -> tuple[float, int]:
    """A range with its upper end nearer; the lower one stays."""
    scale, zero = of
    low, high = -zero * scale, (255 - zero) * scale * factor
    narrow = float(np.float32((high - low) / 255))
    return narrow, int(np.clip(np.rint(-low / narrow), 0, 255))


def _session(encoder: Encoder, weights: Path, key: str) -> tuple[onnxruntime.InferenceSession, list[str]]:
    layers = OneQuantized(Graph("encoder", [WeightFile(weights)]), key)
    graph = nodes.encoder(layers, encoder.side, encoder.controller)
    path = weights.parent / "one.onnx"
    graph.save(path)
    return onnxruntime.InferenceSession(str(path)), layers.inputs
