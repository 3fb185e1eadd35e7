"""Smaller MLPs: of the hidden units of a block's own MLP and its controller's, those that are missed least are left out,
and what the others give is fitted anew by least squares, on pictures without masks. Nothing is trained.

Both MLPs of a block see the same normalised rows, so they are one of 8d hidden units (d: the block's channels). Block after
block, on what the slimmed blocks before it give:

- units are dropped by how much the block's output loses once all others are fitted anew, which for a linear layer is exact
  (Optimal Brain Surgeon; Hassibi and Stork, NIPS 1992);
- fc2 and its bias are fitted to what the whole network has behind that block, so they make up for earlier blocks too, and
  are drawn to what they were (ridge): few pictures are enough.

What comes of it is a checkpoint with one MLP, `med_mlp`, in the place of each block's `med_dah`. The base keeps its own, for
encoders without a controller. Such a controller is not trained on: the whole one is kept beside the folder (`WHOLE`).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from ..weights.checkpoint import SLIM, mlps
from . import model_dir, nodes
from .calibrate import Served, chosen
from .graph import Graph, WeightFile
from .layers import FloatLayers, Linear
from .mlp import Mlp, Moments, narrowed
from .recipe import Recipe

State = dict[str, np.ndarray]  # a float checkpoint
WHOLE = "whole"  # folder beside an exported one: its slimmed controllers, as they were
PICTURES = 64  # of a modality, all sources in turn
MULTIPLE = 32  # of hidden units: the kernels' tiles are full
ROWS = 500  # of one picture that are looked at: neighbours say much the same


@dataclass(frozen=True)
class Look:
    """Pictures at one side, [1, 3, S, S] each."""

    side: int
    pictures: list[np.ndarray]


def hidden_units(width: float, channels: int) -> int:
    """Of both MLPs of a block together, where `width` for each channel are asked for; no more than they have."""
    return min(max(1, round(width * channels / MULTIPLE)) * MULTIPLE, 8 * channels)


def _units(state: State) -> dict[str, tuple[int, ...]]:
    """The slimmed MLPs' hidden units and channels, by name."""
    return {key: value.shape for key, value in state.items() if key.endswith(f".{SLIM}.fc1.weight")}


def is_slim(state: State) -> bool:
    """Whether it has such MLPs."""
    return bool(_units(state))


def fits(state: State, width: float | None) -> bool:
    """Whether the MLPs are of that width; None: whether they are whole."""
    units = _units(state)
    if width is None:
        return not units
    return bool(units) and all(of == hidden_units(width, channels) for of, channels in units.values())


def width(state: State) -> float | None:
    """Hidden units for each channel of the first block; None: they are whole."""
    return next((units / channels for units, channels in _units(state).values()), None)


def whole(exported: Path, modality: str) -> State:
    """What `model_dir.read_weights` gives, but of a slimmed controller the whole one, if it was kept."""
    state, beside = model_dir.read_weights(exported, modality), exported.parent / WHOLE
    if not is_slim(state) or not list(beside.glob(f"{modality}-*.safetensors")):
        return state
    return model_dir.read_weights(exported) | model_dir.read_part(beside, modality)


def keep_whole(root: Path, modality: str, state: State, storage: str) -> None:
    """Writes the controller that is slimmed beside the exported folders in `root`, in the place of an earlier one's."""
    folder = root / WHOLE
    folder.mkdir(parents=True, exist_ok=True)
    kept = model_dir.write_controller(folder, modality, model_dir.as_stored(state, storage, True), storage)
    for other in set(folder.glob(f"{modality}-*.safetensors")) - {kept}:
        other.unlink()


def served(recipe: Recipe, modality: str) -> list[Served]:
    """How a modality's encoders look at pictures, at every side."""
    return [Served(side, recipe.profile, recipe.tiles(side, modality)) for side in recipe.sides(modality)]


def looks(served: list[Served], modality: str, data: Path, split: Path) -> list[Look]:
    """Training pictures of a modality as it is served."""
    paths = list(chosen(data, split, modality, PICTURES))
    if not paths:
        raise SystemExit(f"{split} has no training picture of {modality} to fit smaller MLPs on")
    return [Look(at.side, [at.at(path, number) for number, path in enumerate(paths)]) for at in served]


