"""Prints the program's measured Dice beside the U-Net's, and writes down a U-Net run for that.

    python -m espmedsam.yardstick models/validation.json models/yardstick.json
    python -m espmedsam.yardstick --run runs/unet-224 models/yardstick.json
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path


def write_down(run: Path, out: Path) -> None:
    """Last row of a U-Net run's validation curve, and what the run cost."""
    row = list(csv.DictReader((run / "curve_val.csv").open()))[-1]
    cost = {"pictures_seen": int(row.pop("images")), "cpu_minutes": float(row.pop("minutes")), "steps": int(row.pop("step"))}
    empty = row.pop("empty", None)
    report = {"model": "U-Net, width 16, one output per modality, 224 x 224 (configs/unet-224.toml)", **cost,
              "empty_left_empty": empty and float(empty), "dice": {k: float(v) for k, v in row.items()}}
    out.write_text(json.dumps(report, indent=2) + "\n")


def table(measured: dict, yardstick: dict) -> str:
    """Markdown, a row per data set."""
    lines = ["| data set | modality | pictures | Dice | U-Net Dice |", "|---|---|---:|---:|---:|"]
    for d in measured["datasets"]:
        if d["dice_mean"] is not None:
            lines.append(f"| {d['dataset']} | {d['modality']} | {d['images']} | {d['dice_mean']:.3f} "
                         f"| {yardstick['dice'].get(d['dataset'], float('nan')):.3f} |")
    lines.append(f"\n{yardstick['model']}: {yardstick['pictures_seen']} augmented pictures, "
                 f"{yardstick['cpu_minutes']:.0f} CPU minutes")
    return "\n".join(lines)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("measured", nargs="?", type=Path)
    p.add_argument("yardstick", type=Path)
    p.add_argument("--run", type=Path, help="write the yardstick down from this run first")
    a = p.parse_args()
    if a.run:
        write_down(a.run, a.yardstick)
    if a.measured:
        print(table(json.loads(a.measured.read_text()), json.loads(a.yardstick.read_text())))


if __name__ == "__main__":
    main()
