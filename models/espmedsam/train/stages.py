"""What each stage trains: its network, what of it moves, and its loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..facts.modalities import MODALITIES
from ..facts.notice import METADATA
from ..network import ESPMedSAM, SamTeacher, at_size
from ..network.encoder import SemiTViT
from ..network.unet import UNet
from ..network.vit import Vit
from ..teachers import litemedsam, segmenter
from ..teachers.embeddings import Embeddings
from ..teachers.encoder import PREFIX, load_teacher, vit_shape
from ..teachers.segmenter import Ensemble
from ..weights import checkpoint
from .config import Config
from .losses import hidden_cells, imitation_loss, mask_loss, segmentation_loss


class Stage(nn.Module):
    """A network in training. `net` is what is written to `ema.safetensors`."""

    net: nn.Module

    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg

    def loss(self, x: Tensor, mask: Tensor, modality: Tensor) -> Tensor:
        """x: B x 3 x S x S normalised, mask: B x S x S in 0..1, modality: B."""
        raise NotImplementedError

    def segment(self, x: Tensor, modality: Tensor) -> Tensor | None:
        """Logits B x h x w for validation; None where the stage makes no masks."""
        return None

    def train(self, mode: bool = True):
        """BatchNorms of frozen parts keep their running statistics: what is frozen stays bit-identical. So do those of parts
        that are `settled`: what comes before them was fitted to these, and would be thrown out by a batch's own."""
        super().train(mode)
        settled = tuple(f"net.SemiTViT.{part}" for part in self.cfg.settled)
        for name, m in self.named_modules():
            if isinstance(m, nn.BatchNorm2d) and (not m.weight.requires_grad or name.startswith(settled)):
                m.eval()
        return self


class Segmentation(Stage):
    """Masks: the small network's base or a controller, a teacher, its adapters, SPPG and QDMD alone."""

    def __init__(self, cfg: Config, net: nn.Module, controller: bool | None):
        super().__init__(cfg)
        self.net = net
        self.aux = nn.Conv2d(256, 6 * 16, 1)  # in training only: 1x1, 6 x 16 channels, pixel-shuffled
        self.options = () if controller is None else (controller,)
        self.encode = torch.compile(net.encode, dynamic=False) if cfg.compiled else net.encode

    def loss(self, x, mask, modality):
        return self._forward(x, mask, modality)[0]

    def _forward(self, x, mask, modality):
        """(loss, embedding, logits)."""
        embedding = self.encode(x, *self.options)
        patch, prompted = self.net.self_prompt(embedding)
        logits = self.net.decode(prompted, modality)
        aux = None
        if self.cfg.aux:
            aux = F.pixel_shuffle(self.aux(embedding), 4)[torch.arange(len(x)), modality]
        return segmentation_loss(logits, patch, aux, mask, self.cfg.aux), embedding, logits

    def segment(self, x, modality):
        return self.net.decode(self.net.self_prompt(self.net.encode(x, *self.options))[1], modality)


class Distilled(Segmentation):
    """The base, or one modality's controller over it, with masks, and its masks and embeddings against those of teachers
    of the picture's modality, which look at the picture before it was degraded."""

    def __init__(self, cfg: Config, net: ESPMedSAM, teachers: dict[int, Ensemble]):
        super().__init__(cfg, net, bool(cfg.modality))
        self.teachers = teachers  # in a dict: no part of this module's weights

    def loss(self, x, mask, modality, clean):
        loss, embedding, logits = self._forward(x, mask, modality)
        agreed, wanted = self._taught(clean, modality)
        if self.cfg.imitate:
            loss = loss + self.cfg.imitate * imitation_loss(embedding, wanted)
        return loss + self.cfg.agree * mask_loss(at_size(logits, agreed.shape[-2:]), agreed)

    def _taught(self, clean, modality):
        """(masks B x S x S in 0..1, embeddings or none)."""
        masks, wanted = [None] * len(clean), [None] * len(clean)
        for m in modality.unique().tolist():
            rows = (modality == m).nonzero()[:, 0]
            mask, embedding = self.teachers[m].to(clean.device)(clean[rows], modality[rows])
            for k, row in enumerate(rows.tolist()):
                masks[row], wanted[row] = mask[k], None if embedding is None else embedding[k]
        return torch.stack(masks), torch.stack(wanted) if self.cfg.imitate else None


