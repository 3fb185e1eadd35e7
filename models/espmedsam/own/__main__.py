"""A folder of one's own pictures and masks -> a model of one's own beside the shipped ones.

    python -m espmedsam.own FOLDER --modality ultrasound --label "thyroid" --models models \\
        --program target/release/espmedsam --out out/own/thyroid

FOLDER is checked and split, the modality's controller is trained on it over the frozen base, exported in 8 bits, measured
through the program beside the shipped controller, and described. `OUT/models` then holds the shipped models and the new one:
`espmedsam serve --models OUT/models`. Research use only. Not for clinical use.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from ..facts.modalities import MODALITIES
from ..facts.notice import METADATA
from ..pictures.pool import load_split
from ..train.config import read as read_config
from ..train.run import Run, RunPaths
from ..weights.checkpoint import write_safetensors
from . import card, dataset, package
from .folder import FolderError, read

CONFIG = Path(__file__).parents[2] / "configs/own.toml"
LONGEST = 30.0  # minutes of training


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--modality", choices=MODALITIES, required=True, help="whose pictures these are like")
    parser.add_argument("--label", help="what the masks mark (default: the folder's name)")
    parser.add_argument("--models", type=Path, required=True, help="the shipped models")
    parser.add_argument("--program", type=Path, required=True, help="espmedsam, built")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15.0, help=f"of training, {LONGEST:g} at most (default: 15)")
    args = parser.parse_args()
    args.label = args.label or args.folder.resolve().name.replace("_", " ")
    args.name = f"own-{re.sub(r'[^a-z0-9]+', '-', args.label.lower()).strip('-')}-{package.SIDE}-int8"
    if not 0 < args.minutes <= LONGEST:
        parser.error(f"--minutes is {args.minutes:g}, expected up to {LONGEST:g}")
    return args


def train(args: argparse.Namespace, pool: Path) -> Path:
    """The controller's checkpoint. A run that was stopped goes on."""
    out = args.out / "run"
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "init.safetensors", package.begun(args.models, args.modality), METADATA)
    cfg = read_config(CONFIG, modality=args.modality, init="run/init.safetensors", budget=args.minutes)
    torch.set_num_threads(os.cpu_count() or 1)
    Run(cfg, RunPaths(pool, pool / "split.csv", args.out, out), torch.device("cpu"), 0).train()
    return out / "ema.safetensors"


def evaluated(args: argparse.Namespace, pool: Path, model: str | None) -> dict[str, Any]:
    """What the program says of the validation pictures; of the modality's shipped model if none is named."""
    report = args.out / f"eval-{model or 'shipped'}.json"
    command = [args.program, "--models", args.out / "models", "eval", "--data", pool, "--split", pool / "split.csv"]
    command += ["--part", "val", "--json", report] + (["--model", model] if model else [])
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return json.loads(report.read_text())


def main() -> int:
    """Exit status 1: the folder cannot be learned from, for the reason that is printed."""
    args = arguments()
    pool = args.out / "pool"
    try:
        found = dataset.write(read(args.folder), args.folder, pool, args.modality)
    except FolderError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    print(f"{found.pictures} pictures, {found.empty} of them empty; {found.kept} are kept to judge by", flush=True)
    for warning in found.warnings:
        print(f"warning: {warning}", flush=True)
    controller = train(args, pool)
    learned = [item.image for item in load_split(pool, pool / "split.csv", "train")]
    own = package.Own(args.name, args.modality, args.label, args.models, controller, learned)
    package.write(own, args.out / "models", [])
    after, before = evaluated(args, pool, args.name), evaluated(args, pool, None)
    package.write(own, args.out / "models", card.validation(after))
    (args.out / "README.md").write_text(card.text(own, found, after, before))
    print((args.out / "README.md").read_text())
    print(f"Serve it: {args.program} --models {args.out / 'models'} serve\nAsk for it: model={args.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
