r"""Our own weights -> a model folder, as a recipe file says.

    python -m espmedsam.export configs/release.toml --runs ../runs --out ../models
    python -m espmedsam.export configs/release.toml --from live-224 --out ../models     # from what is shipped
    python -m espmedsam.export configs/release.toml --from live-224 --out ../models \
        --name live-224-int8 --storage int8 --ranges configs/live-224-int8.json

Options make variants of the recipe's model: another side, storage or form, some of its modalities.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from dataclasses import replace
from pathlib import Path

from .. import checkpoint
from ..modalities import MODALITIES
from . import model_dir


def arguments() -> argparse.Namespace:
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recipe", type=Path)
    source = p.add_mutually_exclusive_group(required=True)
    source.add_argument("--runs", type=Path, help="folder the recipe's weights are relative to")
    source.add_argument("--from", type=Path, dest="exported", metavar="FOLDER",
                        help="an exported float model's folder, to write its weights anew without the training's files")
    p.add_argument("--validation", type=Path, help="JSON written by `espmedsam eval --json`, for the manifest")
    p.add_argument("--storage", choices=model_dir.STORAGES, default="float16")
    p.add_argument("--form", choices=("nodes", "plain"), default="nodes",
                   help="nodes of our domain, or standard operators only, for other runtimes (default: nodes)")
    p.add_argument("--ranges", type=Path, help="with --storage int8: what espmedsam.export.calibrate wrote")
    p.add_argument("--name", help="the model's name, if not the recipe's")
    p.add_argument("--default", action="store_true", help="make it the folder's default model")
    p.add_argument("--side", type=int, help="the input side, if not the recipe's")
    p.add_argument("--modality", action="append", choices=MODALITIES, help="only this one; may be repeated")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    if a.side and (a.side < 32 or a.side % 32):
        p.error(f"--side is {a.side}, expected a multiple of 32")
    if (a.storage == "int8") != bool(a.ranges) or (a.ranges and (a.form == "plain" or not a.exported)):
        p.error("--storage int8 goes with --ranges, --from and the nodes form")
    return a


def known_ranges(a: argparse.Namespace) -> dict:
    """Ranges by encoder, if they were taken from the very weights that are exported."""
    if not a.ranges:
        return {}
    known = json.loads(a.ranges.read_text())
    if known["weights"] != model_dir.weight_names(a.exported):
        raise SystemExit(f"{a.ranges} is of {', '.join(known['weights'])}, not of {a.exported}'s: run "
                         "espmedsam.export.calibrate")
    return known["encoders"]


def weights(a: argparse.Namespace, recipe: dict, name: str) -> dict:
    """The tensors of one modality: the shared base, and its controller if it has one."""
    controller = recipe["modality"][name].get("controller")
    if a.exported:
        return model_dir.read_weights(a.exported, name if controller else "")
    base = checkpoint.load(a.runs / recipe["base"])
    if not controller:
        return base
    trained = checkpoint.load(a.runs / controller)
    moved = [k for k in base if not checkpoint.is_modality_key(k) and (trained[k] != base[k]).any()]
    if moved:
        raise SystemExit(f"{controller} changed the shared base ({moved[0]}): a controller must leave it alone")
    return trained


def main() -> None:
    """Writes the folder and its manifest entry; other models of the manifest stay."""
    a = arguments()
    recipe = tomllib.loads(a.recipe.read_text())
    measured = json.loads(a.validation.read_text())["datasets"] if a.validation and a.validation.exists() else []
    models = model_dir.read_manifest(a.out)
    spec = model_dir.Spec(a.name or recipe["name"], a.side or recipe["side"], recipe["profile"], a.storage,
                          recipe["description"], form=a.form, ranges=known_ranges(a))
    models = [m for m in models if m["name"] != spec.name]
    if a.default:
        models = [{**m, "default": False} for m in models]
    spec = replace(spec, default=not any(m["default"] for m in models))
    # An 8-bit model beside the float one it is made from shares what stays float.
    beside = a.exported and a.storage == "int8" and a.exported.resolve().parent == a.out.resolve()
    entry = next((m for m in models if beside and m["name"] == a.exported.name), {"modality": []})
    rest = {y["name"]: y for y in entry["modality"]}
    states = {name: weights(a, recipe, name) for name in a.modality or recipe["modality"]}
    entries = []
    for name, state in states.items():
        m = recipe["modality"][name]
        validation = [{"dataset": d["dataset"], "images": d["images"], "dice": round(d["dice_mean"], 4),
                       "iou": round(d["iou_mean"], 4)} for d in measured if d["modality"] == name]
        y = model_dir.ModalitySpec(name, MODALITIES.index(name), m["label"], "controller" in m, m["trained_on"],
                                   m["licences"], validation)
        entries.append(model_dir.write_modality(a.out, spec, y, state, rest.get(name)))
        print(f"{name}: {entries[-1]['encoder']}", flush=True)
    models = [model_dir.model_entry(spec, entries), *models]
    model_dir.prune(a.out, models)
    model_dir.write_manifest(a.out, models)
    total = sum(f.stat().st_size for f in (a.out / spec.name).iterdir())
    print(f"{a.out}/{spec.name}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
