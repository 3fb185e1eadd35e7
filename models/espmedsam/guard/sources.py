"""The pool as the guard sees it: pictures alone, whether a mask was drawn or not, by the source they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..facts.modalities import MODALITIES
from ..pictures.pool import Item, load_split, read_image

# Data sets of one hospital or archive, by the pool's README: a guard that knows one has not been tried on the other.
# PolypGen's six hospitals are one source here; DSB 2018 is many laboratories'.
SAME = {
    "busi_subset": "busi",
    "busi_rest": "busi",
    "kvasir_seg": "vestre_viken",
    "endotect": "vestre_viken",
    "hyperkvasir_uc": "vestre_viken",
    "bkai_test_unlabelled": "bkai_neopolyp",
    "cpchild_normal": "cpchild",
    "cpchild_unlabelled": "cpchild",
    "isic2017_more": "isic2017",
    "isic2017_val": "isic2017",
    "shenzhen_more": "shenzhen_cxr",
    "dsb2018_more": "dsb2018",
}
LEARNED, KEPT_BACK = ("train", "unlabelled"), ("val",)  # parts of the split


def source(item: Item) -> str:
    """The hospital, archive or laboratory a picture is from."""
    return SAME.get(item.dataset, item.dataset)


def load(data: Path, split: Path, parts: tuple[str, ...]) -> list[Item]:
    """The pictures of the split's `parts`."""
    return [item for part in parts for item in load_split(data, split, part)]


def read(item: Item) -> np.ndarray:
    """RGB uint8 H x W x 3."""
    return read_image(item)


def folds(items: list[Item]) -> dict[str, int]:
    """Source -> the number of the fold that leaves it out. A fold leaves out at most one source of each modality, and
    never a modality's only one, which is in no fold."""
    found = [sorted({source(item) for item in items if item.modality == modality}) for modality in MODALITIES]
    return {name: fold for names in found if len(names) > 1 for fold, name in enumerate(names)}
