"""A base with the controllers that were made for another one, to go on training them over it.

    python -m espmedsam.weights.join --base FILE --controllers FOLDER --out FOLDER

The folder has a checkpoint for each modality, named by it, as `espmedsam.train.from_release` writes them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from ..facts.notice import METADATA
from . import checkpoint


def join(base: dict[str, np.ndarray], dressed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All of `base` but the modality controller, which is that of `dressed`. Raises CheckpointError where one of its tensors
    is missing or of another shape."""
    worn = {key: dressed.get(key) for key in base if checkpoint.is_modality_key(key)}
    for key, tensor in worn.items():
        if tensor is None or tensor.shape != base[key].shape:
            raise checkpoint.CheckpointError(f"no controller for this base: {key}")
    return {key: value if (own := worn.get(key)) is None else own for key, value in base.items()}


def main() -> None:
    """Writes one checkpoint for each modality."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--controllers", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    base = checkpoint.read(args.base)
    for modality in MODALITIES:
        name = f"{modality}.safetensors"
        joined = join(base, checkpoint.read(args.controllers / name))
        checkpoint.write_safetensors(args.out / name, joined, METADATA)


if __name__ == "__main__":
    main()
