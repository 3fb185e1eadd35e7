"""Pictures of no modality, drawn in code: RGB uint8 side x side x 3. `TRAINED` kinds are for training; `HELD_OUT` kinds
are only ever measured on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator as Rng

Colour = tuple[float, float, float]

LETTERS = list("ABCDEFGHIKLMNOPRSTUVWXYZabcdefghiklmnoprstuvwxyz0123456789 .:/-")


def _colour(rng: Rng) -> Colour:
    """Any colour; greys, black and white more often than chance."""
    if rng.random() < 0.3:
        return (float(rng.choice([0, 255, rng.uniform(0, 255)])),) * 3
    red, green, blue = rng.uniform(0, 255, 3).tolist()
    return red, green, blue


def _flat(side: int, rng: Rng) -> np.ndarray:
    return np.full((side, side, 3), _colour(rng), np.float32)


def _text(pixels: np.ndarray, rng: Rng, at: Sequence[int], colour: Colour, size: float | None = None) -> None:
    word = "".join(rng.choice(LETTERS, rng.integers(2, 16)))
    cv2.putText(
        pixels, word, at, cv2.FONT_HERSHEY_SIMPLEX, size or float(rng.uniform(0.2, 0.5)), colour, 1, cv2.LINE_AA
    )


def _pink(side: int, rng: Rng, power: float, channels: int = 3) -> np.ndarray:
    """Noise whose amplitude falls as 1/f^power, as in photographs; each channel of deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((channels, side, side))) / frequency**power
    noise = np.fft.irfft2(spectrum, (side, side)).transpose(1, 2, 0)
    return (noise / noise.std((0, 1))).astype(np.float32)


def flat(side: int, rng: Rng) -> np.ndarray:
    """One colour, black and white most often; sometimes with a sensor's faint noise."""
    pixels = np.full((side, side, 3), rng.choice([0, 0, 255]), np.float32) if rng.random() < 0.5 else _flat(side, rng)
    return pixels + rng.standard_normal(pixels.shape) * (rng.uniform(0, 4) if rng.random() < 0.6 else 0)


def gradient(side: int, rng: Rng) -> np.ndarray:
    """From one colour to another, in a line or round a point."""
    rows, columns = np.mgrid[:side, :side] / side
    angle = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.4:
        share = np.hypot(columns - rng.random(), rows - rng.random())
    else:
        share = columns * np.cos(angle) + rows * np.sin(angle)
    share = ((share - share.min()) / np.ptp(share))[..., None]
    return share * np.array(_colour(rng)) + (1 - share) * np.array(_colour(rng))


