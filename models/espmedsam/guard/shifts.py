"""Pool pictures as other devices and hospitals would show them. `spread` is for training, on top of the masks' own
`augment`; the `HELD_OUT` kinds are only ever measured on."""

from __future__ import annotations

import cv2
import numpy as np

from ..pictures.augment import augment
from .negatives import LETTERS, screen

FILMED = {"x-ray": 0.25}  # share of the pictures drawn as a scanned film; of the others fewer

def spread(image: np.ndarray, modality: str, side: int, rng: np.random.Generator) -> np.ndarray:
    """RGB uint8 n x n x 3 -> a widely changed RGB uint8 side x side x 3 of the same modality."""
    x, n = image, image.shape[0]
    if modality != "microscopy" and rng.random() < 0.2:  # a region of interest; between the nuclei there is nothing
        k = int(n * rng.uniform(0.4, 0.8))
        y0, x0 = rng.integers(0, n - k + 1, 2)
        x = x[y0:y0 + k, x0:x0 + k]
    if rng.random() < FILMED.get(modality, 0.08):
        x = film(x, rng).astype(np.uint8)
    if rng.random() < 0.2:
        x = cropped(x, rng)
    x, _ = augment(np.ascontiguousarray(x), np.zeros(x.shape[:2], np.uint8), modality, side, rng)
    if modality == "ultrasound":
        x = _ultrasound(x, rng)
    elif modality == "microscopy" and rng.random() < 0.15:
        x = _stained(x, rng)
    elif modality == "colonoscopy" and rng.random() < 0.08:  # narrow-band light: greenish mucosa, brown vessels
        x = x @ np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.5], [0.1, 0.3, 0.5]], np.float32)
    if modality in ("dermoscopy", "fundus", "colonoscopy", "microscopy") and rng.random() < 0.04:
        x = np.repeat(x.mean(2, keepdims=True), 3, 2)  # seldom: a grey skin or colon is a weak case for anyone
    if rng.random() < 0.3:
        x = (x - x.mean()) * np.exp(rng.uniform(-0.4, 0.3)) + x.mean() * np.exp(rng.uniform(-0.5, 0.4))
    if rng.random() < 0.1:
        x = faint(x, rng)
    if rng.random() < 0.2:
        x = screen(x, rng)
    if rng.random() < 0.15:
        k = int(rng.integers(32, 65))
        x = cv2.resize(cv2.resize(x.astype(np.float32), (k, k), interpolation=cv2.INTER_AREA), (side, side))
    return np.clip(x, 0, 255).astype(np.uint8)


def _ultrasound(x, rng):
    """The sector of another probe, a colour Doppler box."""
    n = x.shape[0]
    yy, xx = np.mgrid[:n, :n] / n
    if rng.random() < 0.4:
        apex, near, half = rng.uniform(-0.5, 0.1), rng.uniform(0, 0.3), rng.uniform(0.4, 0.9)
        r, a = np.hypot(yy - apex, xx - 0.5), np.arctan2(xx - rng.uniform(0.45, 0.55), yy - apex)
        x = x * ((r > near - min(apex, 0)) & (r < rng.uniform(0.85, 1.05) - apex) & (abs(a) < half))[..., None]
    if rng.random() < 0.2:
        flow = cv2.GaussianBlur(rng.standard_normal((n, n)).astype(np.float32), (0, 0), rng.uniform(1.5, 5))
        box = (abs(xx - rng.uniform(0.3, 0.7)) < rng.uniform(0.1, 0.45)) & (abs(yy - rng.uniform(0.3, 0.7)) < 0.25)
        for sign, colour in ((1, rng.choice([[230, 40, 10], [250, 170, 20], [240, 110, 10]])), (-1, [20, 60, 240])):
            x = np.where((box & (sign * flow > rng.uniform(-0.3, 1.5) * flow.std()))[..., None], colour, x)
    return x.astype(np.float32)


def _stained(x, rng):
    """Another stain or lamp: one colour on black, or on white."""
    y = np.clip(x.mean(2, keepdims=True) / 255, 0, 1)
    if (y.mean() > 0.5) == (rng.random() < 0.7):
        y = 1 - y
    colour = rng.uniform(0, 255, 3) if rng.random() < 0.6 else np.full(3, rng.uniform(60, 255))
    return (y * colour if rng.random() < 0.7 else 255 - (1 - y) * colour).astype(np.float32)


# --- as others keep the same picture: uint8 n x n x 3 -> n x n x 3; in training, and measured on sources left out -----

