"""What is left to chance. It is drawn on the CPU by a seed, the same for every device and without waiting for it; only
fields of noise are drawn where they are needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Chance:
    """The chances of one batch. Vectors are numpy's, [count]; `on_device` gives them to the device."""

    def __init__(self, seed: Sequence[int], device: torch.device):
        self.rng, self.device = np.random.default_rng(seed), device
        torch.manual_seed(int(self.rng.integers(2**62)))  # of `noise`; nothing else in training asks PyTorch's chance

    def happens(self, share: float | np.ndarray, count: int) -> np.ndarray:
        """Of which it is true."""
        return self.rng.random(count) < share

    def uniform(self, low: float | np.ndarray, high: float | np.ndarray, *shape: int) -> np.ndarray:
        """Between two values."""
        return low + (np.asarray(high) - low) * self.rng.random(shape)

    def scale(self, low: float | np.ndarray, high: float | np.ndarray, *shape: int) -> np.ndarray:
        """Between two factors, their logarithm uniform."""
        return np.exp(self.uniform(np.log(low), np.log(high), *shape))

    def on_device(self, values: np.ndarray, *shape: int) -> Tensor:
        """float32, or int64 if these are whole numbers or truths; in that shape if one is given."""
        kind = np.float32 if values.dtype.kind == "f" else np.int64
        moved = torch.from_numpy(np.ascontiguousarray(values, kind)).to(self.device, non_blocking=True)
        return moved.reshape(shape) if shape else moved

    def rows(self, chosen: np.ndarray) -> Tensor:
        """The places at which it is true."""
        return self.on_device(np.flatnonzero(chosen))

    def noise(self, *shape: int) -> Tensor:
        """Normal."""
        return torch.randn(shape, device=self.device)
