"""Fits the Dice to be expected of a mask to the signs that `espmedsam eval --json` writes for each picture.

    python -m espmedsam.measure.confidence --eval FILES [FILES ...] --out models/configs/confidence.json

FILES is a file, or several joined by commas, where a later one's pictures stand in place of the same ones before: those of
modalities that another model serves.

Expected Dice = sigmoid(intercept[modality] + sum of weight * sign), signs as the file has them (`facts.signs`), with
weights shared by all modalities: a regression of fractions by cross-entropy (Papke and Wooldridge, J. Applied Econometrics
11, 1996) with a ridge. Of the signs of agreement none may count against a mask; only its area may. A modality's intercept
is drawn towards the common one, so that a few pictures decide little. Figures are out of fold: five folds, all copies
of a picture (as it is, shifted) in one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from ..facts.signs import NAMES, SIGNS
from .evaluation import Picture, dices, read
from .statistics import correlation_of, folds, markdown, spearman

AGREEMENT = np.array([sign.agreement for sign in SIGNS])
SOFT_DICE = NAMES.index("soft_dice")
RIDGE = 1.0  # on weights of standardised signs: as much as a picture or two say
SHRINK = 2.0  # on a modality's own intercept
FOLDS = 5


@dataclass(frozen=True)
class Fit:
    """Weights of the signs as they are, and an intercept for each modality."""

    weights: tuple[float, ...]
    intercepts: dict[str, float]

    def expected(self, pictures: Sequence[Picture]) -> np.ndarray:
        """The Dice to be expected, [n]."""
        own = np.array([self.intercepts[picture.modality] for picture in pictures])
        return sigmoid(signs_of(pictures) @ np.array(self.weights) + own)

    def rises(self, pictures: Sequence[Picture]) -> bool:
        """Whether on every picture a higher soft Dice alone gives no lower expectation."""
        more = [replace(picture, signs=_raised(picture.signs or ())) for picture in pictures]
        return bool((self.expected(more) >= self.expected(pictures)).all())


def _raised(signs: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(min(1.0, sign + 0.05) if number == SOFT_DICE else sign for number, sign in enumerate(signs))


def usable(pictures: Iterable[Picture]) -> list[Picture]:
    """With a target, and something marked: elsewhere there is nothing to expect."""
    return [p for p in pictures if not p.empty and p.marked and p.dice is not None and p.signs]


def signs_of(pictures: Sequence[Picture]) -> np.ndarray:
    """[n, 5]."""
    return np.array([picture.signs for picture in pictures], float).reshape(-1, len(SIGNS))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Without overflow."""
    return 0.5 * (1 + np.tanh(logits / 2))


def served(files: str) -> list[Picture]:
    """The pictures of comma-joined files, once each: of the last that has them. Each with the first file's name."""
    paths = [Path(name) for name in files.split(",")]
    found = {p.key: p.from_file(paths[0].name) for path in paths for p in read(path).pictures or ()}
    return list(found.values())


def solve(features: np.ndarray, dice: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """The coefficients, by Newton's method: features [n, k], dice [n], penalty [k]. The ridge keeps the curvature
    positive, halved steps keep it falling."""

    def cost(coefficients: np.ndarray) -> float:
        logits = features @ coefficients
        ridge = 0.5 * penalty @ (coefficients * coefficients)
        return float(np.sum(np.logaddexp(0, logits) - dice * logits) + ridge)

    found = np.zeros(features.shape[1])
    for _ in range(100):
        expected = sigmoid(features @ found)
        slope = features.T @ (expected - dice) + penalty * found
        curvature = (features * (expected * (1 - expected))[:, None]).T @ features + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, slope)
        size = 1.0
        while cost(found - size * step) > cost(found) and size > 1e-6:
            size /= 2
        found = found - size * step
        if np.abs(size * step).max() < 1e-10:
            break
    return found


def fit(pictures: Sequence[Picture]) -> Fit:
    """On the signs as they are."""
    signs, dice = signs_of(pictures), dices(pictures)
    modality = np.array([MODALITIES.index(picture.modality) for picture in pictures], int)
    middle, spread = signs.mean(0), np.maximum(signs.std(0), 1e-6)
    features = np.hstack([(signs - middle) / spread, np.ones((len(signs), 1)), np.eye(len(MODALITIES))[modality]])
    penalty = np.array([RIDGE] * len(SIGNS) + [0.0] + [SHRINK] * len(MODALITIES))
    allowed = np.ones(len(penalty), bool)
    while True:  # leaves out the signs of agreement that would count against a mask, the worst one first
        found = np.zeros(len(penalty))
        found[allowed] = solve(features[:, allowed], dice, penalty[allowed])
        against = np.where(AGREEMENT, found[: len(SIGNS)], 0.0)
        if against.min() >= 0:
            break
        allowed[against.argmin()] = False
    weights = found[: len(SIGNS)] / spread
    intercepts = found[len(SIGNS)] + found[len(SIGNS) + 1 :] - weights @ middle
    named = zip(MODALITIES, intercepts, strict=True)
    return Fit(
        tuple(round(float(weight), 6) for weight in weights),
        {modality: round(float(intercept), 6) for modality, intercept in named},
    )


