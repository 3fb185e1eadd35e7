"""Measures a U-Net run picture by picture, and prints the program's measured Dice beside it.

    python -m espmedsam.measure.yardstick --run runs/unet-224 --config models/configs/stages/unet-224.toml \
        --data DIR --split FILE --part val models/yardstick.json
    python -m espmedsam.measure.yardstick models/validation-live.json models/yardstick.json
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .evaluation import Evaluation
from .statistics import markdown


@dataclass(frozen=True)
class Part:
    """The pictures that are measured on."""

    data: Path  # folder with index.csv and the pictures it lists
    split: Path  # CSV: dataset, stem, split
    name: str  # of the part


def measure(run: Path, config: Path, part: Part) -> dict[str, Any]:
    """What the run cost, and per picture: data set, stem, modality, whether it is empty, whether anything was marked,
    and the Dice (null without a target). Needs PyTorch."""
    import torch

    from ..pictures.pool import load_split
    from ..train import config as configuration
    from ..train.build import build
    from ..train.validation import Validation, dice
    from ..weights import checkpoint

    cfg = configuration.read(config)
    side = cfg.schedule.side[-1]
    stage = build(cfg, run)
    state = checkpoint.read(run / "ema.safetensors")
    stage.net.load_state_dict({key: torch.tensor(value) for key, value in state.items()})
    validation = Validation(load_split(part.data, part.split, part.name), side, shown=0)
    pictures = []
    for seen in validation.seen(stage.eval(), torch.device("cpu")):
        item = seen.case.item
        pictures.append(
            {
                "dataset": item.dataset,
                "stem": item.stem,
                "modality": item.modality,
                "empty": item.empty,
                "marked": bool(seen.mask.any()),
                "dice": None if item.empty else dice(seen.mask, seen.case.truth),
            }
        )
    with (run / "curve_val.csv").open() as file:
        cost = list(csv.DictReader(file))[-1]
    name = f"U-Net, width {cfg.options.width}, one output per modality, {side} x {side} (configs/stages/{config.name})"
    return {
        "model": name,
        "part": part.name,
        "pictures_seen": int(cost["images"]),
        "cpu_minutes": float(cost["minutes"]),
        "steps": int(cost["step"]),
        "pictures": pictures,
    }


def table(measured: dict[str, Any], yardstick: dict[str, Any]) -> str:
    """Markdown, a row per data set, of what `eval --json` and `measure` wrote."""
    theirs = Evaluation.of(yardstick).means()
    rows = [
        [
            found["dataset"],
            found["modality"],
            found["images"],
            f"{found['dice_mean']:.3f}",
            f"{theirs.get(found['dataset'], float('nan')):.3f}",
        ]
        for found in measured["datasets"]
        if found["dice_mean"] is not None
    ]
    cost = f"{yardstick['pictures_seen']} augmented pictures, {yardstick['cpu_minutes']:.0f} CPU minutes"
    return markdown("data set | modality | pictures | Dice | U-Net Dice", rows) + f"\n{yardstick['model']}: {cost}"


def main() -> None:
    """Measures, prints, or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", nargs="?", type=Path)
    parser.add_argument("yardstick", type=Path)
    for name in ("run", "config", "data", "split"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--part", default="val")
    args = parser.parse_args()
    if args.run:
        if not (args.config and args.data and args.split):
            parser.error("--run needs --config, --data and --split")
        found = measure(args.run, args.config, Part(args.data, args.split, args.part))
        args.yardstick.write_text(json.dumps(found, indent=1) + "\n")
    if args.measured:
        print(table(json.loads(args.measured.read_text()), json.loads(args.yardstick.read_text())))


if __name__ == "__main__":
    main()
