"""Intervals, ranks and tables. Intervals are of 95 %: percentile bootstrap over pictures (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13), for counts Wilson's (JASA 22, 1927). They tell how far other pictures of
the same sources may differ, not what another hospital gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 10_000
SEED = 1
BLOCK = 500  # resamples at once: all would be hundreds of megabytes


@dataclass(frozen=True)
class Figure:
    """A value and its interval."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 3, sign: str = "") -> str:
        """Value [low, high]."""
        value, low, high = (f"{number:{sign}.{digits}f}" for number in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"


def interval(statistic: Callable[[np.ndarray], np.ndarray], count: int) -> tuple[float, float]:
    """Percentile bootstrap. `statistic` gets [resamples, count] indices of pictures and gives one value per row; NaN,
    where a resample has none, is left out."""
    rng, found = np.random.default_rng(SEED), []
    for start in range(0, RESAMPLES, BLOCK):
        found.append(statistic(rng.integers(0, count, (min(BLOCK, RESAMPLES - start), count))))
    low, high = np.nanpercentile(np.concatenate(found), (2.5, 97.5))
    return float(low), float(high)


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a share."""
    if count == 0:
        return 0.0, 1.0
    share, middle = hits / count, (hits + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * np.sqrt(count * share * (1 - share) + z * z / 4)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def folds(keys: Sequence[Any], count: int) -> np.ndarray:
    """The fold of each, [n]; what has one key shares it."""
    each = sorted(set(keys))
    order = np.random.default_rng(SEED).permutation(len(each))
    fold = {each[number]: at % count for at, number in enumerate(order)}
    return np.array([fold[key] for key in keys], int)


def ranks(values: np.ndarray) -> np.ndarray:
    """Of each row, ties sharing their mean rank."""
    values = np.atleast_2d(values)
    order = np.argsort(values, 1, kind="stable")
    ordered = np.take_along_axis(values, order, 1)
    new = np.ones(values.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    group = np.cumsum(new.ravel()) - 1  # of equal values; a row's first value always begins one
    place = np.tile(np.arange(values.shape[1], dtype=float), len(values))
    mean = np.bincount(group, place) / np.bincount(group)
    out = np.empty(values.shape)
    np.put_along_axis(out, order, mean[group].reshape(values.shape), 1)
    return out


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Rank correlation of each row; NaN where either is constant."""
    one, other = (rank - rank.mean(1, keepdims=True) for rank in (ranks(one), ranks(other)))
    norm = np.sqrt((one * one).sum(1) * (other * other).sum(1))
    return np.divide((one * other).sum(1), norm, out=np.full(len(one), np.nan), where=norm > 0)


def mean_of(values: Iterable[float] | np.ndarray) -> Figure:
    """Mean."""
    known = np.array(list(values), float)
    return Figure(float(known.mean()), *interval(lambda drawn: known[drawn].mean(1), len(known)))


def median_of(values: np.ndarray) -> Figure:
    """Median."""
    return Figure(float(np.median(values)), *interval(lambda drawn: np.median(values[drawn], 1), len(values)))


def correlation_of(one: np.ndarray, other: np.ndarray) -> Figure:
    """Rank correlation of pairs."""
    value = float(spearman(one, other)[0])
    return Figure(value, *interval(lambda drawn: spearman(one[drawn], other[drawn]), len(one)))


def markdown(head: str, rows: Iterable[Iterable[object]]) -> str:
    """A table; columns of `head` apart by |, the first left, the others right."""
    names = head.split("|")
    lines: list[Iterable[object]] = [names, ["---"] + ["---:"] * (len(names) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell).strip() for cell in line) + " |" for line in lines) + "\n"