class Joint(Segmentation):
    """SPPG and QDMD over the frozen encoder, every picture with its own modality's controller."""

    def __init__(self, cfg: Config, net: ESPMedSAM, controllers: dict[int, dict[str, Tensor]]):
        super().__init__(cfg, net, True)
        self.controllers = controllers
        self.base = {k: v.clone() for k, v in net.state_dict().items() if checkpoint.is_modality_key(k)}
        self.encode = self._encode
        self.modality: Tensor | None = None

    def loss(self, x, mask, modality):
        self.modality = modality
        return super().loss(x, mask, modality)

    def segment(self, x, modality):
        return self.net.decode(self.net.self_prompt(self._encode_each(x, modality))[1], modality)

    def _encode(self, x, _controller):
        return self._encode_each(x, self.modality)

    @torch.no_grad()
    def _encode_each(self, x, modality):
        """Embeddings; the network's own controller keys are as they were afterwards."""
        out = None
        for m in modality.unique().tolist():
            rows = modality == m
            part = self.net.encode(x[rows], self._wear(m))
            out = torch.empty(len(x), *part.shape[1:], dtype=part.dtype, device=part.device) if out is None else out
            out[rows] = part
        self.net.load_state_dict(self.base, strict=False)
        return out

    def _wear(self, modality: int) -> bool:
        """Puts the modality's controller on; whether there is one."""
        worn = self.controllers.get(modality)
        self.net.load_state_dict(worn or self.base, strict=False)
        return worn is not None


class Imitation(Stage):
    """MMDKD 1 and 2: the encoder's embedding against a frozen teacher's, which sees the picture at its own side."""

    def __init__(self, cfg: Config, net: ESPMedSAM, teacher: nn.Module):
        super().__init__(cfg)
        self.net, self.teachers = net, [teacher]  # in a list: no part of this module's weights
        self.controller = cfg.stage == "modality"
        self.encode = torch.compile(net.encode, dynamic=False) if cfg.compiled else net.encode
        self.side = cfg.side[0]  # of the phase; pictures come as large as the teacher wants them

    def loss(self, x, mask, modality):
        with torch.no_grad():
            want = self.teachers[0].to(x.device)(resized(x, self.cfg.teacher_side or self.side))
        return imitation_loss(self.encode(resized(x, self.side), self.controller), want)

    def segment(self, x, modality):
        if not self.cfg.init:
            return None  # SPPG and QDMD were never trained
        return self.net.decode(self.net.self_prompt(self.net.encode(x, self.controller))[1], modality)


class Remembered(Stage):
    """MMDKD 1 by what a teacher's embeddings are known to be. The loss is the share of their variance that is missed: 1 is
    what the best constant would score."""

    def __init__(self, cfg: Config, net: ESPMedSAM, cache: Embeddings):
        super().__init__(cfg)
        self.net, self.cache, self.variance = net, cache, cache.variance()
        self.encode = torch.compile(net.encode, dynamic=False) if cfg.compiled else net.encode

    def loss(self, x, embedding, modality):
        """x: B x 3 x S x S normalised, embedding: B x 256 x g x g of the same part of the picture."""
        return imitation_loss(self.encode(x, False), embedding) / self.variance


class Masked(Stage):
    """Hidden cells of a picture, painted in from its embedding."""

    def __init__(self, cfg: Config, net: nn.Module):
        super().__init__(cfg)
        self.net = nn.ModuleDict({"image_encoder" if isinstance(net, Vit) else "SemiTViT": net})
        self.paint = nn.Conv2d(256, 3 * 16 * 16, 1)
        self.token = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.drawn = 0

    def loss(self, x, mask, modality):
        self.drawn += 1
        hidden = hidden_cells(x, self.cfg.hidden, 32, self.drawn)
        encoder = next(iter(self.net.values()))
        seen = x * (1 - hidden) + self.token * hidden
        embedding = encoder(seen) if isinstance(encoder, Vit) else encoder(seen, False)
        painted = F.pixel_shuffle(self.paint(embedding), 16)
        return ((painted.float() - x).abs() * hidden).sum() / (3 * hidden.sum()).clamp(min=1)


class Yardstick(Stage):
    """The U-Net."""

    def __init__(self, cfg: Config):
        super().__init__(cfg)
        self.net = UNet(cfg.width)

    def loss(self, x, mask, modality):
        return segmentation_loss(self.net(x, modality), None, None, mask, 0)

    def segment(self, x, modality):
        return self.net(x, modality)


def resized(x: Tensor, side: int) -> Tensor:
    """B x 3 x S x S at another side, antialiased."""
    return x if x.shape[-1] == side else F.interpolate(x, side, mode="bilinear", antialias=True)


