"""Fits the Dice to be expected of a mask to the signs that `espmedsam eval --json` writes for each picture.

    python -m espmedsam.measure.confidence --eval FILES [FILES ...] --out models/configs/confidence.json

FILES is a file, or several joined by commas, where a later one's pictures stand in place of the same ones before: those of
modalities that another model serves.

Expected Dice = sigmoid(intercept[modality] + sum of weight * sign), signs as the file has them (`SIGNS`), with weights
shared by all modalities: a regression of fractions by cross-entropy (Papke and Wooldridge, J. Applied Econometrics 11,
1996) with a ridge. Of the signs of agreement none may count against a mask; only its area may. A modality's intercept
is drawn towards the common one, so that a few pictures decide little. Figures are out of fold: five folds, all copies
of a picture (as it is, shifted) in one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from .report import SEED, figure, interval, key, markdown, spearman

SIGNS = ("probability", "soft_dice", "stability", "area", "overlap")
AGREEMENT = np.array([True, True, True, False, True])  # more of it never means a worse mask
RIDGE = 1.0  # on weights of standardised signs: as much as a picture or two say
SHRINK = 2.0  # on a modality's own intercept
FOLDS = 5


def usable(pictures: list[dict]) -> list[dict]:
    """With a target, and something marked: elsewhere there is nothing to expect."""
    return [p for p in pictures if not p["empty"] and p["marked"] and p["dice"] is not None and p["signs"]]


def arrays(pictures: list[dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signs [n, 5], Dice [n], modality's row [n]."""
    return (np.array([p["signs"] for p in pictures], float).reshape(-1, len(SIGNS)),
            np.array([p["dice"] for p in pictures], float),
            np.array([MODALITIES.index(p["modality"]) for p in pictures], int))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Without overflow."""
    return 0.5 * (1 + np.tanh(x / 2))


def served(files: str) -> list[dict]:
    """The pictures of comma-joined files, once each: of the last that has them. Each with the first file's name."""
    paths = [Path(f) for f in files.split(",")]
    found = {key(p): {**p, "file": paths[0].name} for path in paths for p in json.loads(path.read_text())["pictures"]}
    return list(found.values())


def solve(x: np.ndarray, dice: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Newton's method; the ridge keeps the curvature positive, halved steps keep it falling."""
    def cost(b):
        z = x @ b
        return np.sum(np.logaddexp(0, z) - dice * z) + 0.5 * penalty @ (b * b)

    b = np.zeros(x.shape[1])
    for _ in range(100):
        p = sigmoid(x @ b)
        slope = x.T @ (p - dice) + penalty * b
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty + 1e-9), slope)
        size = 1.0
        while cost(b - size * step) > cost(b) and size > 1e-6:
            size /= 2
        b = b - size * step
        if np.abs(size * step).max() < 1e-10:
            break
    return b


def fit(pictures: list[dict]) -> dict:
    """{"weights": [...], "intercepts": {modality: ...}} on the signs as they are."""
    signs, dice, modality = arrays(pictures)
    middle, spread = signs.mean(0), np.maximum(signs.std(0), 1e-6)
    own = np.eye(len(MODALITIES))[modality]
    x = np.hstack([(signs - middle) / spread, np.ones((len(signs), 1)), own])
    penalty = np.array([RIDGE] * len(SIGNS) + [0.0] + [SHRINK] * len(MODALITIES))
    allowed = np.ones(len(penalty), bool)
    while True:  # leaves out the signs of agreement that would count against a mask, the worst one first
        found = np.zeros(len(penalty))
        found[allowed] = solve(x[:, allowed], dice, penalty[allowed])
        against = np.where(AGREEMENT, found[:len(SIGNS)], 0.0)
        if against.min() >= 0:
            break
        allowed[against.argmin()] = False
    weights = found[:len(SIGNS)] / spread
    intercepts = found[len(SIGNS)] + found[len(SIGNS) + 1:] - weights @ middle
    return {"weights": [round(float(w), 6) for w in weights],
            "intercepts": {m: round(float(b), 6) for m, b in zip(MODALITIES, intercepts)}}


def expected(model: dict, pictures: list[dict]) -> np.ndarray:
    """The Dice that a fit expects."""
    signs = np.array([p["signs"] for p in pictures], float).reshape(-1, len(SIGNS))
    own = np.array([model["intercepts"][p["modality"]] for p in pictures])
    return sigmoid(signs @ np.array(model["weights"]) + own)


