"""Dice on the packed part of the validation, whole batches at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..facts.modalities import MODALITIES
from ..network import at_size
from ..pictures.pool import MEAN, STD
from ..train.detection import area_under_roc, marked_at
from ..train.stages import Stage
from .shelf import Shelf

AT_ONCE = 64


class PackedValidation:
    """Dice at the side that pictures were packed at, of one modality or of all."""

    def __init__(self, shelf: Shelf, side: int, modality: str = ""):
        self.shelf, self.side = shelf, side
        self.members = sorted(at for ats in shelf.by_dataset(modality).values() for at in ats)

    def _asked(self) -> Iterator[tuple[list[int], Tensor, Tensor, Tensor]]:
        """(numbers, pictures normalised, modalities, masks of truths)."""
        device = self.shelf.squares.device
        mean, std = (torch.from_numpy(values).to(device).reshape(1, 3, 1, 1) for values in (MEAN, STD))
        for begin in range(0, len(self.members), AT_ONCE):
            some = self.members[begin : begin + AT_ONCE]
            squares = self.shelf.squares[torch.tensor(some, device=device)]
            small = F.interpolate(squares[:, :3].float(), self.side, mode="bilinear", antialias=True)
            rows = [MODALITIES.index(self.shelf.items[at].modality) for at in some]
            yield some, (small - mean) / std, torch.tensor(rows, device=device), squares[:, 3] > 127

    @torch.no_grad()
    def scores(self, stage: Stage) -> dict[str, float]:
        """As `train.validation` has them: mean Dice per source over pictures with a target; `empty`, the share of empty
        pictures left empty; and of a presence head what it tells."""
        stage.eval()
        found: dict[str, list[float]] = {}
        presence: dict[tuple[str, bool], list[float]] = {}
        for some, pictures, modality, truth in self._asked():
            answer = stage.answer(pictures, modality)
            logits, present = answer.mask, answer.presence
            if logits is not None:
                drawn = at_size(logits, truth.shape[1:]) >= 0
                both, total = ((part.sum((1, 2))).tolist() for part in (drawn & truth, drawn.int() + truth.int()))
                for at, shared, area in zip(some, both, total, strict=True):
                    item = self.shelf.items[at]
                    value = float(area == 0) if item.empty else 2 * shared / max(area, 1)
                    found.setdefault("empty" if item.empty else item.source, []).append(value)
            for at, score in zip(some, present.tolist() if present is not None else (), strict=False):
                item = self.shelf.items[at]
                presence.setdefault((item.modality, item.empty), []).append(score)
        stage.train()
        return {name: float(np.mean(values)) for name, values in sorted(found.items())} | _told(presence)


def _told(presence: dict[tuple[str, bool], list[float]]) -> dict[str, float]:
    told = {}
    for modality in sorted({modality for modality, empty in presence if empty}):
        shown, empty = (np.array(presence.get((modality, empty), ())) for empty in (False, True))
        if len(shown):
            told[f"{modality}_auc"] = area_under_roc(shown, empty)
            told[f"{modality}_marked"] = marked_at(shown, empty)
    return told
