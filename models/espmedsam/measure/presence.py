"""Chooses the bounds of presence by the scores that `espmedsam eval --json` writes for each picture.

    python -m espmedsam.measure.presence --open colonoscopy ultrasound --out models/configs/presence.json
    python -m espmedsam.measure.presence --eval FILE --out models/configs/presence.json

The program tells no score without bounds, so a new head is exported with open ones first (`--open`: nothing is absent, and
nothing doubted), evaluated, and given its own. A modality has bounds if there are empty pictures of it: elsewhere nothing
says where they should lie.

absent_below: of the pictures with a target a share, SENSITIVITY, does not lie below it, and of every source's another,
LEAST, so that what is emptied is empty in each hospital. present_from: of the empty pictures a share, DOUBTED, lies below it
in every source, so that what is not doubted is no chance; never less than the other. Sources of fewer than FEW
pictures are pooled.

What the bounds make of the pictures that they were chosen on flatters them. So it is told a second time, cross-fitted: of
five parts of the pictures each is judged by bounds chosen on the others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from .evaluation import Picture, read
from .statistics import folds, markdown

SENSITIVITY = 0.95  # of the pictures with a target: at least so many are not emptied
LEAST = 0.85  # of those of any one source
DOUBTED = 0.9  # of the empty pictures: at least so many are emptied or marked as doubtful
FEW = 20
FOLDS = 5
SHARES = "absent|unsure|present"
CROSS_FITTED = "|".join(f"{name}, cross-fitted" for name in SHARES.split("|"))
OPEN = {"absent_below": 0.0, "present_from": 0.0}


def sources(pictures: Iterable[Picture]) -> dict[str, np.ndarray]:
    """Scores by source, [n] each; those of small ones together under ""."""
    found: dict[str, list[float]] = {}
    for picture in pictures:
        if picture.presence is not None:
            found.setdefault(picture.dataset, []).append(picture.presence)
    small = [name for name, scores in found.items() if len(scores) < FEW]
    pooled = [score for name in small for score in found.pop(name)]
    return {name: np.array(scores) for name, scores in {**found, **({"": pooled} if pooled else {})}.items()}


def kept(scores: np.ndarray, share: float) -> float:
    """The highest bound, to four digits, that this share of the scores does not lie below."""
    lowest = np.sort(scores)[len(scores) - int(np.ceil(share * len(scores)))]
    return float(np.floor(lowest * 1e4) / 1e4)


def above(scores: np.ndarray, share: float) -> float:
    """The lowest bound, to four digits, that this share of the scores lies below; 1 if there is none."""
    highest = np.sort(scores)[int(np.ceil(share * len(scores))) - 1]
    return float(min(1.0, np.floor(highest * 1e4 + 1) / 1e4))


def bounds(pictures: Iterable[Picture]) -> dict[str, float] | None:
    """Of one modality's pictures; None where they have no scores, or none is empty."""
    pictures = list(pictures)
    present, empty = (sources(p for p in pictures if p.empty == which) for which in (False, True))
    if not present or not empty:
        return None
    absent_below = kept(np.concatenate(list(present.values())), SENSITIVITY)
    absent_below = min(absent_below, *(kept(scores, LEAST) for scores in present.values()))
    present_from = max(above(scores, DOUBTED) for scores in empty.values())
    return {"absent_below": absent_below, "present_from": max(absent_below, present_from)}


@dataclass(frozen=True)
class Shares:
    """Of some pictures: how many are called absent, unsure and present."""

    absent: float
    unsure: float
    present: float

    @classmethod
    def of(cls, scores: np.ndarray, bound: Mapping[str, np.ndarray]) -> Shares | None:
        """Scores [n] by bounds [n]; None where a picture has no bounds (NaN)."""
        absent, present = scores < bound["absent_below"], scores >= bound["present_from"]
        if any(np.isnan(each).any() for each in bound.values()):
            return None
        return cls(float(absent.mean()), float((~absent & ~present).mean()), float(present.mean()))


@dataclass(frozen=True)
class SourceRow:
    """One source's pictures of one sort, by the bounds chosen on all, and by bounds chosen on others."""

    modality: str
    dataset: str
    empty: bool
    pictures: int
    chosen_on: Shares
    cross_fitted: Shares | None  # None: the others are too few for bounds

    def cells(self) -> list[str]:
        """For the table."""
        shares = [
            f"{getattr(of, name):.3f}" if of else "–"
            for of in (self.chosen_on, self.cross_fitted)
            for name in ("absent", "unsure", "present")
        ]
        return [self.modality, self.dataset, "empty" if self.empty else "target", str(self.pictures), *shares]


def cross_fitted(pictures: Sequence[Picture]) -> dict[str, np.ndarray]:
    """Of one modality: for each picture the bounds chosen on the other folds, [n] each; NaN where they give none."""
    fold = folds([picture.key for picture in pictures], FOLDS)
    found = {name: np.full(len(pictures), np.nan) for name in OPEN}
    for number in range(FOLDS):
        others = bounds(picture for picture, at in zip(pictures, fold, strict=True) if at != number)
        for name, value in (others or {}).items():
            found[name][fold == number] = value
    return found


def figures(pictures: Iterable[Picture], chosen: dict[str, dict[str, float]]) -> list[SourceRow]:
    """What bounds make of each source's pictures."""
    rows = []
    for modality, of in chosen.items():
        mine = [p for p in pictures if p.modality == modality and p.presence is not None]
        scores, without = np.array([p.presence for p in mine], float), cross_fitted(mine)
        for name, empty in sorted({(p.dataset, p.empty) for p in mine}):
            at = np.flatnonzero([(p.dataset, p.empty) == (name, empty) for p in mine])
            within = Shares.of(scores[at], {key: np.full(len(at), value) for key, value in of.items()})
            assert within is not None, "bounds are numbers"
            across = Shares.of(scores[at], {key: value[at] for key, value in without.items()})
            rows.append(SourceRow(modality, name, empty, len(at), within, across))
    return rows


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--eval", type=Path, nargs="+", help="what `espmedsam eval --json` wrote")
    source.add_argument(
        "--open", nargs="+", choices=MODALITIES, help="bounds by which nothing is absent, of these modalities"
    )
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Writes the bounds, and prints what they make of the pictures."""
    args = arguments()
    pictures = [picture for path in args.eval or () for picture in read(path).pictures or ()]
    found = {name: bounds(p for p in pictures if p.modality == name) for name in MODALITIES}
    chosen = {name: dict(OPEN) for name in args.open or ()} | {name: of for name, of in found.items() if of}
    if not chosen:
        raise SystemExit("no modality has presence scores of pictures with a target and of empty ones")
    rows = figures(pictures, chosen)
    known = {"bounds": chosen, "chosen_on": [path.name for path in args.eval or ()]}
    args.out.write_text(json.dumps(known | {"figures": [asdict(row) for row in rows]}, indent=1) + "\n")
    if rows:
        print(markdown(f"modality|data set|pictures|n|{SHARES}|{CROSS_FITTED}", [row.cells() for row in rows]))


if __name__ == "__main__":
    main()
