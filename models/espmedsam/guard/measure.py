"""Writes what is shipped of the guard: the ONNX file, thresholds and figures, curves."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from ..facts.notice import NOTICE
from .figures import Figures, Measured, Scored
from .graph import CLASSES, SIDE
from .left_out import COLUMN, INVERTED, Trained, trials
from .network import save_onnx
from .sources import KEPT_BACK, LEARNED, load
from .thresholds import Pictures, extra_pictures
from .train import load_run


def draw_curves(path: Path, scored: Scored, limits: dict[str, float]) -> None:
    """Detection against false alarms, a line a modality, its threshold as a dot; right pictures clean and changed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
    for axes, name, found, of in (
        (left, "as they are", scored.clean, scored.modality),
        (right, "changed", scored.shifted, scored.modality_shifted),
    ):
        for modality, column in COLUMN.items():
            own, wrong = found[of == column, column], scored.foreign(column)
            at = np.unique(np.concatenate([own, wrong, [1.1]]))
            alarms, detected = (np.searchsorted(np.sort(values), at) / len(values) for values in (own, wrong))
            (line,) = axes.plot(np.maximum(alarms, 5e-4), detected, label=modality, lw=1.2)
            dot = max((own < limits[modality]).mean(), 5e-4), (wrong < limits[modality]).mean()
            axes.plot(*dot, "o", color=line.get_color(), ms=5)
        axes.set(
            xscale="log",
            xlim=(4.5e-4, 1),
            ylim=(0.5, 1.005),
            title=f"validation pictures {name}",
            xlabel="false alarms (0.0005: none)",
        )
        axes.grid(alpha=0.3)
    left.set_ylabel("wrong pictures detected")
    right.legend(loc="lower right", fontsize=8)
    figure.text(0.5, 0.005, NOTICE, ha="center", fontsize=7)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def export(data: Path, split: Path, trained: Path, out: Path, extra: Path | None = None) -> Figures:
    """Writes `out/guard/`: the ONNX file, `guard.json`, `roc.png`. Gives what `guard.json` holds."""
    learned, kept_back = load(data, split, LEARNED), load(data, split, KEPT_BACK)
    run, folder = Trained(load_run(trained / "guard.pt"), learned), out / "guard"
    folder.mkdir(parents=True, exist_ok=True)
    scored = Scored.by(run, Pictures(kept_back), extra_pictures(extra) if extra else {})
    measured = Measured(scored, trials(run, learned + kept_back))
    for old in folder.glob("guard-*.onnx"):
        old.unlink()
    with (trained / "curve.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    report = {
        "notice": NOTICE,
        "file": save_onnx(run.models[""], folder).name,
        "classes": list(CLASSES),
        "side": SIDE,
        "threshold": measured.thresholds,
        "inverted": INVERTED,
        "parameters": sum(p.numel() for p in run.models[""].parameters()),
        "trained": {"pictures": int(last["pictures"]), "minutes": float(last["minutes"])},
        "measured": measured.figures(),
    }
    (folder / "guard.json").write_text(json.dumps(report, indent=1) + "\n")
    draw_curves(folder / "roc.png", scored, measured.thresholds)
    summary(report)
    return report


def summary(report: Figures) -> None:
    """The figures in short, to the terminal."""
    measured = report["measured"]
    accuracy, changed = measured["accuracy"]["share"], measured["accuracy_shifted"]["share"]
    print(f"{report['file']}: accuracy {accuracy:.3f}, changed {changed:.3f}")
    for name, limit in report["threshold"].items():
        alarms, areas = measured["false_alarms"][name], measured["roc_auc"][name]
        sent = [found[name] for other, found in measured["sent_as"].items() if other != name]
        least = min(found["share"] for found in sent if found["of"])
        print(
            f"  {name:12} threshold {limit:.4f}  AUC {areas['clean']:.4f} {areas['shifted']:.4f}  false alarms "
            f"{alarms['clean']['share']:.3f} {alarms['shifted']['share']:.3f}  others sent as it: {least:.3f} found at least"
        )
    for name, found in measured["left_out"].items():
        alarms = " ".join(f"{found[key]['share']:.3f}" for key in found if key.startswith("false_alarms"))
        refused, named = (found["inverted"][key]["share"] for key in ("refused", "named"))
        print(
            f"  without {name:16} threshold {found['threshold']:.4f}  false alarms (as films, faint, cropped) {alarms}  "
            f"inverted refused {refused:.3f}, named {named:.3f}"
        )
    for kind, found in measured["negatives"].items():
        print(
            f"  {kind:16}{'' if found['trained_on'] else 'held out':9} found {found['detected']:.3f}  "
            f"worst {found['worst']:.3f} {found['worst_modality']}"
        )
    for name, found in measured["real"].items():
        print(f"  real {name}: {found}")
