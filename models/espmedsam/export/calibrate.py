"""Ranges of activations for the 8-bit form: the float graph run on training pictures, every value that will be 8-bit
looked at, and for each the range with the smallest error.

    python -m espmedsam.export.calibrate models/configs/release.toml --from models/release --data DIR --split FILE \
        --out FILE.json

The file holds, for the shared base's encoder and for each modality's own, {range: [scale, zero]}, where the recipe wants
attention in 8 bits {attention: steps of queries, keys and values by head} too, where it wants the decoder so that one's
ranges, and the names of the weight files they belong to; `espmedsam.export --storage int8 --ranges FILE.json` then needs no
picture.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnxruntime
from PIL import Image

from ..facts.architecture import HEADS, WINDOWS
from ..facts.modalities import of_index
from . import calibrate_decoder, int8, model_dir, nodes
from .attention import HeadMagnitudes, Steps
from .calibrate_decoder import Seen
from .graph import Call, Graph, WeightFile
from .int8 import Ranges
from .layers import BlockPlace, FloatLayers, Linear, MapShape
from .quantize import Histogram
from .recipe import Recipe
from .refine import Encoder, narrowed

# Before the first weights of a controller's own (its token in the first attention) all encoders are one. One range each
# over all pictures, so that modalities asked of one picture share what these layers give.
SHARED = ("SemiTViT.patch_embed.", "SemiTViT.layers.0.", "SemiTViT.layers.1.blocks.0.attn.norm.")
SHARED_ATTENTION = ("SemiTViT.layers.1.blocks.0.attn",)  # the steps of its queries, keys and values
OVERLAP = 64  # pixels that neighbouring tiles share
MANY = 200_000  # values of one tensor that a histogram takes from one picture


class TappedLayers(FloatLayers):
    """Float layers with GELUs apart, so that each value the 8-bit form stores has a name: `taps`, by range."""

    def __init__(self, graph: Graph):
        super().__init__(graph)
        self.taps: dict[str, str] = {}
        self.bytes: set[str] = set()
        self.outputs: dict[str, str] = {}  # of linear layers, before their GELU
        self.attentions: dict[str, tuple[str, BlockPlace]] = {}  # queries, keys and values of each

    def _tap(self, value: str, key: str, activation: str, byte: bool) -> str:
        if activation == "gelu":
            self.taps[f"{key}.mid"] = value
            value = self.graph.op("Gelu", value)
        if byte:
            self.taps[f"{key}.y"] = value
            self.bytes.add(value)
        return value

    def _input(self, value: str, key: str) -> None:
        if value not in self.bytes:
            self.taps[f"{key}.x"] = value

    def float_node(self, key: str, node: Call, byte: bool) -> str:
        return self._tap(super().float_node(key, node, byte), key, "none", byte)

    def linear_node(self, key: str, layer: Linear) -> str:
        self._input(layer.x, key)
        y = super().linear_node(key, replace(layer, activation="none"))
        self.outputs[key] = y
        return self._tap(y, key, layer.activation, layer.byte)

    def stem(self, value: str, key: str, side: int) -> str:
        self._input(value, key)
        return self._tap(self._stem(value, key, side, "none"), key, "gelu", True)

    def conv(self, value: str, key: str, side: int, stride: int = 1, byte: bool = False) -> str:
        self._input(value, key)
        return self._tap(super().conv(value, key, side, stride, byte), key, "none", byte)

    def window_attention(self, normed: str, key: str, place: BlockPlace) -> str:
        y = super().window_attention(normed, key, place)
        self.attentions[key] = (self.outputs[f"{key}.qkv"], place)
        return y

    def depthwise(self, value: str, key: str, shape: MapShape, stride: int) -> str:
        self._input(value, key)
        return self._tap(self._depthwise(value, key, shape, stride, "none"), key, "gelu", True)


class StaleRangesError(ValueError):
    """Ranges that were taken from other weights."""


def known(path: Path, exported: Path) -> dict[str, Ranges]:
    """A file's ranges, by encoder. Raises StaleRangesError unless they were taken from the very weights of the folder."""
    found = json.loads(path.read_text())
    if found["weights"] != model_dir.weight_names(exported):
        raise StaleRangesError(
            f"{path} is of {', '.join(found['weights'])}, not of {exported}'s: run espmedsam.export.calibrate"
        )
    return found["encoders"]


def known_steps(path: Path) -> dict[str, Steps]:
    """A file's steps of the 8-bit attention, by encoder; none if it was taken for one in float."""
    return json.loads(path.read_text()).get("attention", {})


