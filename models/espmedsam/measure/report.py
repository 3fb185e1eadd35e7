"""Figures of accuracy with intervals, from what `espmedsam eval --json FILE` wrote.

    python -m espmedsam.measure.report --int8 models/validation-live-int8.json --float models/validation-live.json \
        --out models/card [--shifted FILE [--changes out/shifted/changes.csv]] [--yardstick FILE] \
        [--yardstick-shifted FILE]

Writes OUT/figures.md, and OUT/reliability.png where a confidence is known. What the intervals say: `statistics`.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .evaluation import Evaluation, Picture, PictureKey, by_dataset, dices, read, with_target
from .statistics import RESAMPLES, SEED, correlation_of, markdown, mean_of, median_of, wilson

WORSE = 0.05  # a picture whose Dice falls by more is listed
FEWEST = 5  # pictures for a rank correlation
NONE = "–"


@dataclass(frozen=True)
class Pair:
    """A picture with a target, measured twice."""

    before: Picture
    after: Picture

    @property
    def gain(self) -> float:
        """Of Dice."""
        before, after = dices((self.before, self.after))
        return float(after - before)


def accuracy(pictures: Iterable[Picture]) -> str:
    """Per data set: Dice, IoU, false marks."""
    rows = []
    for name, mine in by_dataset(pictures).items():
        good, empty = with_target(mine), [picture for picture in mine if picture.empty]
        false = sum(picture.marked for picture in empty)
        cells = [NONE] * 3
        if good:
            dice, iou = dices(good), np.array([picture.iou for picture in good], float)
            cells = [mean_of(dice).text(), median_of(dice).text(), mean_of(iou).text()]
        low, high = wilson(false, len(empty))
        marked = f"{false} of {len(empty)} [{low:.0%}, {high:.0%}]" if empty else NONE
        unmarked = sum(not picture.marked for picture in good)
        rows.append([f"`{name}`", mine[0].modality, len(good), *cells, unmarked, marked])
    return markdown(
        "data set | modality | pictures | Dice, mean | Dice, median | IoU, mean | of these left unmarked | "
        "empty, falsely marked",
        rows,
    )


def circumferences(pictures: Iterable[Picture]) -> str:
    """Ours minus theirs; limits of agreement as Bland and Altman (Lancet 327, 1986)."""
    lines = []
    for name, mine in by_dataset(p for p in pictures if p.circumference_error_mm is not None).items():
        errors = np.array([picture.circumference_error_mm for picture in mine], float)
        spread = 1.96 * errors.std(ddof=1) if len(errors) > 1 else 0.0
        lines.append(
            f"`{name}`, head circumference of {len(errors)} pictures: mean absolute error "
            f"{mean_of(abs(errors)).text(2)} mm, mean difference {mean_of(errors).text(2, '+')} mm, limits of "
            f"agreement {errors.mean() - spread:+.1f} to {errors.mean() + spread:+.1f} mm\n"
        )
    return "\n".join(lines)


def pairs(before: Iterable[Picture], after: Iterable[Picture]) -> list[Pair]:
    """The same pictures of both, with a target."""
    there = {picture.key: picture for picture in with_target(after)}
    return [Pair(picture, there[picture.key]) for picture in with_target(before) if picture.key in there]


def losses(before: Iterable[Picture], after: Iterable[Picture]) -> list[Pair]:
    """Pictures whose Dice falls by more than WORSE; the worst first."""
    return sorted((pair for pair in pairs(before, after) if pair.gain < -WORSE), key=lambda pair: pair.gain)


def differences(before: Iterable[Picture], after: Iterable[Picture], names: str, by: str = "dataset") -> str:
    """Per data set (or `by` "modality"), and all: mean Dice of both, difference with its paired bootstrap's interval."""
    joined, rows = pairs(before, after), []
    sets: dict[str, list[Pair]] = {}
    for pair in joined:
        sets.setdefault(getattr(pair.before, by), []).append(pair)
    named = [(f"`{name}`", mine) for name, mine in sorted(sets.items())]
    for name, mine in [*named, ("all", joined)]:
        old, new = dices(pair.before for pair in mine), dices(pair.after for pair in mine)
        gains = new - old
        worse, better = int((gains < -WORSE).sum()), int((gains > WORSE).sum())
        rows.append(
            [name, len(old), f"{old.mean():.3f}", f"{new.mean():.3f}", mean_of(gains).text(4, "+"), worse, better]
        )
    head = by.replace("dataset", "data set")
    return markdown(f"{head} | pictures | {names} | difference | worse by > {WORSE} | better by > {WORSE}", rows)


