r"""Our own weights -> a model folder, as a recipe file says.

    python -m espmedsam.export configs/release.toml --runs ../runs --storage int8-weights --out ../models
    python -m espmedsam.export configs/release.toml --from release --storage int8-weights --out ../models  # what is shipped
    python -m espmedsam.export configs/release.toml --from release --out ../models \
        --name live-224-int8 --storage int8 --ranges configs/ranges-224.json
    python -m espmedsam.export configs/release.toml --from release --storage int8-weights --out ../models \
        --controller ultrasound=../runs/distilled-ultrasound/ema.safetensors  # the base's bytes stay

Options make variants of the recipe's model: another side, storage or form, some of its modalities.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from ..weights import checkpoint
from . import int8, model_dir


def arguments() -> argparse.Namespace:
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recipe", type=Path)
    source = p.add_mutually_exclusive_group(required=True)
    source.add_argument("--runs", type=Path, help="folder the recipe's weights are relative to")
    source.add_argument("--from", type=Path, dest="exported", metavar="FOLDER",
                        help="an exported folder, to write its weights anew without the training's files")
    p.add_argument("--controller", action="append", default=[], metavar="MODALITY=FILE",
                   help="with --from: this modality's controller is a training checkpoint's; may be repeated")
    p.add_argument("--validation", type=Path, help="JSON written by `espmedsam eval --json`, for the manifest")
    p.add_argument("--storage", choices=model_dir.STORAGES, default="float16")
    p.add_argument("--form", choices=("nodes", "plain"), default="nodes",
                   help="nodes of our domain, or standard operators only, for other runtimes (default: nodes)")
    p.add_argument("--ranges", type=Path, help="with --storage int8: what espmedsam.export.calibrate wrote")
    p.add_argument("--name", help="the model's name, if not the recipe's")
    p.add_argument("--preferred", action="store_true", help="requests for its modalities go to it rather than to the default")
    p.add_argument("--confidence", type=Path, help="JSON written by espmedsam.confidence")
    p.add_argument("--default", action="store_true", help="make it the folder's default model")
    p.add_argument("--side", type=int, help="the input side, if not the recipe's")
    p.add_argument("--modality", action="append", choices=MODALITIES, help="only this one; may be repeated")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    if a.side and (a.side < 32 or a.side % 32):
        p.error(f"--side is {a.side}, expected a multiple of 32")
    if (a.storage == "int8") != bool(a.ranges) or (a.ranges and not a.exported):
        p.error("--storage int8 goes with --ranges and --from")
    a.controller = dict(given.partition("=")[::2] for given in a.controller)
    if a.controller and (not a.exported or a.storage == "int8" or not a.controller.keys() <= set(MODALITIES)):
        p.error("--controller MODALITY=FILE goes with --from, and not with --storage int8: ranges come afterwards")
    if a.form == "plain" and a.storage in model_dir.EIGHT:
        p.error("the plain form is of float weights")
    return a


def known_ranges(a: argparse.Namespace) -> dict:
    """Ranges by encoder, if they were taken from the very weights that are exported, and at their side."""
    if not a.ranges:
        return {}
    known = json.loads(a.ranges.read_text())
    if known["weights"] != model_dir.weight_names(a.exported):
        raise SystemExit(f"{a.ranges} is of {', '.join(known['weights'])}, not of {a.exported}'s: run "
                         "espmedsam.export.calibrate")
    return known["encoders"]


def calibration(path: Path | None) -> dict[str, dict]:
    """By modality: intercept and weights of the signs."""
    if not path:
        return {}
    known = json.loads(path.read_text())
    return {name: {"intercept": at, "weights": known["weights"]} for name, at in known["intercepts"].items()}


def weights(a: argparse.Namespace, recipe: dict, name: str) -> dict:
    """The tensors of one modality: the shared base, and its controller if it has one."""
    controller = recipe["modality"][name].get("controller")
    if name in a.controller:
        return renewed(a.exported, Path(a.controller[name]))
    if a.exported:
        state = model_dir.read_weights(a.exported, name if controller else "")
        eight = int8.is_stored(state) and a.storage not in model_dir.EIGHT
        return int8.restored(state) if eight else state
    base = checkpoint.load(a.runs / recipe["base"])
    if not controller:
        return base
    trained = checkpoint.load(a.runs / controller)
    moved = [k for k in base if not checkpoint.is_modality_key(k) and (trained[k] != base[k]).any()]
    if moved:
        raise SystemExit(f"{controller} changed the shared base ({moved[0]}): a controller must leave it alone")
    return trained


def renewed(exported: Path, trained: Path) -> dict:
    """An exported 8-bit base under a controller that was trained over it since, from what `espmedsam.train.from_release` gave:
    its BatchNorms differ and fold to the same."""
    base, state = int8.restored(model_dir.read_weights(exported)), checkpoint.load(trained)
    theirs = int8.folded(state)
    for k, v in int8.folded(base).items():
        if not checkpoint.is_modality_key(k) and np.abs(v - theirs[k]).max() > 1e-3 * np.abs(v).max():
            raise SystemExit(f"{trained} is of another base than {exported}'s ({k}): its controller does not fit")
    return base | {k: v for k, v in state.items() if checkpoint.is_modality_key(k)}


def main() -> None:
    """Writes the folder and its manifest entry; other models of the manifest stay."""
    a = arguments()
    recipe = tomllib.loads(a.recipe.read_text())
    measured = json.loads(a.validation.read_text())["datasets"] if a.validation and a.validation.exists() else []
    models = model_dir.read_manifest(a.out)
    eight = a.storage in model_dir.EIGHT
    names = a.modality or list(recipe["modality"])
    spec = model_dir.Spec(a.name or recipe["name"], a.side or recipe["side"], recipe["profile"], a.storage,
                          recipe["description"], form=a.form, ranges=known_ranges(a),
                          folder=recipe["folder"] if eight else "", preferred_for=tuple(names) if a.preferred else (),
                          confidence=calibration(a.confidence))
    views = recipe.get("views", {}).get(str(spec.side), {})
    light = recipe.get("white_balance", {})
    spec = replace(spec, views={name: views[name] for name in names if name in views},
                   white_balance={name: light[name] for name in names if name in light})
    models = [m for m in models if m["name"] != spec.name]
    if a.default:
        models = [{**m, "default": False} for m in models]
    spec = replace(spec, default=not any(m["default"] for m in models))
    states = {name: weights(a, recipe, name) for name in names}
    entries = []
    for name, state in states.items():
        m = recipe["modality"][name]
        validation = [{"dataset": d["dataset"], "images": d["images"], "dice": round(d["dice_mean"], 4),
                       "iou": round(d["iou_mean"], 4)} for d in measured if d["modality"] == name]
        y = model_dir.ModalitySpec(name, MODALITIES.index(name), m["label"], "controller" in m, m["trained_on"],
                                   m["licences"], validation)
        entries.append(model_dir.write_modality(a.out, spec, y, state))
        print(f"{name}: {entries[-1]['encoder']}", flush=True)
    models = [model_dir.model_entry(spec, entries), *models]
    model_dir.prune(a.out, models)
    model_dir.write_manifest(a.out, models)
    total = sum(f.stat().st_size for f in (a.out / spec.place).iterdir())
    print(f"{a.out}/{spec.place}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
