"""Official checkpoint -> a model folder that `espmedsam --models DIR` serves. One checkpoint is one modality; import
several into one folder and they share every file whose content is equal.

    python -m espmedsam.export.import_checkpoint --checkpoint file.pth --modality ultrasound --out DIR

With `--storage int8 --pictures FOLDER` the encoder is written in 8 bits, its ranges taken from those pictures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from ..weights import checkpoint
from . import calibrate, int8, model_dir
from .refine import Encoder


class ImportRefusedError(ValueError):
    """An import that cannot be done, with the reason."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help=".pth, .pt or .safetensors")
    add("--modality", required=True, help=", ".join(MODALITIES))
    add("--index", type=int, help="mask query row, if not the usual one of that modality (0..5)")
    add(
        "--preprocess",
        choices=("official", "imagenet"),
        default="official",
        help="what the checkpoint was trained to be fed (default: official)",
    )
    add("--side", type=int, default=1024, help="input side, a multiple of 32 (default: 1024)")
    add("--storage", choices=model_dir.STORAGES, default="float32")
    add("--pictures", type=Path, help="with --storage int8: a folder of typical pictures, 16 to 96 of them")
    add("--label", default="target of the imported checkpoint")
    add("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.side < 32 or args.side % 32:
        parser.error(f"--side is {args.side}, expected a multiple of 32")
    if args.modality not in MODALITIES and args.index is None:
        parser.error(f"--modality is {args.modality!r}: one of {', '.join(MODALITIES)}, or give --index too")
    if (args.storage == "int8") != bool(args.pictures):
        parser.error("--storage int8 and --pictures go together")
    args.index = MODALITIES.index(args.modality) if args.index is None else args.index
    if args.index not in range(len(MODALITIES)):
        parser.error(f"--index is {args.index}, expected 0..{len(MODALITIES) - 1}")
    return args


def ranges_of(args: argparse.Namespace, state: dict[str, np.ndarray]) -> dict[str, int8.Ranges]:
    """From the pictures given. Raises ImportRefusedError if there are none."""
    if not args.pictures:
        return {}
    paths = sorted(file for file in args.pictures.iterdir() if file.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not paths:
        raise ImportRefusedError(f"no .png or .jpg in {args.pictures}")
    pictures = [calibrate.tensor(path, args.side, args.preprocess) for path in paths]
    return {args.modality: calibrate.ranges(Encoder(state, args.side, True), pictures)}


def joined(models: list[model_dir.Entry], spec: model_dir.Spec, entry: model_dir.Entry) -> model_dir.Entry:
    """The manifest's model with the modality in it; it is added if it is new. Raises ImportRefusedError where it does not
    go in."""
    model = next((model for model in models if model["name"] == spec.name), None)
    if model is None:
        model = model_dir.model_entry(spec, [])
        models.append(model)
    elif model["storage"] != spec.storage:
        raise ImportRefusedError(f"there is a {spec.name} stored as {model['storage']} already, not {spec.storage}")
    others = [modality for modality in model["modality"] if modality["name"] != entry["name"]]
    taken = [modality["name"] for modality in others if modality["index"] == entry["index"]]
    if taken:
        raise ImportRefusedError(f"index {entry['index']} belongs to {taken[0]} already")
    model["modality"] = [*others, entry]
    return model


def imported(args: argparse.Namespace) -> str:
    """Writes the folder; what was done, in a line. Raises ImportRefusedError or CheckpointError."""
    state = checkpoint.load(args.checkpoint)
    models = model_dir.read_manifest(args.out)
    name = f"imported-{args.preprocess}-{args.side}" + ("-int8" if args.pictures else "")
    spec = model_dir.Spec(
        name,
        args.side,
        args.preprocess,
        args.storage,
        f"Imported from a checkpoint, {args.preprocess} preprocessing",
        default=not models,
        ranges=ranges_of(args, state),
    )
    entry = model_dir.write_modality(
        args.out, spec, model_dir.ModalitySpec(args.modality, args.index, args.label, True), state
    )
    model = joined(models, spec, entry)
    for other in models:
        other.setdefault("preprocess", {})
        other.pop("file", None)
    model_dir.prune(args.out, models)
    model_dir.write_manifest(args.out, models)
    base = entry["weights"][0]
    shared = sorted({m["name"] for m in model["modality"] if m["weights"][0] == base and m["name"] != args.modality})
    return (
        f"{args.modality} (index {args.index}) -> {args.out}/manifest.toml, model {spec.name}, side {args.side}; "
        + (f"base shared with {', '.join(shared)}" if shared else "its own base")
    )


def main() -> int:
    """Imports; the exit status."""
    try:
        print(imported(arguments()))
    except (ImportRefusedError, checkpoint.CheckpointError) as error:
        print(f"import: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
