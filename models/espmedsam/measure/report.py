"""Figures of accuracy with intervals, from what `espmedsam eval --json FILE` wrote.

    python -m espmedsam.measure.report --int8 models/validation-int8.json --float models/validation.json --out models/card \
        [--shifted FILE [--changes out/shifted/changes.csv]] [--yardstick FILE] [--yardstick-shifted FILE]

Writes OUT/figures.md, and OUT/reliability.png where a confidence is known. Intervals are of 95 %: percentile bootstrap
over pictures (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), for counts Wilson's (JASA 22,
1927). They tell how far other pictures of the same sources may differ, not what another hospital gives.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

RESAMPLES = 10_000
SEED = 1
WORSE = 0.05  # a picture whose Dice falls by more is listed
FEWEST = 5  # pictures for a rank correlation


def key(p: dict) -> tuple[str, str]:
    """What tells pictures apart."""
    return p["dataset"], p["stem"]


def with_target(pictures: Iterable[dict]) -> list[dict]:
    """Those whose Dice is known."""
    return [p for p in pictures if not p["empty"] and p["dice"] is not None]


def by_dataset(pictures: Iterable[dict]) -> dict[str, list[dict]]:
    """In the order of the names."""
    sets: dict[str, list[dict]] = {}
    for p in sorted(pictures, key=key):
        sets.setdefault(p["dataset"], []).append(p)
    return sets


def interval(statistic: Callable[[np.ndarray], np.ndarray], count: int) -> tuple[float, float]:
    """Percentile bootstrap. `statistic` gets [resamples, count] indices of pictures and gives one value per row; NaN,
    where a resample has none, is left out."""
    rng, found = np.random.default_rng(SEED), []
    for start in range(0, RESAMPLES, 500):  # in blocks: all at once would be hundreds of megabytes
        found.append(statistic(rng.integers(0, count, (min(500, RESAMPLES - start), count))))
    low, high = np.nanpercentile(np.concatenate(found), (2.5, 97.5))
    return float(low), float(high)


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a share (Wilson, JASA 22, 1927)."""
    if count == 0:
        return 0.0, 1.0
    share, middle = hits / count, (hits + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * np.sqrt(count * share * (1 - share) + z * z / 4)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def ranks(values: np.ndarray) -> np.ndarray:
    """Of each row, ties sharing their mean rank."""
    values = np.atleast_2d(values)
    order = np.argsort(values, 1, kind="stable")
    ordered = np.take_along_axis(values, order, 1)
    new = np.ones(values.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    group = np.cumsum(new.ravel()) - 1  # of equal values; a row's first value always begins one
    place = np.tile(np.arange(values.shape[1], dtype=float), len(values))
    mean = np.bincount(group, place) / np.bincount(group)
    out = np.empty(values.shape)
    np.put_along_axis(out, order, mean[group].reshape(values.shape), 1)
    return out


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rank correlation of each row; NaN where either is constant."""
    a, b = (r - r.mean(1, keepdims=True) for r in (ranks(a), ranks(b)))
    norm = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.divide((a * b).sum(1), norm, out=np.full(len(a), np.nan), where=norm > 0)


def mean_of(values: Iterable[float]) -> tuple[float, float, float]:
    """Mean and its interval."""
    v = np.array(list(values), float)
    return float(v.mean()), *interval(lambda i: v[i].mean(1), len(v))


def figure(found: tuple[float, float, float], digits: int = 3, sign: str = "") -> str:
    """Value [low, high]."""
    return "{:{f}} [{:{f}}, {:{f}}]".format(*found, f=f"{sign}.{digits}f")


def markdown(head: str, rows: Iterable[Iterable[str]]) -> str:
    """A table; columns of `head` apart by |, the first left, the others right."""
    names = head.split("|")
    lines = [names, ["---"] + ["---:"] * (len(names) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell).strip() for cell in line) + " |" for line in lines) + "\n"


def accuracy(pictures: list[dict]) -> str:
    """Per data set: Dice, IoU, false marks."""
    rows = []
    for name, mine in by_dataset(pictures).items():
        good, empty = with_target(mine), [p for p in mine if p["empty"]]
        false = sum(p["marked"] for p in empty)
        cells = ["–"] * 3
        if good:
            dice, iou = (np.array([p[k] for p in good]) for k in ("dice", "iou"))
            median = (float(np.median(dice)), *interval(lambda i: np.median(dice[i], 1), len(dice)))
            cells = [figure(mean_of(dice)), figure(median), figure(mean_of(iou))]
        marked = f"{false} of {len(empty)} " + "[{:.0%}, {:.0%}]".format(*wilson(false, len(empty))) if empty else "–"
        rows.append([f"`{name}`", mine[0]["modality"], len(good), *cells, sum(not p["marked"] for p in good), marked])
    return markdown("data set | modality | pictures | Dice, mean | Dice, median | IoU, mean | of these left unmarked | "
                    "empty, falsely marked", rows)


def circumferences(pictures: list[dict]) -> str:
    """Ours minus theirs; limits of agreement as Bland and Altman (Lancet 327, 1986)."""
    lines = []
    for name, mine in by_dataset(p for p in pictures if p.get("circumference_error_mm") is not None).items():
        e = np.array([p["circumference_error_mm"] for p in mine])
        spread = 1.96 * e.std(ddof=1) if len(e) > 1 else 0.0
        lines.append(f"`{name}`, head circumference of {len(e)} pictures: mean absolute error "
                     f"{figure(mean_of(abs(e)), 2)} mm, mean difference {figure(mean_of(e), 2, '+')} mm, limits of "
                     f"agreement {e.mean() - spread:+.1f} to {e.mean() + spread:+.1f} mm\n")
    return "\n".join(lines)


def pairs(before: list[dict], after: list[dict]) -> list[tuple[dict, dict]]:
    """The same pictures of both, with a target."""
    there = {key(p): p for p in with_target(after)}
    return [(p, there[key(p)]) for p in with_target(before) if key(p) in there]


def losses(before: list[dict], after: list[dict]) -> list[tuple[dict, dict]]:
    """Pictures, before and after, whose Dice falls by more than WORSE; the worst first."""
    fell = [(a, b) for a, b in pairs(before, after) if b["dice"] - a["dice"] < -WORSE]
    return sorted(fell, key=lambda pair: pair[1]["dice"] - pair[0]["dice"])


def differences(before: list[dict], after: list[dict], names: str) -> str:
    """Per data set, and all: mean Dice of both, difference with the interval of the paired bootstrap."""
    joined, rows = pairs(before, after), []
    sets = {n: [(a, b) for a, b in joined if a["dataset"] == n] for n in sorted({a["dataset"] for a, _ in joined})}
    for name, mine in [*sets.items(), ("all", joined)]:
        a, b = (np.array([p[side]["dice"] for p in mine]) for side in (0, 1))
        rows.append([f"`{name}`" if name != "all" else name, len(a), f"{a.mean():.3f}", f"{b.mean():.3f}",
                     figure(mean_of(b - a), 4, "+"), int((b - a < -WORSE).sum()), int((b - a > WORSE).sum())])
    return markdown(f"data set | pictures | {names} | difference | worse by > {WORSE} | better by > {WORSE}", rows)


def by_change(before: list[dict], after: list[dict], changes: dict[tuple[str, str], str]) -> str:
    """What each change costs; a picture with two counts for both."""
    cost: dict[str, list[float]] = {}
    for a, b in pairs(before, after):
        for name in changes[key(a)].split("+"):
            cost.setdefault(name, []).append(b["dice"] - a["dice"])
    worst_first = sorted(cost.items(), key=lambda named: np.mean(named[1]))
    return markdown("change | pictures | difference of Dice",
                    [[name.replace("_", " "), len(v), figure(mean_of(v), 3, "+")] for name, v in worst_first])


def means(document: dict) -> dict[str, float]:
    """Mean Dice per data set, whatever the file has: pictures, data sets, or a yardstick's "dice"."""
    if "pictures" in document:
        sets = by_dataset(with_target(document["pictures"]))
        return {name: float(np.mean([p["dice"] for p in mine])) for name, mine in sets.items()}
    sets = document.get("datasets", [])
    return document.get("dice") or {d["dataset"]: d["dice_mean"] for d in sets if d["dice_mean"] is not None}


def against(ours: list[dict | None], yardstick: list[dict | None]) -> str:
    """Both models on pictures as they are, and shifted."""
    found = [means(d) if d else {} for d in (*ours, *yardstick)]
    cell = [lambda n, f=f: f"{f[n]:.3f}" if n in f else "–" for f in found]
    table = markdown("data set | ours | ours, shifted | U-Net | U-Net, shifted",
                     [[f"`{n}`", *(c(n) for c in cell)] for n in sorted(found[0])])
    parts = [table]
    for name, theirs, mine in zip(("As they are", "Shifted"), yardstick, ours):
        if theirs and "pictures" not in theirs:
            parts.append("The U-Net's file has means only, no figures of single pictures: no interval of the difference "
                         "can be given.\n")
        elif theirs and mine:
            parts.append(f"{name}, picture by picture:\n\n"
                         + differences(theirs["pictures"], mine["pictures"], "U-Net | ours"))
    return "\n".join(parts)


def marked_with_confidence(pictures: list[dict]) -> tuple[list[dict], np.ndarray, np.ndarray]:
    """Pictures with a target on which something was marked; confidence, Dice."""
    mine = [p for p in with_target(pictures) if p["marked"] and p["confidence"] is not None]
    return mine, np.array([p["confidence"] for p in mine], float), np.array([p["dice"] for p in mine], float)


def confidence(pictures: list[dict]) -> str:
    """Rank correlation with Dice and calibration, per data set and of all."""
    rows = []
    for name, some in [*by_dataset(pictures).items(), ("all", pictures)]:
        mine, c, d = marked_with_confidence(some)
        false = [p["confidence"] for p in some if p["empty"] and p["marked"] and p["confidence"] is not None]
        rank = "too few"
        if len(mine) >= FEWEST:
            rank = figure((float(spearman(c, d)[0]), *interval(lambda i: spearman(c[i], d[i]), len(c))), 2)
        rest = [f"{c.mean():.3f}", f"{d.mean():.3f}", f"{abs(c - d).mean():.3f}"] if mine else ["–"] * 3
        rows.append([name if name == "all" else f"`{name}`", len(mine), rank, *rest,
                     ", ".join(f"{v:.2f}" for v in false) or "–"])
    return markdown("data set | pictures | rank correlation | confidence, mean | Dice, mean | mean absolute difference "
                    "| confidence of false marks", rows)


def bins(c: np.ndarray, d: np.ndarray, count: int = 10) -> list[tuple[int, float, float, int]]:
    """Reliability: (bin, mean confidence, mean Dice, pictures) of each equal bin that has any."""
    at = np.minimum((c * count).astype(int), count - 1)
    return [(int(b), float(c[at == b].mean()), float(d[at == b].mean()), int((at == b).sum())) for b in np.unique(at)]


def plot(sets: dict[str, list[dict]], path: Path) -> None:
    """Reliability: Dice over confidence, and how many pictures each point stands for."""
    import matplotlib  # only the plot needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, (top, low) = pyplot.subplots(2, 1, figsize=(5, 6), sharex=True, height_ratios=(3, 1), layout="constrained")
    top.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for i, (label, pictures) in enumerate(sets.items()):
        _, c, d = marked_with_confidence(pictures)
        top.scatter(c, d, s=5, alpha=0.25, color=f"C{i}", linewidths=0)
        b, x, y, n = zip(*bins(c, d))
        top.plot(x, y, "o-", color=f"C{i}", label=label)
        low.bar([(v + 0.3 + 0.4 * i) / 10 for v in b], n, 0.04, color=f"C{i}")
    top.set(ylabel="Dice (points: pictures; line: mean of a bin)", ylim=(0, 1), xlim=(0, 1))
    low.set(xlabel="confidence", ylabel="pictures")
    top.legend()
    drawing.savefig(path, dpi=110)
    pyplot.close(drawing)


def main() -> None:
    """Writes the figures."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("int8", "float", "shifted", "yardstick", "yardstick-shifted", "changes"):
        p.add_argument(f"--{name}", type=Path, required=name in ("int8", "float"))
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    read = lambda path: json.loads(path.read_text()) if path else None  # noqa: E731
    int8, full, shifted = read(a.int8), read(a.float), read(a.shifted)
    for path, measured in ((a.int8, int8), (a.float, full), (a.shifted, shifted)):
        if measured and "pictures" not in measured:
            sys.exit(f'{path} has no "pictures": write it again with this version of `espmedsam eval --json`')
    a.out.mkdir(parents=True, exist_ok=True)
    yardsticks = [read(a.yardstick), read(a.yardstick_shifted)]
    (a.out / "figures.md").write_text(document(int8, full, shifted, yardsticks, a.changes))
    sets = {"pictures as they are": int8["pictures"]} | ({"shifted": shifted["pictures"]} if shifted else {})
    if all(len(marked_with_confidence(v)[0]) for v in sets.values()):
        plot(sets, a.out / "reliability.png")


def document(int8: dict, full: dict, shifted: dict | None, yardstick: list[dict | None], changes: Path | None) -> str:
    """The markdown."""
    given = shlex.join(sys.argv[1:])
    mine = int8["pictures"]
    fell = losses(full["pictures"], mine)
    parts = [f"# Figures\n\n    python -m espmedsam.measure.report {given}\n",
             f"Model `{int8['model']}` (SHA-256 `{int8['model_sha256'][:16]}…`), part `{int8['part']}`; float: "
             f"`{full['model']}`. Mean [95 % interval], percentile bootstrap over pictures, {RESAMPLES} resamples, "
             f"seed {SEED}.\n",
             "## Accuracy\n", accuracy(mine), circumferences(mine), "## 8 bits against float\n",
             differences(full["pictures"], mine, "float | 8 bits"), f"Worse by more than {WORSE}:\n" if fell else
             f"No picture is worse by more than {WORSE}.\n"]
    if fell:
        rows = [[f"`{a['dataset']}/{a['stem']}`", f"{a['dice']:.3f}", f"{b['dice']:.3f}",
                 f"{b['dice'] - a['dice']:+.3f}"] for a, b in fell]
        parts.append(markdown("picture | Dice, float | Dice, 8 bits | difference", rows))
    parts += ["## Confidence\n", confidence(mine)]
    if shifted:
        after = shifted["pictures"]
        parts += ["## Shifted pictures\n", accuracy(after), differences(mine, after, "as they are | shifted")]
        if changes:
            done = {(r["dataset"], r["stem"]): r["changes"] for r in csv.DictReader(changes.open())}
            parts.append(by_change(mine, after, done))
        parts.append("Confidence:\n\n" + confidence(after))
    if any(yardstick):
        parts += ["## Beside the U-Net\n", against([int8, shifted], yardstick)]
    return "\n".join(part for part in parts if part)


if __name__ == "__main__":
    main()