def by_change(before: Iterable[Picture], after: Iterable[Picture], changes: Mapping[PictureKey, str]) -> str:
    """What each change costs; a picture with two counts for both."""
    cost: dict[str, list[float]] = {}
    for pair in pairs(before, after):
        for name in changes[pair.before.key].split("+"):
            cost.setdefault(name, []).append(pair.gain)
    worst_first = sorted(cost.items(), key=lambda named: float(np.mean(named[1])))
    return markdown(
        "change | pictures | difference of Dice",
        [[name.replace("_", " "), len(gains), mean_of(gains).text(3, "+")] for name, gains in worst_first],
    )


@dataclass(frozen=True)
class Both:
    """A model on pictures as they are, and shifted; None where it was not measured."""

    plain: Evaluation | None
    shifted: Evaluation | None = None


def against(ours: Both, yardstick: Both) -> str:
    """Both models on pictures as they are, and shifted."""
    found = [e.means() if e else {} for e in (ours.plain, ours.shifted, yardstick.plain, yardstick.shifted)]

    def cells(name: str) -> list[str]:
        return [f"{means[name]:.3f}" if name in means else NONE for means in found]

    parts = [
        markdown(
            "data set | ours | ours, shifted | U-Net | U-Net, shifted",
            [[f"`{name}`", *cells(name)] for name in sorted(found[0])],
        )
    ]
    for title, theirs, mine in (
        ("As they are", yardstick.plain, ours.plain),
        ("Shifted", yardstick.shifted, ours.shifted),
    ):
        if theirs and theirs.pictures is None:
            parts.append(
                "The U-Net's file has means only, no figures of single pictures: no interval of the difference "
                "can be given.\n"
            )
        elif theirs and mine:
            parts.append(
                f"{title}, picture by picture:\n\n"
                + differences(theirs.pictures or (), mine.pictures or (), "U-Net | ours")
            )
    return "\n".join(parts)


@dataclass(frozen=True)
class Marked:
    """Pictures with a target on which something was marked."""

    confidence: np.ndarray  # [n]
    dice: np.ndarray

    @classmethod
    def of(cls, pictures: Iterable[Picture]) -> Marked:
        """Those of which a confidence is known."""
        mine = [p for p in with_target(pictures) if p.marked and p.confidence is not None]
        return cls(np.array([picture.confidence for picture in mine], float), dices(mine))


def confidence(pictures: Iterable[Picture]) -> str:
    """Rank correlation with Dice and calibration, per data set and of all."""
    pictures, rows = list(pictures), []
    named = [(f"`{name}`", mine) for name, mine in by_dataset(pictures).items()]
    for name, some in [*named, ("all", pictures)]:
        marked = Marked.of(some)
        sure, dice = marked.confidence, marked.dice
        false = [p.confidence for p in some if p.empty and p.marked and p.confidence is not None]
        rank = correlation_of(sure, dice).text(2) if len(sure) >= FEWEST else "too few"
        rest = (
            [f"{sure.mean():.3f}", f"{dice.mean():.3f}", f"{abs(sure - dice).mean():.3f}"] if len(sure) else [NONE] * 3
        )
        rows.append([name, len(sure), rank, *rest, ", ".join(f"{value:.2f}" for value in false) or NONE])
    return markdown(
        "data set | pictures | rank correlation | confidence, mean | Dice, mean | mean absolute difference "
        "| confidence of false marks",
        rows,
    )


@dataclass(frozen=True)
class Bin:
    """Of a reliability plot."""

    number: int
    confidence: float
    dice: float
    pictures: int


def bins(marked: Marked, count: int = 10) -> list[Bin]:
    """Means of each of `count` equal bins of confidence that has any picture."""
    at = np.minimum((marked.confidence * count).astype(int), count - 1)
    return [
        Bin(
            int(number),
            float(marked.confidence[at == number].mean()),
            float(marked.dice[at == number].mean()),
            int((at == number).sum()),
        )
        for number in np.unique(at)
    ]


