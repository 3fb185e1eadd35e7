"""Pool pictures as other devices and hospitals would show them. `spread` is for training, on top of the masks' own
`augment`; the `HELD_OUT` kinds are only ever measured on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator as Rng

from ..pictures.augment import augment, decoded
from ..pictures.pool import Sample
from .negatives import LETTERS, screen

FILMED = {"x-ray": 0.25}  # share of the pictures drawn as a scanned film; of the others fewer


def spread(image: np.ndarray, modality: str, side: int, rng: Rng) -> np.ndarray:
    """RGB uint8 n x n x 3 -> a widely changed RGB uint8 side x side x 3 of the same modality."""
    pixels, size = image, image.shape[0]
    if modality != "microscopy" and rng.random() < 0.2:  # a region of interest; between the nuclei there is nothing
        cut = int(size * rng.uniform(0.4, 0.8))
        top, left = rng.integers(0, size - cut + 1, 2)
        pixels = pixels[top : top + cut, left : left + cut]
    if rng.random() < FILMED.get(modality, 0.08):
        pixels = film(pixels, rng).astype(np.uint8)
    if rng.random() < 0.2:
        pixels = cropped(pixels, rng)
    nothing = np.zeros(pixels.shape[:2], np.uint8)
    pixels, _ = augment(Sample(np.ascontiguousarray(pixels), nothing, modality), side, rng)
    if modality == "ultrasound":
        pixels = _ultrasound(pixels, rng)
    elif modality == "microscopy" and rng.random() < 0.15:
        pixels = _stained(pixels, rng)
    elif modality == "colonoscopy" and rng.random() < 0.08:  # narrow-band light: greenish mucosa, brown vessels
        pixels = pixels @ np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.5], [0.1, 0.3, 0.5]], np.float32)
    if modality in ("dermoscopy", "fundus", "colonoscopy", "microscopy") and rng.random() < 0.04:
        pixels = np.repeat(
            pixels.mean(2, keepdims=True), 3, 2
        )  # seldom: a grey skin or colon is a weak case for anyone
    if rng.random() < 0.3:
        pixels = (pixels - pixels.mean()) * np.exp(rng.uniform(-0.4, 0.3)) + pixels.mean() * np.exp(
            rng.uniform(-0.5, 0.4)
        )
    if rng.random() < 0.1:
        pixels = faint(pixels, rng)
    if rng.random() < 0.2:
        pixels = screen(pixels, rng)
    if rng.random() < 0.15:
        cut = int(rng.integers(32, 65))
        pixels = cv2.resize(
            cv2.resize(pixels.astype(np.float32), (cut, cut), interpolation=cv2.INTER_AREA), (side, side)
        )
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _ultrasound(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """The sector of another probe, a colour Doppler box."""
    side = pixels.shape[0]
    rows, columns = np.mgrid[:side, :side] / side
    if rng.random() < 0.4:
        apex, near, half = rng.uniform(-0.5, 0.1), rng.uniform(0, 0.3), rng.uniform(0.4, 0.9)
        far, angle = np.hypot(rows - apex, columns - 0.5), np.arctan2(columns - rng.uniform(0.45, 0.55), rows - apex)
        pixels = (
            pixels
            * ((far > near - min(apex, 0)) & (far < rng.uniform(0.85, 1.05) - apex) & (abs(angle) < half))[..., None]
        )
    if rng.random() < 0.2:
        flow = cv2.GaussianBlur(rng.standard_normal((side, side)).astype(np.float32), (0, 0), rng.uniform(1.5, 5))
        box = (abs(columns - rng.uniform(0.3, 0.7)) < rng.uniform(0.1, 0.45)) & (
            abs(rows - rng.uniform(0.3, 0.7)) < 0.25
        )
        for sign, colour in ((1, rng.choice([[230, 40, 10], [250, 170, 20], [240, 110, 10]])), (-1, [20, 60, 240])):
            pixels = np.where((box & (sign * flow > rng.uniform(-0.3, 1.5) * flow.std()))[..., None], colour, pixels)
    return pixels.astype(np.float32)


def _stained(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Another stain or lamp: one colour on black, or on white."""
    grey = np.clip(pixels.mean(2, keepdims=True) / 255, 0, 1)
    if (grey.mean() > 0.5) == (rng.random() < 0.7):
        grey = 1 - grey
    colour = rng.uniform(0, 255, 3) if rng.random() < 0.6 else np.full(3, rng.uniform(60, 255))
    return (grey * colour if rng.random() < 0.7 else 255 - (1 - grey) * colour).astype(np.float32)


# --- as others keep the same picture: uint8 n x n x 3 -> n x n x 3; in training, and measured on sources left out -----


