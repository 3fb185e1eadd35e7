"""Pictures unpacked once, to lie on the device while it trains."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..pictures.pool import Item
from .pack import Packed

CELLS = 32  # a side, of which it is kept on the CPU how much of each is target
AT_ONCE = 256  # pictures that go to the device together


@dataclass(frozen=True)
class Shelf:
    """N pictures of one side, n."""

    items: list[Item]
    squares: Tensor  # N x 4 x n x n uint8, on the device: RGB, and the mask 0/255
    cells: np.ndarray  # N x CELLS x CELLS, share of a cell that is target

    @property
    def side(self) -> int:
        """Pixels."""
        return self.squares.shape[-1]

    def by_dataset(self, modality: str = "") -> dict[str, list[int]]:
        """Data set -> its pictures, of one modality or of all."""
        found: dict[str, list[int]] = {}
        for at, item in enumerate(self.items):
            if modality in ("", item.modality):
                found.setdefault(item.dataset, []).append(at)
        return found


def unpacked(content: Packed, numbers: list[int], side: int, device: torch.device) -> Shelf:
    """Those pictures at that side, a multiple of CELLS."""
    if side % CELLS:
        raise ValueError(f"the side of pictures is {side}, expected a multiple of {CELLS}")

    def one(number: int) -> np.ndarray:
        image, mask = content.pair(number)
        size = (side, side)
        if image.shape[:2] != size:
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        return np.concatenate([image.transpose(2, 0, 1), mask[None]])

    squares = torch.empty((len(numbers), 4, side, side), dtype=torch.uint8, device=device)
    cells = np.zeros((len(numbers), CELLS, CELLS), np.float32)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as threads:
        for begin in range(0, len(numbers), AT_ONCE):
            some = np.stack(list(threads.map(one, numbers[begin : begin + AT_ONCE])))
            squares[begin : begin + len(some)] = torch.from_numpy(some)
            parts = (some[:, 3] > 0).reshape(len(some), CELLS, side // CELLS, CELLS, side // CELLS)
            cells[begin : begin + len(some)] = parts.mean((2, 4))
    return Shelf([content.entries[number].item() for number in numbers], squares, cells)
