"""The pool as one file, to be carried to where a GPU is: pictures as WebP, masks as PNG of one bit, and what each is of.

    python -m espmedsam.gpu.pack --data DIR --split FILE --out out/pool.safetensors

Of the training part all, of the validation part some of each source. Pictures are squares of `side` pixels, or of as many as
they have if these are fewer; those that are learned from as tiles keep more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from ..facts.notice import METADATA
from ..pictures.pool import Item, load_split, read_pair
from ..weights.checkpoint import CheckpointError, metadata, read_safetensors, write_safetensors
from .plan import Plan, read

LIMIT = 50e6  # bytes of the file
TRAIN, VAL = "train", "val"


@dataclass(frozen=True)
class Packing:
    """How pictures are packed."""

    side: int = 256  # of most pictures
    fine_side: int = 512  # of those that tiles are cut from
    quality: int = 77  # WebP's
    validation: int = 24  # pictures of a source


@dataclass(frozen=True)
class Entry:
    """What a packed picture is of. `source` and `empty` are `Item`'s."""

    part: str  # TRAIN or VAL
    dataset: str
    modality: str
    stem: str
    source: str
    empty: bool

    @classmethod
    def of(cls, item: Item, part: str) -> Entry:
        """As the pool has it."""
        return cls(part, item.dataset, item.modality, item.stem, item.source, item.empty)

    def item(self) -> Item:
        """As those take it who draw pictures by source; there are no files of it."""
        return Item(self.dataset, self.modality, self.stem, Path(), None, self.empty, self.source)


@dataclass(frozen=True)
class Packed:
    """The file's content."""

    entries: list[Entry]
    pictures: list[np.ndarray]  # WebP, uint8
    masks: list[np.ndarray]  # PNG, uint8

    def pair(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        """(RGB uint8 n x n x 3, mask uint8 0/255 n x n). Raises ValueError if one of them is no picture."""
        image = cv2.imdecode(self.pictures[at], cv2.IMREAD_COLOR)
        mask = cv2.imdecode(self.masks[at], cv2.IMREAD_GRAYSCALE)
        if image is None or mask is None or image.shape[:2] != mask.shape or mask.shape[0] != mask.shape[1]:
            raise ValueError(f"{self.entries[at].dataset} {self.entries[at].stem}: not a square picture with its mask")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), mask

    def of(self, part: str) -> list[int]:
        """Which pictures are of that part."""
        return [at for at, entry in enumerate(self.entries) if entry.part == part]


def chosen(train: list[Item], val: list[Item], each: int) -> Iterator[tuple[Entry, Item]]:
    """All of training; of validation `each` of a source at most, evenly over its pictures."""
    yield from ((Entry.of(item, TRAIN), item) for item in train)
    by_source: dict[str, list[Item]] = {}
    for item in val:
        by_source.setdefault(item.source, []).append(item)
    for items in by_source.values():
        places = np.linspace(0, len(items) - 1, min(each, len(items))).round().astype(int)
        yield from ((Entry.of(items[at], VAL), items[at]) for at in places)


def square_pair(item: Item, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """(RGB uint8 n x n x 3, mask uint8 0/255 n x n), n of its own longer side and `largest` at most."""
    image, mask = read_pair(item)
    side = min(largest, max(image.shape[:2]))
    image, mask = (cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA) for pixels in (image, mask))
    return image, np.where(mask > 127, 255, 0).astype(np.uint8)


def encoded(image: np.ndarray, mask: np.ndarray, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """(WebP, PNG of one bit), uint8."""
    picture = cv2.imencode(".webp", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    bits = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return picture.ravel(), bits.ravel()


def packed(items: Iterable[tuple[Entry, Item]], how: Packing, fine: Iterable[str]) -> Packed:
    """Reads and encodes them; pictures of the data sets `fine` at the finer side."""
    whole, finer = Packed([], [], []), set(fine)
    for entry, item in items:
        pair = square_pair(item, how.fine_side if entry.dataset in finer else how.side)
        picture, mask = encoded(*pair, how.quality)
        whole.entries.append(entry)
        whole.pictures.append(picture)
        whole.masks.append(mask)
    return whole


def write(path: Path, content: Packed) -> None:
    """Tensors `pictures` and `masks`, one file after the other, and `*_ends`; in the metadata the entries as JSON, a row
    each."""
    tensors = {}
    for name, files in (("pictures", content.pictures), ("masks", content.masks)):
        tensors[name] = np.concatenate(files)
        tensors[f"{name}_ends"] = np.cumsum([len(file) for file in files], dtype=np.int64)
    index = json.dumps([astuple(entry) for entry in content.entries])
    write_safetensors(path, tensors, METADATA | {"entries": index})


def load(path: Path) -> Packed:
    """Reads the file. Raises CheckpointError if it is none of these."""
    tensors = read_safetensors(path)
    try:
        entries = [Entry(*row) for row in json.loads(metadata(path)["entries"])]
        files = [_cut(tensors[name], tensors[f"{name}_ends"]) for name in ("pictures", "masks")]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no packed pool: {error}") from error
    if {len(entries)} != {len(each) for each in files}:
        raise CheckpointError(f"{path} is no packed pool: it names {len(entries)} pictures")
    return Packed(entries, *files)


def _cut(blob: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    edges = [0, *ends.tolist()]
    if edges != sorted(edges) or edges[-1] != len(blob):
        raise ValueError("its files do not fill it")
    return [blob[begin:end] for begin, end in pairwise(edges)]


def fine_sets(plan: Plan) -> set[str]:
    """The data sets that some phase cuts tiles from."""
    drawings = [phase.config().drawing for phase in plan.phases]
    return {name for drawing in drawings if drawing.fine for name in drawing.fine.sampling}


def main() -> None:
    """Packs a pool, and says how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    parser.add_argument("--split", type=Path, required=True, help="CSV: dataset, stem, split")
    parser.add_argument("--out", type=Path, required=True)
    usual = Packing()
    parser.add_argument("--side", type=int, default=usual.side)
    parser.add_argument("--fine-side", type=int, default=usual.fine_side)
    parser.add_argument("--quality", type=int, default=usual.quality, help="of WebP, 1 to 100")
    parser.add_argument("--validation", type=int, default=usual.validation, help="pictures of a source")
    args = parser.parse_args()
    how = Packing(args.side, args.fine_side, args.quality, args.validation)
    train, val = (load_split(args.data, args.split, part) for part in (TRAIN, VAL))
    content = packed(chosen(train, val, how.validation), how, fine_sets(read()))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write(args.out, content)
    pictures, masks = (sum(map(len, files)) / 1e6 for files in (content.pictures, content.masks))
    size = args.out.stat().st_size
    print(
        f"{args.out}: {len(content.of(TRAIN))} + {len(content.of(VAL))} pictures, {size / 1e6:.1f} MB "
        f"(pictures {pictures:.1f}, masks {masks:.1f})"
    )
    if size > LIMIT:
        raise SystemExit(f"more than {LIMIT / 1e6:.0f} MB: take a smaller --side or --quality")


if __name__ == "__main__":
    main()