def film(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """A film that was scanned or photographed: bare or blackened margins, a little askew, a label and a letter for the
    side, another curve."""
    side = pixels.shape[0]
    drawn = 255 * (pixels / np.float32(255)) ** np.exp(rng.uniform(-0.7, 0.7))
    level = float(rng.choice([0, 0, 255, rng.uniform(0, 70), rng.uniform(190, 255)]))
    left, right, top, bottom = side * rng.uniform(0, 0.16, 4) * (rng.random(4) < 0.7)
    angle = np.deg2rad(rng.uniform(-3, 3))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag([(side - left - right) / side, (side - top - bottom) / side])
    centre = np.array([side + left - right, side + top - bottom]) / 2
    placement = np.hstack([turn, (centre - turn @ np.array([side / 2, side / 2]))[:, None]])
    drawn = cv2.warpAffine(drawn, placement, (side, side), borderValue=(level,) * 3)
    drawn = np.clip(drawn, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:  # the label
        height, width = (int(side * share) for share in (rng.uniform(0.05, 0.14), rng.uniform(0.12, 0.35)))
        at = [int(rng.choice([rng.uniform(0, 0.1) * side, side - extent - 1])) for extent in (width, height)]
        paper = float(rng.uniform(0, 255))
        cv2.rectangle(drawn, at, (at[0] + width, at[1] + height), (paper,) * 3, -1)
        word = "".join(rng.choice(LETTERS, rng.integers(4, 12)))
        cv2.putText(
            drawn,
            word,
            (at[0] + 2, at[1] + height - 3),
            cv2.FONT_HERSHEY_SIMPLEX,
            side / 500,
            ((paper + 128) % 256,) * 3,
        )
    if rng.random() < 0.5:  # the side
        at = [int(side * rng.choice([0.06, 0.85])), int(side * rng.uniform(0.1, 0.3))]
        cv2.putText(
            drawn,
            str(rng.choice(["L", "R"])),
            at,
            cv2.FONT_HERSHEY_SIMPLEX,
            side * rng.uniform(0.002, 0.005),
            (float(rng.choice([0, 255])),) * 3,
            int(rng.integers(1, 4)),
            cv2.LINE_AA,
        )
    return drawn


def faint(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Little contrast, somewhere between black and white."""
    span = rng.uniform(0.15, 0.5)
    return pixels * np.float32(span) + np.float32(rng.uniform(0, 1 - span) * 255)


def cropped(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """A square cut out of an oblong picture, or the other way round: the sides keep another ratio."""
    side = pixels.shape[0]
    cut = int(side * rng.uniform(0.6, 0.9))
    at = int(rng.integers(0, side - cut + 1))
    return cv2.resize(pixels[at : at + cut] if rng.random() < 0.5 else pixels[:, at : at + cut], (side, side))


KEPT_OTHERWISE = {change.__name__: change for change in (film, faint, cropped)}


# --- held out: uint8 n x n x 3 -> float n x n x 3 ---------------------------------------------------------------------


def motion(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """The hand or the patient moved."""
    length = int(rng.integers(7, 17))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    ends = [(length / 2 + sign * reach).astype(int).tolist() for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return cv2.filter2D(pixels, -1, kernel / max(kernel.sum(), 1))


def vignette(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Light that falls off from somewhere near the centre."""
    side = pixels.shape[0]
    down, right = np.mgrid[:side, :side] / side - rng.uniform(0.35, 0.65, 2)[:, None, None]
    return pixels * np.exp(-(right**2 + down**2) * rng.uniform(0.8, 2.5))[..., None]


def hue(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """A turn of the hue by up to 14 degrees and another saturation; grey stays grey."""
    changed = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV).astype(np.int32)
    changed[..., 0] = (changed[..., 0] + rng.integers(-7, 8)) % 180
    changed[..., 1] = np.clip(changed[..., 1] * rng.uniform(0.7, 1.3), 0, 255)
    return cv2.cvtColor(changed.astype(np.uint8), cv2.COLOR_HSV2RGB)


def perspective(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """A screen photographed from the side."""
    side = pixels.shape[0]
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    to = (corners + rng.uniform(-0.12, 0.12, (4, 2)) * side).astype(np.float32)
    return cv2.warpPerspective(pixels, cv2.getPerspectiveTransform(corners, to), (side, side), flags=cv2.INTER_AREA)


def equalised(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Local contrast brought out (CLAHE), as a viewer may do."""
    changed = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    changed[..., 0] = cv2.createCLAHE(float(rng.uniform(1.5, 4)), (8, 8)).apply(changed[..., 0])
    return cv2.cvtColor(changed, cv2.COLOR_LAB2RGB)


def posterised(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Few levels, as a poor palette."""
    step = int(rng.choice([16, 32, 48]))
    return pixels // step * step + step // 2 * (pixels >= step)


def interlaced(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Every other line of a moment later."""
    changed = pixels.copy()
    changed[1::2] = np.roll(changed[1::2], int(rng.integers(3, 12)), 1)
    return changed


def sharpened(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Unsharp mask with halos."""
    sharp = pixels.astype(np.float32)
    return sharp + rng.uniform(0.8, 2.5) * (sharp - cv2.GaussianBlur(sharp, (0, 0), rng.uniform(1, 4)))


def pasted_box(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """A flat box, grey or coloured, over up to a tenth of the picture."""
    changed, side = pixels.copy(), pixels.shape[0]
    height, width = (int(side * v) for v in rng.uniform(0.1, 0.32, 2))
    top, left = rng.integers(0, side - height), rng.integers(0, side - width)
    changed[top : top + height, left : left + width] = rng.uniform(0, 255, 3)
    return changed


def mirrored_jpeg(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Mirrored, small, badly compressed: kinds seen in training, here together."""
    small = int(rng.integers(64, 129))
    changed = cv2.resize(pixels[:, ::-1], (small, small), interpolation=cv2.INTER_AREA)
    return decoded(cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(10, 40))])[1])


HELD_OUT = {
    change.__name__: change
    for change in (
        motion,
        vignette,
        hue,
        perspective,
        equalised,
        posterised,
        interlaced,
        sharpened,
        pasted_box,
        mirrored_jpeg,
    )
}


def shifted(image: np.ndarray, kind: str, rng: Rng) -> np.ndarray:
    """`image` under a kind of `HELD_OUT` or `KEPT_OTHERWISE`, uint8."""
    return np.clip((HELD_OUT | KEPT_OTHERWISE)[kind](np.ascontiguousarray(image), rng), 0, 255).astype(np.uint8)
