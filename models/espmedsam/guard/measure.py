"""What the guard is worth: scores of right, changed and wrong pictures, the thresholds that follow, the figures.

A picture is a mismatch if its chosen modality's score is below the modality's threshold, or if it looks inverted; a
false alarm is a mismatch of a right picture. Thresholds are as high as sources left out of training allow, and no
higher: an odd picture let through costs less than a right one refused.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..facts.modalities import MODALITIES
from ..facts.notice import NOTICE
from ..pictures.pool import Item
from . import negatives, shifts
from .left_out import COLUMN, INVERTED, Run, Trial, trials
from .network import CLASSES, SIDE, save_onnx, scores
from .sources import KEPT_BACK, LEARNED, load, read, source
from .train import KEPT, STAYS, VISIBLE, load_run, to_input

# False alarms allowed: on the validation pictures as they are, under a held-out change, on each source left out, and on
# its pictures made faint or cropped.
CLEAN, SHIFTED, LEFT_OUT, LEFT_OUT_CHANGED = 0.01, 0.02, 0.02, 0.05
# Films are what x-rays often are; of the others they are far-fetched, and no threshold follows from them.
CHANGED = {"x-ray": {k: LEFT_OUT for k in shifts.KEPT_OTHERWISE}}
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


def auc(right: np.ndarray, wrong: np.ndarray) -> float:
    """Share of (right, wrong) pairs where the right picture scores higher; a tie counts half."""
    wrong = np.sort(wrong)
    below, upto = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + upto).mean() / 2 / len(wrong))


class Pictures:
    """The validation part, its changed copies and its negatives, as inputs."""

    def __init__(self, items: list[Item], seed: int = 1):
        rng = np.random.default_rng(seed)
        images = [read(i) for i in items]
        self.clean = np.stack([to_input(x) for x in images])
        self.inverse = np.stack([to_input(255 - x) for x in images])
        self.sources = np.array([source(i) for i in items])
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
        every = negatives.TRAINED | negatives.FROM_POOL | negatives.HELD_OUT | negatives.HELD_OUT_FROM_POOL
        self.negatives = {}
        for kind in every:
            fit = [k for k, i in enumerate(items) if i.modality not in STAYS.get(kind, ())]
            drawn = [negatives.draw(kind, KEPT, kept[rng.choice(fit)], rng) for _ in range(PER_KIND)]
            self.negatives[kind] = np.stack([to_input(x) for x in drawn])


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


@dataclass
class Fit:
    """Everything thresholds follow from: the validation part, the shipped network's scores of it, the trials."""

    p: Pictures
    clean: np.ndarray
    shifted: np.ndarray
    tried: list[Trial]

    def thresholds(self, source: str = "", kind: str = "") -> np.ndarray:
        """[6], from all pictures but a source's or a kind of change's."""
        return np.array([self._threshold(m, source, kind) for m in MODALITIES])

    def _threshold(self, modality: str, source: str, kind: str) -> float:
        p, m = self.p, COLUMN[modality]
        clean = (p.sources != source) & (p.modality == m)
        shifted = (p.sources[p.of] != source) & (p.kind != kind) & (p.modality[p.of] == m)
        if not clean.any():
            return HIGHEST_UNTRIED
        rates = {"": LEFT_OUT, **CHANGED.get(modality, CHANGED_ELSE)}
        others = [t for t in self.tried if t.modality == modality and t.source != source]
        left_out = [(t.own(k), rate) for t in others for k, rate in rates.items()]
        return threshold(self.clean[clean, m], self.shifted[shifted, m], left_out)


def detection(found: np.ndarray, limits: np.ndarray) -> dict:
    """Of scores [N,7] of pictures of no modality: the share of mismatches over all six choices, and of the worst."""
    hit = (found[:, :6] < limits).mean(0)
    return {"detected": round(float(hit.mean()), 4), "worst": round(float(hit.min()), 4),
            "worst_modality": MODALITIES[hit.argmin()], "other_first": round(float((found.argmax(1) == 6).mean()), 4),
            "pictures": len(found)}


