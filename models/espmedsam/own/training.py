"""The controller's training, which goes on where it was stopped, if what it is about is still the same."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from ..export.model_dir import weight_names
from ..facts.notice import METADATA
from ..train.config import read
from ..train.run import Run, RunPaths
from ..weights.checkpoint import write_safetensors
from .files import OwnError
from .package import RELEASE, Own, begun

CONFIG = Path(__file__).parents[2] / "configs/own.toml"
BEGUN = "begun.json"


class ResumeError(OwnError):
    """A run that was begun on something else."""


@dataclass(frozen=True)
class Subject:
    """What a run is about. What it was begun with is kept beside its state."""

    own: Own
    pictures: str  # digest of them, of their marks and groups

    def described(self) -> dict[str, str]:
        """In words for people, and what tells it from another."""
        return {
            "pictures, masks or groups": self.pictures,
            "modality": self.own.modality,
            "shipped weights": " ".join(weight_names(self.own.models / RELEASE)),
            "configuration of the training": hashlib.sha256(CONFIG.read_bytes()).hexdigest(),
        }

    def check(self, run: Path) -> None:
        """Notes it down in a new run's folder. Raises ResumeError if the run was begun on something else: it would be judged
        by pictures that it has learned from."""
        path, now = run / BEGUN, self.described()
        if not (run / "state.pt").exists():
            run.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(now, indent=1) + "\n")
            return
        before = json.loads(path.read_text()) if path.exists() else {}
        if changed := [name for name, value in now.items() if before.get(name) != value]:
            raise ResumeError(f"{run} was begun with other {', '.join(changed)}: move it away, or name another --out")


def train(subject: Subject, out: Path, minutes: float) -> Path:
    """Trains in `out/run`; the controller's checkpoint. Raises ResumeError, and ReleaseError where the shipped weights
    cannot be trained on."""
    run = out / "run"
    start = begun(subject.own.models, subject.own.modality)
    subject.check(run)
    write_safetensors(run / "init.safetensors", start, METADATA)
    cfg = read(CONFIG, modality=subject.own.modality, init="run/init.safetensors", budget=minutes)
    torch.set_num_threads(os.cpu_count() or 1)
    Run(cfg, RunPaths(subject.own.pool, subject.own.pool / "split.csv", out, run), torch.device("cpu"), 0).train()
    return run / "ema.safetensors"
