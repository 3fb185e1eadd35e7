"""How well a presence score tells pictures that show something from empty ones. Scores are [n] and [m]."""

from __future__ import annotations

import numpy as np

SENSITIVITY = 0.95  # share of pictures with a target that a threshold must keep


def area_under_roc(present: np.ndarray, empty: np.ndarray) -> float:
    """Chance that a picture with a target scores higher than an empty one, ties half (Mann and Whitney, Ann. Math. Stat.
    18, 1947)."""
    higher, equal = present[:, None] > empty, present[:, None] == empty
    return float(higher.mean() + 0.5 * equal.mean())


def marked_at(present: np.ndarray, empty: np.ndarray, sensitivity: float = SENSITIVITY) -> float:
    """Share of empty pictures that are still taken for more, at the highest threshold that keeps the sensitivity."""
    kept = int(np.ceil(sensitivity * len(present)))
    threshold = np.sort(present)[len(present) - kept]
    return float((empty >= threshold).mean())
