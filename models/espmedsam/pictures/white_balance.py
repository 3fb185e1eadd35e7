"""The usual light of a data set's training pictures, for `white_balance` of `configs/release.toml`.

    python -m espmedsam.pictures.white_balance --data DIR --split FILE --dataset kvasir_seg

Red, green and blue of the light: Minkowski means of order 6 over the pixels that tell (Shades of Gray, Finlayson and
Trezzi, Color Imaging Conference 12, 2004), divided by their mean, in the geometric mean over the pictures. What the
program does with it stands in `src/preprocess/white_balance.rs`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from .pool import load_split, read_pair, square

SIDE = 224


def light(x: np.ndarray) -> np.ndarray:
    """H x W x 3 in 0..255 -> the light's colour, 3 numbers with a mean of 1."""
    brightest = x.max(2)
    telling = x[(brightest >= 30) & (brightest < 250)].astype(np.float64)
    norms = np.mean(telling**6, 0) ** (1 / 6)
    return norms / norms.mean()


def balance(x: np.ndarray, usual: list[float], strength: float) -> np.ndarray:
    """H x W x 3 in 0..255, its light drawn towards the usual one: what the program does."""
    brightest = x.max(2)
    if ((brightest >= 30) & (brightest < 250)).mean() < 0.01:
        return x
    gains = np.clip((np.array(usual) / np.maximum(light(x), 1e-9)) ** strength, 1 / 1.5, 1.5)
    gains *= x.sum() / (x.sum((0, 1)) * gains).sum()
    return np.minimum(x * gains, 255).astype(np.float32)


def main() -> None:
    """Prints it."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "split"):
        p.add_argument(f"--{name}", type=Path, required=True)
    p.add_argument("--dataset", required=True)
    a = p.parse_args()
    items = [i for i in load_split(a.data, a.split, "train") if i.dataset == a.dataset]
    if not items:
        raise SystemExit(f"no training pictures of '{a.dataset}'")
    lights = np.log([light(square(read_pair(i)[0], SIDE)) for i in items])
    print(
        f"{a.dataset}: {len(items)} pictures, usual = {np.exp(lights.mean(0)).round(3).tolist()}, "
        f"spread (standard deviation of the logarithms) {lights.std(0).round(3).tolist()}"
    )


if __name__ == "__main__":
    main()
