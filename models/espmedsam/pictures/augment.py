"""Augmentation that imitates other scanners, operators and exports: geometry, gain, contrast, speckle, blur, low
resolution, burned-in text and calipers, letterbox borders. One pass over a uint8 square, about 2 ms.

`pixels` are RGB float32 side x side x 3 in 0..255 throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .mix import exchange, paste
from .pool import Sample

GREY = ("ultrasound", "x-ray")
# Up is up for a probe and for a patient standing before the detector; elsewhere any quarter turn is as good.
UPRIGHT = ("ultrasound", "x-ray")
# Magnification, smallest and largest, 1 = the whole picture. Vessels and nuclei are also served as tiles of a larger
# picture, so these are trained from the whole to a quarter of its side.
ZOOM = {"fundus": (0.9, 4.0), "microscopy": (0.8, 4.0)}
# A quarter of the others' pictures are shrunk further than 0.7, to this: another hospital's device shows a wider field,
# or the picture as a part of its screen.
FAR = {"colonoscopy": 0.4, "dermoscopy": 0.45, "ultrasound": 0.5, "x-ray": 0.5}


@dataclass(frozen=True)
class View:
    """One picture as training sees it. S x S x 3 float32 in 0..255 and S x S float32 in 0..1."""

    seen: np.ndarray
    clean: np.ndarray  # the same geometry and borders; no other tone, degradation or text: what a teacher looks at
    mask: np.ndarray


@dataclass(frozen=True)
class Donor:
    """Another picture of the modality, and what is borrowed from it."""

    sample: Sample
    paste: bool
    exchange: bool


def augment(sample: Sample, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(RGB float32 side x side x 3 in 0..255, mask float32 side x side in 0..1)."""
    view = views(sample, side, rng)
    return view.seen, view.mask


def views(sample: Sample, side: int, rng: np.random.Generator, donor: Donor | None = None) -> View:
    """Augments the picture and its mask to `side`."""
    image, mask = _warp(sample, sample.modality, side, rng)
    if donor and donor.paste:
        image, mask = paste(image, mask, *_warp(donor.sample, sample.modality, side, rng))
    clean = image.astype(np.float32)
    pixels = exchange(clean, donor.sample.image, rng) if donor and donor.exchange else clean.copy()
    pixels = _tone(pixels, sample.modality, rng)
    pixels = _degrade(pixels, sample.modality, rng)
    if rng.random() < 0.25:
        level, cuts = _borders(side, rng)
        for cut in cuts:
            pixels[cut] = clean[cut] = level
            mask[cut] = 0
    if rng.random() < 0.25:
        pixels = burn_in(pixels, rng)
    return View(np.clip(pixels, 0, 255), clean, mask)


def degraded(image: np.ndarray, modality: str, rng: np.random.Generator) -> np.ndarray:
    """The picture as another device might show it, every structure in its place: RGB S x S x 3 in 0..255, float32."""
    return np.clip(_degrade(_tone(image.astype(np.float32), modality, rng), modality, rng), 0, 255)


def _magnification(modality: str, growth: float, rng: np.random.Generator) -> float:
    """Of the picture; not much beyond its own pixels, of which there are `growth` for each of the side."""
    low, high = ZOOM.get(modality, (0.7, 1.6))
    if modality in FAR and rng.random() < 0.25:
        low, high = FAR[modality], low
    return np.exp(rng.uniform(np.log(low), np.log(min(high, max(1.6, 1.6 * growth)))))


def _placement(size: int, side: int, scale: float, modality: str, rng: np.random.Generator) -> np.ndarray:
    """The affine map (2 x 3) from a square of `size` pixels to one of `side`: stretched, turned, mirrored, moved."""
    aspect = np.exp(rng.uniform(-0.22, 0.22))
    angle = np.deg2rad(rng.uniform(-25, 25)) if rng.random() < 0.5 else 0.0
    if modality not in UPRIGHT:
        angle += np.pi / 2 * rng.integers(4)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    across, down = side / size * scale * aspect * flip, side / size * scale / aspect
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine * across, -sine * down], [sine * across, cosine * down]])
    # Far in or out: up to a tenth of the side beyond what the magnification itself leaves free.
    slack = 0.108 * side * max(1.0, scale) if 0.7 <= scale <= 1.6 else side * (0.5 * abs(scale - 1) + 0.1)
    centre = side / 2 + rng.uniform(-slack, slack, 2)
    return np.hstack([turn, (centre - turn @ np.array([size / 2, size / 2]))[:, None]])


