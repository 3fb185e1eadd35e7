"""What `espmedsam eval --json` writes, and what is measured of other models in the same form, as records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

PictureKey = tuple[str, str]  # data set, stem: what tells pictures apart


@dataclass(frozen=True)
class Picture:
    """What was measured on one picture. None: not known, or not there without a target."""

    dataset: str
    stem: str
    modality: str
    empty: bool  # it has no target
    marked: bool  # something was marked on it
    dice: float | None = None
    iou: float | None = None
    presence: float | None = None  # the score of anything being there at all
    confidence: float | None = None  # the Dice to be expected
    signs: tuple[float, ...] | None = None  # of a good mask, in the order of `facts.signs`
    circumference_error_mm: float | None = None
    file: str = ""  # that it was read from, where that counts

    @classmethod
    def of(cls, row: dict[str, Any]) -> Picture:
        """From a row of the file; what else is in it is left out."""
        given = {field.name: row[field.name] for field in fields(cls) if field.name in row}
        if given.get("presence"):
            given["presence"] = given["presence"]["score"]
        if given.get("signs"):
            given["signs"] = tuple(given["signs"])
        return cls(**given)

    @property
    def key(self) -> PictureKey:
        """Data set and stem."""
        return self.dataset, self.stem

    def from_file(self, name: str) -> Picture:
        """The same, with the file's name."""
        return replace(self, file=name)


@dataclass(frozen=True)
class Evaluation:
    """A file's contents."""

    model: str = ""
    model_sha256: str = ""
    part: str = ""
    pictures: tuple[Picture, ...] | None = None  # None: an older file, that has means only
    dataset_means: tuple[tuple[str, float], ...] = ()  # data set, mean Dice

    @classmethod
    def of(cls, document: dict[str, Any]) -> Evaluation:
        """From the parsed file."""
        listed = document.get("datasets", [])
        means = document.get("dice") or {d["dataset"]: d["dice_mean"] for d in listed if d["dice_mean"] is not None}
        pictures = tuple(Picture.of(row) for row in document["pictures"]) if "pictures" in document else None
        return cls(
            document.get("model", ""),
            document.get("model_sha256", ""),
            document.get("part", ""),
            pictures,
            tuple(means.items()),
        )

    def means(self) -> dict[str, float]:
        """Mean Dice per data set, of the pictures if they are known."""
        if self.pictures is None:
            return dict(self.dataset_means)
        sets = by_dataset(with_target(self.pictures))
        return {name: float(np.mean([picture.dice for picture in mine])) for name, mine in sets.items()}


def read(path: Path) -> Evaluation:
    """A file that `eval --json` or `yardstick` wrote."""
    return Evaluation.of(json.loads(path.read_text()))


def with_target(pictures: Iterable[Picture]) -> list[Picture]:
    """Those whose Dice is known."""
    return [picture for picture in pictures if not picture.empty and picture.dice is not None]


def by_dataset(pictures: Iterable[Picture]) -> dict[str, list[Picture]]:
    """In the order of the names."""
    sets: dict[str, list[Picture]] = {}
    for picture in sorted(pictures, key=lambda picture: picture.key):
        sets.setdefault(picture.dataset, []).append(picture)
    return sets


def dices(pictures: Iterable[Picture]) -> np.ndarray:
    """Of pictures with a target, [n]."""
    return np.array([picture.dice for picture in pictures], float)
