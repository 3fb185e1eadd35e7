"""Pictures and what is marked in them, as people keep them: mask files beside pictures, COCO's JSON, LabelMe's.

| layout | how it is told | masks |
| --- | --- | --- |
| pairs | `images/` and `masks/` with equal stems; `NAME.EXT` beside `NAME_mask.EXT` | what is brighter than half, or not 0 |
| COCO | one `.json` with `images` and `annotations` | polygons and run lengths of all categories together |
| LabelMe | a `.json` for each picture, with `shapes` | polygons, rectangles and circles of all labels together |

A picture without any mark is an empty one: kept, and told so. One that a JSON file does not name is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath

import numpy as np

from . import document, marks
from .document import Value
from .files import Annotated, FolderError, counted, mask_of, picture_size, pictures

MASK = "_mask"


def read(folder: Path) -> Iterator[Annotated]:
    """The folder's pictures, one after the other. Raises FolderError at the first that is wrong."""
    if not folder.is_dir():
        raise FolderError(f"{folder} is no folder")
    return counted(_layout(folder)(folder), folder)


def _layout(folder: Path) -> Callable[[Path], Iterator[Annotated]]:
    if (folder / "images").is_dir() and (folder / "masks").is_dir():
        return _of_two_folders
    documents = sorted(folder.glob("*.json"))
    if len(documents) == 1 and document.read(documents[0]).has("annotations"):
        return _of_coco
    if documents and all(document.read(path).has("shapes") for path in documents):
        return _of_labelme
    if any(path.stem.endswith(MASK) for path in pictures(folder)):
        return _of_pairs
    raise FolderError(
        f"{folder} has neither images/ and masks/, nor NAME{MASK} beside NAME, nor a COCO file, nor LabelMe files"
    )


def _of_two_folders(folder: Path) -> Iterator[Annotated]:
    masks = {path.stem.removesuffix(MASK): path for path in pictures(folder / "masks")}
    images = pictures(folder / "images")
    if lost := masks.keys() - {path.stem for path in images}:
        raise FolderError(f"{folder}/masks: '{min(lost)}' has no picture in images/")
    for image in images:
        yield _paired(image, masks.get(image.stem))


def _of_pairs(folder: Path) -> Iterator[Annotated]:
    masks = {path.stem.removesuffix(MASK): path for path in pictures(folder) if path.stem.endswith(MASK)}
    images = [path for path in pictures(folder) if not path.stem.endswith(MASK)]
    if lost := masks.keys() - {path.stem for path in images}:
        raise FolderError(f"{folder}: '{min(lost)}{MASK}' has no picture beside it")
    for image in images:
        yield _paired(image, masks.get(image.stem))


def _paired(image: Path, mask: Path | None) -> Annotated:
    if mask is None:
        raise FolderError(f"{image} has no mask; of an empty picture it is black")
    return Annotated(image.stem, image, mask_of(mask, picture_size(image)))


def _inside(folder: Path, name: Value) -> Path:
    """A file that an annotation names; in the folder, or in its `images/`."""
    for place in (folder, folder / "images"):
        path = place / PureWindowsPath(name.text()).name  # takes either slash
        if path.is_file():
            return path
    raise FolderError(f"{name.place}: the picture '{name.text()}' is not there")


def _blank(image: Path, stated: Value, height: str, width: str) -> np.ndarray:
    """A mask without marks, of the size that is stated of the picture."""
    size = picture_size(image)
    if size != (stated.at(height).value, stated.at(width).value):
        raise FolderError(f"{stated.place}: {image.name} is {size[1]} x {size[0]}, which is not what is written there")
    return np.zeros(size, np.uint8)


def _of_coco(folder: Path) -> Iterator[Annotated]:
    known = document.read(next(iter(sorted(folder.glob("*.json")))))
    of: dict[int | str, list[Value]] = {}
    for entry in known.at("images").each():
        if entry.at("id").key() in of:
            raise FolderError(f"{entry.at('id').place}: another picture has that id")
        of[entry.at("id").key()] = []
    for mark in known.at("annotations").each():
        name = mark.at("image_id")
        if name.key() not in of:
            raise FolderError(f"{name.place}: no picture has the id {name.key()!r}")
        of[name.key()].append(mark.at("segmentation"))
    for entry in known.at("images").each():
        image = _inside(folder, entry.at("file_name"))
        mask = _blank(image, entry, "height", "width")
        for mark in of[entry.at("id").key()]:
            mask |= marks.segmentation(mark, mask.shape)
        yield Annotated(image.stem, image, mask)


def _of_labelme(folder: Path) -> Iterator[Annotated]:
    for path in sorted(folder.glob("*.json")):
        known = document.read(path)
        image = _inside(folder, known.at("imagePath"))
        stated = known.has("imageHeight") and known.has("imageWidth")
        mask = _blank(image, known, "imageHeight", "imageWidth") if stated else np.zeros(picture_size(image), np.uint8)
        for shape in known.at("shapes").each():
            mask |= marks.shape(shape, mask.shape)
        yield Annotated(image.stem, image, mask)
