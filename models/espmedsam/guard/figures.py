"""What the guard is worth, in figures: of right, changed, inverted and wrong pictures, and of each source left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..facts.modalities import MODALITIES
from . import negatives, shifts
from .graph import CLASSES
from .left_out import COLUMN, Seen, Trained, Trial
from .network import scores
from .thresholds import Pictures, ThresholdFit

OTHER = CLASSES.index("other")
Figures = dict[str, Any]  # as they are written to `guard.json`


def auc(right: np.ndarray, wrong: np.ndarray) -> float:
    """Share of (right, wrong) pairs where the right picture scores higher; a tie counts half."""
    wrong = np.sort(wrong)
    below, upto = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + upto).mean() / 2 / len(wrong))


def share(hit: np.ndarray) -> Figures:
    """A share with what it is of."""
    return {"share": round(float(np.mean(hit)), 4) if len(hit) else None, "count": int(np.sum(hit)), "of": len(hit)}


def detection(found: np.ndarray, limits: np.ndarray) -> Figures:
    """Of scores [N,7] of pictures of no modality: the share of mismatches over all six choices, and of the worst."""
    hit = (found[:, :OTHER] < limits).mean(0)
    return {
        "detected": round(float(hit.mean()), 4),
        "worst": round(float(hit.min()), 4),
        "worst_modality": MODALITIES[hit.argmin()],
        "other_first": round(float((found.argmax(1) == OTHER).mean()), 4),
        "pictures": len(found),
    }


@dataclass(frozen=True)
class Scored:
    """The shipped network's scores [N,7] of everything it is measured on."""

    pictures: Pictures
    clean: np.ndarray
    inverse: np.ndarray
    shifted: np.ndarray
    wrong: dict[str, np.ndarray]  # of pictures of no modality, by kind
    extra: dict[str, np.ndarray]  # of more real pictures

    @classmethod
    def by(cls, run: Trained, pictures: Pictures, extra: dict[str, np.ndarray]) -> Scored:
        """Of the network that is shipped."""
        model = run.models[""]
        clean, inverse, shifted = (scores(model, x) for x in (pictures.clean, pictures.inverse, pictures.shifted))
        wrong, more = ({kind: scores(model, x) for kind, x in inputs.items()} for inputs in (pictures.negatives, extra))
        return cls(pictures, clean, inverse, shifted, wrong, more)

    @property
    def modality(self) -> np.ndarray:
        """Column of each picture's own modality."""
        return self.pictures.modality

    @property
    def modality_shifted(self) -> np.ndarray:
        """The same of the changed ones."""
        return self.pictures.modality[self.pictures.of]

    @property
    def nothing(self) -> np.ndarray:
        """All pictures of no modality."""
        return np.concatenate(list(self.wrong.values()))

    def foreign(self, column: int) -> np.ndarray:
        """That modality's scores of all that is not of it."""
        return np.concatenate([self.clean[self.modality != column, column], self.nothing[:, column]])


