"""Augmentation that imitates other scanners, operators and exports: geometry, gain, contrast, speckle, blur, low
resolution, burned-in text and calipers, letterbox borders. One pass over a uint8 square, about 2 ms."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .mix import exchange, paste

GREY = ("ultrasound", "x-ray")
# Up is up for a probe and for a patient standing before the detector; elsewhere any quarter turn is as good.
UPRIGHT = ("ultrasound", "x-ray")
# Magnification, smallest and largest, 1 = the whole picture. Vessels and nuclei are also served as tiles of a larger
# picture, so these are trained from the whole to a quarter of its side.
ZOOM = {"fundus": (0.9, 4.0), "microscopy": (0.8, 4.0)}
# A quarter of the others' pictures are shrunk further than 0.7, to this: another hospital's device shows a wider field,
# or the picture as a part of its screen.
FAR = {"colonoscopy": 0.4, "dermoscopy": 0.45, "ultrasound": 0.5, "x-ray": 0.5}


@dataclass
class View:
    """One picture as training sees it. S x S x 3 float32 in 0..255 and S x S float32 in 0..1."""

    seen: np.ndarray
    clean: np.ndarray  # the same geometry and borders; no other tone, degradation or text: what a teacher looks at
    mask: np.ndarray


@dataclass
class Donor:
    """Another picture of the same data set, and what is borrowed from it. uint8, square."""

    image: np.ndarray
    mask: np.ndarray
    paste: bool
    exchange: bool


def augment(image: np.ndarray, mask: np.ndarray, modality: str, side: int, rng: np.random.Generator):
    """(RGB float32 side x side x 3 in 0..255, mask float32 side x side in 0..1)."""
    view = views(image, mask, modality, side, rng)
    return view.seen, view.mask


def views(image: np.ndarray, mask: np.ndarray, modality: str, side: int, rng: np.random.Generator,
          donor: Donor | None = None) -> View:
    """Augments the square picture (RGB uint8) and its mask (uint8) to `side`."""
    image, mask = _warp(image, mask, modality, side, rng)
    if donor and donor.paste:
        image, mask = paste(image, mask, *_warp(donor.image, donor.mask, modality, side, rng))
    clean = image.astype(np.float32)
    x = exchange(clean, donor.image, rng) if donor and donor.exchange else clean.copy()
    x = _tone(x, modality, rng)
    x = _degrade(x, modality, rng)
    if rng.random() < 0.25:
        level, cuts = _borders(side, rng)
        for cut in cuts:
            x[cut] = clean[cut] = level
            mask[cut] = 0
    if rng.random() < 0.25:
        x = _burn_in(x, rng)
    return View(np.clip(x, 0, 255), clean, mask)


def degraded(image: np.ndarray, modality: str, rng: np.random.Generator) -> np.ndarray:
    """The picture as another device might show it, every structure in its place: RGB S x S x 3 in 0..255, float32."""
    return np.clip(_degrade(_tone(image.astype(np.float32), modality, rng), modality, rng), 0, 255)


def _warp(image, mask, modality, side, rng):
    n = image.shape[0]
    low, high = ZOOM.get(modality, (0.7, 1.6))
    if modality in FAR and rng.random() < 0.25:
        low, high = FAR[modality], low
    scale = np.exp(rng.uniform(np.log(low), np.log(min(high, max(1.6, 1.6 * n / side)))))  # not much beyond its pixels
    aspect = np.exp(rng.uniform(-0.22, 0.22))
    angle = np.deg2rad(rng.uniform(-25, 25)) if rng.random() < 0.5 else 0.0
    if modality not in UPRIGHT:
        angle += np.pi / 2 * rng.integers(4)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    sx, sy = side / n * scale * aspect * flip, side / n * scale / aspect
    c, s = np.cos(angle), np.sin(angle)
    a = np.array([[c * sx, -s * sy], [s * sx, c * sy]])
    # Far in or out: up to a tenth of the side beyond what the magnification itself leaves free.
    slack = 0.108 * side * max(1.0, scale) if 0.7 <= scale <= 1.6 else side * (0.5 * abs(scale - 1) + 0.1)
    centre = side / 2 + rng.uniform(-slack, slack, 2)
    m = np.hstack([a, (centre - a @ np.array([n / 2, n / 2]))[:, None]])
    # Outside the picture: black, as beside a sector; the edge repeated, as in a tighter crop; or, where there is no up
    # and down, the picture mirrored with its mask, so that small structures have real surroundings.
    kind = rng.random()
    border = cv2.BORDER_CONSTANT if kind < 0.5 else cv2.BORDER_REPLICATE
    if kind > 0.75 and modality not in UPRIGHT:
        border = cv2.BORDER_REFLECT
    shrunk = n / (side * scale)
    if shrunk > 1.7:  # as a device's own scaler would, without aliasing
        image = cv2.GaussianBlur(image, (0, 0), 0.35 * shrunk)
    image = cv2.warpAffine(image, m, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
    mask = cv2.warpAffine(mask, m, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
    return image, mask.astype(np.float32) / 255


def _tone(x, modality, rng):
    if rng.random() < 0.85:
        y = np.clip(x / 255, 0, 1) ** np.exp(rng.uniform(-0.5, 0.5))
        contrast, brightness = np.exp(rng.uniform(-0.35, 0.35)), rng.uniform(-0.15, 0.15)
        mean = y.mean()
        x = ((y - mean) * contrast + mean + brightness) * 255
    if modality in GREY:
        if rng.random() < 0.3:  # time-gain compensation: brightness drifts with depth
            x *= np.exp(np.linspace(*rng.uniform(-0.5, 0.5, 2), x.shape[0], dtype=np.float32))[:, None, None]
        if rng.random() < 0.05:
            x *= rng.uniform(0.8, 1.1, 3).astype(np.float32)  # tinted display maps
    else:
        if rng.random() < 0.6:
            x *= np.exp(rng.uniform(-0.3, 0.3, 3)).astype(np.float32)
        if rng.random() < 0.3:  # another sensor's primaries: a colour matrix near the identity
            x = x @ (np.eye(3) + rng.normal(0, 0.08, (3, 3))).astype(np.float32)
        if rng.random() < 0.3:  # saturation, towards grey or beyond
            grey = x.mean(2, keepdims=True)
            x = grey + (x - grey) * rng.uniform(0.3, 1.4)
        if modality == "microscopy" and rng.random() < 0.2:
            x = 255 - x
    return x.astype(np.float32)


def _degrade(x, modality, rng):
    side = x.shape[0]
    if rng.random() < 0.2:  # a coarser device: down and up again
        small = int(side * rng.uniform(0.35, 0.8))
        x = cv2.resize(cv2.resize(x, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    elif rng.random() < 0.2:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        if modality == "ultrasound":  # speckle: multiplicative, correlated over a pixel or two
            noise = rng.standard_normal((side, side)).astype(np.float32)
            noise = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 1.5))
            x = x * (1 + noise[..., None] / noise.std() * rng.uniform(0.05, 0.3))
        else:
            x = x + rng.standard_normal((side, side, 1)).astype(np.float32) * rng.uniform(2, 12)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))]
        coded = cv2.imencode(".jpg", np.clip(x, 0, 255).astype(np.uint8), quality)[1]
        x = cv2.imdecode(coded, cv2.IMREAD_COLOR).astype(np.float32)
    if modality == "colonoscopy" and rng.random() < 0.2:  # specular highlights
        for _ in range(rng.integers(1, 6)):
            centre = tuple(int(v) for v in rng.integers(0, side, 2))
            axes = tuple(int(v) for v in rng.integers(1, 6, 2))
            cv2.ellipse(x, centre, axes, float(rng.uniform(0, 180)), 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
    return x


def _borders(side, rng):
    """(grey level, parts of the picture that it covers)."""
    level = float(rng.choice([0, 0, 0, 255, 30]))
    kind = rng.integers(3)
    if kind == 0:  # letterbox or pillarbox
        b = int(rng.uniform(0.03, 0.18) * side)
        cuts = [np.s_[:b], np.s_[-b:]] if rng.random() < 0.5 else [np.s_[:, :b], np.s_[:, -b:]]
    elif kind == 1:  # one dark corner, as a menu or a patient box
        h, w = (int(v * side) for v in rng.uniform(0.1, 0.3, 2))
        ys = np.s_[:h] if rng.random() < 0.5 else np.s_[-h:]
        xs = np.s_[:w] if rng.random() < 0.5 else np.s_[-w:]
        cuts = [(ys, xs)]
    else:  # round or eight-sided aperture
        yy, xx = np.mgrid[:side, :side] / (side / 2) - 1
        r = rng.uniform(0.95, 1.25)
        cuts = [np.hypot(xx, yy) > r if rng.random() < 0.5 else np.abs(xx) + np.abs(yy) > r * 1.3]
    return level, cuts


def _burn_in(x, rng):
    """Text, a scale or calipers: drawn over the picture, the mask stays."""
    side = x.shape[0]
    x = np.ascontiguousarray(np.clip(x, 0, 255).astype(np.uint8))
    colour = (float(rng.choice([255, 200, 120])),) * 3 if rng.random() < 0.7 \
        else tuple(float(v) for v in rng.uniform(80, 255, 3))
    for _ in range(rng.integers(1, 4)):
        text = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWXYZ0123456789 .:/-"), rng.integers(3, 14)))
        edge = rng.random() < 0.8
        y = int(rng.choice([rng.uniform(0.03, 0.15), rng.uniform(0.85, 0.98)]) * side) if edge \
            else int(rng.uniform(0.1, 0.9) * side)
        at = (int(rng.uniform(0, 0.7) * side), y)
        cv2.putText(x, text, at, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.2, 0.45)), colour, 1, cv2.LINE_AA)
    if rng.random() < 0.5:  # a depth scale
        column = int(rng.choice([3, side - 6]))
        for y in range(4, side, int(rng.integers(8, 24))):
            cv2.line(x, (column, y), (column + 3, y), colour, 1)
    if rng.random() < 0.3:  # calipers: two crosses, sometimes a dotted line between
        a, b = rng.integers(10, side - 10, (2, 2)).tolist()
        for p in (a, b):
            cv2.drawMarker(x, p, colour, cv2.MARKER_CROSS, 7, 1)
    return x.astype(np.float32)
