"""SAM's image encoder (arXiv 2304.02643, appendix A; a ViT with windows as in ViTDet, arXiv 2203.16527), as a teacher.
Module names follow the official `sam_vit_b/l/h` checkpoints. S x S picture -> 256 x S/16 x S/16 embedding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..facts.architecture import EMBED
from .encoder import LayerNorm2d


@dataclass(frozen=True)
class VitShape:
    """What tells one ViT from another. SAM's: b 768/12/12, l 1024/24/16, h 1280/32/16 (width, depth, heads)."""

    width: int = 768
    depth: int = 12
    heads: int = 12
    window: int = 14
    grid: int = 64  # side of the stored position embedding: 1024 / 16
    everywhere: tuple[int, ...] = (2, 5, 8, 11)  # blocks whose attention spans the whole map
    adapter: int = 0  # width of the adapters, 0 = none


def relative_positions(table: Tensor, side: int) -> Tensor:
    """Rows of a (2 n - 1) x d table for every pair of cells of an axis of `side` cells: side x side x d. The table is
    stretched linearly where it was made for another side."""
    length = 2 * side - 1
    if len(table) != length:
        table = F.interpolate(table.T[None], size=length, mode="linear")[0].T
    cells = torch.arange(side, device=table.device)
    return table[cells[:, None] - cells[None, :] + side - 1]


class VitAttention(nn.Module):
    """Multi-head attention with decomposed relative positions: B x h x w x C in and out."""

    def __init__(self, shape: VitShape, side: int):
        super().__init__()
        self.heads, size = shape.heads, shape.width // shape.heads
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.proj = nn.Linear(shape.width, shape.width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, size))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, size))

    def forward(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        q, k, v = self.qkv(x).view(b, h * w, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        grid = q.reshape(b, self.heads, h, w, -1)
        rows = torch.einsum("bnhwd,hkd->bnhwk", grid, relative_positions(self.rel_pos_h, h).to(q.dtype))
        columns = torch.einsum("bnhwd,wkd->bnhwk", grid, relative_positions(self.rel_pos_w, w).to(q.dtype))
        bias = (rows[..., :, None] + columns[..., None, :]).reshape(b, self.heads, h * w, h * w)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.proj(y.transpose(1, 2).reshape(b, h, w, c))


class VitMlp(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.gelu(self.lin1(x)))


class VitBlock(nn.Module):
    """Attention in windows (or everywhere), MLP, and, where a modality has adapted the teacher, a narrow second MLP."""

    def __init__(self, shape: VitShape, everywhere: bool):
        super().__init__()
        self.window = 0 if everywhere else shape.window
        self.norm1 = nn.LayerNorm(shape.width, eps=1e-6)
        self.attn = VitAttention(shape, shape.grid if everywhere else shape.window)
        self.norm2 = nn.LayerNorm(shape.width, eps=1e-6)
        self.mlp = VitMlp(shape.width, 4 * shape.width)
        if shape.adapter:
            self.adapter = VitMlp(shape.width, shape.adapter)
            nn.init.zeros_(self.adapter.lin2.weight)
            nn.init.zeros_(self.adapter.lin2.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x + (self._windows(self.norm1(x)) if self.window else self.attn(self.norm1(x)))
        y = self.norm2(x)
        return x + self.mlp(y) + (self.adapter(y) if hasattr(self, "adapter") else 0)

    def _windows(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        s = self.window
        x = F.pad(x, (0, 0, 0, -w % s, 0, -h % s))  # zeros behind the LayerNorm, not masked, as in SAM
        hp, wp = x.shape[1:3]
        x = x.view(b, hp // s, s, wp // s, s, c).transpose(2, 3).reshape(-1, s, s, c)
        x = self.attn(x).view(b, hp // s, wp // s, s, s, c).transpose(2, 3)
        return x.reshape(b, hp, wp, c)[:, :h, :w]


class PatchProjection(nn.Module):
    """16 x 16 pixels -> one token."""

    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Conv2d(3, width, 16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).permute(0, 2, 3, 1)


class Vit(nn.Module):
    """The encoder. Its side is free: position embedding and relative positions are stretched to it."""

    def __init__(self, shape: VitShape):
        super().__init__()
        self.shape = shape
        self.patch_embed = PatchProjection(shape.width)
        self.pos_embed = nn.Parameter(torch.randn(1, shape.grid, shape.grid, shape.width) * 0.02)
        self.blocks = nn.ModuleList(VitBlock(shape, i in shape.everywhere) for i in range(shape.depth))
        self.neck = nn.Sequential(
            nn.Conv2d(shape.width, EMBED, 1, bias=False),
            LayerNorm2d(EMBED),
            nn.Conv2d(EMBED, EMBED, 3, padding=1, bias=False),
            LayerNorm2d(EMBED),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)
        position: Tensor = self.pos_embed
        if position.shape[1:3] != x.shape[1:3]:
            position = F.interpolate(position.permute(0, 3, 1, 2), x.shape[1:3], mode="bicubic", antialias=True)
            position = position.permute(0, 2, 3, 1)
        x = x + position
        for block in self.blocks:
            x = block(x)
        return self.neck(x.permute(0, 3, 1, 2))
