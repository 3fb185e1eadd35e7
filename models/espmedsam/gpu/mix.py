"""What pictures of a batch borrow from others: `pictures/mix.py`'s."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures.mix import CLOSE, ENOUGH, LOW, TRIES
from .chance import Chance
from .shelf import CELLS
from .warp import blurred

SMALLEST, LARGEST = 0.002, 0.35  # of the picture: what is borrowed


def pasted(pictures: Tensor, donors: Tensor, chance: Chance) -> Tensor:
    """The donors' structures set into the pictures where the donors have them, with a feathered edge and the mean of their
    surroundings made the picture's. R x 4 x S x S in 0..255, the last channel the mask. A picture stays as it is if its
    donor shows no structure, or one that would fill most of it."""
    image, mask, donor, donor_mask = pictures[:, :3], pictures[:, 3:], donors[:, :3], donors[:, 3:]
    inside = (donor_mask > 127.5).float()
    reach = max(3, pictures.shape[-1] // 40)
    ring = F.max_pool2d(inside, 2 * reach + 1, 1, reach) - inside
    area, around = inside.mean((1, 2, 3), keepdim=True), ring.sum((2, 3), keepdim=True)
    fits = (area > SMALLEST) & (area < LARGEST) & (around > 0)
    grown = F.max_pool2d(inside, reach | 1, 1, reach // 2)
    soft = torch.maximum(blurred(grown, np.full(len(pictures), reach / 2), chance), donor_mask / 255)
    shift = ((image - donor) * ring).sum((2, 3), keepdim=True) / around.clamp(min=1)
    mixed = image * (1 - soft) + (donor + shift).clamp(0, 255) * soft
    return torch.where(fits, torch.cat([mixed, torch.maximum(mask, donor_mask)], 1), pictures)


def exchanged(pixels: Tensor, donors: Tensor, chance: Chance) -> Tensor:
    """Amplitudes of the lowest frequencies drawn towards the donors', the phases kept. R x 3 x S x S in 0..255; not
    clipped."""
    count, side = len(pixels), pixels.shape[-1]
    most = np.maximum(1, (side * chance.uniform(0.005, LOW, count)).astype(int))
    share = chance.on_device(chance.uniform(0.3, 1.0, count), -1, 1, 1, 1)
    frequencies = np.arange(-int(side * LOW) - 1, int(side * LOW) + 2)
    phases = 2 * np.pi / side * np.outer(frequencies, np.arange(side))
    basis = torch.complex(chance.on_device(np.cos(phases)), chance.on_device(-np.sin(phases)))
    own, theirs = (basis @ values.to(basis.dtype) @ basis.T for values in (pixels, donors))
    amount = own.abs()
    change = own / amount.clamp(min=1e-6) * share * (theirs.abs() - amount)
    low = np.abs(frequencies) <= most[:, None]
    change = change * chance.on_device(low[:, None, :, None] & low[:, None, None, :])
    back = basis.conj().T / side
    return pixels + (back @ change @ back.T).real


def closeups(cells: np.ndarray, target: np.ndarray, chance: Chance) -> np.ndarray:
    """Square parts of pictures that show their target, or none of it: R x 3, left, top and side, 1 = the whole. Parts lie on
    the cells' grid. The whole picture where none was found.

    cells: R x CELLS x CELLS, share that is target; target: R, whether it shall be shown.
    """
    sums = np.pad(cells.astype(np.float64).cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    count = len(cells)
    side = (CELLS * chance.uniform(*CLOSE, count, TRIES)).astype(int)
    top, left = (chance.rng.random((2, count, TRIES)) * (CELLS - side + 1)).astype(int)
    row = np.arange(count)[:, None]
    area = (
        sums[row, top + side, left + side]
        - sums[row, top, left + side]
        - sums[row, top + side, left]
        + sums[row, top, left]
    ) / side**2
    fits = np.where(target[:, None], area >= ENOUGH, area < 1e-9)
    first = fits.argmax(1)
    found = np.stack([left, top, side], -1)[row[:, 0], first] / CELLS
    return np.where(fits.any(1)[:, None], found, np.array([0.0, 0.0, 1.0]))
