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
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..facts.architecture import EMBED
from ..pictures.pool import UNLABELLED, Item, load_split, read_image
from ..weights import checkpoint
from . import litemedsam

SMALLEST = 0.5  # of a picture's sides that a crop has
MEASURED = 24   # validation pictures of each source


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

    def of(self, image: np.ndarray) -> np.ndarray:
        """The part of the picture, H x W x 3: teacher and student see the same pixels."""
        h, w = image.shape[:2]
        x, y = int(self.left * w), int(self.top * h)
        part = image[y:y + max(int(self.height * h + 0.5), 1), x:x + max(int(self.width * w + 0.5), 1)]
        return np.ascontiguousarray(part[:, ::-1] if self.mirrored else part)


def look(item: Item, view: int, seed: int) -> Look:
    """The picture's look of that number: whole if it is 0, else a crop drawn from seed, picture and number."""
    if view == 0:
        return Look(item.dataset, item.stem, 0, 0.0, 0.0, 1.0, 1.0, False)
    rng = np.random.default_rng([seed, view, zlib.crc32(f"{item.dataset}/{item.stem}".encode())])
    width, height = rng.uniform(SMALLEST, 1, 2).round(4)
    left, top = (rng.uniform(0, 1, 2) * (1 - np.array([width, height]))).round(4)
    return Look(item.dataset, item.stem, view, float(left), float(top), float(width), float(height),
                bool(rng.random() < 0.5))


def area_weights(extent: float, cells: int, dst: int) -> Tensor:
    """dst x cells: means over the first `extent` of `cells` cells, cut into dst equal parts."""
    edges = torch.arange(dst + 1, dtype=torch.float64) * extent / dst
    cell = torch.arange(cells, dtype=torch.float64)
    shared = (torch.minimum(edges[1:, None], cell + 1) - torch.maximum(edges[:-1, None], cell)).clamp(min=0)
    return (shared / shared.sum(1, keepdim=True)).float()


def pooled(embedding: Tensor, covered: tuple[float, float], grid: int) -> Tensor:
    """C x G x G of which the picture covers (rows, columns) from the corner -> C x grid x grid over the picture alone."""
    rows, columns = (area_weights(e, embedding.shape[-1], grid).to(embedding) for e in covered)
    return rows @ embedding @ columns.T


class Embeddings:
    """The folder, open for reading; `write` adds to it."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            self.made_by = json.loads((folder / "made_by.json").read_text())
        except FileNotFoundError as e:
            raise SystemExit(f"{folder} holds no embeddings: make them with `python -m espmedsam.teachers.embeddings`") from e
        self.grid = self.made_by["grid"]
        self.path, self.list = folder / "embeddings.f16", folder / "rows.csv"
        self.looks = self._whole_rows()
        shape = (len(self.looks), EMBED, self.grid, self.grid)
        self.rows = np.memmap(self.path, np.float16, "r", shape=shape) if self.looks else np.zeros(shape, np.float16)

    @classmethod
    def opened(cls, folder: Path, made_by: dict) -> Embeddings:
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
        rows = rows[:self.path.stat().st_size // self.row_bytes if self.path.exists() else 0]
        return [Look(d, s, int(v), *map(float, box), m == "True") for d, s, v, *box, m in rows]

    @property
    def row_bytes(self) -> int:
        """Of one embedding."""
        return EMBED * self.grid * self.grid * 2

    def write(self, made: Iterator[tuple[list[Look], np.ndarray]]) -> None:
        """Appends looks and their embeddings, B x 256 x grid x grid float16. What a stopped run left half done goes."""
        self._rewrite_list()
        with self.path.open("ab") as data, self.list.open("a", newline="") as rows:
            data.truncate(len(self.looks) * self.row_bytes)
            writer = csv.writer(rows, lineterminator="\n")
            for looks, embeddings in made:
                data.write(np.ascontiguousarray(embeddings, np.float16).tobytes())
                data.flush()
                writer.writerows(map(astuple, looks))
                rows.flush()

    def _rewrite_list(self) -> None:
        part = self.list.with_suffix(".part")
        with part.open("w", newline="") as f:
            writer = csv.writer(f, lineterminator="\n")
            writer.writerow([field.name for field in fields(Look)])
            writer.writerows(map(astuple, self.looks))
        part.replace(self.list)

    def variance(self, most: int = 512) -> float:
        """Of the embeddings about each channel's mean, over up to `most` rows: the squared error of the best constant."""
        some = self.rows[np.linspace(0, len(self.looks) - 1, min(most, len(self.looks))).astype(int)].astype(np.float32)
        return float(some.var((0, 2, 3)).mean())


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


