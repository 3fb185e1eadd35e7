"""What each stage trains: its network, what of it moves, and its loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..facts.notice import METADATA
from ..network import ESPMedSAM, at_size
from ..network.encoder import SemiTViT
from ..network.unet import UNet
from ..network.vit import Vit
from ..teachers.embeddings import Embeddings
from ..teachers.segmenter import Ensemble
from ..weights import checkpoint
from .batch import Batch
from .config import Config
from .losses import hidden_cells, imitation_loss, mask_loss, presence_loss, segmentation_loss

AUX_CELLS = 4  # of the auxiliary head's map for each of the embedding's, a side
HIDDEN_CELL = 32  # pixels a side of what "masked" hides
PAINTED_CELL = 16  # pixels a side that one cell of the embedding paints


@dataclass(frozen=True)
class Answer:
    """What a stage makes of B pictures."""

    mask: Tensor | None = None  # logits B x h x w; None where it makes no masks
    presence: Tensor | None = None  # logits B; None where it teaches no presence head


class Stage(nn.Module):
    """A network in training. `net` is what is written to `ema.safetensors`."""

    net: Any  # of another kind in each stage
    settled: tuple[str, ...] = ()  # parts of the encoder whose BatchNorms keep their statistics

    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the batch."""
        raise NotImplementedError

    def answer(self, pictures: Tensor, modality: Tensor) -> Answer:
        """For validation."""
        return Answer()

    def train(self, mode: bool = True) -> Stage:
        """BatchNorms of frozen parts keep their running statistics: what is frozen stays bit-identical. So do those of parts
        that are `settled`: what comes before them was fitted to these, and would be thrown out by a batch's own."""
        super().train(mode)
        settled = tuple(f"net.SemiTViT.{part}" for part in self.settled)
        for name, module in self.named_modules():
            frozen = isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad
            if frozen or (isinstance(module, nn.BatchNorm2d) and name.startswith(settled)):
                module.eval()
        return self

    def compiled(self, encode: Any) -> Any:
        """The encoder's function, compiled if the stage asks for it."""
        return torch.compile(encode, dynamic=False) if self.cfg.schedule.compiled else encode


class Segmentation(Stage):
    """Masks: the small network's base or a controller, a teacher, its adapters, SPPG and QDMD alone."""

    def __init__(self, cfg: Config, net: nn.Module, controller: bool | None):
        super().__init__(cfg)
        self.net = net
        self.aux = nn.Conv2d(256, 6 * AUX_CELLS**2, 1)  # in training only: a map of each modality, pixel-shuffled
        self.options = () if controller is None else (controller,)
        self.presence = getattr(cfg.options, "presence", 0.0)
        self.settled = getattr(cfg.options, "settled", ())
        self.encode = self.compiled(net.encode)

    def loss(self, batch: Batch) -> Tensor:
        return self._forward(batch)[0]

    def _forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """(loss, embedding, logits)."""
        embedding = self.encode(batch.pictures, *self.options)
        patch, prompted = self.net.self_prompt(embedding)
        if self.presence:
            logits, present = self.net.decode_all(prompted, batch.modality)
        else:
            logits = self.net.decode(prompted, batch.modality)
        weight, aux = self.cfg.options.aux, None
        if weight:
            own = torch.arange(len(batch)), batch.modality
            aux = F.pixel_shuffle(self.aux(embedding), AUX_CELLS)[own]
        loss = segmentation_loss(logits, patch, aux, batch.target, weight)
        if self.presence:
            loss = loss + self.presence * presence_loss(present, batch.target)
        return loss, embedding, logits

    def answer(self, pictures: Tensor, modality: Tensor) -> Answer:
        prompted = self._prompted(pictures, modality)
        if self.presence:
            return Answer(*self.net.decode_all(prompted, modality))
        return Answer(self.net.decode(prompted, modality))

    def _prompted(self, pictures: Tensor, _modality: Tensor) -> Tensor:
        return self.net.self_prompt(self.net.encode(pictures, *self.options))[1]


