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
    return {k: (sum(s[k].astype(np.float64) for s in states) / len(states)).astype(v.dtype)
            if v.dtype.kind == "f" else v for k, v in states[-1].items()}


def main() -> None:
    """Writes the mean."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", type=Path, nargs="+")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    a.out.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_safetensors(a.out, mean([checkpoint.read(f) for f in a.files]), METADATA)


if __name__ == "__main__":
    main()
