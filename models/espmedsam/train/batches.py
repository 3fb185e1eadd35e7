"""Augmented batches, each a function of the seed and its number alone, so that a run resumes exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ..facts.modalities import MODALITIES
from ..pictures.augment import Donor, views
from ..pictures.mix import closeup
from ..pictures.pool import Item, Pool, Sample, normalise
from .batch import Batch
from .config import Config, Drawing

StepAndSide = tuple[int, int]  # (number of the step, side)


class Draw:
    """How a batch is drawn: a group of pictures (a data set, or one hospital's) by its probability, as far as it is there,
    then a picture of it."""

    def __init__(self, groups: Mapping[str, list[int]], sampling: Mapping[str, float], batch: int):
        self.names, self.batch = [name for name in sampling if name in groups], batch
        self.groups = groups
        shares = np.array([sampling[name] for name in self.names])
        self.probability = shares / shares.sum()

    @classmethod
    def of(cls, items: list[Item], drawing: Drawing) -> Draw:
        """As the stage says: by data set if `sampling` names any, else by source."""
        groups: dict[str, list[int]] = {}
        for at, item in enumerate(items):
            groups.setdefault(item.dataset if drawing.sampling else item.source, []).append(at)
        return cls(groups, drawing.sampling or by_source(items, drawing), drawing.batch)

    def names_of(self, rng: np.random.Generator) -> list[str]:
        """The groups of a batch's pictures."""
        return rng.choice(self.names, self.batch, p=self.probability).tolist()

    def picture(self, name: str, rng: np.random.Generator) -> int:
        """Index of one of the group."""
        return int(rng.choice(self.groups[name]))


def by_source(items: list[Item], drawing: Drawing) -> dict[str, float]:
    """Source -> probability: a modality's share, divided among its sources by their number of pictures to a power, so that
    no hospital dominates."""
    number = Counter((item.modality, item.source) for item in items)
    weight = {key: count**drawing.source_power for key, count in number.items()}
    whole: dict[str, float] = {}
    for (modality, _), part in weight.items():
        whole[modality] = whole.get(modality, 0.0) + part
    rest = 0.0 if drawing.modalities else 1.0
    return {
        source: drawing.modalities.get(modality, rest) * part / whole[modality]
        for (modality, source), part in weight.items()
    }


class Batches(Dataset[Batch]):
    """`batches[step, side]`: a batch with masks. The clean pictures are in it for teachers that look at these."""

    def __init__(self, pool: Pool, cfg: Config):
        self.pool, self.cfg, self.drawing = pool, cfg, cfg.drawing
        self.live = Draw.of(pool.items, self.drawing)
        if not self.live.names:
            raise SystemExit("no picture of the stage's data sets is in the training part")
        fine = self.drawing.fine
        self.fine = Draw(pool.by_dataset, fine.sampling, fine.batch) if fine else None
        sources = {source for name, source in self.drawing.paste_from.items() if name in pool.by_dataset}
        if lacking := sources - pool.by_dataset.keys():
            raise SystemExit(f"paste_from: no picture of {', '.join(sorted(lacking))} is in the training part")
        self.of_modality: dict[str, list[str]] = {}
        for name, members in pool.by_dataset.items():
            self.of_modality.setdefault(pool.items[members[0]].modality, []).append(name)

    def __getitem__(self, key: StepAndSide) -> Batch:
        step, side = key
        rng = np.random.default_rng([self.cfg.seed, step])
        draw, fine = self.live, self.drawing.fine
        if fine and self.fine and self.fine.names and rng.random() < fine.share:
            draw, side = self.fine, fine.side
        items, seen = [], []
        for name in draw.names_of(rng):
            at = draw.picture(name, rng)
            item = self.pool.items[at]
            items.append(item)
            donor = self.donor(item.dataset, item.modality, rng)
            seen.append(views(self.looked_at(at, rng), side, rng, donor))
        clean = None
        if self.cfg.stage == "distil":
            clean = torch.from_numpy(np.stack([normalise(view.clean) for view in seen]))
        return Batch(
            pictures=torch.from_numpy(np.stack([normalise(view.seen) for view in seen])),
            target=torch.from_numpy(np.stack([view.mask for view in seen])),
            modality=torch.tensor([MODALITIES.index(item.modality) for item in items]),
            clean=clean,
        )

    def looked_at(self, at: int, rng: np.random.Generator) -> Sample:
        """The picture, or a part of it."""
        sample, share = self.pool.sample(at), self.drawing.beside.get(self.pool.items[at].modality, 0.0)
        part = rng.random() if share else 1.0
        return closeup(sample, part >= share, rng) if part < 2 * share else sample

    def donor(self, dataset: str, modality: str, rng: np.random.Generator) -> Donor | None:
        """A picture of the data set whose lesions are borrowed; if light alone is, of any of the modality."""
        share = self.drawing.paste.get(dataset, 0)
        paste = bool(share) and rng.random() < share
        exchange = bool(self.drawing.exchange) and rng.random() < self.drawing.exchange
        if not paste and not exchange:
            return None
        own = self.drawing.paste_from.get(dataset, dataset)
        source = own if paste else rng.choice(self.of_modality[modality])
        return Donor(self.pool.sample(int(rng.choice(self.pool.by_dataset[source]))), paste, exchange)


class Steps(Sampler[StepAndSide]):
    """(step, side) from `first` on, for ever; the side is asked when a batch is begun."""

    def __init__(self, first: int, side: Callable[[], int]):
        self.first, self.side = first, side

    def __iter__(self) -> Iterator[StepAndSide]:
        step = self.first
        while True:
            yield step, self.side()
            step += 1


def loader(batches: Dataset[Batch], first: int, side: Callable[[], int], workers: int) -> DataLoader[Batch]:
    """Batches from number `first` on, made by `workers` processes (0: by this one)."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=Steps(first, side),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
