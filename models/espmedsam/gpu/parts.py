"""Weights as they are brought back from where they were trained: float16, in files small enough to be carried, each part of
the network once. And checkpoints made of them, as the export's recipe names them:

    python -m espmedsam.gpu.parts out/gpu/weights --runs runs

writes `gpu-base/ema.safetensors` and `gpu-controller-MODALITY/ema.safetensors`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from ..facts.notice import METADATA
from ..train.pipeline import WEIGHTS
from ..weights import checkpoint
from ..weights.checkpoint import PRESENCE, UNUSED, CheckpointError, is_modality_key, official_keys, write_safetensors

LIMIT = 16e6  # bytes of a file
ENCODER, DECODER, HEAD, CONTROLLER = "base-encoder", "base-decoder", "presence", "controller-"
BASE, TRAINED = "gpu-base", "gpu-controller-"


def part_of(key: str, modality: str = "") -> str:
    """The file that a key of the network is in; "" if it is in none: what nothing uses, and counters."""
    if key.startswith(UNUSED) or key.endswith("num_batches_tracked"):
        return ""
    if is_modality_key(key):
        return f"{CONTROLLER}{modality}" if modality else ""
    if key in PRESENCE:
        return HEAD
    return ENCODER if key.startswith("SemiTViT.") else DECODER


def written_by(stage: str) -> tuple[str, ...]:
    """How the parts' names begin that a stage teaches."""
    return {"base": (ENCODER, DECODER, HEAD), "controller": (CONTROLLER,), "presence": (HEAD,)}[stage]


def write_parts(folder: Path, state: Mapping[str, np.ndarray], stage: str, modality: str = "") -> None:
    """The parts that a stage has taught, of a whole checkpoint. Vectors and the encoding of positions stay float32: they
    cost little, and a BatchNorm's variance may be too small for float16. Raises CheckpointError if a weight is too large."""
    parts: dict[str, dict[str, np.ndarray]] = {}
    for key, value in state.items():
        name = part_of(key, modality)
        if not name.startswith(written_by(stage)) or not name:
            continue
        exact = value.ndim < 2 or key.startswith("prompt_encoder.")
        with np.errstate(over="ignore"):
            stored = np.asarray(value, np.float32 if exact else np.float16)
        if not np.isfinite(stored).all():
            raise CheckpointError(f"{key} holds values that are not finite, or too large for float16")
        parts.setdefault(name, {})[key] = stored
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in parts.items():
        write_safetensors(folder / f"{name}.safetensors", tensors, METADATA)


def joined(folder: Path, modality: str = "") -> dict[str, np.ndarray]:
    """A whole checkpoint, float32: the base, with the modality's controller if one is named. What is in no part is zeros."""
    names = [ENCODER, DECODER, HEAD, *([f"{CONTROLLER}{modality}"] if modality else [])]
    found: dict[str, np.ndarray] = {}
    for name in names:
        found |= checkpoint.read(folder / f"{name}.safetensors")
    want = official_keys() | PRESENCE
    lacking = {key: shape for key, shape in want.items() if key not in found}
    if strange := [key for key in lacking if part_of(key, modality)]:
        raise CheckpointError(f"{folder} lacks {strange[0]}")
    counters = {key: np.zeros(s, np.int64 if key.endswith("_tracked") else np.float32) for key, s in lacking.items()}
    whole = {key: np.asarray(value, np.float32) for key, value in found.items()} | counters
    checkpoint.fit(whole, want, f"{folder} does not fit the network")
    return {key: whole[key] for key in want}


def main() -> None:
    """Writes the checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="folder of the parts")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    args = parser.parse_args()
    for modality in ["", *(name for name in MODALITIES if (args.weights / f"{CONTROLLER}{name}.safetensors").exists())]:
        path = args.runs / (f"{TRAINED}{modality}" if modality else BASE) / WEIGHTS
        path.parent.mkdir(parents=True, exist_ok=True)
        write_safetensors(path, joined(args.weights, modality), METADATA)
        print(path)


if __name__ == "__main__":
    main()
