"""A folder of one's own as the training's pool is kept: `index.csv`, `split.csv`, pictures and masks."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..pictures.pool import SPLIT_COLUMNS, write_csv
from .files import Annotated, FolderError, replaced, text_of

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
    kept_empty: int  # of these
    digest: str  # of pictures, marks and groups
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A picture that was taken into the pool."""

    stem: str
    image: str  # in the pool
    mask: str
    size: tuple[int, ...]  # height, width
    marked: float  # share of its area
    digest: str


def write(found: Iterable[Annotated], folder: Path, out: Path, modality: str, seed: int = 0) -> Found:
    """Writes the pool of `folder` to `out`, in the place of an earlier one when whole. Raises FolderError if there is too
    little to learn from."""
    with replaced(out) as part:
        for kind in ("images", "masks"):
            (part / kind).mkdir()
        rows = sorted((_taken(each, part) for each in found), key=lambda row: row.stem)
        group = _groups(folder, rows)
        kept = _kept(rows, group, folder, seed)
        _list(rows, group, kept, part, modality)
    judging = [row for row in rows if group[row.stem] in kept]
    whole = hashlib.sha256(repr([(row.digest, group[row.stem]) for row in rows]).encode())
    told = Found(
        pictures=len(rows),
        empty=_empty(rows),
        groups=len(set(group.values())),
        kept=len(judging),
        kept_empty=_empty(judging),
        digest=whole.hexdigest(),
    )
    return replace(told, warnings=_warnings(told, rows, folder))


def _empty(rows: list[Row]) -> int:
    return sum(not row.marked for row in rows)


def _taken(each: Annotated, out: Path) -> Row:
    """Copies the picture and its mask."""
    image, mask = f"images/{each.stem}{each.image.suffix.lower()}", f"masks/{each.stem}.png"
    shutil.copyfile(each.image, out / image)
    if not cv2.imwrite(str(out / mask), each.mask):
        raise OSError(f"{out / mask} cannot be written")
    return Row(each.stem, image, mask, each.mask.shape, float((each.mask > 0).mean()), each.digest())


def _list(rows: list[Row], group: dict[str, str], kept: set[str], out: Path, modality: str) -> None:
    """Writes `index.csv` and `split.csv`."""
    listed = [
        {"dataset": "own", "modality": modality, "stem": row.stem, "image": row.image, "mask": row.mask}
        | {"width": row.size[1], "height": row.size[0], "source_split": "", "patient_or_group": group[row.stem]}
        | {"empty": int(not row.marked), "split": "val" if group[row.stem] in kept else "train"}
        for row in rows
    ]
    write_csv(out / "index.csv", [column for column in listed[0] if column != "split"], listed)
    write_csv(out / "split.csv", list(SPLIT_COLUMNS), listed)


def _groups(folder: Path, rows: list[Row]) -> dict[str, str]:
    """Stem -> group; without a list of them every picture is its own. Raises FolderError where the list is wrong."""
    group, path = {row.stem: row.stem for row in rows}, folder / GROUPS
    if not path.exists():
        return group
    table = csv.DictReader(text_of(path).splitlines())
    if not {"file", "group"} <= set(table.fieldnames or ()):
        raise FolderError(f"{path} needs the columns file and group")
    for row in table:
        if not row["file"] or not row["group"]:
            raise FolderError(f"{path}, line {table.line_num}: lacks a file or a group")
        stem = Path(row["file"]).stem
        if stem not in group:
            raise FolderError(f"{path}, line {table.line_num}: names '{stem}', which is not there")
        group[stem] = row["group"]
    return group


def _kept(rows: list[Row], group: dict[str, str], folder: Path, seed: int) -> set[str]:
    """Groups for validation: of those with a target, and of those with none, a part each. Raises FolderError where there are
    too few."""
    present = [row for row in rows if row.marked]
    if len(present) < FEWEST:
        raise FolderError(f"{folder} has {len(present)} pictures with a target; {FEWEST} are the fewest to learn from")
    shown = {group[row.stem] for row in present}
    if len(shown) < 2 * FEWEST_KEPT:
        raise FolderError(
            f"the pictures are of {len(shown)} patients; {2 * FEWEST_KEPT} are the fewest to judge by others'"
        )
    rng = np.random.default_rng(seed)
    some = rng.permutation(sorted(shown))[: max(FEWEST_KEPT, round(VALIDATION * len(shown)))]
    others = rng.permutation(sorted(set(group.values()) - shown))  # a single one is learned from
    few = others[: max(1, round(VALIDATION * len(others)))] if len(others) > 1 else others[:0]
    return {*some.tolist(), *few.tolist()}


def _warnings(told: Found, rows: list[Row], folder: Path) -> tuple[str, ...]:
    said = []
    if not (folder / GROUPS).exists():
        said.append(
            f"no {GROUPS}: every picture counts as a patient of its own; where one patient has several, figures flatter"
        )
    if not told.empty:
        said.append("no empty pictures: a mask may be drawn where there is nothing, and no figure here would show it")
    elif not told.kept_empty:
        said.append("no empty picture is among those kept: no figure here shows what is drawn where there is nothing")
    areas = [row.marked for row in rows if row.marked]
    if max(areas) > 0.95:
        said.append("a mask fills nearly its whole picture: perhaps target and background are exchanged")
    if float(np.median(areas)) < 0.002:
        said.append("half of the targets are smaller than 0.2 % of their picture: at 224 x 224 little of them is left")
    return tuple(said)
