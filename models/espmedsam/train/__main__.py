"""Trains one stage from its configuration file. Resumable; every figure is written down.

    python -m espmedsam.train configs/base-224.toml --data ../../shared/data --split SPLIT --out ../runs/base-224
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from ..facts.modalities import MODALITIES
from .config import STAGES, read
from .run import Run


def main() -> None:
    stages = "\n".join(f"  {k:11} {v}" for k, v in STAGES.items())
    p = argparse.ArgumentParser(description=__doc__, epilog=f"stages:\n{stages}",
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("config", type=Path)
    p.add_argument("--data", required=True, help="folder with index.csv and the pictures it lists")
    p.add_argument("--split", required=True, help="CSV: dataset, stem, split (train, val or unlabelled)")
    p.add_argument("--init-root", default=".", help="folder that the stage's checkpoints are relative to")
    p.add_argument("--out", required=True)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--workers", type=int, help="processes that make batches (default: none without a GPU)")
    p.add_argument("--budget", type=float, help="minutes, in place of the configuration's")
    p.add_argument("--seed", type=int, help="in place of the configuration's: another branch from the same start")
    p.add_argument("--modality", choices=MODALITIES, help="of a stage that is about one modality")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    if args.workers is None:
        args.workers = 0 if args.device == "cpu" else max((os.cpu_count() or 2) - 2, 1)
    given = {k: v for k, v in (("budget", args.budget), ("modality", args.modality), ("seed", args.seed)) if v is not None}
    Run(read(args.config, **given), args).train()


if __name__ == "__main__":
    main()
