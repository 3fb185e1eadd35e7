"""Official checkpoint -> a model folder that `espmedsam --models DIR` serves. One checkpoint is one modality; import
several into one folder and they share every file whose content is equal.

    python -m espmedsam.export.import_checkpoint --checkpoint file.pth --modality ultrasound --out DIR

With `--storage int8 --pictures FOLDER` the encoder is written in 8 bits, its ranges taken from those pictures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..facts.modalities import MODALITIES
from ..weights import checkpoint
from . import calibrate, model_dir


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--checkpoint", type=Path, required=True, help=".pth, .pt or .safetensors")
    p.add_argument("--modality", required=True, help=", ".join(MODALITIES))
    p.add_argument("--index", type=int, help="mask query row, if not the usual one of that modality (0..5)")
    p.add_argument("--preprocess", choices=("official", "imagenet"), default="official",
                   help="what the checkpoint was trained to be fed (default: official)")
    p.add_argument("--side", type=int, default=1024, help="input side, a multiple of 32 (default: 1024)")
    p.add_argument("--storage", choices=model_dir.STORAGES, default="float32")
    p.add_argument("--pictures", type=Path, help="with --storage int8: a folder of typical pictures, 16 to 96 of them")
    p.add_argument("--label", default="target of the imported checkpoint")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    if a.side < 32 or a.side % 32:
        p.error(f"--side is {a.side}, expected a multiple of 32")
    if a.modality not in MODALITIES and a.index is None:
        p.error(f"--modality is {a.modality!r}: one of {', '.join(MODALITIES)}, or give --index too")
    if (a.storage == "int8") != bool(a.pictures):
        p.error("--storage int8 and --pictures go together")
    index = MODALITIES.index(a.modality) if a.index is None else a.index
    if not 0 <= index <= 5:
        p.error(f"--index is {index}, expected 0..5")
    try:
        state = checkpoint.load(a.checkpoint)
    except checkpoint.CheckpointError as e:
        print(f"import: {e}", file=sys.stderr)
        return 1
    models = model_dir.read_manifest(a.out)
    name = f"imported-{a.preprocess}-{a.side}" + ("-int8" if a.pictures else "")
    spec = model_dir.Spec(name, a.side, a.preprocess, a.storage,
                          f"Imported from a checkpoint, {a.preprocess} preprocessing", default=not models)
    if a.pictures:
        paths = sorted(f for f in a.pictures.iterdir() if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if not paths:
            print(f"import: no .png or .jpg in {a.pictures}", file=sys.stderr)
            return 1
        pictures = [calibrate.tensor(path, a.side, a.preprocess) for path in paths]
        spec.ranges[a.modality] = calibrate.ranges(state, a.side, True, pictures)
    entry = model_dir.write_modality(a.out, spec, model_dir.ModalitySpec(a.modality, index, a.label, True), state)
    model = next((m for m in models if m["name"] == spec.name), None)
    if model is None:
        model = model_dir.model_entry(spec, [])
        models.append(model)
    elif model["storage"] != spec.storage:
        print(f"import: {a.out} holds {spec.name} stored as {model['storage']}, not {spec.storage}", file=sys.stderr)
        return 1
    taken = [y["name"] for y in model["modality"] if y["index"] == index and y["name"] != a.modality]
    if taken:
        print(f"import: index {index} belongs to {taken[0]} in {a.out}", file=sys.stderr)
        return 1
    model["modality"] = [y for y in model["modality"] if y["name"] != a.modality] + [entry]
    for m in models:
        m.setdefault("preprocess", {})
        m.pop("file", None)
    model_dir.prune(a.out, models)
    model_dir.write_manifest(a.out, models)
    shared = {y["name"] for y in model["modality"]
              if y["weights"][0] == entry["weights"][0] and y["name"] != a.modality}
    print(f"{a.modality} (index {index}) -> {a.out}/manifest.toml, model {spec.name}, side {a.side}; "
          + (f"base shared with {', '.join(sorted(shared))}" if shared else "its own base"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