class Distilled(Segmentation):
    """The base, or one modality's controller over it, with masks, and its masks and embeddings against those of teachers
    of the picture's modality, which look at the picture before it was degraded."""

    def __init__(self, cfg: Config, net: ESPMedSAM, teachers: dict[int, Ensemble]):
        super().__init__(cfg, net, bool(cfg.modality))
        self.teachers = teachers  # in a dict: no part of this module's weights

    def loss(self, batch: Batch) -> Tensor:
        assert batch.clean is not None, "the batches of this stage have clean pictures"
        loss, embedding, logits = self._forward(batch)
        agreed, wanted = self.taught(batch.clean, batch.modality)
        if wanted is not None:
            loss = loss + self.cfg.options.imitate * imitation_loss(embedding, wanted)
        return loss + self.cfg.options.agree * mask_loss(at_size(logits, agreed.shape[-2:]), agreed)

    def taught(self, clean: Tensor, modality: Tensor) -> tuple[Tensor, Tensor | None]:
        """(the teachers' masks B x S x S in 0..1, their embeddings B x 256 x s x s if these are imitated)."""
        masks: dict[int, Tensor] = {}
        embeddings: dict[int, Tensor] = {}
        for index in modality.unique().tolist():
            rows = (modality == index).nonzero()[:, 0]
            answer = self.teachers[index].to(clean.device)(clean[rows], modality[rows])
            masks |= dict(zip(rows.tolist(), answer.probability, strict=True))
            if answer.embedding is not None:
                embeddings |= dict(zip(rows.tolist(), answer.embedding, strict=True))
        wanted = [embeddings[row] for row in range(len(clean))] if self.cfg.options.imitate else []
        return torch.stack([masks[row] for row in range(len(clean))]), torch.stack(wanted) if wanted else None


class Joint(Segmentation):
    """SPPG and QDMD over the frozen encoder, every picture with its own modality's controller."""

    def __init__(self, cfg: Config, net: ESPMedSAM, controllers: dict[int, dict[str, Tensor]]):
        super().__init__(cfg, net, True)
        self.controllers = controllers
        self.base = {k: v.clone() for k, v in net.state_dict().items() if checkpoint.is_modality_key(k)}
        self.encode = self._encode
        self.modality = torch.empty(0, dtype=torch.int64)  # of the batch that `loss` is at

    def loss(self, batch: Batch) -> Tensor:
        self.modality = batch.modality
        return super().loss(batch)

    def _prompted(self, pictures: Tensor, modality: Tensor) -> Tensor:
        return self.net.self_prompt(self._encode_each(pictures, modality))[1]

    def _encode(self, pictures: Tensor, _controller: bool) -> Tensor:
        return self._encode_each(pictures, self.modality)

    @torch.no_grad()
    def _encode_each(self, pictures: Tensor, modality: Tensor) -> Tensor:
        """Embeddings; the network's own controller keys are as they were afterwards."""
        found: dict[int, Tensor] = {}
        for index in modality.unique().tolist():
            rows = (modality == index).nonzero()[:, 0]
            part = self.net.encode(pictures[rows], self._wear(index))
            found |= dict(zip(rows.tolist(), part, strict=True))
        self.net.load_state_dict(self.base, strict=False)
        return torch.stack([found[row] for row in range(len(pictures))])

    def _wear(self, modality: int) -> bool:
        """Puts the modality's controller on; whether there is one."""
        worn = self.controllers.get(modality)
        self.net.load_state_dict(worn or self.base, strict=False)
        return worn is not None


