"""Trained networks that mark masks, alone or together: what teaches in `distil`, and what `compare` measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..network import ESPMedSAM, SamTeacher, at_size
from ..network.unet import UNet
from ..weights import checkpoint
from ..weights.checkpoint import CheckpointError
from .encoder import PREFIX, vit_shape

Network = TypeVar("Network", bound=nn.Module)

BASE = ":base"  # behind a file's name: an ESP-MedSAM without its controller


@dataclass(frozen=True)
class Answer:
    """What a network makes of B pictures."""

    probability: Tensor  # B x S x S in 0..1
    embedding: Tensor | None  # B x 256 x S/16 x S/16, of a network that has them


class Segmenter(nn.Module):
    """One network, frozen."""

    def __init__(self, net: nn.Module, encode: Callable[[Tensor], Tensor] | None):
        """`encode`: pictures -> embeddings, of a network that has them."""
        super().__init__()
        self.net, self.encode = net.eval().requires_grad_(False), encode

    @torch.no_grad()
    def forward(self, x: Tensor, modality: Tensor) -> Answer:
        """x: B x 3 x S x S normalised, modality: B. Logits are brought to the picture's size as they are when served."""
        net: Any = self.net
        embedding = self.encode(x) if self.encode else None
        logits = net(x, modality) if embedding is None else net.decode(net.self_prompt(embedding)[1], modality)
        if logits.shape[-2:] != x.shape[-2:]:
            logits = at_size(logits, x.shape[-2:])
        return Answer(logits.float().sigmoid(), embedding)


class Ensemble(nn.Module):
    """Several, and each on the mirror image too if asked: the mean of their probabilities, and of the embeddings of
    the first."""

    def __init__(self, members: list[Segmenter], mirrored: bool):
        super().__init__()
        self.members, self.mirrored = nn.ModuleList(members), mirrored

    @torch.no_grad()
    def forward(self, x: Tensor, modality: Tensor) -> Answer:
        """As a segmenter's."""
        found = [self._answer(member, x, modality) for member in self.members]
        return Answer(torch.stack([answer.probability for answer in found]).mean(0), found[0].embedding)

    def _answer(self, member: nn.Module, x: Tensor, modality: Tensor) -> Answer:
        if not self.mirrored:
            return member(x, modality)
        both = member(torch.cat([x, x.flip(-1)]), modality.repeat(2))
        embedding = None if both.embedding is None else _unmirrored(both.embedding)
        return Answer(_unmirrored(both.probability), embedding)


def _unmirrored(both: Tensor) -> Tensor:
    """The mean of maps of pictures and of maps of their mirror images, which come after them."""
    straight, mirrored = both.chunk(2)
    return 0.5 * (straight + mirrored.flip(-1)).float()


def load(name: str, root: Path = Path()) -> Segmenter:
    """The network of a checkpoint, its kind and shape read off the keys: an ESP-MedSAM with its controller (without,
    if `:base` follows the name), a SAM-shaped teacher trained here, a U-Net. Raises CheckpointError if it is none."""
    path = root / name.removesuffix(BASE)
    state = checkpoint.read(path)
    if "SemiTViT.patch_embed.seq.0.c.weight" in state:
        net = ESPMedSAM().load_arrays(checkpoint.strict(state, str(path)))
        controller = not name.endswith(BASE)
        return Segmenter(net, lambda x: net.encode(x, controller))
    if name.endswith(BASE):
        raise CheckpointError(f"{path} is no ESP-MedSAM: it has no base without controller")
    if PREFIX + "pos_embed" in state and "patch_decoder.0.weight" in state:
        encoder = {k.removeprefix(PREFIX): v for k, v in state.items() if k.startswith(PREFIX)}
        teacher = _filled(SamTeacher(vit_shape(encoder, path)), state, path)
        return Segmenter(teacher, teacher.encode)
    if "head.weight" in state and "down.0.0.weight" in state:
        modalities, width = state["head.weight"].shape[:2]
        return Segmenter(_filled(UNet(width, modalities), state, path), None)
    raise CheckpointError(f"{path} marks no masks: neither ESP-MedSAM, nor a teacher trained here, nor a U-Net")


def _filled(net: Network, state: dict[str, np.ndarray], path: Path) -> Network:
    try:
        net.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in state.items()}, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit: {error}") from error
    return net