def figures(run: Run, pictures: Pictures, tried: list[Trial], extra: dict[str, np.ndarray]) -> tuple[dict, dict, tuple]:
    """(thresholds, figures, (clean, shifted, negative scores) for the curves)."""
    model, of = run.models[""], pictures.modality[pictures.of]
    clean, inverse, shifted = (scores(model, x) for x in (pictures.clean, pictures.inverse, pictures.shifted))
    fit = Fit(pictures, clean, shifted, tried)
    limits = fit.thresholds()
    wrong = {k: scores(model, x) for k, x in pictures.negatives.items()}
    nothing = np.concatenate(list(wrong.values()))
    own, own_shifted = clean[np.arange(len(clean)), pictures.modality], shifted[np.arange(len(of)), of]
    alarm, alarm_shifted = own < limits[pictures.modality], own_shifted < limits[of]
    # Each kind judged by thresholds that never saw it.
    unseen = {k: own_shifted < fit.thresholds(kind=k)[of] for k in shifts.HELD_OUT}
    measured = {
        "accuracy": share(clean.argmax(1) == pictures.modality),
        "accuracy_shifted": share(shifted.argmax(1) == of),
        "confusion": {m: {c: int(((pictures.modality == i) & (clean.argmax(1) == j)).sum())
                          for j, c in enumerate(CLASSES)}
                      for m, i in COLUMN.items()},
        "roc_auc": {m: {name: round(auc(right, np.concatenate([clean[pictures.modality != i, i], nothing[:, i]])), 5)
                        for name, right in (("clean", clean[pictures.modality == i, i]), ("shifted", shifted[of == i, i]))}
                    for m, i in COLUMN.items()},
        "false_alarms": {m: {"clean": share(alarm[pictures.modality == i]), "shifted": share(alarm_shifted[of == i]),
                             "lowest_clean_score": round(float(own[pictures.modality == i].min()), 4)}
                         for m, i in COLUMN.items()},
        "false_alarms_by_change": {k: {"fitted": share(alarm_shifted[pictures.kind == k]),
                                       "change_left_out_of_the_fit": share(hit[pictures.kind == k])}
                                   for k, hit in unseen.items()},
        "inverted": {m: _inverted(Trial("", m, {"": (clean[pictures.modality == i], inverse[pictures.modality == i])}),
                                  limits[i])
                     for m, i in COLUMN.items()},
        "left_out": {t.source: _left_out(t, fit) for t in tried},
        "left_out_sent_as": {m: {c: _sent_as(tried, m, c, limits) for c in MODALITIES if c != m} for m in MODALITIES},
        "sent_as": {m: {c: share(clean[pictures.modality == i, j] < limits[j]) for c, j in COLUMN.items() if j != i}
                    for m, i in COLUMN.items()},
        "negatives": {k: {"trained_on": k in negatives.TRAINED or k in negatives.FROM_POOL, **detection(s, limits)}
                      for k, s in wrong.items()},
        "real": {k: _real(k, scores(model, x), limits) for k, x in extra.items()},
    }
    return dict(zip(MODALITIES, (round(float(v), 5) for v in limits))), measured, (clean, shifted, nothing)


def _left_out(trial: Trial, fit: Fit) -> dict:
    """A network and a threshold that never saw the source, on the source."""
    limit = fit.thresholds(source=trial.source)[trial.column]
    return {"modality": trial.modality, "threshold": round(float(limit), 5),
            "false_alarms": share(trial.false_alarms(limit)),
            **{f"false_alarms_{k}": share(trial.false_alarms(limit, k)) for k in shifts.KEPT_OTHERWISE},
            "picked_right": share(trial.seen[""][0].argmax(1) == trial.column),
            "inverted": _inverted(trial, limit)}


def _inverted(trial: Trial, limit: float) -> dict:
    """Its pictures in reversed grey: how many are refused, and how many of these with that reason."""
    refused, named = trial.inverted_found(limit)
    return {"refused": share(refused), "named": share(named)}


def _sent_as(tried: list[Trial], modality: str, other: str, limits: np.ndarray) -> float | None:
    """Mismatches of a modality's pictures sent as another, by networks without their source: the sources' mean."""
    j = COLUMN[other]
    found = [(t.seen[""][0][:, j] < limits[j]).mean() for t in tried if t.modality == modality]
    return round(float(np.mean(found)), 4) if found else None


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


def export(data: Path, split: Path, trained: Path, out: Path, extra: Path | None = None) -> dict:
    """Writes `out/guard/`: the ONNX file, `guard.json`, `roc.png`. Gives what `guard.json` holds."""
    learned, kept_back = load(data, split, LEARNED), load(data, split, KEPT_BACK)
    run, folder = Run(load_run(trained / "guard.pt"), learned), out / "guard"
    folder.mkdir(parents=True, exist_ok=True)
    p, tried = Pictures(kept_back), trials(run, learned + kept_back)
    limits, measured, found = figures(run, p, tried, extra_pictures(extra) if extra else {})
    for old in folder.glob("guard-*.onnx"):
        old.unlink()
    last = list(csv.DictReader((trained / "curve.csv").open()))[-1]
    report = {"notice": NOTICE, "file": save_onnx(run.models[""], folder).name, "classes": list(CLASSES), "side": SIDE,
              "threshold": limits, "inverted": INVERTED,
              "parameters": sum(v.numel() for v in run.models[""].parameters()),
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
    for name, f in m["left_out"].items():
        alarms = " ".join(f"{f[k]['share']:.3f}" for k in f if k.startswith("false_alarms"))
        print(f"  without {name:16} threshold {f['threshold']:.4f}  false alarms (as films, faint, cropped) {alarms}  "
              f"inverted refused {f['inverted']['refused']['share']:.3f}, named {f['inverted']['named']['share']:.3f}")
    for k, f in m["negatives"].items():
        print(f"  {k:16}{'' if f['trained_on'] else 'held out':9} found {f['detected']:.3f}  worst {f['worst']:.3f} "
              f"{f['worst_modality']}")
    for k, f in m["real"].items():
        print(f"  real {k}: {f}")