def known_decoder(path: Path) -> Ranges:
    """A file's ranges of the decoder; none if it was taken for one in float."""
    return json.loads(path.read_text()).get("decoder", {})


def _tapped(encoder: Encoder) -> tuple[TappedLayers, onnxruntime.InferenceSession]:
    """The float graph, what is asked for as outputs: `tap.RANGE`, `qkv.ATTENTION`."""
    with tempfile.TemporaryDirectory() as folder:
        weights = model_dir.write_weights(Path(folder), "all", encoder.state, "float32")
        layers = TappedLayers(Graph("encoder", [WeightFile(weights)]))
        graph = nodes.encoder(layers, encoder.side, encoder.controller)
        for name, value in layers.taps.items():
            graph.output(value, f"tap.{name}", [None] * (4 if value == "image" else 2))
        for name, (value, _) in layers.attentions.items():
            graph.output(value, f"qkv.{name}", [None, None])
        graph.save(Path(folder) / "tapped.onnx")
        return layers, onnxruntime.InferenceSession(str(Path(folder) / "tapped.onnx"))


def ranges(
    encoder: Encoder,
    pictures: list[np.ndarray],
    grid: int = 33,
    only: tuple[str, ...] = ("",),
    given: Mapping[str, tuple[float, int]] = MappingProxyType({}),
) -> Ranges:
    """From pictures [1, 3, S, S]; of the layers whose names begin as `only` says, those that are `given` as they are."""
    layers, session = _tapped(encoder)
    names = [name for name in layers.taps if name.startswith(only) and name not in given]
    found = {name: Histogram() for name in names}
    for look in ("widen", "add"):
        for picture in pictures:
            # Of no names it would give all.
            values = session.run([f"tap.{name}" for name in names], {"image": picture}) if names else []
            for name, value in zip(names, values, strict=True):
                step = 1 if look == "widen" else -(-value.size // MANY)
                getattr(found[name], look)(value.ravel()[:: step | 1])
    of_tensors = {name: histogram.range(name.endswith(".mid"), grid) for name, histogram in found.items()}
    return {**narrowed(encoder, pictures, of_tensors), **given}


def attention_steps(
    encoder: Encoder,
    pictures: list[np.ndarray],
    only: tuple[str, ...] = ("",),
    given: Mapping[str, list[list[float]]] = MappingProxyType({}),
) -> Steps:
    """Of queries, keys and values of every attention, as `ranges` of the other values."""
    layers, session = _tapped(encoder)
    found = {}
    for name, (_, place) in layers.attentions.items():
        if name.startswith(only) and name not in given:
            token = encoder.state[f"{name}.deep_QKV_embeddings_med"] if encoder.controller else None
            windows = (-(-place.side // WINDOWS[place.stage])) ** 2
            found[name] = HeadMagnitudes(HEADS[place.stage], token, windows)
    for look in ("widen", "add"):
        for picture in pictures if found else ():
            values = session.run([f"qkv.{name}" for name in found], {"image": picture})
            for magnitudes, value in zip(found.values(), values, strict=True):
                magnitudes.look(value, look)
    return {**{name: magnitudes.steps() for name, magnitudes in found.items()}, **given}


def matrix(resize: str, src: int, dst: int) -> np.ndarray:
    """[dst, src]: a triangle sampled at pixel centres, edges clamped; as wide as the shrinking if antialiased."""
    scale = src / dst
    wide = max(scale, 1.0) if resize == "triangle-squash" else 1.0
    centre = (np.arange(dst)[:, None] + 0.5) * scale - 0.5
    if wide == 1.0:
        centre = np.clip(centre, 0, src - 1)
    weights = np.maximum(0, 1 - np.abs(np.arange(src)[None] - centre) / wide)
    return weights / weights.sum(1, keepdims=True)


def tensor(path: Path, side: int, profile: str) -> np.ndarray:
    """A picture file as the encoder is fed, [1, 3, S, S]."""
    known = model_dir.PROFILES[profile]
    rgb = np.asarray(Image.open(path).convert("RGB"), np.float64)
    rows = np.tensordot(matrix(known.resize, rgb.shape[0], side), rgb, (1, 0))
    both = np.tensordot(matrix(known.resize, rgb.shape[1], side), rows, (1, 1)).transpose(1, 0, 2)
    return ((both - known.mean) / known.std).transpose(2, 0, 1)[None].astype(np.float32)


@dataclass(frozen=True)
class Served:
    """How an encoder looks at pictures: whole, or at `tiles` x `tiles` overlapping ones (the program's views)."""

    side: int
    profile: str
    tiles: int = 1

    def at(self, path: Path, number: int) -> np.ndarray:
        """One of the tiles, taken in turn, [1, 3, S, S]."""
        step = self.side - OVERLAP if self.tiles > 1 else 0
        top, left = (step * at for at in divmod(number % self.tiles**2, self.tiles))
        whole = tensor(path, self.side + (self.tiles - 1) * step, self.profile)
        return whole[..., top : top + self.side, left : left + self.side]


def chosen(data: Path, split: Path, modality: str, count: int) -> Iterator[Path]:
    """`count` pictures of the training part, or all: of the modality's data sets alike, spread over each in the index's
    order."""
    with split.open() as file:
        train = {(row["dataset"], row["stem"]) for row in csv.DictReader(file) if row["split"] == "train"}
    sets: dict[str, list[Path]] = {}
    with (data / "index.csv").open() as file:
        for row in csv.DictReader(file):
            if of_index(row["modality"]) == modality and (row["dataset"], row["stem"]) in train:
                sets.setdefault(row["dataset"], []).append(data / row["image"])
    wanted = shares({name: len(mine) for name, mine in sets.items()}, count)
    for name, mine in sorted(sets.items()):
        yield from (mine[number * len(mine) // wanted[name]] for number in range(wanted[name]))


def shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """How many of each, as alike as the sizes allow; in sum no more than `count`."""
    taken: dict[str, int] = {}
    for at, name in enumerate(
        sorted(sizes, key=lambda name: (sizes[name], name))
    ):  # what a small one lacks, others give
        taken[name] = min(sizes[name], (count - sum(taken.values())) // (len(sizes) - at))
    return taken


def groups(recipe: Recipe) -> Iterable[tuple[str, list[str]]]:
    """The encoders a recipe makes and the modalities that run through each: "base", and one by each controller."""
    plain = [name for name, modality in recipe.modalities.items() if not modality.controller]
    own = ((name, [name]) for name, modality in recipe.modalities.items() if modality.controller)
    return [*([("base", plain)] if plain else []), *own]


def float_weights(folder: Path, modality: str) -> dict[str, np.ndarray]:
    """A folder's weights as a float checkpoint."""
    state = model_dir.read_weights(folder, modality)
    return int8.restored(state) if int8.is_stored(state) else state


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--from", type=Path, dest="exported", required=True, help="an exported folder")
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--count", type=int, default=96, help="training pictures of each modality (default: 96)")
    parser.add_argument("--side", type=int, help="the input side, if not the recipe's")
    parser.add_argument("--modality", action="append", help="only this one; may be repeated")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Writes the ranges."""
    args = arguments()
    recipe = Recipe.read(args.recipe)
    side = args.side or recipe.side
    pictures = {
        name: [
            Served(side, recipe.profile, recipe.tiles(side, modality)).at(path, number)
            for modality in modalities
            for number, path in enumerate(chosen(args.data, args.split, modality, args.count))
        ]
        for name, modalities in groups(recipe)
        if not args.modality or set(modalities) & set(args.modality)
    }
    base = Encoder(float_weights(args.exported, ""), side, False)
    every = [picture for some in pictures.values() for picture in some]
    shared = ranges(base, every, only=SHARED)
    eight = recipe.attention == "int8"
    shared_steps = attention_steps(base, every, only=SHARED_ATTENTION) if eight else {}
    encoders, attentions, seen = [], [], []
    for name, some in pictures.items():
        own = base if name == "base" else Encoder(float_weights(args.exported, name), side, True)
        seen.append(Seen(own, some))
        found = ranges(own, some, given=shared)
        print(f"{name}: {len(found)} ranges from {len(some)} pictures", flush=True)
        encoders.append(_section(name, found))
        if eight:
            attentions.append(_section(name, attention_steps(own, some, given=shared_steps)))
    parts = [f'"weights": {json.dumps(model_dir.weight_names(args.exported))}', _group("encoders", encoders)]
    if eight:
        parts.append(_group("attention", attentions))
    if recipe.decoder == "int8":
        parts.append(_section("decoder", calibrate_decoder.ranges(seen)))
    args.out.write_text("{" + ", ".join(parts) + "}\n")


def _section(name: str, found: Mapping[str, object]) -> str:
    """JSON of one encoder or of the decoder, a line for each."""
    lines = ",\n".join(f"  {json.dumps(of)}: {json.dumps(value)}" for of, value in found.items())
    return f"{json.dumps(name)}: {{\n{lines}\n}}"


def _group(name: str, sections: list[str]) -> str:
    """JSON of all encoders."""
    return f"{json.dumps(name)}: {{\n" + ",\n".join(sections) + "\n}"


if __name__ == "__main__":
    main()
