r"""Our own weights -> a model folder, as a recipe file says.

    python -m espmedsam.export models/configs/release.toml --runs runs --storage int8-weights --out models
    python -m espmedsam.export models/configs/release.toml --from models/release --storage int8-weights --out models
    python -m espmedsam.export models/configs/release.toml --from models/release --out models \
        --name live-224-int8 --storage int8 --ranges models/configs/ranges-224.json
    python -m espmedsam.export models/configs/release.toml --from models/release --storage int8-weights --out models \
        --controller ultrasound=runs/distilled-ultrasound/ema.safetensors  # the base's bytes stay

A recipe with `mlp` gives encoders smaller MLPs (`slim`), fitted on training pictures (`--data`, `--split`); weights that are
so already stay. Others begin from the whole controllers in `slim.WHOLE` beside the folder, which are kept beside what is
written too.

Options make variants of the recipe's model: another side, storage or form, some of its modalities.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..facts.modalities import MODALITIES
from ..weights import checkpoint
from . import calibrate, int8, model_dir, slim
from .attention import Steps
from .int8 import Ranges
from .recipe import Recipe

State = dict[str, np.ndarray]  # a checkpoint


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("recipe", type=Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--runs", type=Path, help="folder the recipe's weights are relative to")
    source.add_argument(
        "--from",
        type=Path,
        dest="exported",
        metavar="FOLDER",
        help="an exported folder, to write its weights anew without the training's files",
    )
    add(
        "--controller",
        action="append",
        default=[],
        metavar="MODALITY=FILE",
        help="with --from: this modality's controller is a training checkpoint's; may be repeated",
    )
    add("--validation", type=Path, help="JSON written by `espmedsam eval --json`, for the manifest")
    add("--storage", choices=model_dir.STORAGES, default="float16")
    add(
        "--form",
        choices=("nodes", "plain"),
        default="nodes",
        help="nodes of our domain, or standard operators only, for other runtimes (default: nodes)",
    )
    add("--ranges", type=Path, help="with --storage int8: what espmedsam.export.calibrate wrote")
    add("--name", help="the model's name, if not the recipe's")
    add("--preferred", action="store_true", help="requests for its modalities go to it rather than to the default")
    add("--confidence", type=Path, help="JSON written by espmedsam.measure.confidence")
    add(
        "--presence",
        type=Path,
        help="JSON written by espmedsam.measure.presence; without it a presence head is not used",
    )
    add("--default", action="store_true", help="make it the folder's default model")
    add("--side", type=int, help="the input side, if not the recipe's")
    add("--modality", action="append", choices=MODALITIES, help="only this one; may be repeated")
    add("--data", type=Path, help="where the recipe has mlp: folder with index.csv and the pictures it lists")
    add("--split", type=Path, help="with --data: CSV; pictures of its training part are looked at, not their masks")
    add("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.side and (args.side < 32 or args.side % 32):
        parser.error(f"--side is {args.side}, expected a multiple of 32")
    if (args.storage == "int8") != bool(args.ranges) or (args.ranges and not args.exported):
        parser.error("--storage int8 goes with --ranges and --from")
    args.controller = dict(given.partition("=")[::2] for given in args.controller)
    fitting = args.exported and args.storage != "int8" and args.controller.keys() <= set(MODALITIES)
    if args.controller and not fitting:
        parser.error("--controller MODALITY=FILE goes with --from, and not with --storage int8: ranges come afterwards")
    if bool(args.data) != bool(args.split):
        parser.error("--data and --split go together")
    if args.form == "plain" and args.storage in model_dir.EIGHT:
        parser.error("the plain form is of float weights")
    return args


def known_ranges(path: Path | None, exported: Path) -> dict[str, int8.Ranges]:
    """Ranges by encoder, if they were taken from the very weights that are exported, and at their side."""
    if not path:
        return {}
    try:
        return calibrate.known(path, exported)
    except calibrate.StaleRangesError as error:
        raise SystemExit(str(error)) from error


def known_steps(path: Path | None, recipe: Recipe) -> dict[str, Steps]:
    """Steps of the 8-bit attention by encoder, if the recipe asks for it; `path` is of weights that were checked."""
    found = calibrate.known_steps(path) if path and recipe.attention == "int8" else None
    refuse_without(found, f"{path} has no steps of attention")
    return found or {}


def known_decoder(path: Path | None, recipe: Recipe) -> Ranges:
    """Ranges of the 8-bit decoder, likewise."""
    found = calibrate.known_decoder(path) if path and recipe.decoder == "int8" else None
    refuse_without(found, f"{path} has no ranges of the decoder")
    return found or {}


def refuse_without(found: Mapping[str, object] | None, lack: str) -> None:
    """Raises SystemExit where a file has nothing (None: it was not asked) of what the recipe wants in 8 bits."""
    if found is not None and not found:
        raise SystemExit(f"{lack}, which the recipe wants in 8 bits: run espmedsam.export.calibrate")


def calibration(path: Path | None) -> dict[str, dict[str, Any]]:
    """By modality: intercept and weights of the signs."""
    if not path:
        return {}
    known = json.loads(path.read_text())
    return {name: {"intercept": at, "weights": known["weights"]} for name, at in known["intercepts"].items()}


def presence(path: Path | None) -> dict[str, dict[str, float]]:
    """By modality: the bounds of presence."""
    return json.loads(path.read_text())["bounds"] if path else {}


def weights(args: argparse.Namespace, recipe: Recipe, name: str) -> State:
    """The tensors of one modality: the shared base, and its controller if it has one."""
    controller = recipe.modalities[name].controller
    if name in args.controller:
        return renewed(args.exported, Path(args.controller[name]))
    if args.exported:
        state = model_dir.read_weights(args.exported, name if controller else "")
        if not slim.fits(state, recipe.mlp.get(name)):
            state = slim.whole(args.exported, name)
        eight = int8.is_stored(state) and args.storage not in model_dir.EIGHT
        return int8.restored(state) if eight else state
    base = checkpoint.load(args.runs / recipe.base)
    # Every checkpoint of ours has a presence head, taught or not: without bounds it is of no use. It is the base's, which
    # may have been taught after a controller was.
    head = {key: base.pop(key) for key in checkpoint.PRESENCE if key in base}
    head = head if args.presence else {}
    if not controller:
        return base | head
    trained = {key: value for key, value in checkpoint.load(args.runs / controller).items() if key in base}
    moved = [key for key in base if not checkpoint.is_modality_key(key) and (trained[key] != base[key]).any()]
    if moved:
        raise SystemExit(f"{controller} changed the shared base ({moved[0]}): a controller must leave it alone")
    return trained | head


def renewed(exported: Path, trained: Path) -> State:
    """An exported 8-bit base under a controller that was trained over it since, from what `train.from_release` gave:
    its BatchNorms differ and fold to the same."""
    base, state = int8.restored(model_dir.read_weights(exported)), checkpoint.load(trained)
    theirs = int8.folded(state)
    for key, own in int8.folded(base).items():
        shared = not checkpoint.is_modality_key(key) and key not in checkpoint.PRESENCE
        if shared and np.abs(own - theirs[key]).max() > 1e-3 * np.abs(own).max():
            raise SystemExit(f"{trained} is of another base than {exported}'s ({key}): its controller does not fit")
    return base | {key: value for key, value in state.items() if checkpoint.is_modality_key(key)}


def slimmed(args: argparse.Namespace, recipe: Recipe, name: str, state: State) -> State:
    """With MLPs as small as the recipe asks, if they are not yet; the whole ones are kept."""
    width = recipe.mlp.get(name)
    if slim.fits(state, width):
        return state
    if width is None or slim.is_slim(state):
        raise SystemExit(f"{name} has smaller MLPs, but not of the recipe's width: begin from whole weights")
    if not args.data or args.storage == "int8":
        raise SystemExit(f"{name}: mlp = {width} needs --data and --split, and another storage than int8 first")
    looks = slim.looks(slim.served(recipe, name), name, args.data, args.split)
    small = slim.slimmed(int8.restored(state) if int8.is_stored(state) else state, looks, width)
    slim.keep_whole(args.out, name, state, args.storage)
    return small


def specification(args: argparse.Namespace, recipe: Recipe, others: list[model_dir.Entry]) -> model_dir.Spec:
    """What the model is made from; `others` are the manifest's."""
    names, side = args.modality or list(recipe.modalities), args.side or recipe.side
    views = recipe.looks(side)
    return model_dir.Spec(
        args.name or recipe.name, side, recipe.profile, args.storage, recipe.description,
        default=args.default or not any(model["default"] for model in others),
        form=args.form,
        ranges=known_ranges(args.ranges, args.exported),
        attention=known_steps(args.ranges, recipe),
        decoder=known_decoder(args.ranges, recipe),
        folder=recipe.folder if args.storage in model_dir.EIGHT else "",
        preferred_for=tuple(names) if args.preferred else (),
        confidence=calibration(args.confidence),
        presence=presence(args.presence),
        views={name: views[name] for name in names if name in views},
        codes={name: recipe.codes[name] for name in names if name in recipe.codes},
        white_balance={name: recipe.white_balance[name] for name in names if name in recipe.white_balance},
    )  # fmt: skip