def build(cfg: Config, root: Path) -> Stage:
    """The stage's network, started from `init`, with only its own weights left trainable."""
    if cfg.stage == "unet":
        return Yardstick(cfg)
    if cfg.stage == "masked":
        return Masked(cfg, Vit(cfg.vit_shape) if cfg.vit else SemiTViT())
    if cfg.stage == "teacher":
        return Segmentation(cfg, _started(SamTeacher(cfg.vit_shape), cfg, root), None)
    if cfg.stage == "adapt":
        return _adapted(cfg, root)
    net = _started(ESPMedSAM(), cfg, root)
    if cfg.stage == "base":
        return Segmentation(cfg, net, False)
    if cfg.stage == "distil":
        stage: Stage = Distilled(cfg, net, {MODALITIES.index(m): _teachers(cfg, names, root)
                                            for m, names in cfg.teachers.items() if m == (cfg.modality or m)})
        if cfg.modality:
            _new_controller(net, cfg)
            _train_only(stage, checkpoint.is_modality_key)
        return stage
    if cfg.stage == "joint":
        worn = {MODALITIES.index(m): {k: torch.tensor(v) for k, v in checkpoint.load(root / path).items()
                                      if checkpoint.is_modality_key(k)} for m, path in cfg.controllers.items()}
        stage = Joint(cfg, net, worn)
        _train_only(stage, lambda n: not n.startswith("net.SemiTViT."))
        return stage
    if cfg.stage == "controller":
        stage = Segmentation(cfg, net, True)
    elif cfg.embeddings:
        stage = Remembered(cfg, net, Embeddings(root / cfg.embeddings))
    else:
        stage = Imitation(cfg, net, load_teacher(root / cfg.teacher, cfg.teacher_controller))
    if cfg.stage == "common":
        parts = tuple(f"net.SemiTViT.{part}" for part in cfg.moves or [""])
        _train_only(stage, lambda n: n.startswith(parts) and not checkpoint.is_modality_key(n))
    else:
        _new_controller(net, cfg)
        _train_only(stage, checkpoint.is_modality_key)
    return stage


def _started(net: nn.Module, cfg: Config, root: Path) -> nn.Module:
    """With the weights of `init`: a whole ESP-MedSAM, LiteMedSAM's, or what fits of another stage's file (an encoder)."""
    if not cfg.init:
        return net
    state = checkpoint.read(root / cfg.init)
    if isinstance(net, ESPMedSAM) and litemedsam.is_lite(state):
        state = litemedsam.start(state, cfg.init)
    if isinstance(net, ESPMedSAM) and "mask_query.weight" in state:
        net.load_arrays(checkpoint.strict(state, cfg.init))
        counters = {k: torch.tensor(v) for k, v in state.items() if k.endswith("num_batches_tracked")}
        net.load_state_dict(counters, strict=False)  # never used; what is frozen stays bit-identical in them too
        return net
    own = net.state_dict()
    fitting = {k: torch.tensor(v) for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise checkpoint.CheckpointError(f"{cfg.init}: none of its weights fits the stage '{cfg.stage}'")
    net.load_state_dict(own | fitting)
    return net


def _teachers(cfg: Config, names: str | list[str], root: Path) -> Ensemble:
    names = [names] if isinstance(names, str) else names
    ensemble = Ensemble([segmenter.load(name, root) for name in names], cfg.mirrored)
    if cfg.imitate and not ensemble.members[0].encode:
        raise SystemExit(f"{names[0]} has no embedding to imitate: name another first, or set imitate = 0")
    return ensemble


def _adapted(cfg: Config, root: Path) -> Stage:
    state = checkpoint.read(root / cfg.teacher)
    encoder = {k.removeprefix(PREFIX): v for k, v in state.items() if k.startswith(PREFIX)}
    plain = vit_shape(encoder, cfg.teacher)
    net = SamTeacher(replace(plain, adapter=plain.adapter or max(plain.width // 4, 8)))
    kept = load_teacher(root / cfg.teacher).state_dict()  # strict, whatever is beside the encoder
    net.image_encoder.load_state_dict(net.image_encoder.state_dict() | kept)
    rest = {k: torch.tensor(v) for k, v in state.items() if not k.startswith(PREFIX)}
    own = net.state_dict()
    net.load_state_dict(own | {k: v for k, v in rest.items() if k in own and own[k].shape == v.shape})
    stage = Segmentation(cfg, net, None)
    _train_only(stage, lambda n: ".adapter." in n or not n.startswith("net.image_encoder."))
    return stage


@torch.no_grad()
def _new_controller(net: ESPMedSAM, cfg: Config) -> None:
    """Starts where the base stands: no effect of the MLP, a faint one of the token. Not if it goes on from `init`."""
    if not cfg.renew:
        return
    for name, p in net.named_parameters():
        if "med_dah.fc2" in name:
            p.zero_()
        elif name.endswith("med_attention_biases"):
            p.fill_(cfg.token_bias)


def _train_only(stage: nn.Module, chosen) -> None:
    for name, p in stage.named_parameters():
        p.requires_grad = bool(chosen(name))


def write_weights(stage: Stage, state: dict[str, Tensor], path: Path) -> None:
    """The network's weights as a checkpoint that other stages, the export and `load_teacher` read."""
    weights = {k.removeprefix("net."): v.detach().cpu().contiguous().numpy() for k, v in state.items()
               if k.startswith("net.")}
    checkpoint.write_safetensors(path, {k: np.asarray(v) for k, v in weights.items()}, METADATA)
