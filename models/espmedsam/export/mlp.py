"""A block's MLPs as one, and with fewer hidden units: which are missed least, and what the others give instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

RIDGE = 1e-2  # of the hidden units' mean variance: how strongly fc2 is drawn to what it was
AT_ONCE = 64  # one of so many units is dropped before the others are fitted anew


@dataclass(frozen=True)
class Mlp:
    """fc2(GELU(fc1(x))) of normalised rows x; float64."""

    fc1: np.ndarray  # [n, d]
    fc1_bias: np.ndarray
    fc2: np.ndarray  # [d, n]
    fc2_bias: np.ndarray

    @classmethod
    def of(cls, state: Mapping[str, np.ndarray], keys: list[str]) -> Mlp:
        """Parallel MLPs of a checkpoint as one, each LayerNorm's weight and bias folded into its fc1."""
        each = []
        for key in keys:
            names = ("norm.weight", "norm.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
            gamma, beta, fc1, fc1_bias, fc2, fc2_bias = (state[f"{key}.{name}"].astype(np.float64) for name in names)
            each.append((fc1 * gamma, fc1_bias + fc1 @ beta, fc2, fc2_bias))
        rows, biases, columns, sums = zip(*each, strict=True)
        return cls(np.concatenate(rows), np.concatenate(biases), np.concatenate(columns, 1), np.sum(sums, 0))

    def tensors(self, key: str) -> dict[str, np.ndarray]:
        """As a checkpoint has them, float32; the LayerNorm's do nothing."""
        channels = self.fc1.shape[1]
        own = {"norm.weight": np.ones(channels), "norm.bias": np.zeros(channels), "fc1.weight": self.fc1}
        own |= {"fc1.bias": self.fc1_bias, "fc2.weight": self.fc2, "fc2.bias": self.fc2_bias}
        return {f"{key}.{name}": value.astype(np.float32) for name, value in own.items()}


class Moments:
    """Means and covariances of hidden units [R, n] and of what their MLP should give [R, d], summed up by and by."""

    def __init__(self, units: int, channels: int):
        self.rows = 0
        self._unit, self._wanted = np.zeros(units), np.zeros(channels)
        self._units, self._both = np.zeros((units, units)), np.zeros((units, channels))

    def add(self, hidden: np.ndarray, wanted: np.ndarray) -> None:
        """Some rows."""
        self.rows += len(hidden)
        self._unit += hidden.sum(0)
        self._wanted += wanted.sum(0)
        self._units += hidden.T @ hidden
        self._both += hidden.T @ wanted

    @property
    def unit(self) -> np.ndarray:
        """Mean of each hidden unit."""
        return self._unit / self.rows

    @property
    def wanted(self) -> np.ndarray:
        """Mean of what is wanted."""
        return self._wanted / self.rows

    def covariance(self) -> np.ndarray:
        """Of the hidden units, [n, n]."""
        return self._units / self.rows - np.outer(self.unit, self.unit)

    def shared(self) -> np.ndarray:
        """Covariance of hidden units and what is wanted, [n, d]."""
        return self._both / self.rows - np.outer(self.unit, self.wanted)


def narrowed(mlp: Mlp, moments: Moments, count: int) -> Mlp:
    """With `count` hidden units, and fc2 and its bias by least squares; as it was if it has no more."""
    if count >= len(mlp.fc1):
        return mlp
    covariance, shared = moments.covariance(), moments.shared()
    ridge = RIDGE * np.trace(covariance) / len(covariance)
    kept = least_missed(covariance + ridge * np.eye(len(covariance)), shared + ridge * mlp.fc2.T, count)
    own = covariance[np.ix_(kept, kept)]
    was = mlp.fc2[:, kept].T
    fc2 = was + np.linalg.solve(own + ridge * np.eye(count), shared[kept] - own @ was)
    return Mlp(mlp.fc1[kept], mlp.fc1_bias[kept], fc2.T, moments.wanted - moments.unit[kept] @ fc2)


def least_missed(covariance: np.ndarray, shared: np.ndarray, count: int) -> np.ndarray:
    """The `count` hidden units that are left, in order, when those go first without which all others, fitted anew, lose
    least: w²/[C⁻¹]jj of unit j, w its weights in the fit (Optimal Brain Surgeon; Hassibi and Stork, NIPS 1992)."""
    left, inverse = np.arange(len(covariance)), np.linalg.inv(covariance)
    weights = inverse @ shared
    while len(left) > count:
        missed = (weights**2).sum(1) / np.diag(inverse)
        ranked = np.argsort(missed, kind="stable")
        most = min(len(left) - count, max(1, len(left) // AT_ONCE))
        gone, kept = ranked[:most], np.sort(ranked[most:])
        across = np.linalg.solve(inverse[np.ix_(gone, gone)], inverse[np.ix_(gone, kept)]).T
        weights = weights[kept] - across @ weights[gone]
        inverse = inverse[np.ix_(kept, kept)] - across @ inverse[np.ix_(gone, kept)]
        left = left[kept]
    return left