@torch.no_grad()
def embed(encoder: Callable[[Tensor], Tensor], jobs: list[tuple[Item, Look]], grid: int, batch: int,
          device: torch.device, bf16: bool) -> Iterator[tuple[list[Look], np.ndarray]]:
    """The teacher's embeddings, batch by batch."""
    for i in range(0, len(jobs), batch):
        some = jobs[i:i + batch]
        seen = [litemedsam.looked_at(look.of(read_image(item))) for item, look in some]
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            found = encoder(torch.from_numpy(np.stack([x for x, _ in seen])).to(device)).float()
        yield ([look for _, look in some],
               np.stack([pooled(e, covered, grid).cpu().numpy() for e, (_, covered) in zip(found, seen)]))


def told(made: Iterator, todo: int) -> Iterator:
    """The same, with a line to the terminal every minute."""
    begun = said = time.monotonic()
    done = 0
    for looks, embeddings in made:
        yield looks, embeddings
        done += len(looks)
        now = time.monotonic()
        if now - said > 60 or done == todo:
            said = now
            each = (now - begun) / done
            print(f"{done} of {todo}, {each:.2f} s each, {(todo - done) * each / 3600:.1f} h to go", flush=True)


def main() -> None:
    """Makes what is missing."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--teacher", type=Path, required=True, help="LiteMedSAM, as `espmedsam.weights.pretrained` writes it")
    p.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    p.add_argument("--split", type=Path, required=True, help="CSV: dataset, stem, split (train, val or unlabelled)")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--views", type=int, default=3, help="looks at each picture (default: 3)")
    p.add_argument("--each", type=int, help="at most so many pictures of each source and part (default: all)")
    p.add_argument("--most", type=int, help="at most so many looks in all, the first in turn (default: all)")
    p.add_argument("--grid", type=int, default=14, help="cells a side that are kept: a sixteenth of ours (default: 14)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--batch", type=int, default=1, help="pictures at once (default: 1, the quickest on a CPU)")
    p.add_argument("--bf16", action="store_true", help="half the time on CPUs that have it; 0.3 %% of the variance is missed")
    p.add_argument("--compiled", action="store_true", help="the teacher compiled: a third less time")
    p.add_argument("--threads", type=int, help="(default: PyTorch's)")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    device = torch.device(a.device)
    state = checkpoint.read(a.teacher)
    encoder = litemedsam.load(state, str(a.teacher)).to(device)
    made_by = {"teacher": fingerprint(state), "grid": a.grid, "seed": a.seed} | ({"bf16": True} if a.bf16 else {})
    cache = Embeddings.opened(a.out, made_by)
    there = {(k.dataset, k.stem, k.view) for k in cache.looks}
    jobs = [(item, look(item, view, a.seed)) for item, view in wanted(a.data, a.split, a.views, a.each)[:a.most]
            if (item.dataset, item.stem, view) not in there]
    print(f"{len(there)} embeddings are there, {len(jobs)} to make: {len(jobs) * cache.row_bytes / 2**20:.0f} MiB",
          flush=True)
    look_at = torch.compile(encoder, dynamic=False) if a.compiled else encoder
    cache.write(told(embed(look_at, jobs, a.grid, a.batch, device, a.bf16), len(jobs)))


if __name__ == "__main__":
    main()
