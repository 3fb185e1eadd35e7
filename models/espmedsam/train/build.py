"""Each stage's network, started from what its configuration names, with only its own weights left trainable: one function
for each kind of stage (`BUILDERS`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ..facts.modalities import MODALITIES
from ..network import ESPMedSAM, SamTeacher
from ..network.encoder import SemiTViT
from ..network.vit import Vit
from ..teachers import litemedsam, segmenter
from ..teachers.embeddings import Embeddings
from ..teachers.encoder import PREFIX, load_teacher, vit_shape
from ..teachers.segmenter import Ensemble
from ..weights import checkpoint
from .config import Config, DistilOptions
from .stages import Distilled, Imitation, Joint, Masked, Presence, Remembered, Segmentation, Stage, Yardstick

Network = TypeVar("Network", bound=nn.Module)


def build(cfg: Config, runs: Path) -> Stage:
    """The stage, ready to train. Checkpoints that it names are relative to `runs`."""
    return BUILDERS[cfg.stage](cfg, runs)


def _masked(cfg: Config, runs: Path) -> Stage:
    return Masked(cfg, Vit(cfg.options.vit) if cfg.options.vit else SemiTViT())


def _teacher(cfg: Config, runs: Path) -> Stage:
    return Segmentation(cfg, _started(SamTeacher(cfg.options.vit), cfg, runs), None)


def _adapted(cfg: Config, runs: Path) -> Stage:
    path = runs / cfg.options.teacher
    state = checkpoint.read(path)
    encoder = {k.removeprefix(PREFIX): v for k, v in state.items() if k.startswith(PREFIX)}
    plain = vit_shape(encoder, cfg.options.teacher)
    net = SamTeacher(replace(plain, adapter=plain.adapter or max(plain.width // 4, 8)))
    kept = load_teacher(path).state_dict()  # strict, whatever is beside the encoder
    net.image_encoder.load_state_dict(net.image_encoder.state_dict() | kept)
    own = net.state_dict()
    rest = {k: torch.tensor(v) for k, v in state.items() if k in own and not k.startswith(PREFIX)}
    net.load_state_dict(own | {k: v for k, v in rest.items() if own[k].shape == v.shape})
    stage = Segmentation(cfg, net, None)
    _train_only(stage, lambda name: ".adapter." in name or not name.startswith("net.image_encoder."))
    return stage


def _common(cfg: Config, runs: Path) -> Stage:
    net = _started(ESPMedSAM(), cfg, runs)
    if cfg.options.embeddings:
        stage: Stage = Remembered(cfg, net, Embeddings(runs / cfg.options.embeddings))
    else:
        stage = Imitation(cfg, net, load_teacher(runs / cfg.options.teacher, cfg.options.teacher_controller))
    parts = tuple(f"net.SemiTViT.{part}" for part in cfg.options.moves or [""])
    _train_only(stage, lambda name: name.startswith(parts) and not checkpoint.is_modality_key(name))
    return stage


def _modality(cfg: Config, runs: Path) -> Stage:
    net = _started(ESPMedSAM(), cfg, runs)
    teacher = load_teacher(runs / cfg.options.teacher, cfg.options.teacher_controller)
    return _controller_alone(Imitation(cfg, net, teacher), net, cfg)


def _joint(cfg: Config, runs: Path) -> Stage:
    stage = Joint(cfg, _started(ESPMedSAM(), cfg, runs), _controllers(cfg, runs))
    _train_only(stage, lambda name: not name.startswith(("net.SemiTViT.", "net.presence_head.")))
    return stage


def _presence(cfg: Config, runs: Path) -> Stage:
    stage = Presence(cfg, _started(ESPMedSAM(), cfg, runs), _controllers(cfg, runs))
    _train_only(stage, lambda name: name.startswith("net.presence_head."))
    return stage


def _controllers(cfg: Config, runs: Path) -> dict[int, dict[str, torch.Tensor]]:
    """Modality's index -> the controller that the stage names for it."""

    def worn(path: str) -> dict[str, torch.Tensor]:
        trained = checkpoint.load(runs / path)
        return {k: torch.tensor(v) for k, v in trained.items() if checkpoint.is_modality_key(k)}

    return {MODALITIES.index(modality): worn(path) for modality, path in cfg.options.controllers.items()}


def _base(cfg: Config, runs: Path) -> Stage:
    return Segmentation(cfg, _started(ESPMedSAM(), cfg, runs), False)


def _distil(cfg: Config, runs: Path) -> Stage:
    net = _started(ESPMedSAM(), cfg, runs)
    options: DistilOptions = cfg.options
    teachers = {MODALITIES.index(m): _ensemble(options, names, runs) for m, names in options.of(cfg.modality).items()}
    stage = Distilled(cfg, net, teachers)
    return _controller_alone(stage, net, cfg) if cfg.modality else stage


def _controller(cfg: Config, runs: Path) -> Stage:
    net = _started(ESPMedSAM(), cfg, runs)
    return _controller_alone(Segmentation(cfg, net, True), net, cfg)


def _unet(cfg: Config, runs: Path) -> Stage:
    return Yardstick(cfg)


BUILDERS: dict[str, Callable[[Config, Path], Stage]] = {
    "masked": _masked, "teacher": _teacher, "adapt": _adapted, "common": _common, "modality": _modality, "joint": _joint,
    "presence": _presence, "base": _base, "distil": _distil, "controller": _controller, "unet": _unet,
}  # fmt: skip


def _started(net: Network, cfg: Config, runs: Path) -> Network:
    """With the weights of `init`: a whole ESP-MedSAM, LiteMedSAM's, or what fits of another stage's file (an encoder)."""
    if not cfg.init:
        return net
    state = checkpoint.read(runs / cfg.init)
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


def _ensemble(options: DistilOptions, names: tuple[str, ...], runs: Path) -> Ensemble:
    ensemble = Ensemble([segmenter.load(name, runs) for name in names], options.mirrored)
    if options.imitate and not ensemble.members[0].encode:
        raise SystemExit(f"{names[0]} has no embedding to imitate: name another first, or set imitate = 0")
    return ensemble


@torch.no_grad()
def _controller_alone(stage: Stage, net: ESPMedSAM, cfg: Config) -> Stage:
    """Only the controller learns. It starts where the base stands, without an effect of the MLP and with a faint one of the
    token, unless it goes on from `init`."""
    for name, parameter in net.named_parameters() if cfg.options.renew else ():
        if "med_dah.fc2" in name:
            parameter.zero_()
        elif name.endswith("med_attention_biases"):
            parameter.fill_(cfg.options.token_bias)
    _train_only(stage, checkpoint.is_modality_key)
    return stage


def _train_only(stage: nn.Module, chosen: Callable[[str], bool]) -> None:
    for name, parameter in stage.named_parameters():
        parameter.requires_grad = chosen(name)
