"""The worst and the middling pictures of each modality, truth in green, our mask in orange.

    espmedsam segment ../shared/data/hc18/images --modality ultrasound --format png -o out/masks
    python -m espmedsam.measure.failures --masks out/masks [DIR ...] --data ../shared/data --out models/card \
        [--split ../shared/data/split.csv --part val]

Writes OUT/failures.md, the worst stems of every data set with figures, and OUT/failures-MODALITY.png of those data sets
whose licence lets samples be passed on. `--all` draws the others too: for one's own eyes, not to be published.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..facts.modalities import of_index
from .report import by_dataset, markdown

OPEN = ("chase_db1", "dsb2018", "hc18", "isic2017", "usgra_seg")  # CC BY or CC0
ENDING = ".mask.png"  # of what `segment --format png` writes
SHOWN = 4  # pictures of a row
LARGEST = 250_000  # bytes of a montage
CAPTION = 26
TRUTH, OURS = (60, 220, 60), (255, 120, 0)


@dataclass(frozen=True)
class Case:
    """A picture and both masks' files, with what was measured on them."""

    row: dict[str, str]
    image: Path
    truth: Path
    ours: Path
    dice: float | None  # None: there is no target
    target: float  # share of the picture
    marked: float

    @property
    def modality(self) -> str:
        """By the model's name."""
        return of_index(self.row["modality"])


def mask(path: Path) -> np.ndarray:
    """True where target."""
    return np.asarray(Image.open(path).convert("L")) > 127


def measure(row: dict[str, str], data: Path, ours: Path) -> Case:
    """Dice, and how much each marks."""
    truth, found = mask(data / row["mask"]), mask(ours)
    if truth.shape != found.shape:
        raise ValueError(f"{ours} is {found.shape[::-1]}, the true mask {truth.shape[::-1]}: not of this picture")
    dice = 2 * float((truth & found).sum()) / float(truth.sum() + found.sum()) if truth.any() else None
    return Case(row, data / row["image"], data / row["mask"], ours, dice, float(truth.mean()), float(found.mean()))


