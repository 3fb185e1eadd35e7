"""The guard's thresholds: as high as sources left out of training allow, and no higher. An odd picture let through costs
less than a right one refused.

A picture is a mismatch if its chosen modality's score is below the modality's threshold, or if it looks inverted; a
false alarm is a mismatch of a right picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..facts.modalities import MODALITIES
from ..pictures.pool import Item, read_picture
from . import negatives, shifts
from .left_out import COLUMN, Trial
from .sources import read, source
from .train import KEPT, STAYS, VISIBLE, to_input

# False alarms allowed: on the validation pictures as they are, under a held-out change, on each source left out, and on
# its pictures made faint or cropped.
CLEAN, SHIFTED, LEFT_OUT, LEFT_OUT_CHANGED = 0.01, 0.02, 0.02, 0.05
# Films are what x-rays often are; of the others they are far-fetched, and no threshold follows from them.
CHANGED = {"x-ray": dict.fromkeys(shifts.KEPT_OTHERWISE, LEFT_OUT)}
CHANGED_ELSE = {"faint": LEFT_OUT_CHANGED, "cropped": LEFT_OUT_CHANGED}
# No threshold is above this, however well the pictures score; the second, where no source can be left out. With 0.1,
# 3 % of two sources (mmotu, cpchild) were refused at thresholds fitted without them.
HIGHEST, HIGHEST_UNTRIED = 0.05, 0.02
MARGIN = 0.7  # ... and less than the bounds would allow: few hospitals stand behind these pictures
PER_KIND, PER_MODALITY = 200, 600  # negatives of a kind; changed pictures of a modality, about


def bound(values: np.ndarray, rate: float) -> float:
    """The highest threshold with at most `rate` of the values below it."""
    return float(np.sort(values)[int(rate * len(values))])


def threshold(clean: np.ndarray, shifted: np.ndarray, left_out: list[tuple[np.ndarray, float]]) -> float:
    """From a modality's own scores on its own pictures; `left_out`: those of each source by a network without it, and
    the rate of false alarms allowed on them."""
    bounds = [bound(clean, CLEAN), bound(shifted, SHIFTED), *(bound(values, rate) for values, rate in left_out)]
    return min(HIGHEST if left_out else HIGHEST_UNTRIED, MARGIN * min(bounds))


class Pictures:
    """The validation part, its changed copies and its negatives, as inputs."""

    def __init__(self, items: list[Item], seed: int = 1):
        rng = np.random.default_rng(seed)
        images = [read(item) for item in items]
        self.clean = np.stack([to_input(image) for image in images])
        self.inverse = np.stack([to_input(255 - image) for image in images])
        self.sources = np.array([source(item) for item in items])
        self.modality = np.array([COLUMN[item.modality] for item in items])
        kept = [cv2.resize(image, (KEPT, KEPT), interpolation=cv2.INTER_AREA) for image in images]
        inputs, kinds, numbers = [], [], []
        for number, image in enumerate(kept):
            times = int(np.ceil(PER_MODALITY / (self.modality == self.modality[number]).sum() / len(shifts.HELD_OUT)))
            for kind in shifts.HELD_OUT:
                for _ in range(times):
                    changed = shifts.shifted(image, kind, rng)
                    if changed.std() >= VISIBLE:
                        inputs.append(to_input(changed))
                        kinds.append(kind)
                        numbers.append(number)
        self.shifted = np.stack(inputs)
        self.kind, self.of = np.array(kinds), np.array(numbers)  # of each changed picture: how, and which it was
        every = negatives.TRAINED | negatives.FROM_POOL | negatives.HELD_OUT | negatives.HELD_OUT_FROM_POOL
        self.negatives = {}
        for kind in every:
            fit = [number for number, item in enumerate(items) if item.modality not in STAYS.get(kind, ())]
            drawn = [negatives.draw(kind, KEPT, kept[rng.choice(fit)], rng) for _ in range(PER_KIND)]
            self.negatives[kind] = np.stack([to_input(image) for image in drawn])


def extra_pictures(folder: Path) -> dict[str, np.ndarray]:
    """{sub-folder: inputs}; those of no modality also as four overlapping crops each."""
    found = {}
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        views = []
        for path in sorted(inner.iterdir()):
            image = read_picture(path)
            views.append(image)
            if inner.name not in MODALITIES:
                high, wide = (int(0.6 * extent) for extent in image.shape[:2])
                for rows in (np.s_[:high], np.s_[-high:]):
                    views += [image[rows, :wide], image[rows, -wide:]]
        found[inner.name] = np.stack([to_input(view) for view in views])
    return found


@dataclass(frozen=True)
class ThresholdFit:
    """Everything thresholds follow from: the validation part, the shipped network's scores of it, the trials."""

    pictures: Pictures
    clean: np.ndarray  # [N,7]
    shifted: np.ndarray
    tried: list[Trial]

    def thresholds(self, source: str = "", kind: str = "") -> np.ndarray:
        """[6], from all pictures but a source's or a kind of change's."""
        return np.array([self._threshold(modality, source, kind) for modality in MODALITIES])

    def _threshold(self, modality: str, source: str, kind: str) -> float:
        pictures, column = self.pictures, COLUMN[modality]
        clean = (pictures.sources != source) & (pictures.modality == column)
        of = pictures.of
        shifted = (pictures.sources[of] != source) & (pictures.kind != kind) & (pictures.modality[of] == column)
        if not clean.any():
            return HIGHEST_UNTRIED
        rates = {"": LEFT_OUT, **CHANGED.get(modality, CHANGED_ELSE)}
        others = [trial for trial in self.tried if trial.modality == modality and trial.source != source]
        left_out = [(trial.own(kind), rate) for trial in others for kind, rate in rates.items()]
        return threshold(self.clean[clean, column], self.shifted[shifted, column], left_out)