def out_of_fold(pictures: Sequence[Picture]) -> np.ndarray:
    """Each picture's expected Dice by a fit that has not seen it, [n]."""
    fold, found = folds([picture.key for picture in pictures], FOLDS), np.empty(len(pictures))
    for number in range(FOLDS):
        rest = [picture for picture, at in zip(pictures, fold, strict=True) if at != number]
        mine = np.flatnonzero(fold == number)
        if len(mine):
            found[mine] = fit(rest).expected([pictures[at] for at in mine.tolist()])
    return found


@dataclass(frozen=True)
class Quality:
    """Of an expectation, on some pictures."""

    pictures: int
    rank_correlation: float | None  # None where undefined
    mean_absolute_error: float

    @classmethod
    def of(cls, expectation: np.ndarray, dice: np.ndarray) -> Quality:
        """Against the Dice."""
        rank = float(spearman(expectation, dice)[0]) if len(dice) >= 3 else float("nan")
        error = round(float(np.abs(expectation - dice).mean()), 4)
        return cls(len(dice), None if np.isnan(rank) else round(rank, 4), error)

    def written(self) -> dict[str, float | None]:
        """For the file."""
        return {
            "pictures": self.pictures,
            "rank_correlation": self.rank_correlation,
            "mean_absolute_error": self.mean_absolute_error,
        }

    @property
    def rank(self) -> str:
        """For the table."""
        return "–" if self.rank_correlation is None else f"{self.rank_correlation:.2f}"


@dataclass(frozen=True)
class Comparison:
    """The fit beside the plain mean probability, on a group of pictures."""

    group: str
    fitted: Quality
    mean_probability: Quality

    def written(self) -> dict[str, dict[str, float | None]]:
        """For the file."""
        return {"fitted": self.fitted.written(), "mean_probability": self.mean_probability.written()}


def groups(pictures: Sequence[Picture], files: int) -> dict[str, list[int]]:
    """All, those of each file if there are several, those of each data set: numbers of pictures."""
    found: dict[str, list[int]] = {}
    for number, picture in enumerate(pictures):
        found.setdefault("all", []).append(number)
        if files > 1:
            found.setdefault(picture.file, []).append(number)
    for number in sorted(range(len(pictures)), key=lambda number: pictures[number].key):
        found.setdefault(pictures[number].dataset, []).append(number)
    return found


def table(measured: Iterable[Comparison]) -> str:
    """Markdown."""
    rows = [
        [
            m.group,
            m.fitted.pictures,
            m.fitted.rank,
            m.mean_probability.rank,
            f"{m.fitted.mean_absolute_error:.3f}",
            f"{m.mean_probability.mean_absolute_error:.3f}",
        ]
        for m in measured
    ]
    return markdown(
        "pictures of | count | rank correlation, fitted | mean probability | mean absolute error, fitted | "
        "mean probability",
        rows,
    )


def main() -> None:
    """Fits, measures, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", nargs="+", required=True, metavar="FILES")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    everything = [picture for files in args.eval for picture in served(files)]
    pictures = usable(everything)
    if len({picture.key for picture in pictures}) < 2 * FOLDS:
        parser.error("too few pictures with signs: these files are of an older `eval`, or of other pictures")
    dice, found, plain = dices(pictures), out_of_fold(pictures), signs_of(pictures)[:, 0]
    measured = [
        Comparison(name, Quality.of(found[i], dice[i]), Quality.of(plain[i], dice[i]))
        for name, i in groups(pictures, len(args.eval)).items()
    ]
    model = fit(pictures)
    false = [picture for picture in everything if picture.empty and picture.marked and picture.signs]
    marks = [
        {"picture": "/".join(picture.key), "file": picture.file, "expected_dice": round(float(expected), 3)}
        for picture, expected in zip(false, model.expected(false) if false else [], strict=True)
    ]
    rises = model.rises(pictures)
    report = {
        "weights": model.weights,
        "intercepts": model.intercepts,
        "features": "sigmoid(intercept[modality] + sum(weight * sign))",
        "signs": NAMES,
        "fitted_on": [[Path(name).name for name in files.split(",")] for files in args.eval],
        "soft_dice_only_raises": rises,
        "out_of_fold": {comparison.group: comparison.written() for comparison in measured},
        "false_marks": marks,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    print(table(measured))
    for name, values in (("fitted", found), ("mean probability", plain)):
        print(f"rank correlation of all, {name}: {correlation_of(values, dice).text()}")
    weights = ", ".join(f"{name} {weight:+.2f}" for name, weight in zip(NAMES, model.weights, strict=True))
    print(f"weights: {weights}; a higher soft Dice never lowers it: {rises}")
    for mark in marks:
        print(f"falsely marked {mark['picture']} ({mark['file']}): {mark['expected_dice']:.2f}")


if __name__ == "__main__":
    main()