class Presence(Joint):
    """The presence head alone, over the frozen rest."""

    def __init__(self, cfg: Config, net: ESPMedSAM, controllers: dict[int, dict[str, Tensor]]):
        super().__init__(cfg, net, controllers)
        self.presence = 1.0

    def loss(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            prompted = self._prompted(batch.pictures, batch.modality)
        return presence_loss(self.net.decode_all(prompted, batch.modality)[1], batch.target)


class Imitation(Stage):
    """MMDKD 1 and 2: the encoder's embedding against a frozen teacher's, which sees the picture at its own side."""

    def __init__(self, cfg: Config, net: ESPMedSAM, teacher: nn.Module):
        super().__init__(cfg)
        self.net, self.teachers = net, [teacher]  # in a list: no part of this module's weights
        self.controller = cfg.stage == "modality"
        self.encode = self.compiled(net.encode)
        self.side = cfg.schedule.side[0]  # of the phase; pictures come as large as the teacher wants them

    def loss(self, batch: Batch) -> Tensor:
        pictures = batch.pictures
        with torch.no_grad():
            want = self.teachers[0].to(pictures.device)(resized(pictures, self.cfg.teacher_side or self.side))
        return imitation_loss(self.encode(resized(pictures, self.side), self.controller), want)

    def answer(self, pictures: Tensor, modality: Tensor) -> Answer:
        if not self.cfg.init:
            return Answer()  # SPPG and QDMD were never trained
        return Answer(self.net.decode(self.net.self_prompt(self.net.encode(pictures, self.controller))[1], modality))


class Remembered(Stage):
    """MMDKD 1 by what a teacher's embeddings are known to be. The loss is the share of their variance that is missed: 1 is
    what the best constant would score."""

    def __init__(self, cfg: Config, net: ESPMedSAM, cache: Embeddings):
        super().__init__(cfg)
        self.net, self.cache, self.variance = net, cache, cache.variance()
        self.settled = cfg.options.settled
        self.encode = self.compiled(net.encode)

    def loss(self, batch: Batch) -> Tensor:
        return imitation_loss(self.encode(batch.pictures, False), batch.target) / self.variance


class Masked(Stage):
    """Hidden cells of a picture, painted in from its embedding."""

    def __init__(self, cfg: Config, net: Vit | SemiTViT):
        super().__init__(cfg)
        self.net = nn.ModuleDict({"image_encoder" if isinstance(net, Vit) else "SemiTViT": net})
        self.paint = nn.Conv2d(256, 3 * PAINTED_CELL**2, 1)
        self.token = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.drawn = 0

    def loss(self, batch: Batch) -> Tensor:
        pictures = batch.pictures
        self.drawn += 1
        hidden = hidden_cells(pictures, self.cfg.options.hidden, HIDDEN_CELL, self.drawn)
        encoder = next(iter(self.net.values()))
        seen = pictures * (1 - hidden) + self.token * hidden
        embedding = encoder(seen) if isinstance(encoder, Vit) else encoder(seen, False)
        painted = F.pixel_shuffle(self.paint(embedding), PAINTED_CELL)
        return ((painted.float() - pictures).abs() * hidden).sum() / (3 * hidden.sum()).clamp(min=1)


class Yardstick(Stage):
    """The U-Net."""

    def __init__(self, cfg: Config):
        super().__init__(cfg)
        self.net = UNet(cfg.options.width)

    def loss(self, batch: Batch) -> Tensor:
        return segmentation_loss(self.net(batch.pictures, batch.modality), None, None, batch.target, 0)

    def answer(self, pictures: Tensor, modality: Tensor) -> Answer:
        return Answer(self.net(pictures, modality))


def resized(pictures: Tensor, side: int) -> Tensor:
    """B x 3 x S x S at another side, antialiased."""
    if pictures.shape[-1] == side:
        return pictures
    return F.interpolate(pictures, side, mode="bilinear", antialias=True)


def write_weights(state: dict[str, Tensor], path: Path) -> None:
    """A stage's network as a checkpoint that other stages, the export and `load_teacher` read."""
    weights = {
        k.removeprefix("net."): np.asarray(v.detach().cpu().contiguous().numpy())
        for k, v in state.items()
        if k.startswith("net.")
    }
    checkpoint.write_safetensors(path, weights, METADATA)
