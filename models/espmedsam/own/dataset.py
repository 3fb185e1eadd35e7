"""A folder of one's own as the training's pool is kept: `index.csv`, `split.csv`, pictures and masks."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .folder import Annotated, FolderError

FEWEST = 10  # pictures with a target
VALIDATION = 0.2  # share of the groups that is kept for validation
FEWEST_KEPT = 3
GROUPS = "groups.csv"  # file, group: pictures of one patient stay on one side


@dataclass(frozen=True)
class Found:
    """What a folder holds."""

    pictures: int
    empty: int
    groups: int
    kept: int  # for validation
    warnings: tuple[str, ...]


def write(found: list[Annotated], folder: Path, out: Path, modality: str, seed: int = 0) -> Found:
    """Writes the pool of `folder` to `out`. Raises FolderError if there is too little to learn from."""
    present = [each for each in found if each.mask.any()]
    if len(present) < FEWEST:
        raise FolderError(f"{folder} has {len(present)} pictures with a target; {FEWEST} are the fewest to learn from")
    group = _groups(folder, found)
    kept = _kept(present, group, seed)
    for part in ("images", "masks"):
        (out / part).mkdir(parents=True, exist_ok=True)
    index, split = [], []
    for each in found:
        image, mask = out / "images" / f"{each.stem}{each.image.suffix.lower()}", out / "masks" / f"{each.stem}.png"
        shutil.copyfile(each.image, image)
        cv2.imwrite(str(mask), each.mask)
        height, width = each.mask.shape
        row = {"dataset": "own", "modality": modality, "stem": each.stem}
        index.append(
            row
            | {"image": image.relative_to(out).as_posix(), "mask": mask.relative_to(out).as_posix()}
            | {"width": width, "height": height, "source_split": "", "patient_or_group": group[each.stem]}
            | {"empty": int(not each.mask.any())}
        )
        split.append(row | {"split": "val" if group[each.stem] in kept else "train"})
    for name, rows in (("index.csv", index), ("split.csv", split)):
        with (out / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    validation = sum(row["split"] == "val" for row in split)
    return Found(
        len(found), len(found) - len(present), len(set(group.values())), validation, _warnings(present, found, folder)
    )


def _groups(folder: Path, found: list[Annotated]) -> dict[str, str]:
    """Stem -> group; without a list of them every picture is its own."""
    group = {each.stem: each.stem for each in found}
    if not (folder / GROUPS).exists():
        return group
    with (folder / GROUPS).open() as file:
        for row in csv.DictReader(file):
            try:
                stem, own = Path(row["file"]).stem, row["group"]
            except KeyError as error:
                raise FolderError(f"{folder / GROUPS} needs the columns file and group") from error
            if stem not in group:
                raise FolderError(f"{folder / GROUPS} names '{stem}', which is not there")
            group[stem] = own
    return group


def _kept(present: list[Annotated], group: dict[str, str], seed: int) -> set[str]:
    """Groups for validation."""
    names = sorted({group[each.stem] for each in present})
    wanted = max(FEWEST_KEPT, round(VALIDATION * len(names)))
    if len(names) < 2 * FEWEST_KEPT:
        raise FolderError(
            f"the pictures are of {len(names)} patients; {2 * FEWEST_KEPT} are the fewest to judge by others'"
        )
    return set(np.random.default_rng(seed).permutation(names)[:wanted].tolist())


def _warnings(present: list[Annotated], found: list[Annotated], folder: Path) -> tuple[str, ...]:
    said = []
    if not (folder / GROUPS).exists():
        said.append(
            f"no {GROUPS}: every picture counts as a patient of its own; where one patient has several, figures flatter"
        )
    if len(found) == len(present):
        said.append("no empty pictures: a mask will be drawn where there is nothing, too")
    areas = [float((each.mask > 0).mean()) for each in present]
    if max(areas) > 0.95:
        said.append("a mask fills nearly its whole picture: perhaps target and background are exchanged")
    if float(np.median(areas)) < 0.002:
        said.append("half of the targets are smaller than 0.2 % of their picture: at 224 x 224 little of them is left")
    return tuple(said)
