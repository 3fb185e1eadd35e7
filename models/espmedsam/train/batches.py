"""Augmented batches, each a function of the seed and its number alone, so that a run resumes exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ..facts.modalities import MODALITIES
from ..pictures.augment import Donor, views
from ..pictures.pool import Item, Pool, normalise
from .config import Config


class Draw:
    """How a batch is drawn: a group of pictures (a data set, or one hospital's) by its probability, as far as it is there,
    then a picture of it."""

    def __init__(self, groups: dict[str, list[int]], sampling: dict[str, float], batch: int):
        self.names, self.batch = [n for n in sampling if n in groups], batch
        self.groups = groups
        p = np.array([sampling[n] for n in self.names])
        self.p = p / p.sum()

    @classmethod
    def of(cls, items: list[Item], cfg: Config) -> Draw:
        """As the stage says: by data set if `sampling` names any, else by source."""
        groups: dict[str, list[int]] = {}
        for i, item in enumerate(items):
            groups.setdefault(item.dataset if cfg.sampling else item.source, []).append(i)
        return cls(groups, cfg.sampling or by_source(items, cfg), cfg.batch)

    def names_of(self, rng: np.random.Generator) -> np.ndarray:
        """The groups of a batch's pictures."""
        return rng.choice(self.names, self.batch, p=self.p)

    def picture(self, name: str, rng: np.random.Generator) -> int:
        """Index of one of the group."""
        return int(rng.choice(self.groups[name]))


def by_source(items: list[Item], cfg: Config) -> dict[str, float]:
    """Source -> probability: a modality's share, divided among its sources by their number of pictures to a power, so that
    no hospital dominates."""
    number: dict[tuple[str, str], int] = {}
    for item in items:
        number[item.modality, item.source] = number.get((item.modality, item.source), 0) + 1
    weight = {key: n ** cfg.source_power for key, n in number.items()}
    whole = {m: sum(w for (of, _), w in weight.items() if of == m) for m, _ in weight}
    return {source: cfg.modalities.get(m, 0.0 if cfg.modalities else 1.0) * w / whole[m]
            for (m, source), w in weight.items()}


class Batches(Dataset):
    """`batches[step, side]`: (pictures B x 3 x side x side, masks B x side x side, modalities B), and for teachers that
    look at the picture before it was degraded a fourth: clean pictures B x 3 x side x side."""

    def __init__(self, pool: Pool, cfg: Config):
        self.pool, self.cfg = pool, cfg
        self.live = Draw.of(pool.items, cfg)
        if not self.live.names:
            raise SystemExit("no picture of the stage's data sets is in the training part")
        self.fine = Draw(pool.by_dataset, cfg.fine.sampling, cfg.fine.batch) if cfg.fine else None
        lacking = {s for d, s in cfg.paste_from.items() if d in pool.by_dataset and s not in pool.by_dataset}
        if lacking:
            raise SystemExit(f"paste_from: no picture of {', '.join(sorted(lacking))} is in the training part")
        self.of_modality: dict[str, list[str]] = {}
        for name, members in pool.by_dataset.items():
            self.of_modality.setdefault(pool.items[members[0]].modality, []).append(name)

    def __getitem__(self, key: tuple[int, int]):
        step, side = key
        rng = np.random.default_rng([self.cfg.seed, step])
        draw = self.live
        if self.fine and self.fine.names and rng.random() < self.cfg.fine.share:
            draw, side = self.fine, self.cfg.fine.side
        images, clean, masks, modality = [], [], [], []
        for name in draw.names_of(rng):
            i = draw.picture(name, rng)
            m = self.pool.items[i].modality
            view = views(self.pool.images[i], self.pool.masks[i], m, side, rng,
                         self._donor(self.pool.items[i].dataset, m, rng))
            images.append(normalise(view.seen))
            clean.append(view.clean)
            masks.append(view.mask)
            modality.append(MODALITIES.index(m))
        batch = torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks)), torch.tensor(modality)
        if self.cfg.stage == "distil":
            batch += (torch.from_numpy(np.stack([normalise(x) for x in clean])),)
        return batch

    def _donor(self, dataset: str, modality: str, rng: np.random.Generator) -> Donor | None:
        """A picture of the data set whose lesions are borrowed; if light alone is, of any of the modality."""
        share = self.cfg.paste.get(dataset, 0)
        paste = bool(share) and rng.random() < share
        exchange = bool(self.cfg.exchange) and rng.random() < self.cfg.exchange
        if not paste and not exchange:
            return None
        source = self.cfg.paste_from.get(dataset, dataset) if paste else rng.choice(self.of_modality[modality])
        i = int(rng.choice(self.pool.by_dataset[source]))
        return Donor(self.pool.images[i], self.pool.masks[i], paste, exchange)


class Steps(Sampler):
    """(step, side) from `first` on, for ever; the side is asked when a batch is begun."""

    def __init__(self, first: int, side):
        self.first, self.side = first, side

    def __iter__(self) -> Iterator[tuple[int, int]]:
        step = self.first
        while True:
            yield step, self.side()
            step += 1


def loader(batches: Dataset, first: int, side, workers: int) -> DataLoader:
    """Batches from number `first` on, made by `workers` processes (0: by this one)."""
    return DataLoader(batches, batch_size=None, sampler=Steps(first, side), num_workers=workers,
                      prefetch_factor=4 if workers else None, pin_memory=torch.cuda.is_available())
