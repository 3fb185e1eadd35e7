"""Chooses the bounds of presence by the scores that `espmedsam eval --json` writes for each picture.

    python -m espmedsam.measure.presence --open colonoscopy ultrasound --out models/configs/presence.json
    python -m espmedsam.measure.presence --eval FILE --out models/configs/presence.json

The program tells no score without bounds, so a new head is exported with open ones first (`--open`: nothing is absent, and
nothing doubted), evaluated, and given its own. A modality has bounds if there are empty pictures of it: elsewhere nothing
says where they should lie.

absent_below: a share of the pictures with a target, SENSITIVITY, keeps that score in every source, so that what is emptied
is empty. present_from: of the empty pictures a share, DOUBTED, lies below it in every source, so that what is not doubted is
no chance; never less than the other. Sources of fewer than FEW pictures are pooled.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..facts.modalities import MODALITIES
from .evaluation import Picture, read
from .statistics import markdown

SENSITIVITY = 0.98  # of the pictures with a target: at least so many are not emptied
DOUBTED = 0.9  # of the empty pictures: at least so many are emptied or marked as doubtful
FEW = 20
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
    absent_below = min(kept(scores, SENSITIVITY) for scores in present.values())
    present_from = max(above(scores, DOUBTED) for scores in empty.values())
    return {"absent_below": absent_below, "present_from": max(absent_below, present_from)}


def figures(pictures: Iterable[Picture], chosen: dict[str, dict[str, float]]) -> list[list[Any]]:
    """What the bounds make of each source's pictures: a row for each."""
    rows: list[list[Any]] = []
    for modality, of in chosen.items():
        mine = [p for p in pictures if p.modality == modality and p.presence is not None]
        for name in sorted({p.dataset for p in mine}):
            for empty in (False, True):
                scores = np.array([p.presence for p in mine if p.dataset == name and p.empty == empty])
                if len(scores):
                    absent, present = scores < of["absent_below"], scores >= of["present_from"]
                    shares = [f"{share.mean():.3f}" for share in (absent, ~absent & ~present, present)]
                    rows.append([modality, name, "empty" if empty else "target", len(scores), *shares])
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
    known = {"bounds": chosen, "chosen_on": [path.name for path in args.eval or ()]}
    args.out.write_text(json.dumps(known, indent=1) + "\n")
    if pictures:
        print(markdown("modality|data set|pictures|n|absent|unsure|present", figures(pictures, chosen)))


if __name__ == "__main__":
    main()
