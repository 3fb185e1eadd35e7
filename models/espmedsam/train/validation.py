"""Dice on the validation part, and pictures of what the network draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ..facts.modalities import MODALITIES
from ..network import at_size
from ..pictures.pool import Item, normalise, read_pair, square
from .detection import area_under_roc, marked_at
from .stages import Stage

ABREAST = 4  # pictures of a row


@dataclass(frozen=True)
class Case:
    """One validation picture."""

    item: Item
    square: np.ndarray  # uint8 S x S x 3, exactly as the device makes it
    truth: np.ndarray  # bool H x W, as it is stored
    shown: bool  # of the first of its data set, which are drawn


class Validation:
    """Dice at the stored picture size."""

    def __init__(self, items: list[Item], side: int, shown: int = 2):
        seen: Counter[str] = Counter()
        self.cases = []
        for item in items:
            image, mask = read_pair(item)
            seen[item.dataset] += 1
            small = square(image, side).round().astype(np.uint8)
            self.cases.append(Case(item, small, mask > 127, seen[item.dataset] <= shown))

    @torch.no_grad()
    def masks_of(self, stage: Stage, device: torch.device) -> Iterator[tuple[Case, np.ndarray]]:
        """Each picture with its mask, bool, at the picture's size. None at all if the stage makes no masks."""
        for case in self.cases:
            logits = stage.segment(*self._asked(case, device))
            if logits is None:
                return
            yield case, (at_size(logits, case.truth.shape)[0] >= 0).cpu().numpy()

    def presence_of(self, stage: Stage, device: torch.device) -> dict[str, float]:
        """For each modality with empty pictures: `MODALITY_auc`, and `MODALITY_marked`, the share of empties that are taken
        for more at 95 % sensitivity. Nothing if the stage teaches no presence head."""
        found: dict[tuple[str, bool], list[float]] = {}
        of_interest = {case.item.modality for case in self.cases if case.item.empty}
        for case in self.cases:
            if case.item.modality not in of_interest:
                continue
            logit = stage.present(*self._asked(case, device))
            if logit is None:
                return {}
            found.setdefault((case.item.modality, case.item.empty), []).append(logit.item())
        scores = {}
        for modality in sorted(of_interest):
            present, empty = (np.array(found.get((modality, empty), ())) for empty in (False, True))
            if len(present):
                scores[f"{modality}_auc"] = area_under_roc(present, empty)
                scores[f"{modality}_marked"] = marked_at(present, empty)
        return scores

    def _asked(self, case: Case, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        picture = torch.from_numpy(normalise(case.square.astype(np.float32)))[None].to(device)
        return picture, torch.tensor([MODALITIES.index(case.item.modality)], device=device)

    def scores(self, stage: Stage, device: torch.device, pictures: Path) -> dict[str, float]:
        """Mean Dice per source over pictures with a target; `empty` = share of empty pictures left empty; and what
        `presence_of` has. Writes a few to `pictures`. Empty if the stage makes no masks."""
        stage.eval()
        scores: dict[str, list[float]] = {}
        drawn = []
        for case, mask in self.masks_of(stage, device):
            if case.shown:
                drawn.append(outlines(case.square, case.truth, mask))
            if case.item.empty:
                scores.setdefault("empty", []).append(float(not mask.any()))
            else:
                scores.setdefault(case.item.source, []).append(dice(mask, case.truth))
        presence = self.presence_of(stage, device)
        stage.train()
        if drawn:
            drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % ABREAST)
            rows = [np.hstack(drawn[at : at + ABREAST]) for at in range(0, len(drawn), ABREAST)]
            cv2.imwrite(str(pictures), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
        return {name: float(np.mean(values)) for name, values in sorted(scores.items())} | presence


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """2 |A and B| / (|A| + |B|) of two masks that are not both empty."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def outlines(image: np.ndarray, truth: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The square picture with the true outline in green and the network's in red."""
    out = image.copy()
    for mask, colour in ((truth, (0, 220, 0)), (drawn, (255, 40, 40))):
        small = cv2.resize(mask.astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        contours = cv2.findContours(small, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(out, contours, -1, colour, 1)
    return out
