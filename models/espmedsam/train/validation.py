"""Dice on the validation part, and pictures of what the network draws."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from ..facts.modalities import MODALITIES
from ..network import at_size
from ..pictures.pool import Item, normalise, read_pair, square
from .stages import Stage


class Validation:
    """Dice at the stored picture size, on squares made once exactly as the device makes them."""

    def __init__(self, items: list[Item], side: int, shown: int = 2):
        self.items, self.squares, self.masks, self.side = items, [], [], side
        for item in items:
            image, mask = read_pair(item)
            self.squares.append(square(image, side).round().astype(np.uint8))
            self.masks.append(mask > 127)
        seen: dict[str, int] = {}
        self.shown = set()  # the first pictures of each data set
        for i, item in enumerate(items):
            seen[item.dataset] = seen.get(item.dataset, 0) + 1
            if seen[item.dataset] <= shown:
                self.shown.add(i)

    @torch.no_grad()
    def masks_of(self, stage: Stage, device: torch.device) -> Iterator[np.ndarray]:
        """Each picture's mask, bool, at the picture's size. None at all if the stage makes no masks."""
        for item, image, mask in zip(self.items, self.squares, self.masks):
            x = torch.from_numpy(normalise(image.astype(np.float32)))[None].to(device)
            logits = stage.segment(x, torch.tensor([MODALITIES.index(item.modality)], device=device))
            if logits is None:
                return
            yield (at_size(logits, mask.shape)[0] >= 0).cpu().numpy()

    def scores(self, stage: Stage, device: torch.device, pictures: Path) -> dict[str, float]:
        """Mean Dice per data set over pictures with a target; `empty` = share of empty pictures left empty. Writes a
        few to `pictures`. Empty if the stage makes no masks."""
        stage.eval()
        scores: dict[str, list[float]] = {}
        drawn = []
        for i, pred in enumerate(self.masks_of(stage, device)):
            item, mask = self.items[i], self.masks[i]
            if i in self.shown:
                drawn.append(outlines(self.squares[i], mask, pred))
            if item.empty:
                scores.setdefault("empty", []).append(float(not pred.any()))
            else:
                scores.setdefault(item.dataset, []).append(dice(pred, mask))
        stage.train()
        if drawn:
            rows = [np.hstack(drawn[i:i + 4] + [np.zeros_like(drawn[0])] * (4 - len(drawn[i:i + 4])))
                    for i in range(0, len(drawn), 4)]
            cv2.imwrite(str(pictures), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
        return {k: float(np.mean(v)) for k, v in sorted(scores.items())}


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """2 |A and B| / (|A| + |B|) of two masks that are not both empty."""
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def outlines(image: np.ndarray, truth: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The square picture with the true outline in green and the network's in red."""
    out = image.copy()
    for mask, colour in ((truth, (0, 220, 0)), (drawn, (255, 40, 40))):
        m = cv2.resize(mask.astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        cv2.drawContours(out, cv2.findContours(m, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0], -1, colour, 1)
    return out