class Measured:
    """The figures, by thresholds fitted on what was scored and tried."""

    def __init__(self, scored: Scored, tried: list[Trial]):
        self.scored, self.tried = scored, tried
        self.fit = ThresholdFit(scored.pictures, scored.clean, scored.shifted, tried)
        self.limits = self.fit.thresholds()
        self.own = scored.clean[np.arange(len(scored.clean)), scored.modality]
        self.own_shifted = scored.shifted[np.arange(len(scored.shifted)), scored.modality_shifted]

    @property
    def thresholds(self) -> dict[str, float]:
        """Modality -> threshold."""
        return {name: round(float(limit), 5) for name, limit in zip(MODALITIES, self.limits, strict=True)}

    def figures(self) -> Figures:
        """All of them."""
        scored, limits = self.scored, self.limits
        return {
            "accuracy": share(scored.clean.argmax(1) == scored.modality),
            "accuracy_shifted": share(scored.shifted.argmax(1) == scored.modality_shifted),
            "confusion": {name: self._confusion(column) for name, column in COLUMN.items()},
            "roc_auc": {name: self._auc(column) for name, column in COLUMN.items()},
            "false_alarms": {name: self._false_alarms(column) for name, column in COLUMN.items()},
            "false_alarms_by_change": {kind: self._false_alarms_of_change(kind) for kind in shifts.HELD_OUT},
            "inverted": {name: self._inverted(name, column) for name, column in COLUMN.items()},
            "left_out": {trial.source: _left_out(trial, self.fit) for trial in self.tried},
            "left_out_sent_as": {
                name: {other: self._left_out_sent_as(name, other) for other in MODALITIES if other != name}
                for name in MODALITIES
            },
            "sent_as": {
                name: {other: self._sent_as(name, other) for other in MODALITIES if other != name}
                for name in MODALITIES
            },
            "negatives": {
                kind: {
                    "trained_on": kind in negatives.TRAINED or kind in negatives.FROM_POOL,
                    **detection(found, limits),
                }
                for kind, found in scored.wrong.items()
            },
            "real": {name: _real(name, found, limits) for name, found in scored.extra.items()},
        }

    def _confusion(self, column: int) -> Figures:
        likeliest = self.scored.clean[self.scored.modality == column].argmax(1)
        return {name: int((likeliest == number).sum()) for number, name in enumerate(CLASSES)}

    def _auc(self, column: int) -> Figures:
        scored = self.scored
        right = {
            "clean": scored.clean[scored.modality == column, column],
            "shifted": scored.shifted[scored.modality_shifted == column, column],
        }
        return {name: round(auc(own, scored.foreign(column)), 5) for name, own in right.items()}

    def _false_alarms(self, column: int) -> Figures:
        clean = self.own[self.scored.modality == column]
        shifted = self.own_shifted[self.scored.modality_shifted == column]
        return {
            "clean": share(clean < self.limits[column]),
            "shifted": share(shifted < self.limits[column]),
            "lowest_clean_score": round(float(clean.min()), 4),
        }

    def _false_alarms_of_change(self, kind: str) -> Figures:
        """By the thresholds, and by such as never saw that kind of change."""
        mine, of = self.scored.pictures.kind == kind, self.scored.modality_shifted
        unseen = self.fit.thresholds(kind=kind)
        return {
            "fitted": share((self.own_shifted < self.limits[of])[mine]),
            "change_left_out_of_the_fit": share((self.own_shifted < unseen[of])[mine]),
        }

    def _inverted(self, name: str, column: int) -> Figures:
        mine = self.scored.modality == column
        seen = Seen(self.scored.clean[mine], self.scored.inverse[mine])
        return _inverted(Trial("", name, {"": seen}), self.limits[column])

    def _sent_as(self, name: str, other: str) -> Figures:
        column = COLUMN[other]
        return share(self.scored.clean[self.scored.modality == COLUMN[name], column] < self.limits[column])

    def _left_out_sent_as(self, name: str, other: str) -> float | None:
        """Mismatches of a modality's pictures sent as another, by networks without their source: the sources' mean."""
        column = COLUMN[other]
        found = [
            (trial.seen[""].right[:, column] < self.limits[column]).mean()
            for trial in self.tried
            if trial.modality == name
        ]
        return round(float(np.mean(found)), 4) if found else None


def _left_out(trial: Trial, fit: ThresholdFit) -> Figures:
    """A network and a threshold that never saw the source, on the source."""
    limit = fit.thresholds(source=trial.source)[trial.column]
    return {
        "modality": trial.modality,
        "threshold": round(float(limit), 5),
        "false_alarms": share(trial.false_alarms(limit)),
        **{f"false_alarms_{kind}": share(trial.false_alarms(limit, kind)) for kind in shifts.KEPT_OTHERWISE},
        "picked_right": share(trial.seen[""].right.argmax(1) == trial.column),
        "inverted": _inverted(trial, limit),
    }


def _inverted(trial: Trial, limit: float) -> Figures:
    """Its pictures in reversed grey: how many are refused, and how many of these with that reason."""
    refused, named = trial.inverted_found(limit)
    return {"refused": share(refused), "named": share(named)}


def _real(name: str, found: np.ndarray, limits: np.ndarray) -> Figures:
    if name not in COLUMN:
        return detection(found, limits)
    column = COLUMN[name]
    return {
        "false_alarms": share(found[:, column] < limits[column]),
        "picked_right": share(found.argmax(1) == column),
        "own_scores": [round(float(score), 4) for score in found[:, column]],
    }