def main() -> None:
    """Writes the folder and its manifest entry; other models of the manifest stay."""
    args = arguments()
    recipe, validation = Recipe.read(args.recipe), {}
    if args.validation and args.validation.exists():
        validation = model_dir.measured(json.loads(args.validation.read_text()))
    name = args.name or recipe.name
    models = [model for model in model_dir.read_manifest(args.out) if model["name"] != name]
    spec = specification(args, recipe, models)
    if args.default:
        models = [{**model, "default": False} for model in models]
    states = {name: weights(args, recipe, name) for name in args.modality or recipe.modalities}
    entries = []
    for name, whole in states.items():
        state = slimmed(args, recipe, name, whole)
        known = recipe.modalities[name]
        modality = model_dir.ModalitySpec(
            name, MODALITIES.index(name), known.label, bool(known.controller), known.trained_on, known.licences,
            validation.get(name, []),
        )  # fmt: skip
        entries.append(model_dir.write_modality(args.out, spec, modality, state))
        print(f"{name}: {entries[-1]['encoder']}", flush=True)
    models = [model_dir.model_entry(spec, entries), *models]
    model_dir.prune(args.out, models)
    model_dir.write_manifest(args.out, models)
    total = sum(file.stat().st_size for file in (args.out / spec.place).iterdir())
    print(f"{args.out}/{spec.place}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
