"""What the guard is worth: scores of right, changed and wrong pictures, the thresholds that follow, the figures.

A picture is a mismatch if its chosen modality's score is below the modality's threshold; a false alarm is a mismatch of
a right picture. Thresholds are low on purpose: an odd picture let through costs less than a right one refused.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import torch

from ..data import Item, load_split, read_pair
from ..modalities import MODALITIES
from . import negatives, shifts
from .network import CLASSES, NOTICE, SIDE, Guard, save_onnx
from .train import KEPT, NO_SHUFFLE, VISIBLE, load, to_input

# False alarms allowed on the validation pictures: as they are, and under a held-out change.
CLEAN, SHIFTED = 0.01, 0.02
# No threshold is above this, however well the validation pictures score: a right picture refused is the worse error. With
# 0.05, 6 % of the shifted validation pictures (espmedsam.shifted) were refused; with 0.1, 4 % of a left-out data set's.
HIGHEST = 0.02
MARGIN = 0.7  # ... and less than the bounds would allow: few hospitals stand behind these pictures
PER_KIND, PER_MODALITY = 200, 600  # negatives of a kind; changed pictures of a modality, about
COLUMN = {m: i for i, m in enumerate(MODALITIES)}


@torch.no_grad()
def scores(model: Guard, inputs: np.ndarray) -> np.ndarray:
    """[N,3,64,64] -> [N,7], as the ONNX file gives them."""
    parts = np.array_split(inputs, len(inputs) // 256 + 1)
    return torch.cat([model(torch.from_numpy(x)).softmax(1) for x in parts]).numpy()


def bound(values: np.ndarray, rate: float) -> float:
    """The highest threshold with at most `rate` of the values below it."""
    return float(np.sort(values)[int(rate * len(values))])


def threshold(clean: np.ndarray, shifted: np.ndarray) -> float:
    """From a modality's own scores on its own pictures."""
    return min(HIGHEST, MARGIN * bound(clean, CLEAN), MARGIN * bound(shifted, SHIFTED))


def auc(right: np.ndarray, wrong: np.ndarray) -> float:
    """Share of (right, wrong) pairs where the right picture scores higher; a tie counts half."""
    wrong = np.sort(wrong)
    below, upto = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + upto).mean() / 2 / len(wrong))


class Pictures:
    """The validation part, its changed copies and its negatives, as inputs."""

    def __init__(self, items: list[Item], seed: int = 1):
        rng = np.random.default_rng(seed)
        images = [read_pair(i)[0] for i in items]
        self.clean = np.stack([to_input(x) for x in images])
        self.datasets = np.array([i.dataset for i in items])
        self.modality = np.array([COLUMN[i.modality] for i in items])
        kept = [cv2.resize(x, (KEPT, KEPT), interpolation=cv2.INTER_AREA) for x in images]
        rows = []  # (input, kind, number of the picture)
        for i, x in enumerate(kept):
            times = int(np.ceil(PER_MODALITY / (self.modality == self.modality[i]).sum() / len(shifts.HELD_OUT)))
            for kind in shifts.HELD_OUT:
                for _ in range(times):
                    y = shifts.shifted(x, kind, rng)
                    if y.std() >= VISIBLE:
                        rows.append((to_input(y), kind, i))
        self.shifted = np.stack([r[0] for r in rows])
        self.kind, self.of = np.array([r[1] for r in rows]), np.array([r[2] for r in rows])
        structured = [k for k, i in enumerate(items) if i.modality != NO_SHUFFLE]
        every = negatives.TRAINED | negatives.FROM_POOL | negatives.HELD_OUT | negatives.HELD_OUT_FROM_POOL
        self.negatives = {kind: np.stack([to_input(negatives.draw(kind, KEPT, kept[rng.choice(structured)], rng))
                                          for _ in range(PER_KIND)]) for kind in every}


def extra_pictures(folder: Path) -> dict[str, np.ndarray]:
    """{sub-folder: inputs}; those of no modality also as four overlapping crops each."""
    found = {}
    for sub in sorted(p for p in folder.iterdir() if p.is_dir()):
        views = []
        for path in sorted(sub.iterdir()):
            x = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            (h, w), views = x.shape[:2], [*views, x]
            if sub.name not in MODALITIES:
                a, b = int(0.6 * h), int(0.6 * w)
                views += [x[:a, :b], x[:a, -b:], x[-a:, :b], x[-a:, -b:]]
        found[sub.name] = np.stack([to_input(v) for v in views])
    return found


