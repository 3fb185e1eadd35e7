"""Geometry of a batch: `pictures/augment.py`'s, one sampling for picture and mask together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures.augment import FAR, UPRIGHT, ZOOM
from .chance import Chance

BLACK, REPEATED, MIRRORED = range(3)  # what lies outside a picture


@dataclass(frozen=True)
class Placement:
    """How B pictures are looked at, each by itself. [B], numpy; `window` is [B, 3]: left, top and side of the part that is
    looked at, 1 = the whole picture's side."""

    window: np.ndarray
    scale: np.ndarray
    aspect: np.ndarray
    angle: np.ndarray
    flip: np.ndarray
    centre: np.ndarray  # [B, 2], 1 = the side
    border: np.ndarray


def placed(window: np.ndarray, modality: list[str], growth: float, chance: Chance) -> Placement:
    """Drawn as `augment` does. `growth`: a picture's own pixels for each of the side that is made of it."""
    count = len(modality)
    low, high = np.array([ZOOM.get(name, (0.7, 1.6)) for name in modality]).reshape(-1, 2).T
    far = np.array([FAR.get(name, 0.0) for name in modality])
    is_far = (far > 0) & chance.happens(0.25, count)
    low, high = np.where(is_far, far, low), np.where(is_far, low, high)
    scale = chance.scale(low, np.minimum(high, np.maximum(1.6, 1.6 * growth * window[:, 2])), count)
    upright = np.array([name in UPRIGHT for name in modality])
    angle = chance.happens(0.5, count) * np.deg2rad(chance.uniform(-25, 25, count))
    angle += ~upright * np.pi / 2 * chance.rng.integers(0, 4, count)
    near = (scale >= 0.7) & (scale <= 1.6)
    slack = np.where(near, 0.108 * np.maximum(1, scale), 0.5 * np.abs(scale - 1) + 0.1)
    kind = chance.rng.random(count)
    border = np.where(kind < 0.5, BLACK, np.where((kind > 0.75) & ~upright, MIRRORED, REPEATED))
    return Placement(
        window,
        scale,
        aspect=chance.scale(np.exp(-0.22), np.exp(0.22), count),
        angle=angle,
        flip=np.where(chance.happens(0.5, count), -1.0, 1.0),
        centre=0.5 + chance.uniform(-slack[:, None], slack[:, None], count, 2),
        border=border,
    )


def warped(squares: Tensor, where: Placement, side: int, chance: Chance) -> Tensor:
    """B x C x n x n uint8 -> B x C x side x side float32 in 0..255. The last channel is the mask, which is not blurred."""
    pixels, size = squares.float(), squares.shape[-1]
    shrunk = size * where.window[:, 2] / (side * where.scale)
    if (coarse := shrunk > 1.7).any():  # as a device's own scaler would, without aliasing
        rows = chance.rows(coarse)
        pixels[rows, :-1] = blurred(pixels[rows, :-1], 0.35 * shrunk[coarse], chance)
    at = _looked_at(where, side, chance)
    beyond = (at.abs() > 1).any(-1)[:, None]
    nothing = beyond & (chance.on_device(where.border == BLACK, -1, 1, 1, 1) > 0)
    return F.grid_sample(pixels, _grid(at, where, size, chance), "bilinear", "border", False) * ~nothing


def _looked_at(where: Placement, side: int, chance: Chance) -> Tensor:
    """B x side x side x 2: where a pixel lies in the window, which reaches from -1 to 1."""
    cosine, sine = np.cos(where.angle), np.sin(where.angle)
    across, down = where.scale * where.aspect * where.flip, where.scale / where.aspect
    back = np.stack([np.stack([cosine / across, sine / across], -1), np.stack([-sine / down, cosine / down], -1)], 1)
    moved = -2 * np.einsum("bij,bj->bi", back, where.centre)
    middles = (torch.arange(side, device=chance.device) + 0.5) / side * 2
    places = torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1)
    return torch.einsum("bij,hwj->bhwi", chance.on_device(back), places) + chance.on_device(moved, -1, 1, 1, 2)


def _grid(at: Tensor, where: Placement, size: int, chance: Chance) -> Tensor:
    """The same in the whole picture; what lies outside the window is taken from its edge, or mirrored."""
    turn = torch.remainder(at + 1, 4)
    mirrored = chance.on_device(where.border == MIRRORED, -1, 1, 1, 1) > 0
    at = torch.where(mirrored, torch.minimum(turn, 4 - turn) - 1, at)
    last = chance.on_device(1 - 1 / (size * where.window[:, 2]), -1, 1, 1, 1)  # middle of the window's last pixel
    at = torch.minimum(torch.maximum(at, -last), last)
    begin, extent = chance.on_device(where.window[:, None, None, :2]), chance.on_device(where.window[:, None, None, 2:])
    return 2 * begin + extent * (at + 1) - 1


def blurred(maps: Tensor, sigma: np.ndarray, chance: Chance) -> Tensor:
    """R x C x H x W, each row by its own Gaussian."""
    reach = min(int(np.ceil(3 * sigma.max())), maps.shape[-1] - 1)
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (steps / np.maximum(sigma[:, None], 1e-3)) ** 2)
    kernel = np.repeat(kernel / kernel.sum(1, keepdims=True), maps.shape[1], 0)
    weights = chance.on_device(kernel)[:, None, None]
    rows = F.pad(maps.reshape(1, -1, *maps.shape[2:]), (reach, reach, reach, reach), "reflect")
    rows = F.conv2d(rows, weights, groups=len(kernel))
    return F.conv2d(rows, weights.transpose(2, 3), groups=len(kernel)).reshape(maps.shape)