def film(x, rng):
    """A film that was scanned or photographed: bare or blackened margins, a little askew, a label and a letter for the
    side, another curve."""
    n = x.shape[0]
    y = 255 * (x / np.float32(255)) ** np.exp(rng.uniform(-0.7, 0.7))
    level = float(rng.choice([0, 0, 255, rng.uniform(0, 70), rng.uniform(190, 255)]))
    left, right, top, bottom = n * rng.uniform(0, 0.16, 4) * (rng.random(4) < 0.7)
    a = np.deg2rad(rng.uniform(-3, 3))
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    turn = turn @ np.diag([(n - left - right) / n, (n - top - bottom) / n])
    centre = np.array([n + left - right, n + top - bottom]) / 2
    m = np.hstack([turn, (centre - turn @ np.array([n / 2, n / 2]))[:, None]])
    y = cv2.warpAffine(y, m, (n, n), borderValue=(level,) * 3)
    y = np.clip(y, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:  # the label
        h, w = (int(n * v) for v in (rng.uniform(0.05, 0.14), rng.uniform(0.12, 0.35)))
        at = [int(rng.choice([rng.uniform(0, 0.1) * n, n - k - 1])) for k in (w, h)]
        paper = float(rng.uniform(0, 255))
        cv2.rectangle(y, at, (at[0] + w, at[1] + h), (paper,) * 3, -1)
        word = "".join(rng.choice(LETTERS, rng.integers(4, 12)))
        cv2.putText(y, word, (at[0] + 2, at[1] + h - 3), cv2.FONT_HERSHEY_SIMPLEX, n / 500, ((paper + 128) % 256,) * 3)
    if rng.random() < 0.5:  # the side
        at = (int(n * rng.choice([0.06, 0.85])), int(n * rng.uniform(0.1, 0.3)))
        cv2.putText(y, str(rng.choice(["L", "R"])), at, cv2.FONT_HERSHEY_SIMPLEX, n * rng.uniform(0.002, 0.005),
                    (float(rng.choice([0, 255])),) * 3, int(rng.integers(1, 4)), cv2.LINE_AA)
    return y


def faint(x, rng):
    """Little contrast, somewhere between black and white."""
    span = rng.uniform(0.15, 0.5)
    return x * np.float32(span) + np.float32(rng.uniform(0, 1 - span) * 255)


def cropped(x, rng):
    """A square cut out of an oblong picture, or the other way round: the sides keep another ratio."""
    n = x.shape[0]
    k = int(n * rng.uniform(0.6, 0.9))
    at = int(rng.integers(0, n - k + 1))
    return cv2.resize(x[at:at + k] if rng.random() < 0.5 else x[:, at:at + k], (n, n))


KEPT_OTHERWISE = {f.__name__: f for f in (film, faint, cropped)}


# --- held out: uint8 n x n x 3 -> float n x n x 3 ---------------------------------------------------------------------

def motion(x, rng):
    """The hand or the patient moved."""
    k = int(rng.integers(7, 17))
    kernel = np.zeros((k, k), np.float32)
    a = rng.uniform(0, np.pi)
    d = k / 2 * np.array([np.cos(a), np.sin(a)])
    cv2.line(kernel, tuple((k / 2 - d).astype(int).tolist()), tuple((k / 2 + d).astype(int).tolist()), 1.0)
    return cv2.filter2D(x, -1, kernel / max(kernel.sum(), 1))


def vignette(x, rng):
    """Light that falls off from somewhere near the centre."""
    n = x.shape[0]
    yy, xx = np.mgrid[:n, :n] / n - rng.uniform(0.35, 0.65, 2)[:, None, None]
    return x * np.exp(-(xx ** 2 + yy ** 2) * rng.uniform(0.8, 2.5))[..., None]


def hue(x, rng):
    """A turn of the hue by up to 14 degrees and another saturation; grey stays grey."""
    y = cv2.cvtColor(x, cv2.COLOR_RGB2HSV).astype(np.int32)
    y[..., 0] = (y[..., 0] + rng.integers(-7, 8)) % 180
    y[..., 1] = np.clip(y[..., 1] * rng.uniform(0.7, 1.3), 0, 255)
    return cv2.cvtColor(y.astype(np.uint8), cv2.COLOR_HSV2RGB)


def perspective(x, rng):
    """A screen photographed from the side."""
    n = x.shape[0]
    corners = np.array([[0, 0], [n, 0], [n, n], [0, n]], np.float32)
    to = (corners + rng.uniform(-0.12, 0.12, (4, 2)) * n).astype(np.float32)
    return cv2.warpPerspective(x, cv2.getPerspectiveTransform(corners, to), (n, n), flags=cv2.INTER_AREA)


def equalised(x, rng):
    """Local contrast brought out (CLAHE), as a viewer may do."""
    y = cv2.cvtColor(x, cv2.COLOR_RGB2LAB)
    y[..., 0] = cv2.createCLAHE(float(rng.uniform(1.5, 4)), (8, 8)).apply(y[..., 0])
    return cv2.cvtColor(y, cv2.COLOR_LAB2RGB)


def posterised(x, rng):
    """Few levels, as a poor palette."""
    step = int(rng.choice([16, 32, 48]))
    return x // step * step + step // 2 * (x >= step)


def interlaced(x, rng):
    """Every other line of a moment later."""
    y = x.copy()
    y[1::2] = np.roll(y[1::2], int(rng.integers(3, 12)), 1)
    return y


def sharpened(x, rng):
    """Unsharp mask with halos."""
    f = x.astype(np.float32)
    return f + rng.uniform(0.8, 2.5) * (f - cv2.GaussianBlur(f, (0, 0), rng.uniform(1, 4)))


def pasted_box(x, rng):
    """A flat box, grey or coloured, over up to a tenth of the picture."""
    y, n = x.copy(), x.shape[0]
    h, w = (int(n * v) for v in rng.uniform(0.1, 0.32, 2))
    top, left = rng.integers(0, n - h), rng.integers(0, n - w)
    y[top:top + h, left:left + w] = rng.uniform(0, 255, 3)
    return y


def mirrored_jpeg(x, rng):
    """Mirrored, small, badly compressed: kinds seen in training, here together."""
    k = int(rng.integers(64, 129))
    y = cv2.resize(x[:, ::-1], (k, k), interpolation=cv2.INTER_AREA)
    return cv2.imdecode(cv2.imencode(".jpg", y, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(10, 40))])[1], 1)


HELD_OUT = {f.__name__: f for f in (motion, vignette, hue, perspective, equalised, posterised, interlaced, sharpened,
                                    pasted_box, mirrored_jpeg)}


def shifted(image: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """`image` under a kind of `HELD_OUT` or `KEPT_OTHERWISE`, uint8."""
    return np.clip((HELD_OUT | KEPT_OTHERWISE)[kind](np.ascontiguousarray(image), rng), 0, 255).astype(np.uint8)