def gather(folders: list[Path], data: Path, part: set[tuple[str, str]] | None) -> list[Case]:
    """Every picture of the index (and of the part) that a folder has a mask of."""
    masks = {path.name.removesuffix(ENDING): path for folder in folders for path in sorted(folder.glob(f"*{ENDING}"))}
    with (data / "index.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["stem"] in masks]
    rows = [r for r in rows if part is None or (r["dataset"], r["stem"]) in part]
    return [measure(r, data, masks[r["stem"]]) for r in rows]


def worst_first(cases: list[Case]) -> list[Case]:
    """Those with a target, by Dice."""
    return sorted((c for c in cases if c.dice is not None), key=lambda c: (c.dice, c.row["stem"]))


def outline(inside: np.ndarray) -> np.ndarray:
    """The mask's cells that touch others; the picture's edge counts as outside."""
    p = np.pad(inside, 1)
    return inside & ~(p[:-2, 1:-1] & p[2:, 1:-1] & p[1:-1, :-2] & p[1:-1, 2:])


def tile(case: Case, side: int) -> Image.Image:
    """The picture in a square, outlines over it, Dice and name below."""
    picture = Image.open(case.image).convert("RGB")
    picture.thumbnail((side, side))
    pixels = np.array(picture)
    for path, colour in ((case.truth, TRUTH), (case.ours, OURS)):
        small = Image.fromarray(mask(path)).resize(picture.size, Image.Resampling.NEAREST)
        pixels[outline(np.asarray(small))] = colour
    out = Image.new("RGB", (side, side + CAPTION), "black")
    out.paste(Image.fromarray(pixels), ((side - picture.width) // 2, (side - picture.height) // 2))
    pen = ImageDraw.Draw(out)
    for line, text in enumerate((f"Dice {case.dice:.3f}  {case.row['dataset']}", case.row["stem"])):
        pen.text((3, side + 1 + 12 * line), text[:side // 6], fill="white")
    return out


def middle(cases: list[Case], count: int) -> list[Case]:
    """Those around the median."""
    start = max(0, (len(cases) - count) // 2)
    return cases[start:start + count]


def montage(cases: list[Case], side: int) -> Image.Image:
    """The worst above, those around the median below."""
    ordered = worst_first(cases)
    rows = [ordered[:SHOWN], middle(ordered, SHOWN)]
    out = Image.new("RGB", (SHOWN * side, len(rows) * (side + CAPTION)), "black")
    for y, row in enumerate(rows):
        for x, case in enumerate(row):
            out.paste(tile(case, side), (x * side, y * (side + CAPTION)))
    return out


def with_palette(drawn: Image.Image) -> Image.Image:
    """254 colours and the outlines' two, which no pixel of a picture gets."""
    pixels = np.array(drawn)
    lines = [(pixels == colour).all(2) for colour in (TRUTH, OURS)]
    pixels[lines[0] | lines[1]] = 0
    few = Image.fromarray(pixels).quantize(254, dither=Image.Dither.NONE)
    at = np.array(few)
    for i, line in enumerate(lines):
        at[line] = 254 + i
    out = Image.fromarray(at, "P")
    out.putpalette([*(few.getpalette() + [0] * 768)[:3 * 254], *TRUTH, *OURS])
    return out


def save_small(cases: list[Case], path: Path) -> None:
    """As large as fits."""
    for side in (224, 200, 176, 152, 128, 96):
        with_palette(montage(cases, side)).save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            break


def table(cases: list[Case], worst: int) -> str:
    """Per data set: the worst stems, and what was marked where nothing is."""
    by_name = {(c.row["dataset"], c.row["stem"]): c for c in cases}
    parts = []
    for name, rows in by_dataset(c.row for c in cases).items():
        mine = [by_name[r["dataset"], r["stem"]] for r in rows]
        ordered = worst_first(mine)
        false = sorted((c for c in mine if c.dice is None and c.marked), key=lambda c: -c.marked)
        parts.append(f"## {name} ({mine[0].modality}, {len(ordered)} pictures with a target)\n")
        parts.append(markdown("picture | Dice | target, share of the picture | marked",
                              [[f"`{c.row['stem']}`", "no target" if c.dice is None else f"{c.dice:.3f}",
                                f"{c.target:.1%}", f"{c.marked:.1%}"] for c in [*ordered[:worst], *false[:worst]]]))
    return "\n".join(["# The worst pictures\n", *parts])


def main() -> None:
    """Writes the table and the montages."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--masks", type=Path, nargs="+", required=True, help=f"folders of STEM{ENDING}")
    p.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    p.add_argument("--split", type=Path, help="only pictures of this split's --part")
    p.add_argument("--part", default="val")
    p.add_argument("--worst", type=int, default=8, help="pictures of a data set in the table (default: 8)")
    p.add_argument("--all", action="store_true", help="draw data sets too whose pictures may not be passed on")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    part = None
    if a.split:
        with a.split.open() as file:
            part = {(r["dataset"], r["stem"]) for r in csv.DictReader(file) if r["split"] == a.part}
    cases = gather(a.masks, a.data, part)
    if not cases:
        p.error("no mask in these folders is of a picture of the index")
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "failures.md").write_text(table(cases, a.worst))
    drawn = [c for c in cases if c.dice is not None and (a.all or c.row["dataset"] in OPEN)]
    for modality in sorted({c.modality for c in drawn}):
        path = a.out / f"failures-{modality}.png"
        save_small([c for c in drawn if c.modality == modality], path)
        print(f"{path}: {path.stat().st_size // 1000} kB")
    left = sorted({c.row["dataset"] for c in cases} - {c.row["dataset"] for c in drawn})
    if left:
        print(f"in the table only, their pictures may not be passed on: {', '.join(left)}")


if __name__ == "__main__":
    main()
