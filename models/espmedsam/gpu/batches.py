"""Batches made on the device, each a function of the seed and its number alone: drawn as `train/batches.py` draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..facts.modalities import MODALITIES
from ..pictures.pool import MEAN, STD
from ..train.batch import Batch
from ..train.batches import Draw
from ..train.config import Config
from .chance import Chance
from .degrade import Overlays, borders, degraded, shining, written
from .mix import closeups, exchanged, pasted
from .shelf import Shelf
from .tone import toned
from .warp import placed, warped

OVERLAYS = 256  # of each kind at 224 x 224, fewer at a larger side


@dataclass(frozen=True)
class Shelves:
    """The pictures at two sides: as they are mostly looked at, and of those that tiles are cut from, if there are any."""

    live: Shelf
    fine: Shelf | None


@dataclass(frozen=True)
class Source:
    """Where batches of a side come from."""

    shelf: Shelf
    chances: np.ndarray  # [N], of each picture on the shelf
    side: int
    batch: int
    growth: float  # a picture's own pixels for each of the side
    writing: Overlays
    highlights: Overlays

    def draw(self, chance: Chance) -> np.ndarray:
        """Which pictures a batch is of."""
        return chance.rng.choice(len(self.chances), self.batch, p=self.chances)


def chances(shelf: Shelf, draw: Draw) -> np.ndarray:
    """Of each picture: its group's, divided among the group."""
    found = np.zeros(len(shelf.items))
    for name, share in zip(draw.names, draw.probability, strict=True):
        found[draw.groups[name]] = share / len(draw.groups[name])
    return found


