"""The phases of a training, as `configs/gpu.toml` says."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..train import config
from ..train.config import Config
from ..train.pipeline import CONFIGS, WEIGHTS

PLAN = CONFIGS / "gpu.toml"
WARMUP = 0.05  # of a phase


@dataclass(frozen=True)
class Phase:
    """A stage for a share of all minutes."""

    name: str
    stage: Path  # its configuration
    share: float
    start: str = ""  # phase that it begins from; "": what the training begins from
    modality: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)  # in place of the configuration's

    def config(self, **given: Any) -> Config:
        """The stage, with the phase's values and those `given`. Tiles keep their share of a batch's pixels."""
        plain = config.read(self.stage, modality=self.modality)
        cfg = config.read(self.stage, modality=self.modality, **{**self.values, **given})
        if not cfg.drawing.fine or not plain.drawing.fine:
            return cfg
        tiles = max(plain.drawing.fine.batch * cfg.drawing.batch // plain.drawing.batch, 1)
        return replace(cfg, drawing=replace(cfg.drawing, fine=replace(cfg.drawing.fine, batch=tiles)))


@dataclass(frozen=True)
class Plan:
    """What is trained, in order."""

    phases: tuple[Phase, ...]
    text: str = ""  # of the file

    def edge(self, phase: Phase) -> float:
        """The share of all minutes after which a phase ends."""
        return sum(each.share for each in self.phases[: self.phases.index(phase) + 1])

    def fingerprint(self) -> str:
        """Of all that the phases are."""
        files = [phase.stage.read_text() for phase in self.phases]
        return hashlib.sha256("".join([self.text, *files]).encode()).hexdigest()

    def controllers(self) -> dict[str, str]:
        """Modality -> the weights of its controller, relative to the training's folder."""
        return {phase.modality: f"{phase.name}/{WEIGHTS}" for phase in self.phases if phase.modality}


def read(path: Path = PLAN) -> Plan:
    """Raises SystemExit where the file makes no sense."""
    text = path.read_text()
    try:
        phases = tuple(phase for entry in tomllib.loads(text)["phase"] for phase in _phases(entry, path.parent))
    except (KeyError, TypeError) as error:
        raise SystemExit(f"{path}: a phase lacks {error}") from error
    plan, known = Plan(phases, text), [phase.name for phase in phases]
    for at, phase in enumerate(phases):
        if phase.start and phase.start not in known[:at]:
            raise SystemExit(f"{path}: '{phase.name}' begins from '{phase.start}', which no earlier phase makes")
    if len(set(known)) < len(known) or plan.edge(phases[-1]) > 1 or min(phase.share for phase in phases) <= 0:
        raise SystemExit(f"{path}: names are not unique, or shares are not of one whole")
    return plan


def _phases(entry: dict[str, Any], folder: Path) -> Iterator[Phase]:
    given = dict(entry)
    name, stage, share = given.pop("name"), folder / "stages" / f"{given.pop('train')}.toml", given.pop("share")
    start, modalities = given.pop("from", ""), given.pop("modalities", ("",))
    for modality in modalities:
        yield Phase(name.replace("{modality}", modality), stage, share, start, modality, given)
