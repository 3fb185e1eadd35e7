"""The training pool: index, split, pictures held in memory, and their squares."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..facts.colour import IMAGENET_MEAN, IMAGENET_STD
from ..facts.modalities import of_index

MEAN = np.array(IMAGENET_MEAN, np.float32)
STD = np.array(IMAGENET_STD, np.float32)

# The part of the split whose pictures have no mask: they serve distillation alone.
UNLABELLED = "unlabelled"
SPLIT_COLUMNS = ("dataset", "modality", "stem", "patient_or_group", "empty", "split")
# Data sets of several hospitals, whose `source_split` tells them apart.
OF_CENTRES = ("polypgen",)


@dataclass(frozen=True)
class Item:
    """One picture of the pool, and its mask if it has one."""

    dataset: str
    modality: str
    stem: str
    image: Path
    mask: Path | None
    empty: bool
    source: str = ""  # the data set, or one hospital of it


def load_split(root: Path, split: Path, part: str) -> list[Item]:
    """Items of `part` ("train", "val" or "unlabelled"). Pictures that the split does not name are left out, so that an
    earlier split goes with a pool that has grown. Raises ValueError if a picture lacks a mask in another part than
    "unlabelled"."""
    with split.open() as file:
        parts = {(row["dataset"], row["stem"]): row["split"] for row in csv.DictReader(file)}
    items = []
    with (root / "index.csv").open() as file:
        for row in csv.DictReader(file):
            dataset, stem, mask = row["dataset"], row["stem"], row["mask"]
            if parts.get((dataset, stem)) != part:
                continue
            if not mask and part != UNLABELLED:
                raise ValueError(f"{split}: {dataset} {stem} is in '{part}', but the index has no mask of it")
            items.append(
                Item(
                    dataset=dataset,
                    modality=of_index(row["modality"]),
                    stem=stem,
                    image=root / row["image"],
                    mask=root / mask if mask else None,
                    empty=row["empty"] == "1",
                    source=f"{dataset} {row['source_split']}" if dataset in OF_CENTRES else dataset,
                )
            )
    return items


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """The named columns of the rows: the pool's lists."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def read_image(item: Item) -> np.ndarray:
    """RGB uint8 H x W x 3. Raises ValueError if the file is no picture."""
    return read_picture(item.image)


def read_picture(path: Path) -> np.ndarray:
    """RGB uint8 H x W x 3 of a file. Raises ValueError if it is no picture."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} is missing or no picture")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_pair(item: Item) -> tuple[np.ndarray, np.ndarray]:
    """(RGB uint8 H x W x 3, mask uint8 0/255 H x W). Raises ValueError if the picture has no mask, or a file is no
    picture."""
    if item.mask is None:
        raise ValueError(f"{item.dataset} {item.stem} has no mask: it serves distillation alone")
    return read_image(item), read_mask(item.mask)


def read_mask(path: Path) -> np.ndarray:
    """Grey uint8 H x W of a file. Raises ValueError if it is no picture."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f"{path} is missing or no picture")
    return mask


def triangle_weights(src: int, dst: int) -> np.ndarray:
    """dst x src matrix of the antialiased bilinear ("triangle") filter: half-pixel centres, the support widened by
    src/dst when shrinking, clipped at the edges and normalised. The definition of Pillow's BILINEAR and of PyTorch's
    `interpolate(antialias=True)`."""
    scale = src / dst
    support = max(scale, 1.0)
    centre = (np.arange(dst) + 0.5) * scale
    low = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    high = np.minimum((centre + support + 0.5).astype(np.int64), src)
    weights = np.zeros((dst, src))
    for row in range(dst):
        near = np.arange(low[row], high[row])
        weights[row, low[row] : high[row]] = np.maximum(1 - np.abs((near + 0.5 - centre[row]) / support), 0)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def square(image: np.ndarray, side: int) -> np.ndarray:
    """Squashes H x W x C to side x side x C float32 with the triangle filter: the `triangle-squash` profile."""
    rows = np.tensordot(triangle_weights(image.shape[0], side), image.astype(np.float32), (1, 0))
    both = np.tensordot(triangle_weights(image.shape[1], side), rows, (1, 1))
    return np.ascontiguousarray(both.transpose(1, 0, 2))


def normalise(image: np.ndarray) -> np.ndarray:
    """0..255 RGB H x W x 3 -> C x H x W float32, (x - mean) / std."""
    return ((image - MEAN) / STD).transpose(2, 0, 1).astype(np.float32)


# Modalities whose pictures are trained as crops too keep what the pool has of them.
SHARP = {"fundus": 640, "microscopy": 640}


@dataclass(frozen=True)
class Sample:
    """A picture with its mask, square: uint8 n x n x 3 RGB, and n x n in 0..255."""

    image: np.ndarray
    mask: np.ndarray
    modality: str


class Pool:
    """Training pictures as uint8 squares in memory: as large as they are, as far as `margin`, which is over the training
    side, so that a crop stays sharp; and no smaller than `least`, or than `margin` if their data set is one of `fine`: their
    size bounds how far they are magnified (`augment`), and these are served as tiles."""

    def __init__(self, items: list[Item], margin: int, least: int = 0, fine: Collection[str] = ()):
        self.items = items
        self.samples: list[Sample] = []
        for item in items:
            image, mask = read_pair(item)
            own = max(image.shape[:2])
            lowest = margin if item.dataset in fine else least or margin
            side = max(lowest, min(own, max(margin, SHARP.get(item.modality, 0))))
            image, mask = (cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA) for pixels in (image, mask))
            self.samples.append(Sample(image, mask, item.modality))
        self.by_dataset: dict[str, list[int]] = {}
        for at, item in enumerate(items):
            self.by_dataset.setdefault(item.dataset, []).append(at)

    def sample(self, index: int) -> Sample:
        """One picture with its mask."""
        return self.samples[index]
