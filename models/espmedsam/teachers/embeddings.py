"""LiteMedSAM's embeddings of the pool, made once and kept on disk: what the common knowledge of `train` is learned from.

    python -m espmedsam.teachers.embeddings --teacher runs/pretrained/lite_medsam.safetensors --data DIR --split FILE \
        --out runs/embeddings [--views 3] [--each 10] [--most 2400] [--bf16]

Every picture is looked at several times: whole first, then as crops, half of them mirrored. Of validation pictures only the
whole is kept, of a few of each source, to measure by; unlabelled ones are taken as the trained ones are. The first look at
every picture comes before the second of any, and the sources take turns, so that training can begin early on pictures of
all; a run that was stopped goes on, and more views, pictures or sources are added by asking again.

The folder: `embeddings.f16`, rows of 256 x grid x grid float16, read through memory mapping; `rows.csv`, which picture and
which part of it each row is of; `made_by.json`, teacher, grid and seed, which must stay the same.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..facts.architecture import EMBED
from ..pictures.pool import UNLABELLED, Item, load_split, read_image
from ..weights import checkpoint
from . import litemedsam

SMALLEST = 0.5  # of a picture's sides that a crop has
MEASURED = 24  # validation pictures of each source


@dataclass(frozen=True)
class Look:
    """A picture, a number, and the part of the picture that is seen: fractions of its width and height."""

    dataset: str
    stem: str
    view: int
    left: float
    top: float
    width: float
    height: float
    mirrored: bool

    @classmethod
    def read(cls, row: list[str]) -> Look:
        """Of a row of `rows.csv`."""
        dataset, stem, view, left, top, width, height, mirrored = row
        return cls(dataset, stem, int(view), float(left), float(top), float(width), float(height), mirrored == "True")

    def of(self, image: np.ndarray) -> np.ndarray:
        """The part of the picture, H x W x 3: teacher and student see the same pixels."""
        height, width = image.shape[:2]
        top, left = int(self.top * height), int(self.left * width)
        bottom = top + max(int(self.height * height + 0.5), 1)
        right = left + max(int(self.width * width + 0.5), 1)
        part = image[top:bottom, left:right]
        return np.ascontiguousarray(part[:, ::-1] if self.mirrored else part)


@dataclass(frozen=True)
class Made:
    """Looks and what the teacher makes of them."""

    looks: list[Look]
    embeddings: np.ndarray  # B x 256 x grid x grid float16


def look(item: Item, view: int, seed: int) -> Look:
    """The picture's look of that number: whole if it is 0, else a crop drawn from seed, picture and number."""
    if view == 0:
        return Look(item.dataset, item.stem, 0, 0.0, 0.0, 1.0, 1.0, False)
    rng = np.random.default_rng([seed, view, zlib.crc32(f"{item.dataset}/{item.stem}".encode())])
    width, height = rng.uniform(SMALLEST, 1, 2).round(4)
    left, top = (rng.uniform(0, 1, 2) * (1 - np.array([width, height]))).round(4)
    return Look(
        item.dataset, item.stem, view, float(left), float(top), float(width), float(height), bool(rng.random() < 0.5)
    )


def area_weights(extent: float, cells: int, dst: int) -> Tensor:
    """dst x cells: means over the first `extent` of `cells` cells, cut into dst equal parts."""
    edges = torch.arange(dst + 1, dtype=torch.float64) * extent / dst
    cell = torch.arange(cells, dtype=torch.float64)
    shared = (torch.minimum(edges[1:, None], cell + 1) - torch.maximum(edges[:-1, None], cell)).clamp(min=0)
    return (shared / shared.sum(1, keepdim=True)).float()


def pooled(embedding: Tensor, covered: tuple[float, float], grid: int) -> Tensor:
    """C x G x G of which the picture covers (rows, columns) from the corner -> C x grid x grid over the picture alone."""
    rows, columns = (area_weights(extent, embedding.shape[-1], grid).to(embedding) for extent in covered)
    return rows @ embedding @ columns.T


