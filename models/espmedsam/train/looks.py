"""Pictures beside a teacher's kept embeddings of them: batches to learn from, and how much is missed on others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from ..facts.modalities import MODALITIES
from ..pictures.augment import degraded
from ..pictures.pool import Item, normalise, read_image, square
from ..teachers.embeddings import MEASURED, Embeddings
from .batches import Draw
from .config import Config
from .losses import imitation_loss
from .stages import Remembered


class Looks(Dataset):
    """`batches[step, side]`: (pictures B x 3 x side x side, embeddings B x 256 x g x g, modalities B). The pictures are
    degraded, the embeddings are of what the teacher saw undegraded."""

    def __init__(self, cache: Embeddings, items: list[Item], cfg: Config):
        self.cache, self.seed = cache, cfg.seed
        self.rows, self.items = _of(cache, items)
        if not self.rows:
            raise SystemExit(f"{cache.folder} holds no embedding of a picture to learn from")
        self.draw = Draw.of(self.items, cfg)

    def __getitem__(self, key: tuple[int, int]):
        step, side = key
        rng = np.random.default_rng([self.seed, step])
        images, embeddings, modality = [], [], []
        for name in self.draw.names_of(rng):
            i = self.draw.picture(name, rng)
            item, row = self.items[i], self.rows[i]
            x = square(self.cache.looks[row].of(read_image(item)), side)
            images.append(normalise(degraded(x, item.modality, rng)))
            embeddings.append(self.cache.rows[row].astype(np.float32))
            modality.append(MODALITIES.index(item.modality))
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(embeddings)), torch.tensor(modality)


class Likeness:
    """What is missed of the teacher's embeddings of whole validation pictures, as the device squashes them."""

    def __init__(self, cache: Embeddings, items: list[Item], side: int):
        self.cache, self.side = cache, side
        taken: dict[str, int] = {}
        self.pairs = []
        for row, item in zip(*_of(cache, items)):
            taken[item.source] = taken.get(item.source, 0) + 1
            if cache.looks[row].view == 0 and taken[item.source] <= MEASURED:
                self.pairs.append((row, item))

    @torch.no_grad()
    def scores(self, stage: Remembered, device: torch.device, _pictures: Path) -> dict[str, float]:
        """Mean loss of each source, and of all sources alike."""
        stage.eval()
        found: dict[str, list[float]] = {}
        for row, item in self.pairs:
            x = torch.from_numpy(normalise(square(read_image(item), self.side)))[None].to(device)
            want = torch.from_numpy(self.cache.rows[row].astype(np.float32))[None].to(device)
            found.setdefault(item.source, []).append(
                imitation_loss(stage.net.encode(x, False), want).item() / stage.variance)
        stage.train()
        means = {source: float(np.mean(v)) for source, v in sorted(found.items())}
        return means | ({"all": float(np.mean(list(means.values())))} if means else {})


def _of(cache: Embeddings, items: list[Item]) -> tuple[list[int], list[Item]]:
    """Rows that are of these pictures, and each row's picture."""
    known = {(i.dataset, i.stem): i for i in items}
    rows = [row for row, look in enumerate(cache.looks) if (look.dataset, look.stem) in known]
    return rows, [known[cache.looks[row].dataset, cache.looks[row].stem] for row in rows]
