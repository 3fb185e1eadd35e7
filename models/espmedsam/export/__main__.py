"""Our own weights -> the shipped model folder, as a recipe file says.

    python -m espmedsam.export configs/release.toml --runs ../runs --out ../models
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

from .. import checkpoint
from ..modalities import MODALITIES
from . import model_dir


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recipe", type=Path)
    p.add_argument("--runs", type=Path, required=True, help="folder the recipe's weights are relative to")
    p.add_argument("--validation", type=Path, help="JSON written by `espmedsam eval --json`, for the manifest")
    p.add_argument("--storage", choices=tuple(model_dir.DTYPES), default="float16")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    recipe = tomllib.loads(a.recipe.read_text())
    base = checkpoint.load(a.runs / recipe["base"])
    measured = json.loads(a.validation.read_text())["datasets"] if a.validation and a.validation.exists() else []
    spec = model_dir.Spec(recipe["name"], recipe["side"], recipe["profile"], a.storage, recipe["description"], True)
    entries = []
    for name, m in recipe["modality"].items():
        state, own = dict(base), m.get("controller")
        if own:
            trained = checkpoint.load(a.runs / own)
            moved = [k for k in base if not checkpoint.is_modality_key(k) and (trained[k] != base[k]).any()]
            if moved:
                raise SystemExit(f"{own} changed the shared base ({moved[0]}): a controller must leave it alone")
            state = trained
        validation = [{"dataset": d["dataset"], "images": d["images"], "dice": round(d["dice_mean"], 4),
                       "iou": round(d["iou_mean"], 4)} for d in measured if d["modality"] == name]
        y = model_dir.ModalitySpec(name, MODALITIES.index(name), m["label"], bool(own), m["trained_on"], m["licences"],
                                   validation)
        entries.append(model_dir.write_modality(a.out, spec, y, state))
        print(f"{name}: {entries[-1]['encoder']}", flush=True)
    models = [m for m in model_dir.read_manifest(a.out) if m["name"] != spec.name]
    models = [model_dir.model_entry(spec, entries), *models]
    model_dir.prune(a.out, models)
    model_dir.write_manifest(a.out, models)
    total = sum(f.stat().st_size for m in models for f in (a.out / m["name"]).iterdir())
    print(f"{a.out}/manifest.toml: {total / 1e6:.1f} MB in all")


if __name__ == "__main__":
    main()
