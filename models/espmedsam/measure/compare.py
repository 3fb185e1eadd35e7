"""Checkpoints side by side: Dice by PyTorch in float arithmetic, one look at the whole picture, white-balanced as served.

    python -m espmedsam.measure.compare --data DIR --split FILE [--part val] [--modality colonoscopy] [--side 224] \
        [--mirrored] [--out FILE] start=runs/base-wide/ema.safetensors:base distilled=runs/a/ema.safetensors \
        'both=runs/a/ema.safetensors runs/unet-teacher-21/ema.safetensors'

Several files behind a name are an ensemble. `{modality}` in a file's name is that of the picture; files are as
`segmenter.load` takes them. The last rows are the mean over all pictures and each column's difference from the first,
picture by picture, with a bootstrap interval of 95 % over pictures.
"""

from __future__ import annotations

import argparse
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import torch

from ..facts.modalities import MODALITIES
from ..network import at_size
from ..pictures.pool import Item, load_split, normalise, read_pair, square
from ..pictures.white_balance import balance
from ..teachers import segmenter
from ..teachers.segmenter import Ensemble
from ..train.validation import dice
from ..weights.checkpoint import CheckpointError
from .statistics import markdown, mean_of

RELEASE = Path(__file__).parents[2] / "configs/release.toml"


class Column:
    """A name, and the files whose networks are an ensemble."""

    def __init__(self, given: str):
        self.name, _, files = given.partition("=")
        self.files = files.split()
        if not self.files:
            raise SystemExit(f"'{given}' is not NAME=FILE")

    def of(self, modality: str) -> list[str]:
        """The files for a picture of this modality."""
        return [name.replace("{modality}", modality) for name in self.files]


@torch.no_grad()
def scores(items: list[Item], columns: list[Column], side: int, mirrored: bool) -> np.ndarray:
    """Pictures x columns: Dice; of a picture without a target, 1 if nothing is marked, else 0."""
    usual = tomllib.loads(RELEASE.read_text()).get("white_balance", {})
    network = cache(lambda name: Ensemble([segmenter.load(name)], mirrored))
    out = np.zeros((len(items), len(columns)))
    for row, item in enumerate(items):
        image, mask = read_pair(item)
        seen = square(image, side)
        if item.modality in usual:
            seen = balance(seen, **usual[item.modality])
        picture = torch.from_numpy(normalise(seen))[None]
        modality = torch.tensor([MODALITIES.index(item.modality)])
        found: dict[str, torch.Tensor] = {}  # a file behind several names is run once
        for at, column in enumerate(columns):
            names = column.of(item.modality)
            for name in names:
                if name not in found:
                    found[name] = network(name)(picture, modality).probability
            mean = torch.stack([found[name] for name in names]).mean(0)
            marked = at_size(mean, mask.shape)[0].numpy() >= 0.5
            out[row, at] = float(not marked.any()) if item.empty else dice(marked, mask > 127)
    return out


def table(items: list[Item], found: np.ndarray, columns: list[Column]) -> str:
    """Markdown, a row per data set."""
    names = np.array([f"{item.dataset}, empty left empty" if item.empty else item.dataset for item in items])
    rows = []
    for name in sorted(set(names)):
        own = found[names == name]
        rows.append([f"`{name}` ({len(own)})", *(f"{mean:.3f}" for mean in own.mean(0))])
    good = found[[not item.empty for item in items]]
    if len(good):
        rows.append(["all with a target", *(f"{mean:.3f}" for mean in good.mean(0))])
        gains = (good[:, 1:] - good[:, :1]).T
        rows.append(["from the first", "", *(mean_of(gain).text(sign="+") for gain in gains)])
    return markdown("Dice|" + "|".join(column.name for column in columns), rows)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    parser.add_argument("--split", type=Path, required=True, help="CSV: dataset, stem, split (train or val)")
    parser.add_argument("--part", default="val")
    parser.add_argument("--modality", choices=MODALITIES, action="append")
    parser.add_argument("--dataset", action="append")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--mirrored", action="store_true", help="each looks at the mirror image too")
    parser.add_argument("--out", type=Path, help="the table goes here too")
    parser.add_argument("columns", nargs="+", metavar="NAME=FILE")
    args = parser.parse_args()
    items = [
        item
        for item in load_split(args.data, args.split, args.part)
        if (not args.modality or item.modality in args.modality) and (not args.dataset or item.dataset in args.dataset)
    ]
    if not items:
        parser.error("no picture of the split is of these data sets and modalities")
    columns = [Column(c) for c in args.columns]
    try:
        text = table(items, scores(items, columns, args.side, args.mirrored), columns)
    except CheckpointError as error:
        raise SystemExit(str(error)) from error
    print(text)
    if args.out:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
