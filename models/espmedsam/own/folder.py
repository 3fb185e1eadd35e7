"""Pictures and what is marked in them, as people keep them: mask files beside pictures, COCO's JSON, LabelMe's.

| layout | how it is told | masks |
| --- | --- | --- |
| pairs | `images/` and `masks/` with equal stems; or `NAME.EXT` beside `NAME_mask.EXT` | what is brighter than half |
| COCO | one `.json` with `images` and `annotations` | polygons and run lengths of all categories together |
| LabelMe | a `.json` for each picture, with `shapes` | polygons, rectangles and circles of all labels together |

A picture without any mark is an empty one: kept, and told so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..pictures.pool import read_picture

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MASK = "_mask"
MOST_PIXELS = 50_000_000  # of a picture


class FolderError(ValueError):
    """A folder that cannot be learned from, with the file and the reason."""


@dataclass(frozen=True)
class Annotated:
    """One picture and its mask."""

    stem: str
    image: Path
    mask: np.ndarray  # uint8 H x W, 0 or 255


def read(folder: Path) -> list[Annotated]:
    """All of the folder, by stem. Raises FolderError at the first that is wrong."""
    if not folder.is_dir():
        raise FolderError(f"{folder} is no folder")
    found = sorted(_layout(folder)(folder), key=lambda each: each.stem)
    names = [each.stem for each in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise FolderError(f"{folder}: two pictures are called '{min(twice)}'")
    return found


def _layout(folder: Path) -> Callable[[Path], Iterator[Annotated]]:
    if (folder / "images").is_dir() and (folder / "masks").is_dir():
        return _of_two_folders
    documents = sorted(folder.glob("*.json"))
    if len(documents) == 1 and "annotations" in _json(documents[0]):
        return _of_coco
    if documents and all("shapes" in _json(path) for path in documents):
        return _of_labelme
    if any(path.stem.endswith(MASK) for path in _pictures(folder)):
        return _of_pairs
    raise FolderError(
        f"{folder} has neither images/ and masks/, nor NAME{MASK} beside NAME, nor a COCO file, nor LabelMe files"
    )


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def _json(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FolderError(f"{path}: {error}") from error
    if not isinstance(known, dict):
        raise FolderError(f"{path} holds no JSON object")
    return known


def _of_two_folders(folder: Path) -> Iterator[Annotated]:
    masks = {path.stem.removesuffix(MASK): path for path in _pictures(folder / "masks")}
    images = _pictures(folder / "images")
    if lost := masks.keys() - {path.stem for path in images}:
        raise FolderError(f"{folder}/masks: '{min(lost)}' has no picture in images/")
    for image in images:
        yield _paired(image, masks.get(image.stem))


def _of_pairs(folder: Path) -> Iterator[Annotated]:
    masks = {path.stem.removesuffix(MASK): path for path in _pictures(folder) if path.stem.endswith(MASK)}
    images = [path for path in _pictures(folder) if not path.stem.endswith(MASK)]
    if lost := masks.keys() - {path.stem for path in images}:
        raise FolderError(f"{folder}: '{min(lost)}{MASK}' has no picture beside it")
    for image in images:
        yield _paired(image, masks.get(image.stem))


def _paired(image: Path, mask: Path | None) -> Annotated:
    if mask is None:
        raise FolderError(f"{image} has no mask; of an empty picture it is black")
    marked = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    if marked is None:
        raise FolderError(f"{mask} is no picture")
    size = picture_size(image)
    if marked.shape != size:
        raise FolderError(f"{mask} is {marked.shape[1]} x {marked.shape[0]}, its picture {size[1]} x {size[0]}")
    # Some masks are 0 and 1, or labels: of these, whatever is not background is target.
    level = 127 if marked.max() > 127 else 0
    return Annotated(image.stem, image, np.where(marked > level, 255, 0).astype(np.uint8))


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture file. Raises FolderError if it is none, or too large."""
    try:
        height, width = read_picture(path).shape[:2]
    except ValueError as error:
        raise FolderError(str(error)) from error
    if height * width > MOST_PIXELS:
        raise FolderError(f"{path} has {height * width} pixels, more than {MOST_PIXELS}")
    return height, width


def _inside(folder: Path, name: object) -> Path:
    """A file that an annotation names; in the folder, or in its `images/`."""
    for place in (folder, folder / "images"):
        path = place / Path(str(name)).name
        if path.is_file():
            return path
    raise FolderError(f"{folder}: the picture '{name}' is not there")


