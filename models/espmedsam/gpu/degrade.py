"""Resolution, noise, compression, borders and what is written over pictures, for a batch: `pictures/augment.py`'s."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures.augment import burn_in, highlights
from .chance import Chance
from .warp import blurred

COARSE = 4  # sides of coarser devices that a batch has
QUANTA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)  # of luminance, ITU-T T.81, table K.1


def degraded(pixels: Tensor, modality: list[str], chance: Chance) -> Tensor:
    """B x 3 x S x S in 0..255, changed in place."""
    count = len(modality)
    coarse = chance.happens(0.2, count)
    for some in np.array_split(np.flatnonzero(coarse), COARSE):
        if len(some):
            rows = chance.on_device(some)
            pixels[rows] = _coarser(pixels[rows], chance.rng.uniform(0.35, 0.8))
    if (soft := ~coarse & chance.happens(0.2, count)).any():
        rows = chance.rows(soft)
        pixels[rows] = blurred(pixels[rows], chance.uniform(0.4, 1.6, int(soft.sum())), chance)
    noisy, speckled = chance.happens(0.3, count), np.array([name == "ultrasound" for name in modality])
    for chosen, change in ((noisy & speckled, _speckled), (noisy & ~speckled, _noisy), (_few(count, chance), _coded)):
        if chosen.any():
            rows = chance.rows(chosen)
            pixels[rows] = change(pixels[rows], chance)
    return pixels


def _few(count: int, chance: Chance) -> np.ndarray:
    return chance.happens(0.15, count)


def _coarser(pixels: Tensor, share: float) -> Tensor:
    """Down and up again."""
    side = pixels.shape[-1]
    small = F.interpolate(pixels, int(side * share), mode="area")
    return F.interpolate(small, side, mode="bilinear", align_corners=False)


def _speckled(pixels: Tensor, chance: Chance) -> Tensor:
    """Multiplicative, correlated over a pixel or two."""
    count, _, side, _ = pixels.shape
    noise = blurred(chance.noise(count, 1, side, side), chance.uniform(0.5, 1.5, count), chance)
    strength = chance.on_device(chance.uniform(0.05, 0.3, count), -1, 1, 1, 1)
    return pixels * (1 + noise / noise.std((1, 2, 3), keepdim=True) * strength)


def _noisy(pixels: Tensor, chance: Chance) -> Tensor:
    """Added, the same in all channels."""
    count, _, side, _ = pixels.shape
    return pixels + chance.noise(count, 1, side, side) * chance.on_device(chance.uniform(2, 12, count), -1, 1, 1, 1)


def _coded(pixels: Tensor, chance: Chance) -> Tensor:
    """As JPEG would leave each channel by itself: blocks of 8 x 8, their cosine transform coarsened by luminance's table."""
    count, channels, side, _ = pixels.shape
    quality = chance.rng.integers(25, 80, count)
    scale = np.where(quality < 50, 50 / quality, 2 - quality / 50)
    quanta = chance.on_device(np.maximum(np.round(np.array(QUANTA) * scale[:, None, None]), 1), -1, 1, 1, 1, 8, 8)
    place = np.arange(8)
    cosines = np.cos(np.pi / 8 * place[:, None] * (place + 0.5)) * np.where(place, 0.5, np.sqrt(0.125))[:, None]
    basis = chance.on_device(cosines)
    blocks = pixels.clamp(0, 255).reshape(count, channels, side // 8, 8, side // 8, 8).permute(0, 1, 2, 4, 3, 5) - 128
    kept = torch.round(basis @ blocks @ basis.T / quanta) * quanta
    back = basis.T @ kept @ basis + 128
    return back.permute(0, 1, 2, 4, 3, 5).reshape(pixels.shape).clamp(0, 255)


def borders(side: int, count: int, chance: Chance) -> tuple[Tensor, Tensor]:
    """(grey levels R x 1 x 1 x 1, R x 1 x side x side: what they cover): letterbox or pillarbox; one dark corner, as a menu
    or a patient box; a round or eight-sided aperture."""
    level = chance.on_device(chance.rng.choice([0.0, 0.0, 0.0, 255.0, 30.0], count), -1, 1, 1, 1)
    middles = (torch.arange(side, device=chance.device) + 0.5) / side
    down, right = (axis.expand(count, 1, side, side) for axis in (middles[:, None], middles))

    def drawn(low: float, high: float) -> Tensor:
        return chance.on_device(chance.uniform(low, high, count), -1, 1, 1, 1)

    def truth() -> Tensor:
        return chance.on_device(chance.happens(0.5, count), -1, 1, 1, 1) > 0

    along = torch.where(truth(), down, right)
    bars = torch.minimum(along, 1 - along) < drawn(0.03, 0.18)
    y, x = (torch.where(truth(), axis, 1 - axis) for axis in (down, right))
    corner = (y < drawn(0.1, 0.3)) & (x < drawn(0.1, 0.3))
    y, x, radius = (2 * down - 1).abs(), (2 * right - 1).abs(), drawn(0.95, 1.25)
    aperture = torch.where(truth(), torch.hypot(x, y) > radius, x + y > radius * 1.3)
    kind = chance.on_device(chance.rng.integers(0, 3, count), -1, 1, 1, 1)
    return level, torch.where(kind == 0, bars, torch.where(kind == 1, corner, aperture))


@dataclass(frozen=True)
class Overlays:
    """N things that may be drawn over a picture. How much they cover is known by what is left of black and of white."""

    on_black: Tensor  # N x 3 x S x S uint8
    on_white: Tensor

    @classmethod
    def drawn(cls, by: Callable[[np.ndarray, np.random.Generator], np.ndarray], side: int, count: int) -> Overlays:
        """By one of `augment`'s functions, on the CPU."""

        def over(level: int) -> Tensor:
            canvas = np.full((side, side, 3), level, np.float32)
            made = [by(canvas.copy(), np.random.default_rng(number)) for number in range(count)]
            return torch.from_numpy(np.stack(made).astype(np.uint8).transpose(0, 3, 1, 2).copy())

        return cls(over(0), over(255))

    def to(self, device: torch.device) -> Overlays:
        """On the device."""
        return Overlays(self.on_black.to(device), self.on_white.to(device))

    def over(self, pixels: Tensor, chance: Chance) -> Tensor:
        """R x 3 x S x S in 0..255: each under one of these."""
        chosen = chance.on_device(chance.rng.integers(0, len(self.on_black), len(pixels)))
        black, white = self.on_black[chosen].float(), self.on_white[chosen].float()
        return black + pixels.clamp(0, 255) * (white - black) / 255


@cache
def written(side: int, count: int) -> Overlays:
    """Text, scales and calipers."""
    return Overlays.drawn(burn_in, side, count)


@cache
def shining(side: int, count: int) -> Overlays:
    """Specular highlights."""
    return Overlays.drawn(highlights, side, count)