class Embeddings:
    """The folder, open for reading; `write` adds to it."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            self.made_by = json.loads((folder / "made_by.json").read_text())
        except FileNotFoundError as error:
            made_with = "`python -m espmedsam.teachers.embeddings`"
            raise SystemExit(f"{folder} holds no embeddings: make them with {made_with}") from error
        self.grid = self.made_by["grid"]
        self.path, self.list = folder / "embeddings.f16", folder / "rows.csv"
        self.looks = self._whole_rows()
        shape = (len(self.looks), EMBED, self.grid, self.grid)
        self.rows: np.ndarray = np.zeros(shape, np.float16)
        if self.looks:
            self.rows = np.memmap(self.path, np.float16, "r", shape=shape)

    @classmethod
    def opened(cls, folder: Path, made_by: dict[str, Any]) -> Embeddings:
        """The folder to add to, begun if it is new. Exits if it was made by another teacher, grid or seed."""
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "made_by.json").exists():
            (folder / "made_by.json").write_text(json.dumps(made_by, indent=1) + "\n")
        found = cls(folder)
        if found.made_by != made_by:
            raise SystemExit(f"{folder} was made by {found.made_by}, not by {made_by}: name another folder")
        return found

    def _whole_rows(self) -> list[Look]:
        """The rows that are complete in both files: a run may have been stopped between them."""
        if not self.list.exists():
            return []
        lines = self.list.read_text().splitlines(keepends=True)
        lines = [line for line in lines if line.endswith("\n")]
        rows = list(csv.reader(lines))[1:]
        rows = rows[: self.path.stat().st_size // self.row_bytes if self.path.exists() else 0]
        return [Look.read(row) for row in rows]

    @property
    def row_bytes(self) -> int:
        """Of one embedding."""
        return EMBED * self.grid * self.grid * 2

    def write(self, made: Iterable[Made]) -> None:
        """Appends looks and their embeddings. What a stopped run left half done goes."""
        self._rewrite_list()
        with self.path.open("ab") as data, self.list.open("a", newline="") as rows:
            data.truncate(len(self.looks) * self.row_bytes)
            writer = csv.writer(rows, lineterminator="\n")
            for batch in made:
                data.write(np.ascontiguousarray(batch.embeddings, np.float16).tobytes())
                data.flush()
                writer.writerows(map(astuple, batch.looks))
                rows.flush()

    def _rewrite_list(self) -> None:
        part = self.list.with_suffix(".part")
        with part.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([field.name for field in fields(Look)])
            writer.writerows(map(astuple, self.looks))
        part.replace(self.list)

    def variance(self, most: int = 512) -> float:
        """Of the embeddings about each channel's mean, over up to `most` rows: the squared error of the best constant."""
        chosen = np.linspace(0, len(self.looks) - 1, min(most, len(self.looks))).astype(int)
        return float(self.rows[chosen].astype(np.float32).var((0, 2, 3)).mean())


def wanted(data: Path, split: Path, views: int, each: int | None) -> list[tuple[Item, int]]:
    """(picture, number of the look): the first looks of all before the second of any, and in them the sources by turns, so
    that what is there when a run is stopped is of every source alike."""
    turns: list[tuple[int, Item, int]] = []
    for part in ("train", UNLABELLED, "val"):
        of_source: dict[str, list[Item]] = {}
        for item in load_split(data, split, part):
            of_source.setdefault(item.source, []).append(item)
        most, looks = (MEASURED, 1) if part == "val" else (None, views)
        for items in of_source.values():
            items.sort(key=lambda item: zlib.crc32(item.stem.encode()))  # in no order that a data set has
            turns += [(turn, item, looks) for turn, item in enumerate(items[:most][:each])]
    turns.sort(key=lambda turn: turn[0])
    return [(item, view) for view in range(views) for _, item, looks in turns if view < looks]