def _of_coco(folder: Path) -> Iterator[Annotated]:
    document = next(iter(sorted(folder.glob("*.json"))))
    known = _json(document)
    try:
        marks: dict[Any, list[dict[str, Any]]] = {}
        for mark in known["annotations"]:
            marks.setdefault(mark["image_id"], []).append(mark)
        for entry in known["images"]:
            image = _inside(folder, entry["file_name"])
            mask = np.zeros(picture_size(image), np.uint8)
            if mask.shape != (entry["height"], entry["width"]):
                raise FolderError(f"{document}: {image.name} is of another size than is written there")
            for mark in marks.get(entry["id"], []):
                mask |= _segmentation(mark["segmentation"], mask.shape)
            yield Annotated(image.stem, image, mask)
    except (KeyError, TypeError, IndexError) as error:
        raise FolderError(f"{document} is not as COCO's files are: {error!r}") from error


def _segmentation(given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A COCO segmentation, uint8 H x W: polygons [[x, y, ...], ...] or {counts, size}, columns first."""
    if isinstance(given, list):
        return _filled(given, shape)
    counts = given["counts"]
    runs = _runs(counts) if isinstance(counts, str) else [int(run) for run in counts]
    if sum(runs) != shape[0] * shape[1] or min(runs, default=0) < 0 or list(given["size"]) != list(shape):
        raise FolderError(f"run lengths of {given['size']} do not fit a picture of {list(shape)}")
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8) * 255
    return flat.reshape(shape[1], shape[0]).T


def _runs(text: str) -> list[int]:
    """COCO's compressed run lengths: six bits a character, little end first, from the third on against the one before the
    last."""
    runs: list[int] = []
    value = bits = 0
    for character in text.encode():
        part = character - 48
        value |= (part & 31) << bits
        bits += 5
        if part & 32:
            continue
        value -= (part >> 4 & 1) << bits
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = bits = 0
    return runs


def _of_labelme(folder: Path) -> Iterator[Annotated]:
    for document in sorted(folder.glob("*.json")):
        known = _json(document)
        try:
            image = _inside(folder, known["imagePath"])
            mask = np.zeros(picture_size(image), np.uint8)
            for shape in known["shapes"]:
                mask |= _shape(shape, mask.shape)
        except (KeyError, TypeError, IndexError) as error:
            raise FolderError(f"{document} is not as LabelMe's files are: {error!r}") from error
        yield Annotated(document.stem, image, mask)


def _shape(shape: dict[str, Any], size: tuple[int, ...]) -> np.ndarray:
    """A LabelMe shape, uint8 H x W."""
    points, kind = np.reshape(shape["points"], (-1, 2)).astype(float), shape.get("shape_type", "polygon")
    if kind == "polygon":
        return _filled([points], size)
    if kind == "rectangle":
        (left, top), (right, bottom) = points
        return _filled([np.array([(left, top), (right, top), (right, bottom), (left, bottom)])], size)
    if kind == "circle":
        centre, edge = points
        turns = np.linspace(0, 2 * np.pi, 180, endpoint=False)
        ring = centre + np.hypot(*(edge - centre)) * np.stack([np.cos(turns), np.sin(turns)], 1)
        return _filled([ring], size)
    raise FolderError(f"shapes of the kind '{kind}' mark no area")


def _filled(rings: list[Any], size: tuple[int, ...]) -> np.ndarray:
    """The pixels whose centres lie inside a ring (even-odd). Corners are of pixels' corners, as both formats have them."""
    mask = np.zeros(size, np.uint8)
    centres = np.arange(size[1]) + 0.5
    for ring in rings:
        try:
            corners = np.reshape(np.asarray(ring, float), (-1, 2))
        except ValueError as error:
            raise FolderError(f"a polygon is none: {error}") from error
        if not np.isfinite(corners).all() or len(corners) < 3:
            raise FolderError("a polygon has fewer than three corners, or one that is no number")
        ends = np.roll(corners, -1, 0)
        low, high = max(0, int(corners[:, 1].min())), min(size[0], int(np.ceil(corners[:, 1].max())))
        for row in range(low, high):
            y = row + 0.5
            cut = (corners[:, 1] <= y) != (ends[:, 1] <= y)
            (x, from_y), (to_x, to_y) = corners[cut].T, ends[cut].T
            crossings = np.sort(x + (y - from_y) / (to_y - from_y) * (to_x - x))
            mask[row, np.searchsorted(crossings, centres) % 2 == 1] = 255
    return mask
