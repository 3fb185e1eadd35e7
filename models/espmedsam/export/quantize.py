"""From float to 8 bits, in numpy: weights to -64..=64 per output channel, activations to uint8 per tensor, each with
the scale that loses least (smallest mean squared error), not the one that reaches the last outlier."""

from __future__ import annotations

import math

import numpy as np

WEIGHT_MAX = 64  # seven bits: two products of uint8 and such a weight fit 16 bits, so every CPU sums them exactly
BINS = 2048


def quantized_weight(weight: np.ndarray, scale: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """[N, ...] float -> (int8 of the same shape, scale [N]); `scale` if it is given by others."""
    rows = weight.reshape(len(weight), -1).astype(np.float64)
    if scale is None:
        scale = _best_scale(rows)
    rounded = np.clip(np.rint(rows / scale[:, None].astype(np.float64)), -WEIGHT_MAX, WEIGHT_MAX)
    return rounded.reshape(weight.shape).astype(np.int8), scale


def _best_scale(rows: np.ndarray) -> np.ndarray:
    """The scale of each row with the smallest squared error."""
    top = np.maximum(np.abs(rows).max(1), 1e-12) / WEIGHT_MAX
    best, scale = np.full(len(rows), np.inf), np.zeros(len(rows), np.float32)
    for part in np.linspace(0.5, 1, 26):
        candidate = (top * part).astype(np.float32)
        wide = candidate[:, None].astype(np.float64)
        rounded = np.clip(np.rint(rows / wide), -WEIGHT_MAX, WEIGHT_MAX)
        error = ((rounded * wide - rows) ** 2).sum(1)
        better = error < best
        best[better], scale[better] = error[better], candidate[better]
    return scale


class Histogram:
    """How often a tensor's values occur: first the ends, then the counts between them."""

    def __init__(self) -> None:
        self.low, self.high = 0.0, 0.0  # a range always holds 0, which must be exact
        self.counts = np.zeros(BINS)

    def widen(self, values: np.ndarray) -> None:
        """First pass."""
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def add(self, values: np.ndarray) -> None:
        """Second pass."""
        self.counts += np.histogram(values, BINS, (self.low, self.high))[0]

    def centres(self) -> np.ndarray:
        """The value each count stands for."""
        step = (self.high - self.low) / BINS
        return self.low + step * (np.arange(BINS) + 0.5)

    def range(self, before_gelu: bool = False, grid: int = 33) -> tuple[float, int]:
        """(scale, zero) of uint8 with the smallest mean squared error, of the values or of their GELU, among `grid` low
        ends and as many high ones."""
        x, weight = self.centres(), self.counts
        seen = weight > 0
        x, weight = x[seen], weight[seen]
        if self.high <= self.low:
            return 1.0, 0
        want = _gelu(x) if before_gelu else x
        best, found = math.inf, (1.0, 0)
        for low in np.unique(self.low * np.linspace(0, 1, grid) ** 1.5):
            for high in self.high * np.linspace(0, 1, grid)[1:] ** 1.5:
                scale = float(np.float32((high - low) / 255))
                zero = int(np.clip(np.rint(-low / scale), 0, 255))
                y = (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale
                error = (weight * ((_gelu(y) if before_gelu else y) - want) ** 2).sum()
                if error < best:
                    best, found = error, (scale, zero)
        return found


_GRID = np.linspace(-8, 8, 16001)
_GRID_GELU = np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in _GRID])


def _gelu(values: np.ndarray) -> np.ndarray:
    """GELU by a fine table: 0 far below, x far above."""
    return np.where(values > 8, values, np.interp(values, _GRID, _GRID_GELU))