def slimmed(state: State, looks: list[Look], width: float) -> State:
    """A modality's checkpoint with `width` hidden units for each channel. Memory: two maps of every picture."""
    flows = [_Flow(look) for look in looks]
    for along in zip(*(nodes.parts(look.side, True) for look in looks), strict=True):
        key, runs = along[0].key, [flow.run(part, state) for flow, part in zip(flows, along, strict=True)]
        if f"{key}.mlp.fc1.weight" not in state:
            for flow, run in zip(flows, runs, strict=True):
                flow.pass_on(run)
            continue
        both = Mlp.of(state, mlps(state.__contains__, key, True))
        moments = Moments(*both.fc1.shape)
        for flow, run in zip(flows, runs, strict=True):
            flow.gather(run, moments)
        smaller = narrowed(both, moments, hidden_units(width, both.fc1.shape[1]))
        state = {name: value for name, value in state.items() if not name.startswith(f"{key}.med_dah.")}
        state |= smaller.tensors(f"{key}.{SLIM}")
        for flow, part in zip(flows, along, strict=True):
            flow.pass_slimmed(flow.run(part, state))
    return state


class _Watched(FloatLayers):
    """Float layers that know the last MLP's hidden units and what its output is added to."""

    def __init__(self, graph: Graph):
        super().__init__(graph)
        self.hidden, self.before = "", ""

    def linear_node(self, key: str, layer: Linear) -> str:
        if key.endswith(".fc2"):
            self.hidden, self.before = layer.x, layer.residual
        return super().linear_node(key, layer)


class _Run:
    """A part of a checkpoint's encoder, to be run by itself."""

    def __init__(self, part: nodes.Part, state: State, dimensions: int):
        with tempfile.TemporaryDirectory() as folder:
            own = {name: value for name, value in state.items() if name.startswith(f"{part.key}.")}
            layers = _Watched(
                Graph("part", [WeightFile(model_dir.write_weights(Path(folder), "part", own, "float32"))])
            )
            graph = layers.graph
            y = part.write(layers, graph.input("x", [None] * dimensions))
            for name, value in {"y": y, "before": layers.before, "hidden": layers.hidden}.items():
                if value:
                    graph.output(value, name, [None, None])
            graph.save(Path(folder) / "part.onnx", check=False)
            self.session = onnxruntime.InferenceSession(str(Path(folder) / "part.onnx"))

    def __call__(self, given: np.ndarray) -> np.ndarray:
        """What comes out, [R, C]."""
        return self.session.run(["y"], {"x": given})[0]

    def inside(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of a block: what its MLP's output is added to, and the hidden units."""
        before, hidden = self.session.run(["before", "hidden"], {"x": given})
        return before, hidden


class _Flow:
    """Pictures on their way through the encoder: the whole one, and the slimmed one beside it."""

    def __init__(self, look: Look):
        self.whole = self.slim = look.pictures  # one list until they part

    def run(self, part: nodes.Part, state: State) -> _Run:
        """That part of a checkpoint, for what these pictures have become."""
        return _Run(part, state, self.slim[0].ndim)

    def pass_on(self, run: _Run) -> None:
        """Through a part that both have."""
        one = self.slim is self.whole
        self.whole = [run(rows) for rows in self.whole]
        self.slim = self.whole if one else [run(rows) for rows in self.slim]

    def gather(self, run: _Run, moments: Moments) -> None:
        """The whole network through a block, and what the slimmed one's MLP would have to give for the same output."""
        wanted = []
        for whole, slim in zip(self.whole, self.slim, strict=True):
            y, (before, hidden) = run(whole), run.inside(slim)
            some = slice(None, None, -(-len(y) // ROWS) | 1)  # odd: not the same columns of every row
            moments.add(hidden[some], y[some] - before[some])
            wanted.append(y)
        self.whole = wanted

    def pass_slimmed(self, run: _Run) -> None:
        """The slimmed network through a block."""
        self.slim = [run(rows) for rows in self.slim]
