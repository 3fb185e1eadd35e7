"""A folder of one's own pictures and masks -> a model of one's own beside the shipped ones.

    python -m espmedsam.own FOLDER --modality ultrasound --label "thyroid" --models models \\
        --program target/release/espmedsam --out out/own/thyroid

FOLDER is checked and split, the modality's controller is trained on it over the frozen base, exported in 8 bits, measured
through the program beside the shipped controller, and described. `OUT/models` then holds the shipped models and the new one:
`espmedsam serve --models OUT/models`. Research use only. Not for clinical use.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..export import model_dir
from ..facts.modalities import MODALITIES
from ..measure.evaluation import Evaluation
from ..train.from_release import ReleaseError
from . import card, dataset, package
from .files import OwnError, replaced
from .folder import read
from .training import Subject, train

LONGEST = 30.0  # minutes of training
LONGEST_LABEL = 60  # characters
MADE = ("pool", "run", "models")  # folders in OUT


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--modality", choices=MODALITIES, required=True, help="whose pictures these are like")
    parser.add_argument("--label", help="what the masks mark (default: the folder's name)")
    parser.add_argument("--models", type=Path, required=True, help="the shipped models")
    parser.add_argument("--program", type=Path, required=True, help="espmedsam, built")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--minutes", type=float, default=15.0, help=f"of training, CPU time, {LONGEST:g} at most (default: 15)"
    )
    args = parser.parse_args()
    args.label = args.label or args.folder.resolve().name.replace("_", " ")
    if not 0 < args.minutes <= LONGEST:
        parser.error(f"--minutes is {args.minutes:g}, expected up to {LONGEST:g}")
    if not args.label.strip() or not args.label.isprintable() or len(args.label) > LONGEST_LABEL:
        parser.error(f"--label is {args.label!r}, expected up to {LONGEST_LABEL} printable characters")
    if not args.program.is_file():
        parser.error(f"--program: {args.program} is not there; build it")
    return args


def model_name(label: str) -> str:
    """`own-thyroid-nodule-224-int8`; of a label without a letter of ASCII, by its hash."""
    slug = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
    return f"own-{slug or hashlib.sha256(label.encode()).hexdigest()[:8]}-{package.SIDE}-int8"


def check_apart(folder: Path, models: Path, out: Path) -> None:
    """Raises OwnError where writing OUT would overwrite the pictures or the shipped models."""
    folder, models, out = (path.resolve() for path in (folder, models, out))
    if out.is_relative_to(models) or out == folder:
        raise OwnError(f"--out {out} is, or lies in, what is only read: name a folder of its own")
    for given in (folder, models):
        if any(given.is_relative_to(out / made) for made in MADE):
            raise OwnError(f"{given} lies where --out {out} would overwrite it: name another")


def evaluated(args: argparse.Namespace, models: Path, model: str | None) -> dict[str, Any]:
    """What the program says of the pictures that were kept; of the modality's shipped model if none is named. Raises
    OwnError where it fails."""
    report, pool = args.out / f"eval-{model or 'shipped'}.json", args.out / "pool"
    command = [args.program, "--models", models, "eval", "--data", pool, "--split", pool / "split.csv"]
    command += ["--part", "val", "--json", report] + (["--model", model] if model else [])
    try:
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OwnError(f"the model could not be measured: {error}") from error
    return json.loads(report.read_text())


def make(args: argparse.Namespace) -> str:
    """All of it; the card. Raises OwnError and ReleaseError."""
    check_apart(args.folder, args.models, args.out)
    own = package.Own(model_name(args.label), args.modality, args.label, args.models, args.out / "pool")
    package.shipped(own.models, own.modality)
    found = dataset.write(read(args.folder), args.folder, own.pool, own.modality)
    print(f"{found.pictures} pictures, {found.empty} of them empty; {found.kept} are kept to judge by", flush=True)
    for warning in found.warnings:
        print(f"warning: {warning}", flush=True)
    controller = train(Subject(own, found.digest), args.out, args.minutes)
    with replaced(args.out / "models") as models:
        package.write(own, controller, models)
        after, before = evaluated(args, models, own.name), evaluated(args, models, None)
        package.judge(models, own.name, model_dir.measured(after)[own.modality])
    described = card.text(own, found, Evaluation.of(after), Evaluation.of(before))
    part = args.out / "README.part"
    part.write_text(described)
    part.replace(args.out / "README.md")
    return f"{described}\nServe it: {args.program} --models {args.out / 'models'} serve\nAsk for it: model={own.name}"


def main() -> int:
    """Exit status 1: no model comes of it, for the reason that is printed."""
    try:
        print(make(arguments()))
    except (OwnError, ReleaseError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
