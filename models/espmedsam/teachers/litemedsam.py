"""LiteMedSAM (MedSAM's `LiteMedSAM` branch, Apache-2.0): the encoder, what it looks at, and our network started from it.

Its encoder is ours but for the stem, whose two convolutions are 1x1 with stride 1 there: a picture of 256 x 256 pixels is
256 x 256 tokens in stage 0, and the embedding 64 x 64, where ours has 56 x 56 and 14 x 14 of a picture of 224 x 224.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ..facts.architecture import DIMS
from ..network.encoder import Block, ConvNorm, SemiTViT
from ..pictures.pool import MEAN, STD
from ..weights import checkpoint

SIDE = 256  # of what it looks at
GRID = 64  # of its embedding of that
PREFIX = "image_encoder."
STEM = ("patch_embed.seq.0.c.weight", "patch_embed.seq.2.c.weight")
# Of its mask decoder: the answer's own quality, and three masks beside the one that is asked for.
UNUSED = {"mask_decoder.iou_token.weight": (1, 256), "mask_decoder.mask_tokens.weight": (4, 256)} | {
    f"mask_decoder.{mlp}.layers.{i}.{kind}": shape if kind == "weight" else shape[:1]
    for mlp, last in (*((f"output_hypernetworks_mlps.{m}", 32) for m in (1, 2, 3)), ("iou_prediction_head", 4))
    for i, shape in enumerate(((256, 256), (256, 256), (last, 256)))
    for kind in ("weight", "bias")
}


class LiteEncoder(SemiTViT):
    """B x 3 x S x S in 0..1 -> B x 256 x S/4 x S/4. Its keys are those of the checkpoint's encoder, and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed.seq = nn.Sequential(ConvNorm(3, DIMS[0] // 2), nn.GELU(), ConvNorm(DIMS[0] // 2, DIMS[0]))
        del self.head, self.norm_head
        for block in self.modules():
            if isinstance(block, Block):
                del block.med_dah, block.attn.med_attention_biases, block.attn.deep_QKV_embeddings_med

    def forward(self, x: Tensor, controller: bool = False) -> Tensor:
        return super().forward(x, controller)


def layout() -> dict[str, tuple[int, ...]]:
    """Key -> shape of all 435 tensors of the checkpoint."""
    ours = checkpoint.official_keys()
    encoder = {k: tuple(v.shape) for k, v in LiteEncoder().state_dict().items()}
    beside = {k: s for k, s in ours.items() if k.startswith(("mask_decoder.", "prompt_encoder."))}
    return {PREFIX + k: s for k, s in encoder.items()} | beside | UNUSED


def is_lite(state: dict[str, np.ndarray]) -> bool:
    """Whether these are LiteMedSAM's tensors: MobileSAM's have the same names and another stem."""
    stem = state.get(PREFIX + STEM[0])
    return stem is not None and stem.shape == (DIMS[0] // 2, 3, 1, 1)


def load(state: dict[str, np.ndarray], source: str) -> LiteEncoder:
    """The encoder of a checkpoint, frozen. Raises CheckpointError unless all of the 435 tensors are there, and no other."""
    checkpoint.fit(state, layout(), f"{source} is not LiteMedSAM's")
    encoder = LiteEncoder()
    encoder.load_state_dict({k.removeprefix(PREFIX): torch.tensor(v) for k, v in state.items() if k.startswith(PREFIX)})
    return encoder.eval().requires_grad_(False)


def start(state: dict[str, np.ndarray], source: str) -> dict[str, np.ndarray]:
    """What LiteMedSAM gives our network, by our keys: 407 tensors as they are, and the stem's two kernels in the centre
    taps of ours. So our encoder begins as LiteMedSAM at a quarter of the side: it samples every fourth pixel until the
    stem has learned more. Its input is taken to be the picture in 0..1, ours is `data.normalise`d: the difference goes
    into the first kernel and its BatchNorm. Raises CheckpointError as `load` does.

    Not given: the controllers, SPPG (patch decoder and dense prompter), QDMD's queries, and the classifier.
    """
    checkpoint.fit(state, layout(), f"{source} is not LiteMedSAM's")
    out = {k.replace(PREFIX, "SemiTViT."): v for k, v in state.items() if k not in UNUSED}
    first = state[PREFIX + STEM[0]].astype(np.float64)
    shift = first[:, :, 0, 0] @ (MEAN / 255)  # what the mean colour adds before the BatchNorm
    mean = "SemiTViT.patch_embed.seq.0.bn.running_mean"
    out[mean] = (out[mean] - shift).astype(np.float32)
    for key, kernel in ((STEM[0], first * (STD / 255)[:, None, None]), (STEM[1], state[PREFIX + STEM[1]])):
        taps = np.zeros((*kernel.shape[:2], 3, 3), np.float32)
        taps[:, :, 1, 1] = kernel[:, :, 0, 0]
        out["SemiTViT." + key] = taps
    return out


@dataclass(frozen=True)
class Shown:
    """What LiteMedSAM is shown of a picture."""

    pixels: np.ndarray  # 3 x 256 x 256 float32 in 0..1
    rows: float  # of its embedding that the picture covers, from the corner
    columns: float


def shown(image: np.ndarray) -> Shown:
    """RGB uint8 H x W x 3: longest side 256, smallest value to 0 and largest to 1, zeros right and below."""
    scale = SIDE / max(image.shape[:2])
    height, width = (max(int(extent * scale + 0.5), 1) for extent in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = (small - small.min()) / max(small.max() - small.min(), 1e-8)
    pixels = np.zeros((3, SIDE, SIDE), np.float32)
    pixels[:, :height, :width] = small.transpose(2, 0, 1)
    return Shown(pixels, height * GRID / SIDE, width * GRID / SIDE)


class LiteTeacher(nn.Module):
    """LiteMedSAM as any other teacher: shown squares as our network is, each brought to its own range."""

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: LiteEncoder):
        super().__init__()
        self.encoder = encoder
        for name, value in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(value).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x S x S normalised -> B x 256 x S/4 x S/4."""
        x = x * self.std + self.mean
        x = x - x.amin((1, 2, 3), keepdim=True)
        return self.encoder(x / x.amax((1, 2, 3), keepdim=True).clamp(min=1e-8))