def gaussian_noise(side: int, rng: Rng) -> np.ndarray:
    """Independent in each pixel or in small squares."""
    grey, cell = rng.random() < 0.5, int(rng.choice([1, 1, 2, 4]))
    pixels = rng.standard_normal((side // cell, side // cell, 1 if grey else 3)).repeat(cell, 0).repeat(cell, 1)
    return np.array(_colour(rng)) + np.broadcast_to(pixels, (*pixels.shape[:2], 3)) * rng.uniform(10, 90)


def salt_noise(side: int, rng: Rng) -> np.ndarray:
    """Full and empty pixels over one colour."""
    pixels, share = _flat(side, rng), rng.uniform(0.05, 0.6)
    hit = rng.random((side, side)) < share
    pixels[hit] = rng.choice([0, 255], (hit.sum(), 1)) if rng.random() < 0.6 else rng.choice([0, 255], (hit.sum(), 3))
    return pixels


def checkerboard(side: int, rng: Rng) -> np.ndarray:
    """Squares or stripes."""
    cell, (rows, columns) = int(rng.integers(2, side // 3)), np.mgrid[:side, :side]
    on = (rows // cell + (columns // cell if rng.random() < 0.6 else 0)) % 2 == 0
    return np.where((on if rng.random() < 0.5 else on.T)[..., None], _colour(rng), _colour(rng))


def page(side: int, rng: Rng) -> np.ndarray:
    """Lines of text on a light or a dark page."""
    dark = rng.random() < 0.5
    pixels = np.full((side, side, 3), rng.uniform(0, 40) if dark else rng.uniform(215, 255), np.uint8)
    ink = (rng.uniform(150, 255),) * 3 if dark else (rng.uniform(0, 80),) * 3
    step, left, size = int(rng.integers(5, 14)), int(rng.integers(2, side // 5)), float(rng.uniform(0.15, 0.45))
    for row in range(int(rng.integers(6, 30)), side, step):
        if rng.random() < 0.85:
            for at in range(left, int(side * rng.uniform(0.5, 0.95)), side // 3):
                _text(pixels, rng, (at, row), ink, size)
    return pixels


def window(side: int, rng: Rng) -> np.ndarray:
    """A program's window: bars, panels, buttons, words, a picture place."""
    pixels = np.full(
        (side, side, 3), _colour(rng) if rng.random() < 0.3 else rng.choice([20, 45, 240, 250, 255]), np.uint8
    )
    for _ in range(rng.integers(2, 7)):
        start, end = rng.integers(0, side, 2).tolist(), rng.integers(0, side, 2).tolist()
        if rng.random() < 0.6:  # a bar or a side panel reaches from edge to edge
            axis = int(rng.integers(2))
            start[axis], end[axis] = 0, side
        cv2.rectangle(pixels, start, end, _colour(rng), -1 if rng.random() < 0.7 else 1)
    for _ in range(rng.integers(2, 9)):
        at, size = rng.integers(2, side - 8, 2), rng.integers(3, 22, 2)
        cv2.rectangle(pixels, at.tolist(), (at + size).tolist(), _colour(rng), -1)
    for _ in range(rng.integers(3, 20)):
        _text(pixels, rng, rng.integers(0, side, 2).tolist(), _colour(rng))
    return pixels


def _shape(pixels: np.ndarray, rng: Rng, size: float, colour: Sequence[float]) -> None:
    at, corners = rng.integers(0, pixels.shape[0], 2), rng.integers(3, 8)
    kind = rng.integers(3)
    if kind == 0:
        axes = np.maximum(size * rng.uniform(0.3, 1, 2), 1).astype(int).tolist()
        cv2.ellipse(pixels, at.tolist(), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    elif kind == 1:
        box = (at.astype(float).tolist(), (2 * size * rng.uniform(0.2, 1, 2)).tolist(), float(rng.uniform(0, 90)))
        cv2.fillPoly(pixels, [cv2.boxPoints(box).astype(np.int32)], colour)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        points = at + (size * rng.uniform(0.4, 1, corners) * np.array([np.cos(angles), np.sin(angles)])).T
        cv2.fillPoly(pixels, [points.astype(np.int32)], colour)


def shapes(side: int, rng: Rng) -> np.ndarray:
    """A few coloured shapes on one colour, hard or soft."""
    pixels = _flat(side, rng)
    for _ in range(rng.integers(1, 12)):
        _shape(pixels, rng, rng.uniform(4, side / 3), _colour(rng))
    return cv2.GaussianBlur(pixels, (0, 0), rng.uniform(1, 8)) if rng.random() < 0.3 else pixels


def pink_noise(side: int, rng: Rng) -> np.ndarray:
    """Coloured 1/f noise."""
    pixels = _pink(side, rng, rng.uniform(0.7, 1.7)) @ rng.uniform(-1, 1, (3, 3))
    return rng.uniform(50, 200, 3) + pixels / pixels.std() * rng.uniform(25, 75)


def dead_leaves(side: int, rng: Rng) -> np.ndarray:
    """Shapes of every size that cover one another, with texture and light: a stand-in for photographs (Lee, Mumford and
    Huang, "Occlusion models for natural images", 2001)."""
    pixels = np.concatenate(
        [_flat(side, rng), np.zeros((side, side, 1), np.float32)], 2
    )  # the fourth channel: which shape
    base, spread, count = rng.uniform(30, 220, 3), rng.uniform(15, 80), int(rng.integers(10, 70))
    for number in range(count):
        colour = base + rng.standard_normal(3) * spread + rng.standard_normal() * spread
        _shape(pixels, rng, min(side / 2, 3 / max(rng.random(), 0.02) ** 0.8), (*colour.tolist(), number + 1.0))
    pixels, shape = pixels[..., :3], pixels[..., 3].astype(int)
    grain = _pink(side, rng, rng.uniform(0.3, 1.2), 1) * rng.uniform(0, 0.35, count + 1)[shape][..., None]
    pixels = pixels * np.exp(grain) * np.exp(_pink(side, rng, 1.8, 1) * rng.uniform(0, 0.3))
    if rng.random() < 0.3:
        pixels = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), rng.uniform(0.5, 2))
    return np.repeat(pixels.mean(2, keepdims=True), 3, 2) if rng.random() < 0.2 else pixels


def scene(side: int, rng: Rng) -> np.ndarray:
    """A landscape or a room: a far part, a near part, things before them."""
    pixels, line = gradient(side, rng).astype(np.float32), int(side * rng.uniform(0.3, 0.75))
    grain = _pink(side, rng, rng.uniform(0.5, 1.4)) @ rng.uniform(-0.5, 1, (3, 3))
    pixels[line:] = (rng.uniform(30, 200, 3) + grain * rng.uniform(8, 35))[line:]
    things = dead_leaves(side, rng)
    mask = np.zeros((side, side, 3), np.float32)
    for _ in range(rng.integers(1, 7)):
        _shape(mask, rng, rng.uniform(6, side / 2.5), (1.0,) * 3)
    return np.where(mask > 0, things, pixels)


def line_chart(side: int, rng: Rng) -> np.ndarray:
    """Axes, ticks and curves or points."""
    dark = rng.random() < 0.25
    pixels = np.full((side, side, 3), 20 if dark else 255, np.uint8)
    ink, left, low = (230.0 if dark else 20.0,) * 3, int(side * 0.12), int(side * 0.88)
    cv2.polylines(pixels, [np.array([[left, 8], [left, low], [side - 6, low]])], False, ink, 1)
    for _ in range(rng.integers(1, 5)):
        colour, across = _colour(rng), np.linspace(left, side - 8, rng.integers(5, 60))
        down = np.interp(np.cumsum(rng.standard_normal(len(across))), [-8, 8], [low, 8])
        points = np.stack([across, down], 1).astype(np.int32)
        if rng.random() < 0.7:
            cv2.polylines(pixels, [points], False, colour, int(rng.integers(1, 3)), cv2.LINE_AA)
        else:
            for point in points.tolist():
                cv2.circle(pixels, point, int(rng.integers(1, 4)), colour, -1)
    for _ in range(rng.integers(2, 8)):
        _text(pixels, rng, (int(rng.integers(0, side // 2)), int(rng.choice([8, side - 4, side // 2]))), ink, 0.25)
    return pixels


def screen(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """The picture as a part of the device's screen: dark round it, words, a grey scale."""
    side = pixels.shape[0]
    height, width = (int(side * v) for v in rng.uniform(0.5, 0.95, 2))
    out = np.full((side, side, 3), rng.choice([0, 0, 0, 25, 50]), np.float32)
    top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
    out[top : top + height, left : left + width] = cv2.resize(
        pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
    )
    if rng.random() < 0.3:
        out[: int(side * rng.uniform(0.03, 0.1))] = rng.uniform(20, 140, 3)  # a title bar
    out = np.clip(out, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(0, 10)):
        at = (int(rng.uniform(0, 0.9) * side), int(rng.choice([rng.uniform(0, 0.2), rng.uniform(0.8, 1)]) * side))
        word = "".join(rng.choice(LETTERS, rng.integers(3, 12)))
        cv2.putText(out, word, at, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.15, 0.3)), (rng.uniform(90, 255),) * 3)
    if rng.random() < 0.3:
        out[side // 4 : side // 2, -5:-2] = np.linspace(255, 0, side // 2 - side // 4)[:, None, None]
    return out.astype(np.float32)


def empty_screen(side: int, rng: Rng) -> np.ndarray:
    """A device's screen with no picture on it, or with next to nothing."""
    return screen(np.full((side, side, 3), rng.choice([0, 0, 8, 60]), np.float32), rng)


# --- held out ---------------------------------------------------------------------------------------------------------


def mosaic(side: int, rng: Rng) -> np.ndarray:
    """Cells round random points (Voronoi)."""
    points, (rows, columns) = rng.uniform(0, side, (rng.integers(6, 60), 2)), np.mgrid[:side, :side]
    nearest = ((rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2).argmin(2)
    return rng.uniform(0, 255, (len(points), 3))[nearest]


def colour_bars(side: int, rng: Rng) -> np.ndarray:
    """A television's test picture."""
    bars = 255 * np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1]])
    pixels = bars[np.arange(side) * 7 // side][None].repeat(side, 0) * rng.uniform(0.6, 1)
    pixels[int(side * rng.uniform(0.65, 0.95)) :] = np.linspace(0, 255, side)[:, None]
    return pixels


def terminal(side: int, rng: Rng) -> np.ndarray:
    """Coloured words on black."""
    pixels, step = np.full((side, side, 3), rng.uniform(0, 40), np.uint8), int(rng.integers(6, 12))
    colours = [(80, 250, 120), (240, 240, 240), (255, 200, 60), (90, 160, 255), (255, 90, 90)]
    for row in range(step, side, step):
        if rng.random() < 0.9:
            _text(pixels, rng, (2, row), colours[int(rng.integers(5))], 0.3)
            _text(pixels, rng, (int(rng.integers(side // 4, side // 2)), row), colours[int(rng.integers(5))], 0.3)
    return pixels


def pie_and_bars(side: int, rng: Rng) -> np.ndarray:
    """A pie chart or a bar chart."""
    pixels = np.full((side, side, 3), rng.choice([255, 245, 30]), np.float32)
    cuts = np.sort(rng.uniform(0, 360, rng.integers(3, 8)))
    if rng.random() < 0.5:
        for start, end in pairwise([*cuts, cuts[0] + 360]):
            cv2.ellipse(
                pixels, (side // 2, side // 2), (side // 3, side // 3), 0, float(start), float(end), _colour(rng), -1
            )
    else:
        for bar in range(count := int(rng.integers(4, 12))):
            top = int(rng.uniform(6, side - 10))
            cv2.rectangle(
                pixels, (bar * side // count + 2, side - 6), ((bar + 1) * side // count - 3, top), _colour(rng), -1
            )
    return pixels


def waves(side: int, rng: Rng) -> np.ndarray:
    """Interfering coloured waves."""
    rows, columns = np.mgrid[:side, :side] / side
    pixels = np.zeros((side, side, 3))
    for _ in range(rng.integers(2, 5)):
        frequency = rng.uniform(-60, 60, 2)
        pixels += np.sin(columns * frequency[0] + rows * frequency[1] + rng.uniform(0, 6))[..., None] * rng.uniform(
            0, 1, 3
        )
    return 128 + 60 * pixels


TRAINED = {
    drawer.__name__: drawer
    for drawer in (
        flat,
        gradient,
        gaussian_noise,
        salt_noise,
        checkerboard,
        page,
        window,
        shapes,
        pink_noise,
        dead_leaves,
        scene,
        line_chart,
        empty_screen,
    )
}
HELD_OUT = {drawer.__name__: drawer for drawer in (mosaic, colour_bars, terminal, pie_and_bars, waves)}


# --- out of a pool picture --------------------------------------------------------------------------------------------


def _cell(number: int, count: int, side: int) -> tuple[slice, slice]:
    """Rows and columns of a patch, of which there are `count` a row."""
    top, left = (side * at for at in divmod(number, count))
    return slice(top, top + side), slice(left, left + side)


def shuffled(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Its patches in another order, each turned."""
    side, count = image.shape[0], int(rng.choice([4, 6, 8]))
    patch_side = side // count
    out = np.zeros_like(image)
    for place, source in enumerate(rng.permutation(count * count)):
        out[_cell(place, count, patch_side)] = np.rot90(image[_cell(source, count, patch_side)], int(rng.integers(4)))
    return out[: count * patch_side, : count * patch_side]


def blinded(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Exposed to nothing: black or white but for a few levels."""
    faint = image * np.float32(rng.uniform(0, 5) / max(float(image.max()), 1))
    return faint if rng.random() < 0.6 else 255 - 2 * faint


def inverted(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Black for white, as MONOCHROME1 saved without a look at it."""
    return 255 - image


def scrambled_phase(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Held out: the picture's own spectrum with random phases."""
    noise = np.angle(np.fft.rfft2(rng.standard_normal(image.shape[:2])))[..., None]
    spectrum = np.fft.rfft2(image.astype(np.float32), axes=(0, 1))
    noise[0, 0] = 0
    return np.fft.irfft2(spectrum * np.exp(1j * noise), image.shape[:2], axes=(0, 1))


FROM_POOL = {"shuffled": shuffled, "blinded": blinded, "inverted": inverted}
HELD_OUT_FROM_POOL = {"scrambled_phase": scrambled_phase}


def draw(kind: str, side: int, image: np.ndarray, rng: Rng) -> np.ndarray:
    """A negative of `kind`, uint8; `image` n x n x 3 of the pool is what those out of a pool picture begin with."""
    drawn = TRAINED | HELD_OUT
    pixels = drawn[kind](side, rng) if kind in drawn else (FROM_POOL | HELD_OUT_FROM_POOL)[kind](image, rng)
    return np.clip(pixels, 0, 255).astype(np.uint8)
