"""The yardstick: a plain U-Net (Ronneberger et al., arXiv 1505.04597) with BatchNorm, one output per modality."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _double(inp: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inp, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
        nn.Conv2d(out, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """B x 3 x S x S -> B x S x S logits of each picture's own modality; five levels, `width` channels at the top."""

    def __init__(self, width: int = 16, modalities: int = 6):
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(_double(inp, out) for inp, out in pairwise([3, *widths]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(below, above, 2, 2) for above, below in pairwise(widths))
        self.merge = nn.ModuleList(_double(2 * channels, channels) for channels in widths[:-1])
        self.head = nn.Conv2d(width, modalities, 1)

    def forward(self, x: Tensor, modality: Tensor) -> Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for up, merge, skip in zip(reversed(self.up), reversed(self.merge), reversed(skips[:-1]), strict=True):
            x = merge(torch.cat([skip, up(x)], 1))
        return self.head(x)[torch.arange(len(x)), modality]
