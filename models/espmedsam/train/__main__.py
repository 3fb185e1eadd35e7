"""Trains one stage from its configuration file. Resumable; every figure is written down.

    python -m espmedsam.train models/configs/stages/base-fine.toml --data ../shared/data --split SPLIT --runs runs \
        --init base-more-224/ema.safetensors --out runs/base-fine
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from ..facts.modalities import MODALITIES
from .config import STAGES, read
from .run import Run, RunPaths

IN_PLACE = ("init", "budget", "modality", "seed")  # of the configuration's own values


def main() -> None:
    """Trains until the budget is used up."""
    stages = "\n".join(f"  {name:11} {kind.summary}" for name, kind in STAGES.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"stages:\n{stages}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    parser.add_argument(
        "--split", type=Path, required=True, help="CSV: dataset, stem, split (train, val or unlabelled)"
    )
    parser.add_argument("--runs", type=Path, default=Path(), help="folder that the stage's checkpoints are relative to")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, help="processes that make batches (default: none without a GPU)")
    parser.add_argument("--init", help="checkpoint to start from (default: random, or the configuration's)")
    parser.add_argument("--budget", type=float, help="minutes, in place of the configuration's")
    parser.add_argument("--seed", type=int, help="in place of the configuration's: another branch from the same start")
    parser.add_argument("--modality", choices=MODALITIES, help="of a stage that is about one modality")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.workers is None:
        args.workers = 0 if args.device == "cpu" else max((os.cpu_count() or 2) - 2, 1)
    given = {name: value for name in IN_PLACE if (value := getattr(args, name)) is not None}
    places = RunPaths(args.data, args.split, args.runs, args.out)
    Run(read(args.config, **given), places, torch.device(args.device), args.workers).train()


if __name__ == "__main__":
    main()