def share(hit: np.ndarray) -> dict:
    """A share with what it is of."""
    return {"share": round(float(np.mean(hit)), 4) if len(hit) else None, "count": int(np.sum(hit)), "of": len(hit)}


def fitted(clean: np.ndarray, shifted: np.ndarray, p: Pictures, without: str = "", kind: str = "") -> np.ndarray:
    """Thresholds [6], from all validation pictures but a data set's or a kind of change's."""
    of, c = p.modality[p.of], p.datasets != without
    s = (p.datasets[p.of] != without) & (p.kind != kind)
    return np.array([threshold(clean[c & (p.modality == m), m], shifted[s & (of == m), m]) for m in range(6)])


def detection(found: np.ndarray, limits: np.ndarray) -> dict:
    """Of scores [N,7] of pictures of no modality: the share of mismatches over all six choices, and of the worst."""
    hit = (found[:, :6] < limits).mean(0)
    return {"detected": round(float(hit.mean()), 4), "worst": round(float(hit.min()), 4),
            "worst_modality": MODALITIES[hit.argmin()], "other_first": round(float((found.argmax(1) == 6).mean()), 4),
            "pictures": len(found)}


def figures(models: dict[str, Guard], p: Pictures, extra: dict[str, np.ndarray]) -> tuple[dict, dict, tuple]:
    """(thresholds, figures, (clean, shifted, negative scores) for the curves)."""
    model, of = models[""], p.modality[p.of]
    clean, shifted = scores(model, p.clean), scores(model, p.shifted)
    limits = fitted(clean, shifted, p)
    wrong = {k: scores(model, x) for k, x in p.negatives.items()}
    nothing = np.concatenate(list(wrong.values()))
    own, own_shifted = clean[np.arange(len(clean)), p.modality], shifted[np.arange(len(of)), of]
    alarm, alarm_shifted = own < limits[p.modality], own_shifted < limits[of]
    # Each kind judged by thresholds that never saw it.
    unseen = {k: own_shifted < fitted(clean, shifted, p, kind=k)[of] for k in shifts.HELD_OUT}
    measured = {
        "accuracy": share(clean.argmax(1) == p.modality),
        "accuracy_shifted": share(shifted.argmax(1) == of),
        "confusion": {m: {c: int(((p.modality == i) & (clean.argmax(1) == j)).sum()) for j, c in enumerate(CLASSES)}
                      for m, i in COLUMN.items()},
        "roc_auc": {m: {name: round(auc(right, np.concatenate([clean[p.modality != i, i], nothing[:, i]])), 5)
                        for name, right in (("clean", clean[p.modality == i, i]), ("shifted", shifted[of == i, i]))}
                    for m, i in COLUMN.items()},
        "false_alarms": {m: {"clean": share(alarm[p.modality == i]), "shifted": share(alarm_shifted[of == i]),
                             "lowest_clean_score": round(float(own[p.modality == i].min()), 4)}
                         for m, i in COLUMN.items()},
        "false_alarms_by_change": {k: {"fitted": share(alarm_shifted[p.kind == k]),
                                       "change_left_out_of_the_fit": share(hit[p.kind == k])}
                                   for k, hit in unseen.items()},
        "data_set_left_out": {d: _left_out(m, p, d) for d, m in models.items() if d},
        "sent_as": {m: {c: share(clean[p.modality == i, j] < limits[j]) for c, j in COLUMN.items() if j != i}
                    for m, i in COLUMN.items()},
        "negatives": {k: {"trained_on": k in negatives.TRAINED or k in negatives.FROM_POOL, **detection(s, limits)}
                      for k, s in wrong.items()},
        "real": {k: _real(k, scores(model, x), limits) for k, x in extra.items()},
    }
    return dict(zip(MODALITIES, (round(float(v), 5) for v in limits))), measured, (clean, shifted, nothing)


def _left_out(model: Guard, p: Pictures, dataset: str) -> dict:
    """A network and thresholds that never saw the data set, on the data set."""
    clean, shifted = scores(model, p.clean), scores(model, p.shifted)
    here, there = p.datasets == dataset, p.datasets[p.of] == dataset
    m = int(p.modality[here][0])
    limit = fitted(clean, shifted, p, dataset)[m]
    return {"threshold": round(float(limit), 5), "false_alarms": share(clean[here, m] < limit),
            "false_alarms_shifted": share(shifted[there, m] < limit), "picked_right": share(clean[here].argmax(1) == m),
            "roc_auc": round(auc(clean[here, m], clean[p.modality != m, m]), 5)}


