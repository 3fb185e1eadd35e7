"""Files as they are given: bounded, and by their headers, before anything of them is read into memory."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..pictures.pool import read_mask, read_picture

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MOST_PICTURES = 5_000  # of a folder: they are kept in memory, as small as they are looked at
# Of a picture, as the program has them (`image.max_pixels`, `FrameLimits::min_side`), which is to measure on it.
MOST_PIXELS = 24_000_000
LEAST_SIDE = 16
MOST_BYTES = 100_000_000  # of a JSON or CSV file; LabelMe's may hold the picture itself


class OwnError(ValueError):
    """No model of one's own comes of it, for the reason that is said."""


class FolderError(OwnError):
    """A folder that cannot be learned from, with the file, the place in it and the reason."""


@dataclass(frozen=True)
class Annotated:
    """One picture and its mask."""

    stem: str
    image: Path
    mask: np.ndarray  # uint8 H x W, 0 or 255

    def digest(self) -> str:
        """SHA-256 of all that is learned of it, hex."""
        whole = hashlib.sha256(repr((self.stem, self.mask.shape)).encode())
        whole.update(self.image.read_bytes())
        whole.update(self.mask.tobytes())
        return whole.hexdigest()


def pictures(folder: Path) -> list[Path]:
    """The folder's picture files, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def check_size(path: Path) -> None:
    """Raises FolderError where a picture's header says that it is none, too large or too small."""
    try:
        with Image.open(path) as opened:
            width, height = opened.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise FolderError(f"{path} is missing or no picture: {error}") from error
    if width * height > MOST_PIXELS:
        raise FolderError(f"{path} has {width * height} pixels, more than {MOST_PIXELS}")
    if min(width, height) < LEAST_SIDE:
        raise FolderError(f"{path} is {width} x {height}; {LEAST_SIDE} pixels are the shortest side")


def _decoded(path: Path, read: Callable[[Path], np.ndarray]) -> np.ndarray:
    check_size(path)
    try:
        return read(path)
    except ValueError as error:
        raise FolderError(str(error)) from error


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture that can be read, upright. Raises FolderError if it cannot."""
    height, width = _decoded(path, read_picture).shape[:2]
    return height, width


def mask_of(path: Path, size: tuple[int, int]) -> np.ndarray:
    """A mask file for a picture of that size, uint8 H x W, 0 or 255. Raises FolderError if it is none."""
    marked = _decoded(path, read_mask)
    if marked.shape != size:
        raise FolderError(f"{path} is {marked.shape[1]} x {marked.shape[0]}, its picture {size[1]} x {size[0]}")
    # Some masks are 0 and 1, or labels: of these, whatever is not background is target.
    level = 127 if marked.max() > 127 else 0
    return np.where(marked > level, 255, 0).astype(np.uint8)


def text_of(path: Path) -> str:
    """A text file. Raises FolderError if it is none, or too large."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FolderError(f"{path} has {path.stat().st_size} bytes, more than {MOST_BYTES}")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FolderError(f"{path}: {error}") from error


def counted(found: Iterator[Annotated], folder: Path) -> Iterator[Annotated]:
    """The same. Raises FolderError at the first name that was there before, and where there are too many."""
    names: set[str] = set()
    for each in found:
        if each.stem in names:
            raise FolderError(f"{folder}: two pictures are called '{each.stem}'")
        names.add(each.stem)
        if len(names) > MOST_PICTURES:
            raise FolderError(f"{folder} has more than {MOST_PICTURES} pictures")
        yield each


@contextmanager
def replaced(place: Path) -> Iterator[Path]:
    """A folder to make something in. When whole it takes the place of what was there before; else nothing is left of it."""
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
