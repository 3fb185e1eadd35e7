"""A trained controller as a model beside the shipped ones: their folder, with one more entry."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..export import int8, model_dir
from ..export.calibrate import SHARED, Encoder, float_weights, ranges, tensor
from ..facts.modalities import MODALITIES
from ..weights import checkpoint

SIDE, PROFILE, RELEASE = 224, "imagenet-antialias", "release"
CALIBRATED = 96  # pictures at most that activations' ranges are taken from


@dataclass(frozen=True)
class Own:
    """What is made a model of."""

    name: str  # of the model
    modality: str
    label: str  # what its masks mark
    models: Path  # the shipped folder
    controller: Path  # checkpoint
    pictures: list[Path]  # of training


def begun(models: Path, modality: str) -> dict[str, np.ndarray]:
    """The shipped weights of a modality as a checkpoint to train on from. Keys that a release does not hold are zeros: no
    network uses them."""
    held = float_weights(models / RELEASE, modality)
    unused = {k: np.zeros(s, np.float32) for k, s in checkpoint.official_keys().items() if k not in held}
    if lacking := [
        k for k in unused if not k.startswith((*checkpoint.UNUSED, "prompt_encoder.")) and "num_batches" not in k
    ]:
        raise FileNotFoundError(f"{models}/{RELEASE} lacks {lacking[0]} of {modality}")
    return unused | held


def write(own: Own, out: Path, validation: list[model_dir.Entry]) -> model_dir.Entry:
    """Writes `out` (a folder of models; the shipped ones are linked into it) and gives the new model's entry."""
    _mirror(own.models, out)
    stored = model_dir.read_weights(own.models / RELEASE)
    trained = checkpoint.load(own.controller)
    # Only the controller learned: its 8-bit layers lie over the very bytes of the shipped base.
    base = int8.restored(stored)
    eight = int8.stored(base | {k: v for k, v in trained.items() if checkpoint.is_modality_key(k)}, controller=True)
    state = stored | {k: v for k, v in eight.items() if checkpoint.is_modality_key(k)}
    models = [model for model in model_dir.read_manifest(out) if model["name"] != own.name]
    shipped = _entry(models, own.modality)
    spec = model_dir.Spec(
        own.name,
        SIDE,
        PROFILE,
        "int8",
        "A controller of one's own over the shipped base. Research use only, not for clinical use.",
        ranges={own.modality: _ranges(own, state)},
        folder=RELEASE,
        views={own.modality: shipped["views"]} if "views" in shipped else {},
        white_balance={own.modality: shipped["white_balance"]} if "white_balance" in shipped else {},
    )
    known = model_dir.ModalitySpec(
        own.modality, MODALITIES.index(own.modality), own.label, True, ["own"], ["not stated"], validation
    )
    entry = model_dir.model_entry(spec, [model_dir.write_modality(out, spec, known, state)])
    model_dir.write_manifest(out, [*models, entry])
    return entry


def _ranges(own: Own, state: dict[str, np.ndarray]) -> int8.Ranges:
    """Of activations; of the layers that all encoders share, the shipped ones."""
    pictures = [tensor(path, SIDE, PROFILE) for path in own.pictures[:CALIBRATED]]
    known: dict[str, Any] = json.loads((own.models / f"configs/ranges-{SIDE}.json").read_text())["encoders"]
    shared = {name: value for name, value in known[own.modality].items() if name.startswith(SHARED)}
    return ranges(Encoder(int8.restored(state), SIDE, True), pictures) | shared


def _entry(models: list[model_dir.Entry], modality: str) -> model_dir.Entry:
    """The shipped model's entry of the modality."""
    default = next(model for model in models if model["default"])
    return next(entry for entry in default["modality"] if entry["name"] == modality)


def _mirror(models: Path, out: Path) -> None:
    """Every file of the models' manifest, as a link where the disk allows, so that nothing lies there twice."""
    for part in (RELEASE, "guard"):
        for source in (models / part).iterdir():
            if source.suffix not in (".onnx", ".safetensors", ".json"):
                continue
            target = out / part / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            try:
                if source.suffix != ".safetensors":  # graphs are written anew, which a link would pass on
                    raise OSError
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
    shutil.copyfile(models / "manifest.toml", out / "manifest.toml")
