"""The whole network: encoder -> SPPG -> QDMD, and the parameters that official checkpoints carry but never use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..facts.architecture import EMBED, QUERIES
from .decoder import QDMD
from .encoder import LayerNorm2d
from .encoder import SemiTViT as Encoder
from .presence import PresenceHead
from .vit import Vit, VitShape


def at_size(maps: Tensor, size: Sequence[int]) -> Tensor:
    """B x h x w at another size, float32: how low-resolution logits are brought to a picture's."""
    return F.interpolate(maps[:, None].float(), tuple(size), mode="bilinear", align_corners=False)[:, 0]


class PositionEncoding(nn.Module):
    """SAM's random Fourier features of the cell centres: 256 x s x s, constant for a given side."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, EMBED // 2))

    def forward(self, side: int) -> Tensor:
        device = self.positional_encoding_gaussian_matrix.device
        centres = (torch.arange(side, dtype=torch.float32, device=device) + 0.5) / side * 2 - 1
        places = torch.stack([centres.expand(side, side), centres[:, None].expand(side, side)], -1)  # x, y
        phases = 2 * math.pi * (places @ self.positional_encoding_gaussian_matrix)
        return torch.cat([phases.sin(), phases.cos()], -1).permute(2, 0, 1)


class PromptEncoder(nn.Module):
    """SAM's prompt encoder. Only `pe_layer` is used here: there are no clicks, boxes or mask prompts."""

    def __init__(self) -> None:
        super().__init__()
        self.pe_layer = PositionEncoding()
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, EMBED) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, EMBED)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2),
            LayerNorm2d(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, 2),
            LayerNorm2d(16),
            nn.GELU(),
            nn.Conv2d(16, EMBED, 1),
        )
        self.no_mask_embed = nn.Embedding(1, EMBED)


class SelfPrompted(nn.Module):
    """All that follows an encoder: SPPG and QDMD.

    SPPG: patch decoder -> patch logits -> hard threshold at 0 -> dense prompter -> x2 nearest, added to the embedding.
    The prompter is pointwise, so running it before the x2 gives the same numbers at a quarter of the work.
    """

    def __init__(self, **encoder: nn.Module):
        """`encoder` by its name in checkpoints, where it comes first."""
        super().__init__()
        for name, module in encoder.items():
            self.add_module(name, module)
        self.prompt_encoder = PromptEncoder()
        self.mask_decoder = QDMD()
        self.patch_decoder = nn.Sequential(nn.Conv2d(EMBED, 64, 2, 2), LayerNorm2d(64), nn.GELU(), nn.Conv2d(64, 1, 1))
        self.dense_prompter = nn.Sequential(nn.Conv2d(1, EMBED, 1), LayerNorm2d(EMBED), nn.GELU())
        self.mask_query = nn.Embedding(QUERIES, EMBED)

    def self_prompt(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """(patch logits B x S/32 x S/32, embedding with the dense prompt added). The threshold passes gradients
        straight through."""
        logits = self.patch_decoder(embedding)
        soft = logits.sigmoid()
        hard = (logits >= 0).to(soft.dtype)
        if torch.is_grad_enabled():
            hard = hard + soft - soft.detach()
        prompt = self.dense_prompter(hard)
        prompt = prompt.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return logits.squeeze(1), embedding + prompt

    def decode(self, prompted: Tensor, modality: Tensor) -> Tensor:
        """Mask logits B x S/4 x S/4 of each picture's own modality (int64, B)."""
        return self._decode(prompted, modality)[0]

    def _decode(self, prompted: Tensor, modality: Tensor) -> tuple[Tensor, Tensor]:
        position = self.prompt_encoder.pe_layer(prompted.shape[-1]).unsqueeze(0)
        return self.mask_decoder(prompted, position, self.mask_query.weight, modality)


class ESPMedSAM(SelfPrompted):
    """B x 3 x S x S normalised pictures -> (B x S/4 x S/4 mask logits, B x S/32 x S/32 patch logits)."""

    SemiTViT: Encoder

    def __init__(self) -> None:
        super().__init__(SemiTViT=Encoder())
        self.presence_head = PresenceHead()

    def decode_all(self, prompted: Tensor, modality: Tensor) -> tuple[Tensor, Tensor]:
        """(mask logits as of `decode`, presence logits B)."""
        logits, token = self._decode(prompted, modality)
        return logits, self.presence_head(token, prompted, modality)

    def load_arrays(self, state: Mapping[str, np.ndarray]) -> ESPMedSAM:
        """Loads every official key, and the presence head's if they are there (numpy arrays, as `checkpoint.load` gives
        them)."""
        own = self.state_dict()
        full = {k: torch.tensor(state[k]) if k in state else own[k] for k in own}
        self.load_state_dict(full, strict=True)
        return self

    def encode(self, x: Tensor, controller: bool = True) -> Tensor:
        """Image embedding, B x 256 x S/16 x S/16."""
        return self.SemiTViT(x, controller)

    def forward(self, x: Tensor, modality: Tensor, controller: bool = True) -> tuple[Tensor, Tensor]:
        patch, prompted = self.self_prompt(self.encode(x, controller))
        return self.decode(prompted, modality), patch


class SamTeacher(SelfPrompted):
    """SAM's ViT in the place of the small encoder: what a teacher is trained as, where none can be had."""

    image_encoder: Vit

    def __init__(self, shape: VitShape):
        super().__init__(image_encoder=Vit(shape))

    def encode(self, x: Tensor) -> Tensor:
        """Image embedding, B x 256 x S/16 x S/16."""
        return self.image_encoder(x)
