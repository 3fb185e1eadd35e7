"""Gain, contrast and colours of another device, for a batch: `pictures/augment.py`'s."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..pictures.augment import GREY
from .chance import Chance


def toned(pixels: Tensor, modality: list[str], chance: Chance) -> Tensor:
    """B x 3 x S x S in 0..255, not clipped."""
    count, side = len(modality), pixels.shape[-1]
    bent = chance.happens(0.85, count)
    gamma, contrast = (np.where(bent, chance.scale(1 / high, high, count), 1.0) for high in np.exp([0.5, 0.35]))
    brightness = np.where(bent, chance.uniform(-0.15, 0.15, count), 0.0)
    pixels = (pixels / 255).clamp(0, 1) ** chance.on_device(gamma, -1, 1, 1, 1)
    mean = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (
        (pixels - mean) * chance.on_device(contrast, -1, 1, 1, 1) + mean + chance.on_device(brightness, -1, 1, 1, 1)
    )
    colours, offset = _colours(modality, chance)
    pixels = torch.einsum("bij,bjhw->bihw", chance.on_device(colours), pixels * 255)
    return pixels * _drift(modality, side, chance) + chance.on_device(offset, -1, 1, 1, 1)


def _colours(modality: list[str], chance: Chance) -> tuple[np.ndarray, np.ndarray]:
    """(B x 3 x 3, what each channel is of all three; B, what is added): gains, another sensor's primaries, saturation, and
    the negative of a picture through a microscope."""
    count = len(modality)
    grey = np.array([name in GREY for name in modality])
    tinted, coloured = grey & chance.happens(0.05, count), ~grey & chance.happens(0.6, count)
    gain = np.where(tinted[:, None], chance.uniform(0.8, 1.1, count, 3), 1.0)
    gain = np.where(coloured[:, None], np.exp(chance.uniform(-0.3, 0.3, count, 3)), gain)
    other = ~grey & chance.happens(0.3, count)
    primaries = np.eye(3) + other[:, None, None] * chance.rng.normal(0, 0.08, (count, 3, 3))
    saturation = np.where(~grey & chance.happens(0.3, count), chance.uniform(0.3, 1.4, count), 1.0)[:, None, None]
    saturated = saturation * np.eye(3) + (1 - saturation) / 3
    negative = np.array([name == "microscopy" for name in modality]) & chance.happens(0.2, count)
    colours = saturated @ primaries @ (gain[:, :, None] * np.eye(3))
    return np.where(negative, -1.0, 1.0)[:, None, None] * colours, np.where(negative, 255.0, 0.0)


def _drift(modality: list[str], side: int, chance: Chance) -> Tensor:
    """B x 1 x side x 1: time-gain compensation, brightness that drifts with depth."""
    count = len(modality)
    drifts = np.array([name in GREY for name in modality]) & chance.happens(0.3, count)
    top, bottom = chance.uniform(-0.5, 0.5, 2, count) * drifts
    depth = np.linspace(0, 1, side)
    return chance.on_device(np.exp(top[:, None] * (1 - depth) + bottom[:, None] * depth))[:, None, :, None]