def fingerprint(state: dict[str, np.ndarray]) -> str:
    """Of a checkpoint's tensors, whatever the file says beside them."""
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(key.encode() + np.ascontiguousarray(state[key]).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Maker:
    """The teacher, and how it is asked."""

    encoder: Callable[[Tensor], Tensor]  # B x 3 x 256 x 256 in 0..1 -> B x 256 x 64 x 64
    grid: int  # cells a side that are kept
    batch: int  # pictures at once
    bf16: bool
    device: torch.device

    @torch.no_grad()
    def made(self, jobs: list[tuple[Item, Look]]) -> Iterator[Made]:
        """The teacher's embeddings, batch by batch."""
        for first in range(0, len(jobs), self.batch):
            some = jobs[first : first + self.batch]
            seen = [litemedsam.shown(look.of(read_image(item))) for item, look in some]
            pixels = torch.from_numpy(np.stack([shown.pixels for shown in seen])).to(self.device)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                found = self.encoder(pixels).float()
            kept = [
                pooled(embedding, (shown.rows, shown.columns), self.grid).cpu().numpy()
                for embedding, shown in zip(found, seen, strict=True)
            ]
            yield Made([look for _, look in some], np.stack(kept).astype(np.float16))


def told(made: Iterable[Made], todo: int) -> Iterator[Made]:
    """The same, with a line to the terminal every minute."""
    begun = said = time.monotonic()
    done = 0
    for batch in made:
        yield batch
        done += len(batch.looks)
        now = time.monotonic()
        if now - said > 60 or done == todo:
            said = now
            each = (now - begun) / done
            print(f"{done} of {todo}, {each:.2f} s each, {(todo - done) * each / 3600:.1f} h to go", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--teacher", type=Path, required=True, help="LiteMedSAM, as `espmedsam.weights.pretrained` writes it")
    add("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    add("--split", type=Path, required=True, help="CSV: dataset, stem, split (train, val or unlabelled)")
    add("--out", type=Path, required=True)
    add("--views", type=int, default=3, help="looks at each picture (default: 3)")
    add("--each", type=int, help="at most so many pictures of each source and part (default: all)")
    add("--most", type=int, help="at most so many looks in all, the first in turn (default: all)")
    add("--grid", type=int, default=14, help="cells a side that are kept: a sixteenth of ours (default: 14)")
    add("--seed", type=int, default=0)
    add("--batch", type=int, default=1, help="pictures at once (default: 1, the quickest on a CPU)")
    add("--bf16", action="store_true", help="half the time where the CPU has it; 0.3 %% of the variance is missed")
    add("--compiled", action="store_true", help="the teacher compiled: a third less time")
    add("--threads", type=int, help="(default: PyTorch's)")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def main() -> None:
    """Makes what is missing."""
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    state = checkpoint.read(args.teacher)
    encoder = litemedsam.load(state, str(args.teacher)).to(device)
    made_by = {"teacher": fingerprint(state), "grid": args.grid, "seed": args.seed}
    cache = Embeddings.opened(args.out, made_by | ({"bf16": True} if args.bf16 else {}))
    there = {(kept.dataset, kept.stem, kept.view) for kept in cache.looks}
    asked = wanted(args.data, args.split, args.views, args.each)[: args.most]
    jobs = [(item, look(item, view, args.seed)) for item, view in asked if (item.dataset, item.stem, view) not in there]
    size = len(jobs) * cache.row_bytes / 2**20
    print(f"{len(there)} embeddings are there, {len(jobs)} to make: {size:.0f} MiB", flush=True)
    compiled = torch.compile(encoder, dynamic=False) if args.compiled else encoder
    maker = Maker(compiled, args.grid, args.batch, args.bf16, device)
    cache.write(told(maker.made(jobs), len(jobs)))


if __name__ == "__main__":
    main()
