"""QDMD: one mask query per modality through SAM's two-way transformer, one hyper-network for all of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..facts.architecture import DECODER_HEADS, EMBED
from .encoder import LayerNorm2d


class Attention(nn.Module):
    """Multi-head attention with separate projections, optionally to a narrower inner width. B x N x 256."""

    def __init__(self, inner: int = EMBED):
        super().__init__()
        self.q_proj = nn.Linear(EMBED, inner)
        self.k_proj = nn.Linear(EMBED, inner)
        self.v_proj = nn.Linear(EMBED, inner)
        self.out_proj = nn.Linear(inner, EMBED)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        projected = (self.q_proj(q), self.k_proj(k), self.v_proj(v))
        q, k, v = (rows.unflatten(-1, (DECODER_HEADS, -1)).transpose(1, 2) for rows in projected)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class TwoWayMlp(nn.Module):
    """Linear, ReLU, linear."""

    def __init__(self, hidden: int = 2048):
        super().__init__()
        self.lin1 = nn.Linear(EMBED, hidden)
        self.lin2 = nn.Linear(hidden, EMBED)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.relu(self.lin1(x)))


class TwoWayLayer(nn.Module):
    """Self-attention of the queries, queries to image, MLP, image to queries (SAM, section "Mask decoder")."""

    def __init__(self, first: bool):
        super().__init__()
        self.first = first
        self.self_attn = Attention()
        self.norm1 = nn.LayerNorm(EMBED)
        self.cross_attn_token_to_image = Attention(EMBED // 2)
        self.norm2 = nn.LayerNorm(EMBED)
        self.mlp = TwoWayMlp()
        self.norm3 = nn.LayerNorm(EMBED)
        self.norm4 = nn.LayerNorm(EMBED)
        self.cross_attn_image_to_token = Attention(EMBED // 2)

    def forward(self, x: Tensor, image: Tensor, query_place: Tensor, image_place: Tensor) -> tuple[Tensor, Tensor]:
        if self.first:  # the queries are their own position here: neither added twice nor kept beside the attention
            x = self.norm1(self.self_attn(x, x, x))
        else:
            q = x + query_place
            x = self.norm1(x + self.self_attn(q, q, x))
        keys = image + image_place
        x = self.norm2(x + self.cross_attn_token_to_image(x + query_place, keys, image))
        x = self.norm3(x + self.mlp(x))
        image = self.norm4(image + self.cross_attn_image_to_token(keys, x + query_place, x))
        return x, image


class TwoWayTransformer(nn.Module):
    """Two layers and a last look of the queries at the image."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([TwoWayLayer(True), TwoWayLayer(False)])
        self.final_attn_token_to_image = Attention(EMBED // 2)
        self.norm_final_attn = nn.LayerNorm(EMBED)

    def forward(self, image: Tensor, image_place: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        x = queries
        for layer in self.layers:
            x, image = layer(x, image, queries, image_place)
        x = x + self.final_attn_token_to_image(x + queries, image + image_place, image)
        return self.norm_final_attn(x), image


class HyperNetwork(nn.Module):
    """Query -> 32 weights of the mask's last 1x1 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(EMBED, EMBED), nn.Linear(EMBED, EMBED), nn.Linear(EMBED, 32)])

    def forward(self, x: Tensor) -> Tensor:
        first, second, last = self.layers
        return last(F.relu(second(F.relu(first(x)))))


class QDMD(nn.Module):
    """Query-decoupled modality decoder. B x 256 x s x s -> (B x 4s x 4s logits of each picture's own modality, its query's
    token B x 256)."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer()
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(EMBED, 64, 2, 2),
            LayerNorm2d(64),
            nn.GELU(),
            nn.ConvTranspose2d(64, 32, 2, 2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList([HyperNetwork()])

    def forward(self, image: Tensor, image_place: Tensor, queries: Tensor, modality: Tensor) -> tuple[Tensor, Tensor]:
        b, c, h, w = image.shape
        tokens, out = self.transformer(
            image.flatten(2).transpose(1, 2), image_place.flatten(2).transpose(1, 2), queries.expand(b, -1, -1)
        )
        up = self.output_upscaling(out.transpose(1, 2).view(b, c, h, w))
        token = tokens[torch.arange(b), modality]
        weights = self.output_hypernetworks_mlps[0](token)
        return torch.einsum("bc,bchw->bhw", weights, up), token
