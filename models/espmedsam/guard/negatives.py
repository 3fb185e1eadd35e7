"""Pictures of no modality, drawn in code: RGB uint8 side x side x 3. `TRAINED` kinds are for training; `HELD_OUT` kinds
are only ever measured on."""

from __future__ import annotations

import cv2
import numpy as np

LETTERS = list("ABCDEFGHIKLMNOPRSTUVWXYZabcdefghiklmnoprstuvwxyz0123456789 .:/-")


def _colour(rng) -> tuple[float, float, float]:
    """Any colour; greys, black and white more often than chance."""
    if rng.random() < 0.3:
        return (float(rng.choice([0, 255, rng.uniform(0, 255)])),) * 3
    return tuple(float(v) for v in rng.uniform(0, 255, 3))


def _flat(n, rng):
    return np.full((n, n, 3), _colour(rng), np.float32)


def _text(x, rng, at, colour, size=None):
    word = "".join(rng.choice(LETTERS, rng.integers(2, 16)))
    cv2.putText(x, word, at, cv2.FONT_HERSHEY_SIMPLEX, size or float(rng.uniform(0.2, 0.5)), colour, 1, cv2.LINE_AA)


def _pink(n, rng, power, channels=3):
    """Noise whose amplitude falls as 1/f^power, as in photographs; each channel of deviation 1."""
    f = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None])
    f[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((channels, n, n))) / f ** power
    x = np.fft.irfft2(spectrum, (n, n)).transpose(1, 2, 0)
    return (x / x.std((0, 1))).astype(np.float32)


def flat(n, rng):
    """One colour, black and white most often; sometimes with a sensor's faint noise."""
    x = np.full((n, n, 3), rng.choice([0, 0, 255]), np.float32) if rng.random() < 0.5 else _flat(n, rng)
    return x + rng.standard_normal(x.shape) * (rng.uniform(0, 4) if rng.random() < 0.6 else 0)


def gradient(n, rng):
    """From one colour to another, in a line or round a point."""
    yy, xx = np.mgrid[:n, :n] / n
    a = rng.uniform(0, 2 * np.pi)
    t = np.hypot(xx - rng.random(), yy - rng.random()) if rng.random() < 0.4 else xx * np.cos(a) + yy * np.sin(a)
    t = ((t - t.min()) / np.ptp(t))[..., None]
    return t * np.array(_colour(rng)) + (1 - t) * np.array(_colour(rng))


