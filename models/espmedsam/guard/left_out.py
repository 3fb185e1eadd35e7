"""The guard before hospitals it never saw: each source of the pool, scored by the network of the fold that leaves it
out (by the shipped one where the whole source is kept for validation)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..facts.modalities import MODALITIES
from ..pictures.pool import Item
from . import shifts
from .network import Guard, scores
from .sources import folds, read, source
from .train import KEPT, VISIBLE, to_input

# The inverse's score from which a picture that is not likeliest what was asked for is called inverted. At 0.8, 2.7 % of
# an x-ray source left out, drawn as films, were; at 0.9 a sixth fewer of the inverted are found.
INVERTED = 0.85
MOST = 400  # pictures of a source, drawn
COLUMN = {m: i for i, m in enumerate(MODALITIES)}


@dataclass
class Run:
    """What a training left."""

    models: dict[str, Guard]  # by the fold that is left out; "": the one to be shipped
    learned: list[Item]

    def without(self, name: str) -> Guard | None:
        """The network that never saw a source, if there is one."""
        if name not in {source(i) for i in self.learned}:
            return self.models[""]
        fold = folds(self.learned).get(name)
        return None if fold is None else self.models[str(fold)]


@dataclass
class Trial:
    """One source's scores [N,7], by a network that never saw it: {"" or a kind of `shifts.KEPT_OTHERWISE`: (of the
    pictures, of their inverses)}."""

    source: str
    modality: str
    seen: dict[str, tuple[np.ndarray, np.ndarray]]

    @property
    def column(self) -> int:
        """Where its own modality's score is."""
        return COLUMN[self.modality]

    def own(self, kind: str = "") -> np.ndarray:
        """Its own modality's scores [N]."""
        return self.seen[kind][0][:, self.column]

    def false_alarms(self, limit: float, kind: str = "") -> np.ndarray:
        """Which pictures [N] would be refused."""
        return (self.own(kind) < limit) | inverted(*self.seen[kind], self.column)

    def inverted_found(self, limit: float) -> tuple[np.ndarray, np.ndarray]:
        """Which inverted pictures [N] would be refused, and which with that reason."""
        right, turned = self.seen[""]
        named = inverted(turned, right, self.column)
        return (turned[:, self.column] < limit) | named, named


def inverted(as_sent: np.ndarray, inverse: np.ndarray, column: int) -> np.ndarray:
    """Which pictures [N] look inverted when sent as a modality (`Guard::inverted` in src/guard/mod.rs)."""
    return (as_sent.argmax(1) != column) & (inverse.argmax(1) == column) & (inverse[:, column] >= INVERTED)


def trials(run: Run, items: list[Item], seed: int = 2) -> list[Trial]:
    """A trial of each source of `items`, the whole pool, that has a network without it."""
    rng, found = np.random.default_rng(seed), []
    for name in sorted({source(i) for i in items}):
        model = run.without(name)
        if model is None:
            continue
        own = [i for i in items if source(i) == name]
        images = [read(own[k]) for k in sorted(rng.permutation(len(own))[:MOST])]
        small = [cv2.resize(x, (KEPT, KEPT), interpolation=cv2.INTER_AREA) for x in images]
        kinds = {k: [y for x in small if (y := shifts.shifted(x, k, rng)).std() >= VISIBLE]
                 for k in shifts.KEPT_OTHERWISE}
        seen = {k: tuple(scores(model, np.stack([to_input(turn(x)) for x in pictures])) for turn in (np.array, invert))
                for k, pictures in {"": images, **kinds}.items()}
        found.append(Trial(name, own[0].modality, seen))
    return found


def invert(image: np.ndarray) -> np.ndarray:
    """Black for white."""
    return 255 - image
