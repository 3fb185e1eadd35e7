"""Image encoder: TinyViT (arXiv 2207.10666) as in MobileSAM, with ESP-MedSAM's modality controller in every
transformer block. S x S picture -> 256 x S/16 x S/16 embedding, for any S that is a multiple of 32."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..facts.architecture import DEPTHS, DIMS, EMBED, HEADS, WINDOWS


class LayerNorm2d(nn.Module):
    """LayerNorm over the channels of a B x C x H x W map (SAM's, eps 1e-6)."""

    def __init__(self, channels: int, eps: float = 1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps).permute(0, 3, 1, 2)


class ConvNorm(nn.Module):
    """Convolution without bias, then BatchNorm (keys `c` and `bn`)."""

    def __init__(self, inp: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1):
        super().__init__()
        self.c = nn.Conv2d(inp, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.c(x))


class PatchEmbed(nn.Module):
    """Two stride-2 3x3 convolutions: 3 x S x S -> 64 x S/4 x S/4."""

    def __init__(self) -> None:
        super().__init__()
        self.seq = nn.Sequential(ConvNorm(3, DIMS[0] // 2, 3, 2), nn.GELU(), ConvNorm(DIMS[0] // 2, DIMS[0], 3, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.seq(x)


class MBConv(nn.Module):
    """Inverted bottleneck of stage 0 (expansion 4), GELU after the residual."""

    def __init__(self, dim: int):
        super().__init__()
        hidden = 4 * dim
        self.conv1 = ConvNorm(dim, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.conv1(x))
        y = F.gelu(self.conv2(y))
        return F.gelu(x + self.conv3(y))


class PatchMerging(nn.Module):
    """1x1, depthwise 3x3, 1x1: changes the width, halves the side unless `stride` is 1 (the last one)."""

    def __init__(self, inp: int, out: int, stride: int):
        super().__init__()
        self.conv1 = ConvNorm(inp, out)
        self.conv2 = ConvNorm(out, out, 3, stride, groups=out)
        self.conv3 = ConvNorm(out, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class Mlp(nn.Module):
    """LayerNorm, then two linear layers with a GELU between (expansion 4)."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


def attention_offsets(window: int) -> Tensor:
    """Index into the bias table for each pair of window cells: cells with equal (|dy|, |dx|) share a bias, offsets
    numbered by first occurrence over all pairs in row-major order. (window^2, window^2) int64."""
    cells = [(y, x) for y in range(window) for x in range(window)]
    seen: dict[tuple[int, int], int] = {}
    return torch.tensor(
        [[seen.setdefault((abs(y - y2), abs(x - x2)), len(seen)) for y2, x2 in cells] for y, x in cells]
    )


class WindowAttention(nn.Module):
    """Multi-head attention inside one window, with LeViT-style biases by offset.

    The modality controller joins one prompt token per head to the keys and the values; `med_attention_biases` is
    added to its logit. Shapes: B x N x C in and out, N = window^2.
    """

    def __init__(self, dim: int, heads: int, window: int):
        super().__init__()
        self.heads, self.head_dim = heads, dim // heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        self.offsets: Tensor
        self.register_buffer("offsets", attention_offsets(window), persistent=False)
        self.med_attention_biases = nn.Parameter(torch.zeros(1))
        self.deep_QKV_embeddings_med = nn.Parameter(torch.randn(heads, 1, self.head_dim))

    def forward(self, x: Tensor, controller: bool) -> Tensor:
        b, n, c = x.shape
        qkv = self.qkv(self.norm(x)).view(b, n, self.heads, 3, self.head_dim)
        q, k, v = qkv.permute(3, 0, 2, 1, 4)
        bias = self.attention_biases[:, self.offsets]
        if controller:
            token = self.deep_QKV_embeddings_med.expand(b, -1, -1, -1)
            k, v = torch.cat([k, token], 2), torch.cat([v, token], 2)
            bias = torch.cat([bias, self.med_attention_biases.expand(self.heads, n, 1)], 2)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.unsqueeze(0))
        return self.proj(y.transpose(1, 2).reshape(b, n, c))


class Block(nn.Module):
    """Window attention, depthwise 3x3, MLP; the controller adds its token and a parallel MLP (`med_dah`)."""

    def __init__(self, dim: int, heads: int, window: int):
        super().__init__()
        self.window = window
        self.attn = WindowAttention(dim, heads, window)
        self.mlp = Mlp(dim)
        self.local_conv = ConvNorm(dim, dim, 3, groups=dim)
        self.med_dah = Mlp(dim)

    def forward(self, x: Tensor, controller: bool) -> Tensor:
        """x: B x C x H x W."""
        b, c, h, w = x.shape
        s = self.window
        # Pads are zeros before the LayerNorm, not masked: they take part as keys, as in the official network.
        padded = F.pad(x, (0, -w % s, 0, -h % s))
        hp, wp = padded.shape[2:]
        win = padded.view(b, c, hp // s, s, wp // s, s).permute(0, 2, 4, 3, 5, 1).reshape(-1, s * s, c)
        win = self.attn(win, controller)
        win = win.view(b, hp // s, wp // s, s, s, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, hp, wp)
        x = x + win[:, :, :h, :w]
        x = self.local_conv(x).flatten(2).transpose(1, 2)
        y = x + self.mlp(x)
        if controller:
            y = y + self.med_dah(x)
        return y.transpose(1, 2).view(b, c, h, w)


class EncoderStage(nn.Module):
    """Blocks of one width, then the downsample to the next (absent in the last)."""

    def __init__(self, number: int):
        super().__init__()
        width = DIMS[number]
        self.blocks = nn.ModuleList(
            Block(width, HEADS[number], WINDOWS[number]) if number else MBConv(width) for _ in range(DEPTHS[number])
        )
        if number + 1 < len(DIMS):
            self.downsample = PatchMerging(width, DIMS[number + 1], stride=1 if number == 2 else 2)

    def forward(self, x: Tensor, controller: bool) -> Tensor:
        for block in self.blocks:
            x = block(x) if isinstance(block, MBConv) else block(x, controller)
        return self.downsample(x) if hasattr(self, "downsample") else x


class SemiTViT(nn.Module):
    """The encoder. `controller=False` leaves the modality weights out of the graph (the shared base alone).

    `head` and `norm_head` are TinyViT's classifier: unused, kept only because official checkpoints carry them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.layers = nn.ModuleList(EncoderStage(number) for number in range(len(DIMS)))
        self.norm_head = nn.LayerNorm(DIMS[3])
        self.head = nn.Linear(DIMS[3], 1000)
        self.neck = nn.Sequential(
            nn.Conv2d(DIMS[3], EMBED, 1, bias=False),
            LayerNorm2d(EMBED),
            nn.Conv2d(EMBED, EMBED, 3, padding=1, bias=False),
            LayerNorm2d(EMBED),
        )

    def forward(self, x: Tensor, controller: bool = True) -> Tensor:
        x = self.patch_embed(x)
        for layer in self.layers:
            x = layer(x, controller)
        return self.neck(x)
