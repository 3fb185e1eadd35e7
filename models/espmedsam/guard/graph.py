"""The guard's ONNX file: nodes of our domain (docs/nodes.md), weights inline."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..export.bodies import call
from ..export.graph import Graph
from ..facts.modalities import MODALITIES

CLASSES = (*MODALITIES, "other")
SIDE = 64


@dataclass(frozen=True)
class GuardWeights:
    """Of a network with its BatchNorms folded, float32."""

    scale: np.ndarray  # [3]: from normalised values to sixteenths of 0..255, times this
    shift: np.ndarray  # [3]: plus this
    convs: list[tuple[np.ndarray, np.ndarray]]  # [n,c,3,3] and [n] of each
    head: tuple[np.ndarray, np.ndarray]  # [7,2c] and [7]


def write(weights: GuardWeights, folder: Path) -> Path:
    """`guard-<first 8 hex digits of its sha256>.onnx`: `image` float32 [1,3,64,64] -> `scores` [1,7]."""
    graph = Graph("guard", [])
    x = graph.input("image", [1, 3, SIDE, SIDE])
    scale, shift = graph.const(weights.scale), graph.const(weights.shift)
    x = graph.node(call("Roots", {"x": x, "scale": scale, "shift": shift}))
    side = SIDE
    for level, (weight, bias) in enumerate(weights.convs):
        graph.scope = f"level{level}"
        inputs = {"x": x, "weight": graph.const(weight), "bias": graph.const(bias)}
        size: dict[str, int | float | str] = {"height": side, "width": side, "kernel": 3, "stride": 2, "pad": 1}
        how = size | {"planar": int(level == 0), "activation": "relu"}
        x = graph.node(call("Conv", inputs, None, **how))
        side //= 2
    graph.scope = "head"
    weight, bias = weights.head
    x = graph.node(call("Classify", {"x": x, "weight": graph.const(weight), "bias": graph.const(bias)}))
    graph.output(x, "scores", [1, len(CLASSES)])
    part = folder / "guard.onnx"
    graph.save(part)
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    return part.replace(folder / f"guard-{digest[:8]}.onnx")