def folds(pictures: list[dict]) -> np.ndarray:
    """The fold of each; copies of one picture share it."""
    names = sorted({key(p) for p in pictures})
    order = np.random.default_rng(SEED).permutation(len(names))
    fold = {names[i]: at % FOLDS for at, i in enumerate(order)}
    return np.array([fold[key(p)] for p in pictures])


def out_of_fold(pictures: list[dict]) -> np.ndarray:
    """Each picture's expected Dice by a fit that has not seen it."""
    fold, found = folds(pictures), np.empty(len(pictures))
    for f in range(FOLDS):
        rest = [p for p, at in zip(pictures, fold) if at != f]
        mine = np.flatnonzero(fold == f)
        if len(mine):
            found[mine] = expected(fit(rest), [pictures[i] for i in mine])
    return found


def quality(expectation: np.ndarray, dice: np.ndarray) -> dict:
    """Rank correlation (None where undefined) and mean absolute error."""
    rank = float(spearman(expectation, dice)[0]) if len(dice) >= 3 else float("nan")
    return {"pictures": len(dice), "rank_correlation": None if np.isnan(rank) else round(rank, 4),
            "mean_absolute_error": round(float(np.abs(expectation - dice).mean()), 4)}


def figures(groups: dict[str, list[int]], found: np.ndarray, plain: np.ndarray, dice: np.ndarray) -> dict[str, dict]:
    """Per group of pictures, of the fit and of the plain mean probability."""
    return {name: {"fitted": quality(found[i], dice[i]), "mean_probability": quality(plain[i], dice[i])}
            for name, i in groups.items()}


def rises(model: dict, pictures: list[dict]) -> bool:
    """Whether on every picture a higher soft Dice alone gives no lower expectation."""
    more = [{**p, "signs": [s if i != 1 else min(1.0, s + 0.05) for i, s in enumerate(p["signs"])]} for p in pictures]
    return bool((expected(model, more) >= expected(model, pictures)).all())


def table(measured: dict[str, dict]) -> str:
    """Markdown."""
    def rank(q):
        return "–" if q["rank_correlation"] is None else f"{q['rank_correlation']:.2f}"

    rows = [[n, v["fitted"]["pictures"], rank(v["fitted"]), rank(v["mean_probability"]),
             *(f"{v[k]['mean_absolute_error']:.3f}" for k in ("fitted", "mean_probability"))]
            for n, v in measured.items()]
    return markdown("pictures of | count | rank correlation, fitted | mean probability | mean absolute error, fitted | "
                    "mean probability", rows)


def main() -> None:
    """Fits, measures, writes."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--eval", nargs="+", required=True, metavar="FILES")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    everything = [q for files in a.eval for q in served(files)]
    pictures = usable(everything)
    if len({key(q) for q in pictures}) < 2 * FOLDS:
        p.error("too few pictures with signs: these files are of an older `eval`, or of other pictures")
    _, dice, _ = arrays(pictures)
    found, plain = out_of_fold(pictures), np.array([q["signs"][0] for q in pictures])
    groups: dict[str, list[int]] = {}
    for i, q in enumerate(pictures):
        groups.setdefault("all", []).append(i)
        if len(a.eval) > 1:
            groups.setdefault(q["file"], []).append(i)
    for i, q in sorted(enumerate(pictures), key=lambda iq: key(iq[1])):
        groups.setdefault(q["dataset"], []).append(i)
    model, measured = fit(pictures), figures(groups, found, plain, dice)
    false = [q for q in everything if q["empty"] and q["marked"] and q["signs"]]
    marks = [{"picture": "/".join(key(q)), "file": q["file"], "expected_dice": round(float(e), 3)}
             for q, e in zip(false, expected(model, false) if false else [])]
    report = {**model, "features": "sigmoid(intercept[modality] + sum(weight * sign))", "signs": SIGNS,
              "fitted_on": [[Path(f).name for f in files.split(",")] for files in a.eval],
              "soft_dice_only_raises": rises(model, pictures),
              "out_of_fold": measured, "false_marks": marks}
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.write_text(json.dumps(report, indent=1) + "\n")
    print(table(measured))
    for name, values in (("fitted", found), ("mean probability", plain)):
        whole = (float(spearman(values, dice)[0]), *interval(lambda i: spearman(values[i], dice[i]), len(dice)))
        print(f"rank correlation of all, {name}: {figure(whole)}")
    weights = ", ".join(f"{n} {w:+.2f}" for n, w in zip(SIGNS, model["weights"]))
    print(f"weights: {weights}; a higher soft Dice never lowers it: {report['soft_dice_only_raises']}")
    for mark in marks:
        print(f"falsely marked {mark['picture']} ({mark['file']}): {mark['expected_dice']:.2f}")


if __name__ == "__main__":
    main()
