"""Trains the modality guard, and writes what is shipped: the ONNX file, thresholds and figures.

    python -m espmedsam.guard train --data ../shared/data --split SPLIT --out runs/guard
    python -m espmedsam.guard export --data ../shared/data --split SPLIT --from runs/guard --out models
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    t = commands.add_parser("train", help="train, also without each source; takes the minutes it is given")
    t.add_argument("--minutes", type=float, default=10)
    t.add_argument("--seed", type=int, default=0)
    e = commands.add_parser("export", help="measure on the validation part and on each source left out, fit the "
                                       "thresholds, write the files")
    e.add_argument("--from", type=Path, dest="run", required=True, help="folder that `train` wrote")
    e.add_argument("--extra", type=Path, help="more real pictures to measure on: a folder for each modality, one "
                                              "of any other name holds pictures of no modality")
    for c in (t, e):
        c.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
        c.add_argument("--split", type=Path, required=True, help="CSV: dataset, stem, split (train, val, unlabelled)")
        c.add_argument("--out", type=Path, required=True)
        c.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    if a.command == "train":
        from .train import train
        train(a.data, a.split, a.out, a.minutes, seed=a.seed)
    else:
        from .measure import export
        export(a.data, a.split, a.run, a.out, a.extra)


if __name__ == "__main__":
    main()