def _warp(sample: Sample, modality: str, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 side x side x 3, mask float32 side x side in 0..1)."""
    image, mask, size = sample.image, sample.mask, sample.image.shape[0]
    scale = _magnification(modality, size / side, rng)
    placement = _placement(size, side, scale, modality, rng)
    # Outside the picture: black, as beside a sector; the edge repeated, as in a tighter crop; or, where there is no up
    # and down, the picture mirrored with its mask, so that small structures have real surroundings.
    kind = rng.random()
    border = cv2.BORDER_CONSTANT if kind < 0.5 else cv2.BORDER_REPLICATE
    if kind > 0.75 and modality not in UPRIGHT:
        border = cv2.BORDER_REFLECT
    shrunk = size / (side * scale)
    if shrunk > 1.7:  # as a device's own scaler would, without aliasing
        image = cv2.GaussianBlur(image, (0, 0), 0.35 * shrunk)
    image, mask = (
        cv2.warpAffine(pixels, placement, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
        for pixels in (image, mask)
    )
    return image, mask.astype(np.float32) / 255


def _tone(pixels: np.ndarray, modality: str, rng: np.random.Generator) -> np.ndarray:
    """Gain, contrast and colours of another device."""
    if rng.random() < 0.85:
        bent = np.clip(pixels / 255, 0, 1) ** np.exp(rng.uniform(-0.5, 0.5))
        contrast, brightness = np.exp(rng.uniform(-0.35, 0.35)), rng.uniform(-0.15, 0.15)
        mean = bent.mean()
        pixels = ((bent - mean) * contrast + mean + brightness) * 255
    if modality in GREY:
        if rng.random() < 0.3:  # time-gain compensation: brightness drifts with depth
            top, bottom = rng.uniform(-0.5, 0.5, 2)
            drift = np.linspace(top, bottom, pixels.shape[0], dtype=np.float32)
            pixels *= np.exp(drift)[:, None, None]
        if rng.random() < 0.05:
            pixels *= rng.uniform(0.8, 1.1, 3).astype(np.float32)  # tinted display maps
    else:
        if rng.random() < 0.6:
            pixels *= np.exp(rng.uniform(-0.3, 0.3, 3)).astype(np.float32)
        if rng.random() < 0.3:  # another sensor's primaries: a colour matrix near the identity
            pixels = pixels @ (np.eye(3) + rng.normal(0, 0.08, (3, 3))).astype(np.float32)
        if rng.random() < 0.3:  # saturation, towards grey or beyond
            grey = pixels.mean(2, keepdims=True)
            pixels = grey + (pixels - grey) * rng.uniform(0.3, 1.4)
        if modality == "microscopy" and rng.random() < 0.2:
            pixels = 255 - pixels
    return pixels.astype(np.float32)


def _degrade(pixels: np.ndarray, modality: str, rng: np.random.Generator) -> np.ndarray:
    """Resolution, noise, compression and highlights of another device."""
    side = pixels.shape[0]
    if rng.random() < 0.2:  # a coarser device: down and up again
        small = int(side * rng.uniform(0.35, 0.8))
        pixels = cv2.resize(cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    elif rng.random() < 0.2:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        if modality == "ultrasound":  # speckle: multiplicative, correlated over a pixel or two
            sharp = rng.standard_normal((side, side)).astype(np.float32)
            noise = cv2.GaussianBlur(sharp, (0, 0), rng.uniform(0.5, 1.5))
            pixels = pixels * (1 + noise[..., None] / noise.std() * rng.uniform(0.05, 0.3))
        else:
            pixels = pixels + rng.standard_normal((side, side, 1)).astype(np.float32) * rng.uniform(2, 12)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))]
        coded = cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8), quality)[1]
        pixels = decoded(coded).astype(np.float32)
    if modality == "colonoscopy" and rng.random() < 0.2:
        pixels = highlights(pixels, rng)
    return pixels


def highlights(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Specular ones, drawn upon the picture."""
    for _ in range(rng.integers(1, 6)):
        centre = tuple(int(v) for v in rng.integers(0, pixels.shape[0], 2))
        axes = tuple(int(v) for v in rng.integers(1, 6, 2))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(pixels, centre, axes, turn, 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
    return pixels


def decoded(coded: np.ndarray) -> np.ndarray:
    """A picture that was encoded here, three channels in the order they were given, uint8."""
    image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert image is not None, "it was encoded here"
    return image


def _borders(side: int, rng: np.random.Generator) -> tuple[float, list]:
    """(grey level, parts of the picture that it covers)."""
    level = float(rng.choice([0, 0, 0, 255, 30]))
    kind = rng.integers(3)
    if kind == 0:  # letterbox or pillarbox
        width = int(rng.uniform(0.03, 0.18) * side)
        across = rng.random() < 0.5
        return level, [np.s_[:width], np.s_[-width:]] if across else [np.s_[:, :width], np.s_[:, -width:]]
    if kind == 1:  # one dark corner, as a menu or a patient box
        height, width = (int(v * side) for v in rng.uniform(0.1, 0.3, 2))
        rows = np.s_[:height] if rng.random() < 0.5 else np.s_[-height:]
        columns = np.s_[:width] if rng.random() < 0.5 else np.s_[-width:]
        return level, [(rows, columns)]
    down, right = np.mgrid[:side, :side] / (side / 2) - 1  # round or eight-sided aperture
    radius = rng.uniform(0.95, 1.25)
    is_round = rng.random() < 0.5
    return level, [np.hypot(right, down) > radius if is_round else np.abs(right) + np.abs(down) > radius * 1.3]


def burn_in(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Text, a scale or calipers: drawn over the picture, the mask stays."""
    side = pixels.shape[0]
    canvas = np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8))
    is_grey = rng.random() < 0.7
    colour = [float(rng.choice([255, 200, 120]))] * 3 if is_grey else rng.uniform(80, 255, 3).tolist()
    for _ in range(rng.integers(1, 4)):
        text = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWXYZ0123456789 .:/-"), rng.integers(3, 14)))
        if rng.random() < 0.8:  # near the upper or the lower edge
            bottom = int(rng.choice([rng.uniform(0.03, 0.15), rng.uniform(0.85, 0.98)]) * side)
        else:
            bottom = int(rng.uniform(0.1, 0.9) * side)
        at = (int(rng.uniform(0, 0.7) * side), bottom)
        size = float(rng.uniform(0.2, 0.45))
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
    if rng.random() < 0.5:  # a depth scale
        column = int(rng.choice([3, side - 6]))
        for row in range(4, side, int(rng.integers(8, 24))):
            cv2.line(canvas, (column, row), (column + 3, row), colour, 1)
    if rng.random() < 0.3:  # calipers: two crosses
        for cross in rng.integers(10, side - 10, (2, 2)).tolist():
            cv2.drawMarker(canvas, cross, colour, cv2.MARKER_CROSS, 7, 1)
    return canvas.astype(np.float32)
