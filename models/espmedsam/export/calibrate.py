"""Ranges of activations for the 8-bit form: the float graph run on training pictures, every value that will be 8-bit
looked at, and for each the range with the smallest error.

    python -m espmedsam.export.calibrate configs/release.toml --from release --data DIR --split FILE --out FILE.json

The file holds, for the shared base's encoder and for each modality's own, {range: [scale, zero]}, and the names of
the weight files they belong to; `espmedsam.export --storage int8 --ranges FILE.json` then needs no picture.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from ..facts.modalities import of_index
from . import int8, model_dir, nodes
from .graph import Graph, WeightFile
from .layers import FloatLayers
from .quantize import Histogram

# Before the first weights of a controller's own (its token in the first attention) all encoders are one. One range each
# over all pictures, so that modalities asked of one picture share what these layers give.
SHARED = ("SemiTViT.patch_embed.", "SemiTViT.layers.0.", "SemiTViT.layers.1.blocks.0.attn.norm.")
OVERLAP = 64  # pixels that neighbouring tiles share
MANY = 200_000  # values of one tensor that a histogram takes from one picture


class TappedLayers(FloatLayers):
    """Float layers with GELUs apart, so that each value the 8-bit form stores has a name: `taps`, by range."""

    def __init__(self, g: Graph):
        super().__init__(g)
        self.taps: dict[str, str] = {}
        self.bytes: set[str] = set()

    def _tap(self, y: str, key: str, activation: str, byte: bool) -> str:
        if activation == "gelu":
            self.taps[f"{key}.mid"] = y
            y = self.g.op("Gelu", y)
        if byte:
            self.taps[f"{key}.y"] = y
            self.bytes.add(y)
        return y

    def _input(self, x: str, key: str) -> None:
        if x not in self.bytes:
            self.taps[f"{key}.x"] = x

    def float_node(self, key, body, kind, inputs, shape, byte, **attributes):
        y = super().float_node(key, body, kind, inputs, shape, byte, **attributes)
        return self._tap(y, key, "none", byte)

    def linear_node(self, key, x, parameters, activation, residual, byte):
        self._input(x, key)
        y = super().linear_node(key, x, parameters, "none", residual, byte)
        return self._tap(y, key, activation, byte)

    def conv(self, x, key, side, stride=1, byte=False):
        self._input(x, key)
        return self._tap(super().conv(x, key, side, stride, byte), key, "none", byte)

    def depthwise(self, x, key, side, channels, stride):
        self._input(x, key)
        return self._tap(self._depthwise(x, key, side, channels, stride, "none"), key, "gelu", True)


def ranges(state: dict[str, np.ndarray], side: int, controller: bool,
           pictures: list[np.ndarray], grid: int = 33, only: tuple[str, ...] = ("",)) -> dict[str, tuple[float, int]]:
    """Of one encoder, from pictures [1, 3, S, S]; of the layers whose names begin as `only` says."""
    with tempfile.TemporaryDirectory() as folder:
        weights = model_dir.write_weights(Path(folder), "all", state, "float32")
        layers = TappedLayers(Graph("encoder", [WeightFile(weights)]))
        g = nodes.encoder(layers, side, controller)
        for name, value in layers.taps.items():
            g.output(value, f"tap.{name}", [None, None])
        g.save(Path(folder) / "tapped.onnx")
        session = onnxruntime.InferenceSession(str(Path(folder) / "tapped.onnx"))
    names = [n for n in layers.taps if n.startswith(only)]
    found = {n: Histogram() for n in names}
    for look in ("widen", "add"):
        for picture in pictures:
            values = session.run([f"tap.{n}" for n in names], {"image": picture})
            for n, value in zip(names, values):
                step = 1 if look == "widen" else -(-value.size // MANY)
                getattr(found[n], look)(value.ravel()[::step | 1])
    return {n: h.range(n.endswith(".mid"), grid) for n, h in found.items()}


def matrix(resize: str, src: int, dst: int) -> np.ndarray:
    """[dst, src]: a triangle sampled at pixel centres, edges clamped; as wide as the shrinking if antialiased."""
    scale = src / dst
    wide = max(scale, 1.0) if resize == "triangle-squash" else 1.0
    centre = (np.arange(dst)[:, None] + 0.5) * scale - 0.5
    if wide == 1.0:
        centre = np.clip(centre, 0, src - 1)
    m = np.maximum(0, 1 - np.abs(np.arange(src)[None] - centre) / wide)
    return m / m.sum(1, keepdims=True)


def tensor(path: Path, side: int, profile: str) -> np.ndarray:
    """A picture file as the encoder is fed, [1, 3, S, S]."""
    p = model_dir.PROFILES[profile]
    rgb = np.asarray(Image.open(path).convert("RGB"), np.float64)
    y = np.tensordot(matrix(p["resize"], rgb.shape[0], side), rgb, (1, 0))
    y = np.tensordot(matrix(p["resize"], rgb.shape[1], side), y, (1, 1)).transpose(1, 0, 2)
    return ((y - p["mean"]) / p["std"]).transpose(2, 0, 1)[None].astype(np.float32)


def tile(path: Path, side: int, profile: str, tiles: int, number: int) -> np.ndarray:
    """One of the `tiles` x `tiles` views that are served of a picture (`src/preprocess/views.rs`), taken in turn."""
    step = side - OVERLAP if tiles > 1 else 0
    top, left = (step * k for k in divmod(number % tiles ** 2, tiles))
    return tensor(path, side + (tiles - 1) * step, profile)[..., top:top + side, left:left + side]


def chosen(data: Path, split: Path, modality: str, count: int) -> Iterator[Path]:
    """Up to `count` pictures of the training part, the modality's data sets taken in turn, spread over each."""
    with split.open() as file:
        train = {(r["dataset"], r["stem"]) for r in csv.DictReader(file) if r["split"] == "train"}
    with (data / "index.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if of_index(r["modality"]) == modality
                and (r["dataset"], r["stem"]) in train]
    sets = sorted({r["dataset"] for r in rows})
    for name in sets:
        mine = [r for r in rows if r["dataset"] == name]
        take = min(len(mine), -(-count // len(sets)))
        yield from (data / mine[i * len(mine) // take]["image"] for i in range(take))


def groups(recipe: dict) -> Iterable[tuple[str, list[str]]]:
    """The encoders a recipe makes and the modalities that run through each: "base", and one by each controller."""
    plain = [name for name, m in recipe["modality"].items() if "controller" not in m]
    return [*([("base", plain)] if plain else []), *((name, [name]) for name, m in recipe["modality"].items() if "controller" in m)]


def float_weights(folder: Path, modality: str) -> dict[str, np.ndarray]:
    """A folder's weights as a float checkpoint."""
    state = model_dir.read_weights(folder, modality)
    return int8.restored(state) if int8.is_stored(state) else state


def main() -> None:
    """Writes the ranges."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recipe", type=Path)
    p.add_argument("--from", type=Path, dest="exported", required=True, help="an exported folder")
    p.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    p.add_argument("--split", type=Path, required=True)
    p.add_argument("--count", type=int, default=96, help="training pictures of each modality (default: 96)")
    p.add_argument("--side", type=int, help="the input side, if not the recipe's")
    p.add_argument("--modality", action="append", help="only this one; may be repeated")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    recipe = tomllib.loads(a.recipe.read_text())
    side, found = a.side or recipe["side"], {}
    views = recipe.get("views", {}).get(str(side), {})
    pictures = {name: [tile(path, side, recipe["profile"], views.get(m, {}).get("tiles", 1), n) for m in modalities
                       for n, path in enumerate(chosen(a.data, a.split, m, a.count))] for name, modalities in groups(recipe)
                if not a.modality or set(modalities) & set(a.modality)}
    state = float_weights(a.exported, "")
    shared = ranges(state, side, False, [p for some in pictures.values() for p in some], only=SHARED)
    for name, some in pictures.items():
        controller = name != "base"
        state = float_weights(a.exported, name if controller else "")
        found[name] = {**ranges(state, side, controller, some), **shared}
        print(f"{name}: {len(found[name])} ranges from {len(some)} pictures", flush=True)
    encoders = []
    for name, r in found.items():
        lines = ",\n".join(f"  {json.dumps(n)}: {json.dumps(v)}" for n, v in r.items())
        encoders.append(f"{json.dumps(name)}: {{\n{lines}\n}}")
    a.out.write_text(f'{{"weights": {json.dumps(model_dir.weight_names(a.exported))}, "encoders": {{\n'
                     + ",\n".join(encoders) + "\n}}\n")


if __name__ == "__main__":
    main()