def _real(name: str, found: np.ndarray, limits: np.ndarray) -> dict:
    if name not in COLUMN:
        return detection(found, limits)
    i = COLUMN[name]
    return {"false_alarms": share(found[:, i] < limits[i]), "picked_right": share(found.argmax(1) == i),
            "own_scores": [round(float(v), 4) for v in found[:, i]]}


def draw_curves(path: Path, p: Pictures, limits: dict, found: tuple) -> None:
    """Detection against false alarms, a line a modality, its threshold as a dot; right pictures clean and changed."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    clean, shifted, nothing = found
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
    for ax, name, right, of in ((axes[0], "as they are", clean, p.modality),
                                (axes[1], "changed", shifted, p.modality[p.of])):
        for m, i in COLUMN.items():
            own, wrong = right[of == i, i], np.concatenate([clean[p.modality != i, i], nothing[:, i]])
            t = np.unique(np.concatenate([own, wrong, [1.1]]))
            x, y = np.searchsorted(np.sort(own), t) / len(own), np.searchsorted(np.sort(wrong), t) / len(wrong)
            line, = ax.plot(np.maximum(x, 5e-4), y, label=m, lw=1.2)
            ax.plot(max((own < limits[m]).mean(), 5e-4), (wrong < limits[m]).mean(), "o", color=line.get_color(), ms=5)
        ax.set(xscale="log", xlim=(4.5e-4, 1), ylim=(0.5, 1.005), title=f"validation pictures {name}",
               xlabel="false alarms (0.0005: none)")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("wrong pictures detected")
    axes[1].legend(loc="lower right", fontsize=8)
    figure.text(0.5, 0.005, NOTICE, ha="center", fontsize=7)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def export(data: Path, split: Path, run: Path, out: Path, extra: Path | None = None) -> dict:
    """Writes `out/guard/`: the ONNX file, `guard.json`, `roc.png`. Gives what `guard.json` holds."""
    models, folder = load(run / "guard.pt"), out / "guard"
    folder.mkdir(parents=True, exist_ok=True)
    p = Pictures(load_split(data, split, "val"))
    limits, measured, found = figures(models, p, extra_pictures(extra) if extra else {})
    for old in folder.glob("guard-*.onnx"):
        old.unlink()
    last = list(csv.DictReader((run / "curve.csv").open()))[-1]
    report = {"notice": NOTICE, "file": save_onnx(models[""], folder).name, "classes": list(CLASSES), "side": SIDE,
              "threshold": limits, "parameters": sum(v.numel() for v in models[""].parameters()),
              "trained": {"pictures": int(last["pictures"]), "minutes": float(last["minutes"])}, "measured": measured}
    (folder / "guard.json").write_text(json.dumps(report, indent=1) + "\n")
    draw_curves(folder / "roc.png", p, limits, found)
    summary(report)
    return report


def summary(report: dict) -> None:
    """The figures in short, to the terminal."""
    m = report["measured"]
    print(f"{report['file']}: accuracy {m['accuracy']['share']:.3f}, changed {m['accuracy_shifted']['share']:.3f}")
    for name, limit in report["threshold"].items():
        f, a = m["false_alarms"][name], m["roc_auc"][name]
        missed = min(m["sent_as"][o][name]["share"] for o in MODALITIES if o != name and m["sent_as"][o][name]["of"])
        print(f"  {name:12} threshold {limit:.4f}  AUC {a['clean']:.4f} {a['shifted']:.4f}  false alarms "
              f"{f['clean']['share']:.3f} {f['shifted']['share']:.3f}  others sent as it: {missed:.3f} found at least")
    for d, f in m["data_set_left_out"].items():
        print(f"  without {d}: false alarms {f['false_alarms']['share']:.3f}, changed "
              f"{f['false_alarms_shifted']['share']:.3f}, picked right {f['picked_right']['share']:.3f}")
    for k, f in m["negatives"].items():
        print(f"  {k:16}{'' if f['trained_on'] else 'held out':9} found {f['detected']:.3f}  worst {f['worst']:.3f} "
              f"{f['worst_modality']}")
    for k, f in m["real"].items():
        print(f"  real {k}: {f}")