class DeviceBatches:
    """`batches[step]`."""

    def __init__(self, shelves: Shelves, cfg: Config, device: torch.device):
        self.cfg, self.drawing, self.device = cfg, cfg.drawing, device
        self.live, self.fine = self._live(shelves.live), self._fine(shelves.fine)
        self.mean, self.std = (torch.from_numpy(values).to(device).reshape(1, 3, 1, 1) for values in (MEAN, STD))

    def _live(self, shelf: Shelf) -> Source:
        members = sorted(at for ats in shelf.by_dataset(self.cfg.modality).values() for at in ats)
        draw = Draw.of([shelf.items[at] for at in members], self.drawing)
        if not draw.names:
            raise ValueError(f"no picture to learn '{self.cfg.stage} {self.cfg.modality}' from is in the training part")
        groups = {name: [members[at] for at in ats] for name, ats in draw.groups.items()}
        side = self.cfg.schedule.side[-1]
        whole = chances(shelf, Draw(groups, dict(zip(draw.names, draw.probability, strict=True)), draw.batch))
        return self._source(shelf, whole, side, self.drawing.batch, shelf.side / side)

    def _fine(self, shelf: Shelf | None) -> Source | None:
        fine = self.drawing.fine
        groups = shelf.by_dataset(self.cfg.modality) if shelf and fine else {}
        if not shelf or not fine or not groups.keys() & fine.sampling.keys():
            return None
        found = chances(shelf, Draw(groups, fine.sampling, fine.batch))
        # Magnified as far as pictures would be that are kept as large as the stage asks, whatever they were packed at.
        return self._source(shelf, found, fine.side, fine.batch, max(shelf.side, self.cfg.pool_side) / fine.side)

    def _source(self, shelf: Shelf, found: np.ndarray, side: int, batch: int, growth: float) -> Source:
        count = max(int(OVERLAYS * min(224 / side, 1) ** 2), 16)
        overlays = [make(side, count).to(self.device) for make in (written, shining)]
        return Source(shelf, found / found.sum(), side, batch, growth, *overlays)

    @torch.no_grad()
    def __getitem__(self, step: int) -> Batch:
        chance = Chance([self.cfg.seed, step], self.device)
        fine, source = self.drawing.fine, self.live
        if fine and self.fine and chance.rng.random() < fine.share:
            source = self.fine
        chosen = source.draw(chance)
        items = [source.shelf.items[at] for at in chosen]
        modality = [item.modality for item in items]
        pictures = self._looked_at(source, chosen, modality, chance)
        pictures, donors, exchange = self._borrowed(source, chosen, pictures, chance)
        pixels, mask = pictures[:, :3], (pictures[:, 3] / 255).clamp(0, 1)
        if exchange.any():
            rows = chance.rows(exchange)
            pixels[rows] = exchanged(pixels[rows], self._whole(source, donors[exchange], chance), chance)
        pixels = degraded(toned(pixels, modality, chance), modality, chance)
        pixels, mask = self._covered(source, pixels, mask, modality, chance)
        return Batch(
            pictures=((pixels.clamp(0, 255) - self.mean) / self.std).contiguous(memory_format=torch.channels_last),
            target=mask.contiguous(),
            modality=chance.on_device(np.array([MODALITIES.index(name) for name in modality])),
        )

    def _looked_at(self, source: Source, chosen: np.ndarray, modality: list[str], chance: Chance) -> Tensor:
        """B x 4 x S x S in 0..255: the pictures, or parts of them."""
        share = np.array([self.drawing.beside.get(name, 0.0) for name in modality])
        part = chance.rng.random(len(chosen))
        near = part < 2 * share
        window = np.tile([0.0, 0.0, 1.0], (len(chosen), 1))
        window[near] = closeups(source.shelf.cells[chosen[near]], part[near] >= share[near], chance)
        where = placed(window, modality, source.growth, chance)
        return warped(source.shelf.squares[chance.on_device(chosen)], where, source.side, chance)

    def _borrowed(
        self, source: Source, chosen: np.ndarray, pictures: Tensor, chance: Chance
    ) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """(the pictures, some with others' lesions; B, whose light is borrowed; B, whether it is)."""
        items, by_dataset = source.shelf.items, source.shelf.by_dataset()
        share = np.array([self.drawing.paste.get(items[at].dataset, 0.0) for at in chosen])
        paste, exchange = chance.happens(share, len(chosen)), chance.happens(self.drawing.exchange, len(chosen))
        donors = chosen.copy()
        for row in np.flatnonzero(paste | exchange):
            item = items[chosen[row]]
            kin = [name for name, ats in by_dataset.items() if items[ats[0]].modality == item.modality]
            own = self.drawing.paste_from.get(item.dataset, item.dataset)
            paste[row] &= own in by_dataset
            name = own if paste[row] else kin[chance.rng.integers(len(kin))]
            donors[row] = by_dataset[name][chance.rng.integers(len(by_dataset[name]))]
        if paste.any():
            rows, modality = chance.rows(paste), [items[at].modality for at in chosen[paste]]
            where = placed(np.tile([0.0, 0.0, 1.0], (len(modality), 1)), modality, source.growth, chance)
            lenders = source.shelf.squares[chance.on_device(donors[paste])]
            pictures[rows] = pasted(pictures[rows], warped(lenders, where, source.side, chance), chance)
        return pictures, donors, exchange

    def _whole(self, source: Source, donors: np.ndarray, chance: Chance) -> Tensor:
        """R x 3 x S x S in 0..255: whole pictures, as they are."""
        squares = source.shelf.squares[chance.on_device(donors)][:, :3].float()
        return torch.nn.functional.interpolate(squares, source.side, mode="area")

    def _covered(
        self, source: Source, pixels: Tensor, mask: Tensor, modality: list[str], chance: Chance
    ) -> tuple[Tensor, Tensor]:
        """Some with highlights, with borders, with writing."""
        count = len(modality)
        shining = np.array([name == "colonoscopy" for name in modality]) & chance.happens(0.2, count)
        framed, burned = chance.happens(0.25, count), chance.happens(0.25, count)
        if shining.any():
            rows = chance.rows(shining)
            pixels[rows] = source.highlights.over(pixels[rows], chance)
        if framed.any():
            rows = chance.rows(framed)
            level, cover = borders(source.side, int(framed.sum()), chance)
            pixels[rows] = torch.where(cover, level, pixels[rows])
            mask[rows] = mask[rows] * ~cover[:, 0]
        if burned.any():
            rows = chance.rows(burned)
            pixels[rows] = source.writing.over(pixels[rows], chance)
        return pixels, mask
