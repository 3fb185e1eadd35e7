"""Measures a U-Net run picture by picture, and prints the program's measured Dice beside it.

    python -m espmedsam.measure.yardstick --run runs/unet-224 --config models/configs/unet-224.toml --data DIR --split FILE \
        --part val models/yardstick.json
    python -m espmedsam.measure.yardstick models/validation-live.json models/yardstick.json
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from .report import means


def measure(run: Path, config: Path, data: Path, split: Path, part: str) -> dict:
    """What the run cost, and per picture: data set, stem, modality, whether it is empty, whether anything was marked,
    and the Dice (null without a target). Needs PyTorch."""
    import torch

    from ..pictures.pool import load_split
    from ..train import config as configuration
    from ..train.stages import build
    from ..train.validation import Validation, dice
    from ..weights import checkpoint

    cfg = configuration.read(config)
    stage = build(cfg, run)
    state = checkpoint.read(run / "ema.safetensors")
    stage.net.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    validation = Validation(load_split(data, split, part), cfg.side[-1], shown=0)
    pictures = []
    for item, truth, mask in zip(validation.items, validation.masks,
                                 validation.masks_of(stage.eval(), torch.device("cpu"))):
        pictures.append({"dataset": item.dataset, "stem": item.stem, "modality": item.modality, "empty": item.empty,
                         "marked": bool(mask.any()), "dice": None if item.empty else dice(mask, truth)})
    cost = list(csv.DictReader((run / "curve_val.csv").open()))[-1]
    name = f"U-Net, width {cfg.width}, one output per modality, {cfg.side[-1]} x {cfg.side[-1]} (configs/{config.name})"
    return {"model": name, "part": part, "pictures_seen": int(cost["images"]), "cpu_minutes": float(cost["minutes"]),
            "steps": int(cost["step"]), "pictures": pictures}


def table(measured: dict, yardstick: dict) -> str:
    """Markdown, a row per data set."""
    theirs = means(yardstick)
    lines = ["| data set | modality | pictures | Dice | U-Net Dice |", "|---|---|---:|---:|---:|"]
    for d in measured["datasets"]:
        if d["dice_mean"] is not None:
            lines.append(f"| {d['dataset']} | {d['modality']} | {d['images']} | {d['dice_mean']:.3f} "
                         f"| {theirs.get(d['dataset'], float('nan')):.3f} |")
    lines.append(f"\n{yardstick['model']}: {yardstick['pictures_seen']} augmented pictures, "
                 f"{yardstick['cpu_minutes']:.0f} CPU minutes")
    return "\n".join(lines)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("measured", nargs="?", type=Path)
    p.add_argument("yardstick", type=Path)
    for name in ("run", "config", "data", "split"):
        p.add_argument(f"--{name}", type=Path)
    p.add_argument("--part", default="val")
    a = p.parse_args()
    if a.run:
        if not (a.config and a.data and a.split):
            p.error("--run needs --config, --data and --split")
        a.yardstick.write_text(json.dumps(measure(a.run, a.config, a.data, a.split, a.part), indent=1) + "\n")
    if a.measured:
        print(table(json.loads(a.measured.read_text()), json.loads(a.yardstick.read_text())))


if __name__ == "__main__":
    main()
