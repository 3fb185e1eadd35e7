"""Attention in 8 bits: steps of queries, keys and values, found so that a score is an integer in units that are a binary
fraction of a bit, and the softmax a table (docs/nodes.md, `QWindowAttention`)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..facts.architecture import HEAD_DIM
from .quantize import BINS, WEIGHT_MAX

ZERO = 128  # of the bytes of queries, keys and values
QUERY_MOST = 127
KEY_MOST = WEIGHT_MAX  # of keys and values, in steps: they are to the products what weights are
PER_BIT = 28  # steps of the table for a factor of two: its 256 reach down to where a weight rounds to 0
PER_NAT = np.float32(PER_BIT * math.log2(math.e))
LIMIT = 1 << 22  # of biases, in units: sums stay exact in float32
WEIGHTS = np.array([round(255 * 0.5 ** (step / PER_BIT)) for step in range(255)] + [0], np.float32)
FINEST = 1 << 12  # units of a score in a step of the table, at most
GRID = np.linspace(0.3, 1, 29)  # of the largest magnitude: where a step's range may end

Steps = dict[str, list[list[float]]]  # attention's name -> steps of queries, keys and values, each by head


class Magnitudes:
    """How often a tensor's magnitudes occur: first the largest, then the counts."""

    def __init__(self) -> None:
        self.most = 0.0
        self.counts = np.zeros(BINS)

    def widen(self, values: np.ndarray) -> None:
        """First pass."""
        self.most = max(self.most, float(np.abs(values).max()))

    def add(self, values: np.ndarray) -> None:
        """Second pass."""
        self.counts += np.histogram(np.abs(values), BINS, (0, self.most or 1))[0]

    def step(self, most: int) -> float:
        """The step with the smallest mean squared error, of `most` to either side of zero."""
        if not self.most:
            return 1.0
        x = self.most * (np.arange(BINS) + 0.5) / BINS
        steps = self.most * GRID / most
        errors = [(self.counts * (np.minimum(np.rint(x / step), most) * step - x) ** 2).sum() for step in steps]
        return float(steps[int(np.argmin(errors))])


@dataclass
class HeadMagnitudes:
    """Of one attention: queries, keys and values of each head."""

    heads: int
    token: np.ndarray | None  # [heads, 1, 32], a key and a value in every window
    windows: int

    def __post_init__(self) -> None:
        self.found = [[Magnitudes() for _ in range(self.heads)] for _ in range(3)]

    def look(self, qkv: np.ndarray, how: str) -> None:
        """One picture's [R, 3C], `how` is "widen" or "add"."""
        parts = qkv.reshape(-1, self.heads, 3, HEAD_DIM)
        for part, found in enumerate(self.found):
            for head, magnitudes in enumerate(found):
                values = parts[:, head, part].ravel()
                if part and self.token is not None:
                    values = np.concatenate([values, np.tile(self.token[head].ravel(), self.windows)])
                getattr(magnitudes, how)(values)

    def steps(self) -> list[list[float]]:
        """Of queries, keys and values, by head."""
        mosts = (QUERY_MOST, KEY_MOST, KEY_MOST)
        return [[of.step(most) for of in found] for found, most in zip(self.found, mosts, strict=True)]


@dataclass(frozen=True)
class HeadSteps:
    """What the graph holds for one attention, each by head."""

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    fineness: np.ndarray  # units of a score in a step of the table: powers of two

    @classmethod
    def of(cls, steps: Iterable[Iterable[float]]) -> HeadSteps:
        """From calibrated steps: those of queries and keys are moved, by a factor of 2^(1/4) at most where the fineness is
        not at its limits, until their product is a unit."""
        query, key, value = (np.array(list(each), np.float64) for each in steps)
        unit = query * key * HEAD_DIM**-0.5 * float(PER_NAT)
        fineness = np.clip(2.0 ** np.rint(-np.log2(unit)), 1, FINEST)
        part = np.sqrt(1 / (fineness * unit))
        return cls(query * part, key * part, value, fineness)

    def per_column(self) -> np.ndarray:
        """Steps by rows of 32 columns of qkv, [3 heads, 1]."""
        return np.stack([self.query, self.key, self.value], 1).reshape(-1, 1)
