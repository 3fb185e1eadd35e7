"""The usual light of a data set's training pictures, for `white_balance` of `configs/release.toml`.

    python -m espmedsam.pictures.white_balance --data DIR --split FILE --dataset kvasir_seg

Red, green and blue of the light: Minkowski means of order 6 over the pixels that tell (Shades of Gray, Finlayson and
Trezzi, Color Imaging Conference 12, 2004), divided by their mean, in the geometric mean over the pictures. What the
program does with it stands in `crates/engine/src/preprocess/white_balance.rs`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from .pool import load_split, read_pair, square

SIDE = 224


def light(pixels: np.ndarray) -> np.ndarray:
    """H x W x 3 in 0..255 -> the light's colour, 3 numbers with a mean of 1."""
    brightest = pixels.max(2)
    telling = pixels[(brightest >= 30) & (brightest < 250)].astype(np.float64)
    norms = np.mean(telling**6, 0) ** (1 / 6)
    return norms / norms.mean()


def balance(pixels: np.ndarray, usual: list[float], strength: float) -> np.ndarray:
    """H x W x 3 in 0..255, its light drawn towards the usual one: what the program does."""
    brightest = pixels.max(2)
    if ((brightest >= 30) & (brightest < 250)).mean() < 0.01:
        return pixels
    gains = np.clip((np.array(usual) / np.maximum(light(pixels), 1e-9)) ** strength, 1 / 1.5, 1.5)
    gains *= pixels.sum() / (pixels.sum((0, 1)) * gains).sum()
    return np.minimum(pixels * gains, 255).astype(np.float32)


def main() -> None:
    """Prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "split"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--dataset", required=True)
    args = parser.parse_args()
    items = [item for item in load_split(args.data, args.split, "train") if item.dataset == args.dataset]
    if not items:
        raise SystemExit(f"no training pictures of '{args.dataset}'")
    lights = np.log([light(square(read_pair(item)[0], SIDE)) for item in items])
    print(
        f"{args.dataset}: {len(items)} pictures, usual = {np.exp(lights.mean(0)).round(3).tolist()}, "
        f"spread (standard deviation of the logarithms) {lights.std(0).round(3).tolist()}"
    )


if __name__ == "__main__":
    main()
