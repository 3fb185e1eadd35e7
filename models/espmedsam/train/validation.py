"""Dice on the validation part, and pictures of what the network draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
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


@dataclass(frozen=True)
class Seen:
    """What a stage makes of one."""

    case: Case
    mask: np.ndarray  # bool H x W
    presence: float | None  # logit; None where no presence head is taught


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
    def seen(self, stage: Stage, device: torch.device) -> Iterator[Seen]:
        """Each picture with what the stage, in evaluation, makes of it. None at all if the stage makes no masks."""
        for case in self.cases:
            picture = torch.from_numpy(normalise(case.square.astype(np.float32)))[None].to(device)
            answer = stage.answer(picture, torch.tensor([MODALITIES.index(case.item.modality)], device=device))
            if answer.mask is None:
                return
            mask = (at_size(answer.mask, case.truth.shape)[0] >= 0).cpu().numpy()
            yield Seen(case, mask, None if answer.presence is None else answer.presence.item())

    def scores(self, stage: Stage, device: torch.device, pictures: Path) -> dict[str, float]:
        """Mean Dice per source over pictures with a target; `empty` = share of empty pictures left empty; and what
        `presence_scores` has. Writes a few to `pictures`. Empty if the stage makes no masks."""
        stage.eval()
        scores: dict[str, list[float]] = {}
        present: dict[tuple[str, bool], list[float]] = {}
        drawn = []
        for seen in self.seen(stage, device):
            case, item = seen.case, seen.case.item
            if case.shown:
                drawn.append(outlines(case.square, case.truth, seen.mask))
            if item.empty:
                scores.setdefault("empty", []).append(float(not seen.mask.any()))
            else:
                scores.setdefault(item.source, []).append(dice(seen.mask, case.truth))
            if seen.presence is not None:
                present.setdefault((item.modality, item.empty), []).append(seen.presence)
        stage.train()
        if drawn:
            drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % ABREAST)
            rows = [np.hstack(drawn[at : at + ABREAST]) for at in range(0, len(drawn), ABREAST)]
            cv2.imwrite(str(pictures), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
        return {name: float(np.mean(values)) for name, values in sorted(scores.items())} | presence_scores(present)


def presence_scores(found: Mapping[tuple[str, bool], list[float]]) -> dict[str, float]:
    """Of presence logits by modality and whether the picture is empty. For each modality with both: `MODALITY_auc`, and
    `MODALITY_marked`, the share of empties that are taken for more at 95 % sensitivity."""
    scores = {}
    for modality in sorted({modality for modality, _ in found}):
        present, empty = (np.array(found.get((modality, empty), ())) for empty in (False, True))
        if len(present) and len(empty):
            scores[f"{modality}_auc"] = area_under_roc(present, empty)
            scores[f"{modality}_marked"] = marked_at(present, empty)
    return scores


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
