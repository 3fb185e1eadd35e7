"""What is marked, as other programs write it -> masks. Corners are of pixels' corners, as both formats have them."""

from __future__ import annotations

import numpy as np

from .document import Value
from .files import FolderError

LONGEST_RUN = 35  # bits of a packed run: more than any picture has pixels


def segmentation(given: Value, size: tuple[int, int]) -> np.ndarray:
    """A COCO segmentation, uint8 H x W: polygons [[x, y, ...], ...] or {counts, size}, columns first."""
    if not isinstance(given.value, list):
        return _of_runs(given, size)
    rings = [_corners(ring, ring.numbers()) for ring in given.each()]
    if not rings:
        raise FolderError(f"{given.place} marks no area")
    return filled(rings, size)


def _of_runs(given: Value, size: tuple[int, int]) -> np.ndarray:
    counts, stated = given.at("counts"), given.at("size").numbers()
    runs = unpacked(counts) if isinstance(counts.value, str) else [int(run) for run in counts.numbers()]
    if list(stated) != list(size) or min(runs, default=-1) < 0 or sum(runs) != size[0] * size[1]:
        raise FolderError(f"{given.place}: run lengths of {stated} do not fit a picture of {list(size)}")
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8) * 255
    return flat.reshape(size[1], size[0]).T


def unpacked(given: Value) -> list[int]:
    """COCO's compressed run lengths: six bits a character, little end first, from the third on against the one before the
    last."""
    runs: list[int] = []
    value = bits = 0
    for character in given.text().encode():
        part = character - 48
        if not 0 <= part < 64 or bits > LONGEST_RUN:
            raise FolderError(f"{given.place} holds no run lengths")
        value |= (part & 31) << bits
        bits += 5
        if part & 32:
            continue
        value -= (part >> 4 & 1) << bits
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = bits = 0
    return runs


def shape(given: Value, size: tuple[int, int]) -> np.ndarray:
    """A LabelMe shape, uint8 H x W."""
    kind = given.at("shape_type").text() if given.has("shape_type") else "polygon"
    listed = given.at("points")
    points = [point.numbers() for point in listed.each()]
    if any(len(point) != 2 for point in points):
        raise FolderError(f"{listed.place}: a point is x and y")
    if kind == "polygon":
        return filled([_corners(listed, points)], size)
    if kind not in ("rectangle", "circle"):
        raise FolderError(f"{given.place}: shapes of the kind '{kind}' mark no area")
    if len(points) != 2:
        raise FolderError(f"{listed.place}: {len(points)} points, of a {kind} there are two")
    (left, top), (right, bottom) = points
    if kind == "rectangle":
        return filled([np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)], size)
    turns = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    radius = np.hypot(right - left, bottom - top)
    return filled([np.array((left, top)) + radius * np.stack([np.cos(turns), np.sin(turns)], 1)], size)


def _corners(given: Value, numbers: list[float] | list[list[float]]) -> np.ndarray:
    """[n, 2] of a polygon."""
    flat = np.asarray(numbers, float).ravel()
    if len(flat) % 2:
        raise FolderError(f"{given.place}: a polygon of {len(flat)} numbers is none: each corner is x and y")
    if len(flat) < 6:
        raise FolderError(f"{given.place}: a polygon has fewer than three corners")
    return flat.reshape(-1, 2)


def filled(rings: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The pixels whose centres lie inside a ring (even-odd), uint8 H x W. Rings are [n, 2], x and y."""
    mask = np.zeros(size, np.uint8)
    centres = np.arange(size[1]) + 0.5
    for corners in rings:
        ends = np.roll(corners, -1, 0)
        low, high = max(0, int(corners[:, 1].min())), min(size[0], int(np.ceil(corners[:, 1].max())))
        for row in range(low, high):
            y = row + 0.5
            cut = (corners[:, 1] <= y) != (ends[:, 1] <= y)
            (x, from_y), (to_x, to_y) = corners[cut].T, ends[cut].T
            crossings = np.sort(x + (y - from_y) / (to_y - from_y) * (to_x - x))
            mask[row, np.searchsorted(crossings, centres) % 2 == 1] = 255
    return mask
