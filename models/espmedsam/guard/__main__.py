"""Trains the modality guard, and writes what is shipped: the ONNX file, thresholds and figures.

python -m espmedsam.guard train --data ../shared/data --split SPLIT --out runs/guard
python -m espmedsam.guard export --data ../shared/data --split SPLIT --from runs/guard --out models
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch


def main() -> None:
    """Trains, or writes what is shipped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train, also without each source; takes the minutes it is given")
    training.add_argument("--minutes", type=float, default=10)
    training.add_argument("--seed", type=int, default=0)
    exporting = commands.add_parser(
        "export", help="measure on the validation part and on each source left out, fit the thresholds, write the files"
    )
    exporting.add_argument("--from", type=Path, dest="run", required=True, help="folder that `train` wrote")
    exporting.add_argument(
        "--extra",
        type=Path,
        help="more real pictures to measure on: a folder for each modality, one "
        "of any other name holds pictures of no modality",
    )
    for command in (training, exporting):
        command.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
        command.add_argument(
            "--split", type=Path, required=True, help="CSV: dataset, stem, split (train, val, unlabelled)"
        )
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.command == "train":
        from .train import GuardRecipe, train

        train(args.data, args.split, args.out, GuardRecipe(args.minutes, seed=args.seed))
    else:
        from .measure import export

        export(args.data, args.split, args.run, args.out, args.extra)


if __name__ == "__main__":
    main()
