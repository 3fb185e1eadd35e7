"""Teachers for distillation, from checkpoint files: SAM (`sam_vit_b/l/h`), MobileSAM, LiteMedSAM, one trained here, or
another ESP-MedSAM. The kind and its shape are read off the keys; every key of the encoder must be there, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..network import ESPMedSAM
from ..network.encoder import SemiTViT
from ..network.vit import Vit, VitShape
from ..weights import checkpoint
from ..weights.checkpoint import CheckpointError
from . import litemedsam

Network = TypeVar("Network", bound=nn.Module)

PREFIX = "image_encoder."
# The rest of a SAM checkpoint, or of a teacher trained here: known, and not needed to teach.
BESIDE = (
    "prompt_encoder.",
    "mask_decoder.",
    "patch_decoder.",
    "dense_prompter.",
    "mask_query.",
    "aux.",
    "pixel_mean",
    "pixel_std",
)


class EspTeacher(nn.Module):
    """Another ESP-MedSAM as the teacher, its controller taking part if it was trained."""

    def __init__(self, net: ESPMedSAM, controller: bool):
        super().__init__()
        self.net, self.controller = net, controller

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x S x S -> B x 256 x S/16 x S/16."""
        return self.net.encode(x, self.controller)


class TinyTeacher(SemiTViT):
    """MobileSAM's encoder: ours, without any modality weights."""

    def forward(self, x: Tensor, controller: bool = False) -> Tensor:
        """B x 3 x S x S -> B x 256 x S/16 x S/16."""
        return super().forward(x, controller)


def load_teacher(path: str | Path, controller: bool = False) -> nn.Module:
    """The encoder of a checkpoint, frozen: B x 3 x S x S normalised pictures -> B x 256 x S/16 x S/16 (LiteMedSAM's:
    S/4 x S/4).

    Raises CheckpointError if the file is of no known kind, or lacks or has too many keys.
    """
    state = {k.removeprefix("module."): v for k, v in checkpoint.read(path).items()}
    if "SemiTViT.patch_embed.seq.0.c.weight" in state:
        teacher: nn.Module = EspTeacher(ESPMedSAM().load_arrays(checkpoint.strict(state, str(path))), controller)
    elif litemedsam.is_lite(state):
        teacher = litemedsam.LiteTeacher(litemedsam.load(state, str(path)))
    else:
        strangers = [k for k in state if not k.startswith((PREFIX, *BESIDE))]
        encoder = {k.removeprefix(PREFIX): v for k, v in state.items() if k.startswith(PREFIX)}
        if strangers or not encoder:
            raise CheckpointError(
                f"{path} is no SAM, MobileSAM, LiteMedSAM or ESP-MedSAM checkpoint: "
                + (f"unknown key {strangers[0]}" if strangers else f"no key begins with {PREFIX}")
            )
        teacher = _tiny(encoder, path) if "patch_embed.seq.0.c.weight" in encoder else _vit(encoder, path)
    return teacher.eval().requires_grad_(False)


def vit_shape(encoder: dict[str, np.ndarray], source: str | Path) -> VitShape:
    """The shape of a SAM image encoder, from the shapes of its weights (keys without `image_encoder.`)."""
    try:
        numbers = sorted({int(found[1]) for key in encoder if (found := re.match(r"blocks\.(\d+)\.", key))})
        tables = [encoder[f"blocks.{number}.attn.rel_pos_h"].shape for number in numbers]
        width, grid = encoder["patch_embed.proj.weight"].shape[0], encoder["pos_embed"].shape[1]
        narrow = encoder.get("blocks.0.adapter.lin1.weight", np.zeros((0, 0))).shape[0]
        window = (min(rows for rows, _ in tables) + 1) // 2
        everywhere = tuple(
            number for number, (rows, _) in zip(numbers, tables, strict=True) if (rows + 1) // 2 != window
        )
        return VitShape(width, len(numbers), width // tables[0][1], window, grid, everywhere, narrow)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{source}: its image encoder is not SAM's ViT ({reason})") from error


def _vit(encoder: dict[str, np.ndarray], source: str | Path) -> Vit:
    return _fill(Vit(vit_shape(encoder, source)), encoder, source)


def _tiny(encoder: dict[str, np.ndarray], source: str | Path) -> TinyTeacher:
    teacher = TinyTeacher()
    own = {
        k: v.numpy()
        for k, v in teacher.state_dict().items()
        if checkpoint.is_modality_key(k) or k.endswith("num_batches_tracked")
    }
    return _fill(teacher, own | encoder, source)


def _fill(net: Network, state: dict[str, np.ndarray], source: str | Path) -> Network:
    want = {PREFIX + k: tuple(v.shape) for k, v in net.state_dict().items()}
    checkpoint.fit({PREFIX + k: v for k, v in state.items()}, want, f"{source} does not fit")
    net.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in state.items()}, strict=True)
    return net
