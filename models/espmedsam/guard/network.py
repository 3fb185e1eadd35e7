"""The guard's network, about 27 thousand parameters, and its ONNX file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..pictures.pool import MEAN, STD
from .graph import CLASSES, GuardWeights, write

WIDTHS = (16, 24, 36, 44)


class Guard(nn.Module):
    """Four 3 x 3 convolutions of stride 2; the mean tells of the whole picture, the maximum of what is somewhere. The
    first sees the square roots of the values as well: faint nuclei on black are a few levels high."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(inp, out, 3, 2, 1, bias=False) for inp, out in pairwise((6, *WIDTHS)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in WIDTHS)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(2 * WIDTHS[-1], len(CLASSES))
        for name, value in (("std", STD), ("mean", MEAN)):  # of the normalised values: sixteenths of 0..255 again
            self.register_buffer(name, torch.from_numpy(value / 16)[:, None, None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised pictures [B,3,64,64] -> logits [B,7]; the ONNX file goes on to their softmax."""
        x = torch.cat([x, torch.relu(x * self.std + self.mean).sqrt() - 2], 1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(norm(conv(x)))
        return self.head(self.drop(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)))


@torch.no_grad()
def scores(model: Guard, inputs: np.ndarray) -> np.ndarray:
    """[N,3,64,64] -> [N,7], as the ONNX file gives them."""
    parts = np.array_split(inputs, len(inputs) // 256 + 1)
    return torch.cat([model(torch.from_numpy(part)).softmax(1) for part in parts]).numpy()


def folded(model: Guard) -> list[tuple[np.ndarray, np.ndarray]]:
    """(weight, bias) of each convolution with its BatchNorm in it, folded in double precision."""
    out = []
    for conv, norm in zip(model.convs, model.norms, strict=True):
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None, "it keeps statistics"
        scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        bias = norm.bias.detach().double() - norm.running_mean.double() * scale
        weight = conv.weight.detach().double() * scale[:, None, None, None]
        out.append((weight.float().numpy(), bias.float().numpy()))
    return out


def save_onnx(model: Guard, folder: Path) -> Path:
    """Its file, as `graph.write` makes it."""
    return write(
        GuardWeights(
            model.std.numpy().ravel(),
            model.mean.numpy().ravel(),
            folded(model),
            (model.head.weight.detach().numpy(), model.head.bias.detach().numpy()),
        ),
        folder,
    )
