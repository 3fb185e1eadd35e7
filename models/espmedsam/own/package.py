"""A trained controller as a model beside the shipped ones: their folder, with one more entry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..export import int8, model_dir, slim
from ..export.calibrate import SHARED, Served, StaleRangesError, chosen, known, known_decoder, ranges, tensor
from ..export.refine import Encoder
from ..facts.modalities import MODALITIES
from ..train.from_release import whole
from ..weights import checkpoint
from .files import OwnError

SIDE, PROFILE, RELEASE = 224, "imagenet-antialias", "release"
RANGES = f"configs/ranges-{SIDE}.json"
CALIBRATED = 48  # pictures at most that activations' ranges are taken from, as of the shipped ones


@dataclass(frozen=True)
class Own:
    """What is made a model of."""

    name: str  # of the model
    modality: str
    label: str  # what its masks mark
    models: Path  # the shipped folder
    pool: Path  # the pictures that it is trained on, and judged by


def begun(models: Path, modality: str) -> dict[str, np.ndarray]:
    """The shipped weights of a modality as a checkpoint to train on from. Keys that a release does not hold are zeros: no
    network uses them. Raises ReleaseError where they cannot be trained on."""
    held = whole(models / RELEASE, modality)
    return {k: np.zeros(s, np.float32) for k, s in checkpoint.official_keys().items() if k not in held} | held


def shipped(models: Path, modality: str) -> tuple[model_dir.Entry, model_dir.Entry]:
    """The default model, and its entry of the modality. Raises OwnError if there is none."""
    for model in model_dir.read_manifest(models):
        for entry in model["modality"]:
            if model["default"] and entry["name"] == modality:
                return model, entry
    raise OwnError(f"{models} has no default model of {modality}")


def serving(models: Path, modality: str) -> str:
    """The shipped model that gets requests of the modality."""
    preferred = (m["name"] for m in model_dir.read_manifest(models) if modality in m.get("preferred_for", ()))
    return next(preferred, shipped(models, modality)[0]["name"])


def write(own: Own, controller: Path, out: Path) -> None:
    """Writes `out`, an empty folder: a copy of the shipped models, and the new one of the controller's checkpoint. Raises
    OwnError where the shipped ones do not allow it."""
    model_dir.mirror(own.models, out)
    stored = model_dir.read_weights(own.models / RELEASE)
    trained = checkpoint.load(controller)
    # Only the controller learned: its 8-bit layers lie over the very bytes of the shipped base.
    learned = int8.restored(stored) | {k: v for k, v in trained.items() if checkpoint.is_modality_key(k)}
    if width := slim.width(model_dir.read_weights(own.models / RELEASE, own.modality)):  # as fast as the shipped one
        looks = slim.looks([Served(SIDE, PROFILE)], own.modality, own.pool, own.pool / "split.csv")
        learned = slim.slimmed(learned, looks, width)
    eight = int8.stored(learned, controller=True)
    state = stored | {k: v for k, v in eight.items() if checkpoint.is_modality_key(k)}
    _, entry = shipped(own.models, own.modality)
    spec = model_dir.Spec(
        own.name,
        SIDE,
        PROFILE,
        "int8",
        "A controller of one's own over the shipped base. Research use only, not for clinical use.",
        ranges={own.modality: _ranges(own, state)},
        decoder=known_decoder(own.models / RANGES),  # the shipped one, which all share
        folder=RELEASE,
        views={own.modality: entry["views"]} if "views" in entry else {},
        white_balance={own.modality: entry["white_balance"]} if "white_balance" in entry else {},
    )
    described = model_dir.ModalitySpec(
        own.modality,
        MODALITIES.index(own.modality),
        own.label,
        True,
        [*entry["trained_on"], f"own pictures of {own.label}"],
        [*entry["licences"], "own pictures: not stated"],
    )
    models = [model for model in model_dir.read_manifest(own.models) if model["name"] != own.name]
    made = model_dir.model_entry(spec, [model_dir.write_modality(out, spec, described, state)])
    model_dir.write_manifest(out, [*models, made])


def judge(out: Path, name: str, validation: list[model_dir.Entry]) -> None:
    """Puts what was measured of the model into the manifest."""
    models = model_dir.read_manifest(out)
    for model in models:
        if model["name"] == name:
            model["modality"][0]["validation"] = validation
    model_dir.write_manifest(out, models)


def _ranges(own: Own, state: dict[str, np.ndarray]) -> int8.Ranges:
    """Of activations, on training pictures; of the layers that all encoders share, the shipped ones."""
    paths = chosen(own.pool, own.pool / "split.csv", own.modality, CALIBRATED)
    try:
        encoders = known(own.models / RANGES, own.models / RELEASE)
    except (OSError, StaleRangesError) as error:
        raise OwnError(str(error)) from error
    shared = {name: value for name, value in encoders[own.modality].items() if name.startswith(SHARED)}
    pictures = [tensor(path, SIDE, PROFILE) for path in paths]
    return ranges(Encoder(int8.restored(state), SIDE, True), pictures, given=shared)
