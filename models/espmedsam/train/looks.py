"""Pictures beside a teacher's kept embeddings of them: batches to learn from, and how much is missed on others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from ..facts.modalities import MODALITIES
from ..pictures.augment import degraded
from ..pictures.pool import Item, normalise, read_image, square
from ..teachers.embeddings import MEASURED, Embeddings
from .batch import Batch
from .batches import Draw, StepAndSide
from .config import Config
from .losses import imitation_loss
from .stages import Remembered


@dataclass(frozen=True)
class Row:
    """A kept embedding's number, and the picture that it is of."""

    number: int
    item: Item


class Looks(Dataset[Batch]):
    """`batches[step, side]`: a batch with embeddings. The pictures are degraded, the embeddings are of what the teacher saw
    undegraded."""

    def __init__(self, cache: Embeddings, items: list[Item], cfg: Config):
        self.cache, self.seed = cache, cfg.seed
        self.rows = _rows(cache, items)
        if not self.rows:
            raise SystemExit(f"{cache.folder} holds no embedding of a picture to learn from")
        self.draw = Draw.of([row.item for row in self.rows], cfg.drawing)

    def __getitem__(self, key: StepAndSide) -> Batch:
        step, side = key
        rng = np.random.default_rng([self.seed, step])
        rows, pictures = [], []
        for name in self.draw.names_of(rng):
            row = self.rows[self.draw.picture(name, rng)]
            part = square(self.cache.looks[row.number].of(read_image(row.item)), side)
            rows.append(row)
            pictures.append(normalise(degraded(part, row.item.modality, rng)))
        embeddings = np.stack([self.cache.rows[row.number].astype(np.float32) for row in rows])
        modality = torch.tensor([MODALITIES.index(row.item.modality) for row in rows])
        return Batch(torch.from_numpy(np.stack(pictures)), torch.from_numpy(embeddings), modality)


class Likeness:
    """What is missed of the teacher's embeddings of whole validation pictures, as the device squashes them."""

    def __init__(self, cache: Embeddings, items: list[Item], side: int):
        self.cache, self.side = cache, side
        taken: Counter[str] = Counter()
        self.rows = []
        for row in _rows(cache, items):
            taken[row.item.source] += 1
            if cache.looks[row.number].view == 0 and taken[row.item.source] <= MEASURED:
                self.rows.append(row)

    @torch.no_grad()
    def scores(self, stage: Remembered, device: torch.device, _pictures: Path) -> dict[str, float]:
        """Mean loss of each source, and of all sources alike."""
        stage.eval()
        found: dict[str, list[float]] = {}
        for row in self.rows:
            picture = torch.from_numpy(normalise(square(read_image(row.item), self.side)))[None].to(device)
            want = torch.from_numpy(self.cache.rows[row.number].astype(np.float32))[None].to(device)
            missed = imitation_loss(stage.net.encode(picture, False), want).item() / stage.variance
            found.setdefault(row.item.source, []).append(missed)
        stage.train()
        means = {source: float(np.mean(losses)) for source, losses in sorted(found.items())}
        return means | ({"all": float(np.mean(list(means.values())))} if means else {})


def _rows(cache: Embeddings, items: list[Item]) -> list[Row]:
    """Those that are of these pictures."""
    known = {(item.dataset, item.stem): item for item in items}
    pictures = [known.get((look.dataset, look.stem)) for look in cache.looks]
    return [Row(number, item) for number, item in enumerate(pictures) if item]
