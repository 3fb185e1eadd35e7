"""Ranges of what the decoder's 8-bit layers read, as `calibrate` has the encoders': one decoder serves all modalities, so
pictures of all are looked at, each through its own encoder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from . import model_dir, nodes
from .decoder import DecoderLayers
from .graph import Graph, WeightFile
from .int8 import Ranges
from .layers import FloatLayers
from .quantize import Histogram
from .refine import Encoder


@dataclass(frozen=True)
class Seen:
    """Pictures and the encoder that looks at them."""

    encoder: Encoder
    pictures: list[np.ndarray]  # [1, 3, S, S] each


class TappedDecoderLayers(DecoderLayers):
    """Float layers; each value that the 8-bit form stores as bytes is in `taps`, by range."""

    def __init__(self, graph: Graph):
        super().__init__(graph)
        self.taps: dict[str, str] = {}

    def mlp(self, tokens: str, key: str) -> str:
        first, second = f"{key}.lin1", f"{key}.lin2"
        hidden = self.linear(tokens, first, "relu")
        self.taps |= {f"{first}.x": tokens, f"{first}.y": hidden}
        return self.linear(hidden, second, residual=tokens)

    def up_conv(self, value: str, key: str, side: int) -> str:
        self.taps[f"{key}.x"] = value
        return super().up_conv(value, key, side)


def ranges(seen: Iterable[Seen]) -> Ranges:
    """Of all pictures together."""
    found: dict[str, Histogram] = {}
    looks = [look for of in seen for look in _looks(of)]
    for step in ("widen", "add"):
        for look in looks:
            for name, values in look.items():
                getattr(found.setdefault(name, Histogram()), step)(values)
    return {name: histogram.range() for name, histogram in found.items()}


def _looks(seen: Seen) -> Iterator[dict[str, np.ndarray]]:
    """Of each picture every tapped value."""
    with tempfile.TemporaryDirectory() as folder:
        file = WeightFile(model_dir.write_weights(Path(folder), "all", seen.encoder.state, "float32"))
        side = seen.encoder.side
        encoder = nodes.encoder(FloatLayers(Graph("encoder", [file])), side, seen.encoder.controller)
        layers = TappedDecoderLayers(Graph("decoder", [file]))
        decoder = nodes.decoder(layers, side)
        for name, value in layers.taps.items():
            decoder.output(value, f"tap.{name}", [None, None])
        sessions = [_session(Path(folder), graph) for graph in (encoder, nodes.self_prompt(side, [file]), decoder)]
    names = [f"tap.{name}" for name in layers.taps]
    for picture in seen.pictures:
        embedding = sessions[0].run(["embedding"], {"image": picture})[0]
        prompted = sessions[1].run(["prompted"], {"embedding": embedding})[0]
        # Which modality is asked for comes after all that is tapped.
        values = sessions[2].run(names, {"prompted": prompted, "modality": np.zeros(1, np.int64)})
        yield dict(zip(layers.taps, values, strict=True))


def _session(folder: Path, graph: Graph) -> onnxruntime.InferenceSession:
    path = folder / f"{graph.name}.onnx"
    graph.save(path)
    return onnxruntime.InferenceSession(str(path))