def gaussian_noise(n, rng):
    """Independent in each pixel or in small squares."""
    grey, k = rng.random() < 0.5, int(rng.choice([1, 1, 2, 4]))
    x = rng.standard_normal((n // k, n // k, 1 if grey else 3)).repeat(k, 0).repeat(k, 1)
    return np.array(_colour(rng)) + np.broadcast_to(x, (*x.shape[:2], 3)) * rng.uniform(10, 90)


def salt_noise(n, rng):
    """Full and empty pixels over one colour."""
    x, share = _flat(n, rng), rng.uniform(0.05, 0.6)
    hit = rng.random((n, n)) < share
    x[hit] = rng.choice([0, 255], (hit.sum(), 1)) if rng.random() < 0.6 else rng.choice([0, 255], (hit.sum(), 3))
    return x


def checkerboard(n, rng):
    """Squares or stripes."""
    k, (yy, xx) = int(rng.integers(2, n // 3)), np.mgrid[:n, :n]
    on = (yy // k + (xx // k if rng.random() < 0.6 else 0)) % 2 == 0
    return np.where((on if rng.random() < 0.5 else on.T)[..., None], _colour(rng), _colour(rng))


def page(n, rng):
    """Lines of text on a light or a dark page."""
    dark = rng.random() < 0.5
    x = np.full((n, n, 3), rng.uniform(0, 40) if dark else rng.uniform(215, 255), np.uint8)
    ink = (rng.uniform(150, 255),) * 3 if dark else (rng.uniform(0, 80),) * 3
    step, left, size = int(rng.integers(5, 14)), int(rng.integers(2, n // 5)), float(rng.uniform(0.15, 0.45))
    for y in range(int(rng.integers(6, 30)), n, step):
        if rng.random() < 0.85:
            for at in range(left, int(n * rng.uniform(0.5, 0.95)), n // 3):
                _text(x, rng, (at, y), ink, size)
    return x


def window(n, rng):
    """A program's window: bars, panels, buttons, words, a picture place."""
    x = np.full((n, n, 3), _colour(rng) if rng.random() < 0.3 else rng.choice([20, 45, 240, 250, 255]), np.uint8)
    for _ in range(rng.integers(2, 7)):
        a, b = rng.integers(0, n, 2).tolist(), rng.integers(0, n, 2).tolist()
        if rng.random() < 0.6:  # a bar or a side panel reaches from edge to edge
            axis = int(rng.integers(2))
            a[axis], b[axis] = 0, n
        cv2.rectangle(x, a, b, _colour(rng), -1 if rng.random() < 0.7 else 1)
    for _ in range(rng.integers(2, 9)):
        at, size = rng.integers(2, n - 8, 2), rng.integers(3, 22, 2)
        cv2.rectangle(x, at.tolist(), (at + size).tolist(), _colour(rng), -1)
    for _ in range(rng.integers(3, 20)):
        _text(x, rng, rng.integers(0, n, 2).tolist(), _colour(rng))
    return x


def _shape(x, rng, size, colour):
    at, n = rng.integers(0, x.shape[0], 2), rng.integers(3, 8)
    kind = rng.integers(3)
    if kind == 0:
        axes = np.maximum(size * rng.uniform(0.3, 1, 2), 1).astype(int).tolist()
        cv2.ellipse(x, at.tolist(), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    elif kind == 1:
        box = (at.astype(float).tolist(), (2 * size * rng.uniform(0.2, 1, 2)).tolist(), float(rng.uniform(0, 90)))
        cv2.fillPoly(x, [cv2.boxPoints(box).astype(np.int32)], colour)
    else:
        a = np.sort(rng.uniform(0, 2 * np.pi, n))
        points = at + (size * rng.uniform(0.4, 1, n) * np.array([np.cos(a), np.sin(a)])).T
        cv2.fillPoly(x, [points.astype(np.int32)], colour)


def shapes(n, rng):
    """A few coloured shapes on one colour, hard or soft."""
    x = _flat(n, rng)
    for _ in range(rng.integers(1, 12)):
        _shape(x, rng, rng.uniform(4, n / 3), _colour(rng))
    return cv2.GaussianBlur(x, (0, 0), rng.uniform(1, 8)) if rng.random() < 0.3 else x


def pink_noise(n, rng):
    """Coloured 1/f noise."""
    x = _pink(n, rng, rng.uniform(0.7, 1.7)) @ rng.uniform(-1, 1, (3, 3))
    return rng.uniform(50, 200, 3) + x / x.std() * rng.uniform(25, 75)


def dead_leaves(n, rng):
    """Shapes of every size that cover one another, with texture and light: a stand-in for photographs (Lee, Mumford and
    Huang, "Occlusion models for natural images", 2001)."""
    x = np.concatenate([_flat(n, rng), np.zeros((n, n, 1), np.float32)], 2)  # the fourth channel: which shape
    base, spread, count = rng.uniform(30, 220, 3), rng.uniform(15, 80), int(rng.integers(10, 70))
    for i in range(count):
        colour = base + rng.standard_normal(3) * spread + rng.standard_normal() * spread
        _shape(x, rng, min(n / 2, 3 / max(rng.random(), 0.02) ** 0.8), (*colour.tolist(), i + 1.0))
    x, shape = x[..., :3], x[..., 3].astype(int)
    grain = _pink(n, rng, rng.uniform(0.3, 1.2), 1) * rng.uniform(0, 0.35, count + 1)[shape][..., None]
    x = x * np.exp(grain) * np.exp(_pink(n, rng, 1.8, 1) * rng.uniform(0, 0.3))
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x.astype(np.float32), (0, 0), rng.uniform(0.5, 2))
    return np.repeat(x.mean(2, keepdims=True), 3, 2) if rng.random() < 0.2 else x


def scene(n, rng):
    """A landscape or a room: a far part, a near part, things before them."""
    x, line = gradient(n, rng).astype(np.float32), int(n * rng.uniform(0.3, 0.75))
    grain = _pink(n, rng, rng.uniform(0.5, 1.4)) @ rng.uniform(-0.5, 1, (3, 3))
    x[line:] = (rng.uniform(30, 200, 3) + grain * rng.uniform(8, 35))[line:]
    things = dead_leaves(n, rng)
    mask = np.zeros((n, n, 3), np.float32)
    for _ in range(rng.integers(1, 7)):
        _shape(mask, rng, rng.uniform(6, n / 2.5), (1.0,) * 3)
    return np.where(mask > 0, things, x)


def line_chart(n, rng):
    """Axes, ticks and curves or points."""
    dark = rng.random() < 0.25
    x = np.full((n, n, 3), 20 if dark else 255, np.uint8)
    ink, left, low = (230.0 if dark else 20.0,) * 3, int(n * 0.12), int(n * 0.88)
    cv2.polylines(x, [np.array([[left, 8], [left, low], [n - 6, low]])], False, ink, 1)
    for _ in range(rng.integers(1, 5)):
        colour, xs = _colour(rng), np.linspace(left, n - 8, rng.integers(5, 60))
        ys = np.interp(np.cumsum(rng.standard_normal(len(xs))), [-8, 8], [low, 8])
        points = np.stack([xs, ys], 1).astype(np.int32)
        if rng.random() < 0.7:
            cv2.polylines(x, [points], False, colour, int(rng.integers(1, 3)), cv2.LINE_AA)
        else:
            for p in points.tolist():
                cv2.circle(x, p, int(rng.integers(1, 4)), colour, -1)
    for _ in range(rng.integers(2, 8)):
        _text(x, rng, (int(rng.integers(0, n // 2)), int(rng.choice([8, n - 4, n // 2]))), ink, 0.25)
    return x


def screen(x, rng):
    """The picture as a part of the device's screen: dark round it, words, a grey scale."""
    n = x.shape[0]
    h, w = (int(n * v) for v in rng.uniform(0.5, 0.95, 2))
    out = np.full((n, n, 3), rng.choice([0, 0, 0, 25, 50]), np.float32)
    top, left = int(rng.integers(0, n - h + 1)), int(rng.integers(0, n - w + 1))
    out[top:top + h, left:left + w] = cv2.resize(x.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.3:
        out[:int(n * rng.uniform(0.03, 0.1))] = rng.uniform(20, 140, 3)  # a title bar
    out = np.clip(out, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(0, 10)):
        at = (int(rng.uniform(0, 0.9) * n), int(rng.choice([rng.uniform(0, 0.2), rng.uniform(0.8, 1)]) * n))
        word = "".join(rng.choice(LETTERS, rng.integers(3, 12)))
        cv2.putText(out, word, at, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.15, 0.3)), (rng.uniform(90, 255),) * 3)
    if rng.random() < 0.3:
        out[n // 4:n // 2, -5:-2] = np.linspace(255, 0, n // 2 - n // 4)[:, None, None]
    return out.astype(np.float32)


def empty_screen(n, rng):
    """A device's screen with no picture on it, or with next to nothing."""
    return screen(np.full((n, n, 3), rng.choice([0, 0, 8, 60]), np.float32), rng)


# --- held out ---------------------------------------------------------------------------------------------------------

def mosaic(n, rng):
    """Cells round random points (Voronoi)."""
    points, (yy, xx) = rng.uniform(0, n, (rng.integers(6, 60), 2)), np.mgrid[:n, :n]
    nearest = ((yy[..., None] - points[:, 0]) ** 2 + (xx[..., None] - points[:, 1]) ** 2).argmin(2)
    return rng.uniform(0, 255, (len(points), 3))[nearest]


def colour_bars(n, rng):
    """A television's test picture."""
    bars = 255 * np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1]])
    x = bars[np.arange(n) * 7 // n][None].repeat(n, 0) * rng.uniform(0.6, 1)
    x[int(n * rng.uniform(0.65, 0.95)):] = np.linspace(0, 255, n)[:, None]
    return x


def terminal(n, rng):
    """Coloured words on black."""
    x, step = np.full((n, n, 3), rng.uniform(0, 40), np.uint8), int(rng.integers(6, 12))
    colours = [(80, 250, 120), (240, 240, 240), (255, 200, 60), (90, 160, 255), (255, 90, 90)]
    for y in range(step, n, step):
        if rng.random() < 0.9:
            _text(x, rng, (2, y), colours[rng.integers(5)], 0.3)
            _text(x, rng, (int(rng.integers(n // 4, n // 2)), y), colours[rng.integers(5)], 0.3)
    return x


def pie_and_bars(n, rng):
    """A pie chart or a bar chart."""
    x = np.full((n, n, 3), rng.choice([255, 245, 30]), np.float32)
    cuts = np.sort(rng.uniform(0, 360, rng.integers(3, 8)))
    if rng.random() < 0.5:
        for a, b in zip(cuts, [*cuts[1:], cuts[0] + 360]):
            cv2.ellipse(x, (n // 2, n // 2), (n // 3, n // 3), 0, float(a), float(b), _colour(rng), -1)
    else:
        for i in range(k := int(rng.integers(4, 12))):
            top = int(rng.uniform(6, n - 10))
            cv2.rectangle(x, (i * n // k + 2, n - 6), ((i + 1) * n // k - 3, top), _colour(rng), -1)
    return x


def waves(n, rng):
    """Interfering coloured waves."""
    yy, xx = np.mgrid[:n, :n] / n
    x = np.zeros((n, n, 3))
    for _ in range(rng.integers(2, 5)):
        f = rng.uniform(-60, 60, 2)
        x += np.sin(xx * f[0] + yy * f[1] + rng.uniform(0, 6))[..., None] * rng.uniform(0, 1, 3)
    return 128 + 60 * x


TRAINED = {f.__name__: f for f in (flat, gradient, gaussian_noise, salt_noise, checkerboard, page, window, shapes,
                                   pink_noise, dead_leaves, scene, line_chart, empty_screen)}
HELD_OUT = {f.__name__: f for f in (mosaic, colour_bars, terminal, pie_and_bars, waves)}


# --- out of a pool picture --------------------------------------------------------------------------------------------

def shuffled(image, rng):
    """Its patches in another order, each turned."""
    n, k = image.shape[0], int(rng.choice([4, 6, 8]))
    p = n // k
    out = np.zeros_like(image)
    for i, j in enumerate(rng.permutation(k * k)):
        patch = image[j // k * p:j // k * p + p, j % k * p:j % k * p + p]
        out[i // k * p:i // k * p + p, i % k * p:i % k * p + p] = np.rot90(patch, rng.integers(4))
    return out[:k * p, :k * p]


def blinded(image, rng):
    """Exposed to nothing: black or white but for a few levels."""
    faint = image * np.float32(rng.uniform(0, 5) / max(float(image.max()), 1))
    return faint if rng.random() < 0.6 else 255 - 2 * faint


def inverted(image, rng):
    """Black for white, as MONOCHROME1 saved without a look at it."""
    return 255 - image


def scrambled_phase(image, rng):
    """Held out: the picture's own spectrum with random phases."""
    noise = np.angle(np.fft.rfft2(rng.standard_normal(image.shape[:2])))[..., None]
    spectrum = np.fft.rfft2(image.astype(np.float32), axes=(0, 1))
    noise[0, 0] = 0
    return np.fft.irfft2(spectrum * np.exp(1j * noise), image.shape[:2], axes=(0, 1))


FROM_POOL = {"shuffled": shuffled, "blinded": blinded, "inverted": inverted}
HELD_OUT_FROM_POOL = {"scrambled_phase": scrambled_phase}


def draw(kind: str, n: int, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A negative of `kind`, uint8; `image` n x n x 3 of the pool is what those out of a pool picture begin with."""
    drawn = TRAINED | HELD_OUT
    x = drawn[kind](n, rng) if kind in drawn else (FROM_POOL | HELD_OUT_FROM_POOL)[kind](image, rng)
    return np.clip(x, 0, 255).astype(np.uint8)
