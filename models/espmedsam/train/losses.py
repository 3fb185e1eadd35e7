"""Losses of masks, patch maps and embeddings."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..network import at_size


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """BCE + soft Dice per picture (smoothing 1). logits, target: B x h x w, target in 0..1."""
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, target)
    probability = logits.sigmoid()
    both = (probability * target).sum((1, 2))
    total = probability.sum((1, 2)) + target.sum((1, 2))
    return entropy + (1 - (2 * both + 1) / (total + 1)).mean()


def segmentation_loss(logits: Tensor, patch: Tensor | None, aux: Tensor | None, mask: Tensor, weight: float) -> Tensor:
    """Mask loss at the mask's size, to which logits are brought as they are when served + 0.5 x patch BCE (a cell is
    positive where the mask touches it) + `weight` x the auxiliary head's mask loss, at its own size.
    logits: B x h x w, patch: B x S/32 x S/32, aux: B x a x a, mask: B x S x S in 0..1."""
    loss = mask_loss(at_size(logits, mask.shape[-2:]), mask)
    if patch is not None:
        cells = (F.adaptive_max_pool2d(mask[:, None], patch.shape[-1])[:, 0] > 0.5).float()
        loss = loss + 0.5 * F.binary_cross_entropy_with_logits(patch.float(), cells)
    if aux is not None and weight:
        target = F.adaptive_avg_pool2d(mask[:, None], aux.shape[-1])[:, 0]
        loss = loss + weight * mask_loss(aux, target)
    return loss


# Of the picture's area: what marks less, as where a crop has cut off nearly all of a lesion, is neither there nor not.
SHOWN = 1e-3


def presence_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """BCE of whether the mask marks anything; of no account where it marks less than `SHOWN`. B, B x S x S in 0..1."""
    area = (mask > 0.5).float().mean((1, 2))
    clear = ((area == 0) | (area >= SHOWN)).float()
    entropy = F.binary_cross_entropy_with_logits(logits.float(), (area > 0).float(), reduction="none")
    return (entropy * clear).sum() / clear.sum().clamp(min=1)


def imitation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error of embeddings, the teacher's averaged to the student's grid. B x 256 x g x g, B x 256 x G x G."""
    return F.mse_loss(student.float(), F.adaptive_avg_pool2d(teacher.float(), student.shape[-1]))


def hidden_cells(pictures: Tensor, share: float, cell: int, seed: int) -> Tensor:
    """B x 1 x S x S, 1 where a square of `cell` pixels is hidden."""
    rng = torch.Generator().manual_seed(seed)
    count = pictures.shape[-1] // cell
    coarse = (torch.rand(len(pictures), 1, count, count, generator=rng) < share).to(pictures)
    return coarse.repeat_interleave(cell, 2).repeat_interleave(cell, 3)