def plot(sets: Mapping[str, Marked], path: Path) -> None:
    """Reliability: Dice over confidence, and how many pictures each point stands for."""
    import matplotlib  # only the plot needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, (top, low) = pyplot.subplots(2, 1, figsize=(5, 6), sharex=True, height_ratios=(3, 1), layout="constrained")
    top.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for number, (label, marked) in enumerate(sets.items()):
        colour, found = f"C{number}", bins(marked)
        top.scatter(marked.confidence, marked.dice, s=5, alpha=0.25, color=colour, linewidths=0)
        top.plot([b.confidence for b in found], [b.dice for b in found], "o-", color=colour, label=label)
        low.bar([(b.number + 0.3 + 0.4 * number) / 10 for b in found], [b.pictures for b in found], 0.04, color=colour)
    top.set(ylabel="Dice (points: pictures; line: mean of a bin)", ylim=(0, 1), xlim=(0, 1))
    low.set(xlabel="confidence", ylabel="pictures")
    top.legend()
    drawing.savefig(path, dpi=110)
    pyplot.close(drawing)


@dataclass(frozen=True)
class Material:
    """What a report is made of."""

    int8: Both
    full: Evaluation  # in float arithmetic
    yardstick: Both
    changes: Mapping[PictureKey, str]  # what was done to which shifted picture; empty if not known


def document(material: Material) -> str:
    """The markdown."""
    int8, full = material.int8.plain, material.full
    assert int8 is not None, "of the 8-bit model there is always a file"
    mine, float_pictures = int8.pictures or (), full.pictures or ()
    fell = losses(float_pictures, mine)
    parts = [
        f"# Figures\n\n    python -m espmedsam.measure.report {shlex.join(sys.argv[1:])}\n",
        f"Model `{int8.model}` (SHA-256 `{int8.model_sha256[:16]}…`), part `{int8.part}`; float: "
        f"`{full.model}`. Mean [95 % interval], percentile bootstrap over pictures, {RESAMPLES} resamples, "
        f"seed {SEED}.\n",
        "## Accuracy\n",
        accuracy(mine),
        circumferences(mine),
        "## 8 bits against float\n",
        differences(float_pictures, mine, "float | 8 bits"),
        f"Worse by more than {WORSE}:\n" if fell else f"No picture is worse by more than {WORSE}.\n",
    ]
    if fell:
        rows = [
            [f"`{'/'.join(pair.before.key)}`", f"{pair.before.dice:.3f}", f"{pair.after.dice:.3f}", f"{pair.gain:+.3f}"]
            for pair in fell
        ]
        parts.append(markdown("picture | Dice, float | Dice, 8 bits | difference", rows))
    parts += ["## Confidence\n", confidence(mine)]
    if material.int8.shifted:
        after = material.int8.shifted.pictures or ()
        parts += ["## Shifted pictures\n", accuracy(after), differences(mine, after, "as they are | shifted")]
        if material.changes:
            parts.append(by_change(mine, after, material.changes))
        parts.append("Confidence:\n\n" + confidence(after))
    if material.yardstick.plain or material.yardstick.shifted:
        parts += ["## Beside the U-Net\n", against(material.int8, material.yardstick)]
    return "\n".join(part for part in parts if part)


def with_pictures(path: Path | None) -> Evaluation | None:
    """A file, which must have figures of single pictures; exits if it has none."""
    if not path:
        return None
    found = read(path)
    if found.pictures is None:
        sys.exit(f'{path} has no "pictures": write it again with this version of `espmedsam eval --json`')
    return found


def main() -> None:
    """Writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("int8", "float", "shifted", "yardstick", "yardstick-shifted", "changes"):
        parser.add_argument(f"--{name}", type=Path, required=name in ("int8", "float"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    int8, full, shifted = (with_pictures(path) for path in (args.int8, args.float, args.shifted))
    assert int8 is not None and full is not None, "they are required"
    yardstick = Both(*(read(path) if path else None for path in (args.yardstick, args.yardstick_shifted)))
    changes: dict[PictureKey, str] = {}
    if args.changes:
        with args.changes.open() as file:
            changes = {(row["dataset"], row["stem"]): row["changes"] for row in csv.DictReader(file)}
    args.out.mkdir(parents=True, exist_ok=True)
    material = Material(Both(int8, shifted), full, yardstick, changes)
    (args.out / "figures.md").write_text(document(material))
    sets = {"pictures as they are": int8} | ({"shifted": shifted} if shifted else {})
    marked = {name: Marked.of(found.pictures or ()) for name, found in sets.items()}
    if all(len(some.dice) for some in marked.values()):
        plot(marked, args.out / "reliability.png")


if __name__ == "__main__":
    main()
