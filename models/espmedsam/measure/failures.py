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
from .statistics import markdown

OPEN = ("chase_db1", "dsb2018", "hc18", "isic2017", "usgra_seg")  # CC BY or CC0
ENDING = ".mask.png"  # of what `segment --format png` writes
SHOWN = 4  # pictures of a row
LARGEST = 250_000  # bytes of a montage
CAPTION = 26
TRUTH, OURS = (60, 220, 60), (255, 120, 0)


@dataclass(frozen=True)
class Failure:
    """A picture and both masks' files, with what was measured on them."""

    dataset: str
    stem: str
    modality: str
    image: Path
    truth: Path
    ours: Path
    dice: float | None  # None: there is no target
    target: float  # share of the picture
    marked: float


def mask(path: Path) -> np.ndarray:
    """True where target."""
    return np.asarray(Image.open(path).convert("L")) > 127


def measure(row: dict[str, str], data: Path, ours: Path) -> Failure:
    """Dice, and how much each marks."""
    truth, found = mask(data / row["mask"]), mask(ours)
    if truth.shape != found.shape:
        raise ValueError(f"{ours} is {found.shape[::-1]}, the true mask {truth.shape[::-1]}: not of this picture")
    dice = 2 * float((truth & found).sum()) / float(truth.sum() + found.sum()) if truth.any() else None
    return Failure(
        dataset=row["dataset"],
        stem=row["stem"],
        modality=of_index(row["modality"]),
        image=data / row["image"],
        truth=data / row["mask"],
        ours=ours,
        dice=dice,
        target=float(truth.mean()),
        marked=float(found.mean()),
    )


def gather(folders: list[Path], data: Path, part: set[tuple[str, str]] | None) -> list[Failure]:
    """Every picture of the index (and of the part) that a folder has a mask of."""
    masks = {path.name.removesuffix(ENDING): path for folder in folders for path in sorted(folder.glob(f"*{ENDING}"))}
    with (data / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["stem"] in masks]
    rows = [row for row in rows if part is None or (row["dataset"], row["stem"]) in part]
    return [measure(row, data, masks[row["stem"]]) for row in rows]


def worst_first(cases: list[Failure]) -> list[Failure]:
    """Those with a target, by Dice."""
    return sorted((case for case in cases if case.dice is not None), key=lambda case: (case.dice, case.stem))


def outline(inside: np.ndarray) -> np.ndarray:
    """The mask's cells that touch others; the picture's edge counts as outside."""
    padded = np.pad(inside, 1)
    return inside & ~(padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:])


def tile(case: Failure, side: int) -> Image.Image:
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
    for line, text in enumerate((f"Dice {case.dice:.3f}  {case.dataset}", case.stem)):
        pen.text((3, side + 1 + 12 * line), text[: side // 6], fill="white")
    return out


def middle(cases: list[Failure], count: int) -> list[Failure]:
    """Those around the median."""
    start = max(0, (len(cases) - count) // 2)
    return cases[start : start + count]


def montage(cases: list[Failure], side: int) -> Image.Image:
    """The worst above, those around the median below."""
    ordered = worst_first(cases)
    rows = [ordered[:SHOWN], middle(ordered, SHOWN)]
    out = Image.new("RGB", (SHOWN * side, len(rows) * (side + CAPTION)), "black")
    for down, row in enumerate(rows):
        for across, case in enumerate(row):
            out.paste(tile(case, side), (across * side, down * (side + CAPTION)))
    return out


def with_palette(drawn: Image.Image) -> Image.Image:
    """254 colours and the outlines' two, which no pixel of a picture gets."""
    pixels = np.array(drawn)
    lines = [(pixels == colour).all(2) for colour in (TRUTH, OURS)]
    pixels[lines[0] | lines[1]] = 0
    few = Image.fromarray(pixels).quantize(254, dither=Image.Dither.NONE)
    at = np.array(few)
    for number, line in enumerate(lines):
        at[line] = 254 + number
    out = Image.fromarray(at, "P")
    colours = [*(few.getpalette() or []), *[0] * 768]
    out.putpalette([*colours[: 3 * 254], *TRUTH, *OURS])
    return out


def save_small(cases: list[Failure], path: Path) -> None:
    """As large as fits."""
    for side in (224, 200, 176, 152, 128, 96):
        with_palette(montage(cases, side)).save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            break


def table(cases: list[Failure], worst: int) -> str:
    """Per data set: the worst stems, and what was marked where nothing is."""
    sets: dict[str, list[Failure]] = {}
    for case in sorted(cases, key=lambda case: (case.dataset, case.stem)):
        sets.setdefault(case.dataset, []).append(case)
    parts = []
    for name, mine in sets.items():
        ordered = worst_first(mine)
        false = sorted((case for case in mine if case.dice is None and case.marked), key=lambda case: -case.marked)
        rows = [
            [
                f"`{case.stem}`",
                "no target" if case.dice is None else f"{case.dice:.3f}",
                f"{case.target:.1%}",
                f"{case.marked:.1%}",
            ]
            for case in [*ordered[:worst], *false[:worst]]
        ]
        parts.append(f"## {name} ({mine[0].modality}, {len(ordered)} pictures with a target)\n")
        parts.append(markdown("picture | Dice | target, share of the picture | marked", rows))
    return "\n".join(["# The worst pictures\n", *parts])


def main() -> None:
    """Writes the table and the montages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=Path, nargs="+", required=True, help=f"folders of STEM{ENDING}")
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    parser.add_argument("--split", type=Path, help="only pictures of this split's --part")
    parser.add_argument("--part", default="val")
    parser.add_argument("--worst", type=int, default=8, help="pictures of a data set in the table (default: 8)")
    parser.add_argument("--all", action="store_true", help="draw data sets too whose pictures may not be passed on")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    part = None
    if args.split:
        with args.split.open() as file:
            part = {(row["dataset"], row["stem"]) for row in csv.DictReader(file) if row["split"] == args.part}
    cases = gather(args.masks, args.data, part)
    if not cases:
        parser.error("no mask in these folders is of a picture of the index")
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "failures.md").write_text(table(cases, args.worst))
    drawn = [case for case in cases if case.dice is not None and (args.all or case.dataset in OPEN)]
    for modality in sorted({case.modality for case in drawn}):
        path = args.out / f"failures-{modality}.png"
        save_small([case for case in drawn if case.modality == modality], path)
        print(f"{path}: {path.stat().st_size // 1000} kB")
    left = sorted({case.dataset for case in cases} - {case.dataset for case in drawn})
    if left:
        print(f"in the table only, their pictures may not be passed on: {', '.join(left)}")


if __name__ == "__main__":
    main()
