"""The mean of several checkpoints of one training path, weight by weight.

    python -m espmedsam.weights.average FILE FILE [FILE ...] --out FILE

Where one was trained on from the other, their mean lies between them on a path of low loss and often does better than
either (model soups, arXiv 2203.05482; stochastic weight averaging, arXiv 1803.05407).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..facts.notice import METADATA
from . import checkpoint


def mean(states: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Of floats, summed in float64; counters are the last one's. Raises CheckpointError where keys or shapes differ."""
    first = states[0]
    for other in states[1:]:
        odd = sorted(first.keys() ^ other.keys()) or [k for k in first if first[k].shape != other[k].shape]
        if odd:
            raise checkpoint.CheckpointError(f"not of one network: {odd[0]}")
    out = dict(states[-1])
    for key, value in first.items():
        if value.dtype.kind == "f":
            whole = np.sum([state[key].astype(np.float64) for state in states], 0)
            out[key] = (whole / len(states)).astype(value.dtype)
    return out


def main() -> None:
    """Writes the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_safetensors(args.out, mean([checkpoint.read(file) for file in args.files]), METADATA)


if __name__ == "__main__":
    main()
