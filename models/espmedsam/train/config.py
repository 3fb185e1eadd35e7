"""A training stage, as its TOML file gives it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from ..network.vit import VitShape

STAGES = {
    "masked": "an encoder learns to fill in hidden cells of every picture (SimMIM, arXiv 2111.09886); no masks",
    "teacher": "a SAM-shaped ViT with SPPG and QDMD, with masks",
    "adapt": "narrow adapters in a frozen SAM ViT, and SPPG and QDMD behind it, with one modality's masks",
    "common": "MMDKD 1: the shared encoder imitates the teacher's embedding of every picture; no masks",
    "modality": "MMDKD 2: one modality's controller imitates the teacher adapted to it; the encoder is frozen",
    "joint": "MMDKD 3: SPPG and QDMD with masks; encoder and controllers are frozen",
    "base": "the whole network without controllers, with masks",
    "distil": "the base, or one modality's controller if one is named, with masks and against teachers of each modality",
    "controller": "one modality's controller with masks; the rest is frozen",
    "unet": "the yardstick, with masks",
}


@dataclass
class Fine:
    """Batches at a larger side between the others, of the data sets whose structures are thin."""

    side: int
    batch: int
    share: float                    # of all batches
    sampling: dict[str, float]      # data set -> probability
    pool: int = 0                   # side at which pictures are kept, if larger: tiles are cut from it


@dataclass
class Config:
    """One stage. `budget` is minutes of CPU time per thread (of time on a GPU), evaluation left out: other load on the
    machine delays a run but does not cut it short."""

    stage: str                      # a key of STAGES
    side: list[int]                 # input side of each phase
    phase: list[float]              # share of the budget of each phase, sums to 1
    batch: int
    lr: float
    budget: float                   # minutes
    sampling: dict[str, float] = field(default_factory=dict)  # data set -> probability; none: drawn by source
    modalities: dict[str, float] = field(default_factory=dict)  # by source: modality -> share (none: all alike)
    source_power: float = 0.5       # by source: of its modality a source has its number of pictures to this power
    fine: Fine | None = None
    init: str = ""                  # checkpoint to start from ("" = random), relative to --init-root
    modality: str = ""              # of "controller", "adapt" and "modality"; of "distil", if a controller learns
    controllers: dict[str, str] = field(default_factory=dict)  # of "joint": modality -> checkpoint
    teacher: str = ""               # of "common" and "modality": its checkpoint, relative to --init-root
    embeddings: str = ""            # of "common", in place of a teacher: folder of its kept ones, relative to --init-root
    moves: list[str] = field(default_factory=list)  # of "common": parts of the encoder that learn ("layers.0."); none: all
    # Parts of the encoder whose BatchNorms keep the statistics they came with, though their weights learn.
    settled: list[str] = field(default_factory=list)
    teacher_side: int = 0           # the side it looks at
    teacher_controller: bool = False  # an ESP-MedSAM teacher's own controller takes part
    # of "distil": modality -> checkpoint, or several, whose mean teaches; as `segmenter.load` takes them
    teachers: dict[str, str | list[str]] = field(default_factory=dict)
    mirrored: bool = True           # of "distil": teachers look at the mirror image too
    imitate: float = 1.0            # of "distil": weight of the first teacher's embeddings
    agree: float = 0.5              # of "distil": weight of the teachers' masks
    vit: dict = field(default_factory=dict)  # of "teacher", and of "masked" unless it is the small encoder: VitShape
    width: int = 16                 # of the U-Net
    warmup: float = 2.0             # minutes
    paste: dict[str, float] = field(default_factory=dict)  # data set -> share that borrow another's lesion
    paste_from: dict[str, str] = field(default_factory=dict)  # data set -> whose lesions it borrows, if not its own
    exchange: float = 0.0           # share that borrow another's light and colours
    ema: float = 0.998
    weight_decay: float = 0.05
    seed: int = 0
    evaluate_every: float = 12.0    # minutes
    bf16: bool = False
    compiled: bool = False          # torch.compile of the encoder: some minutes at the start, a fifth more pictures
    aux: float = 0.5                # weight of the auxiliary head on the embedding
    hidden: float = 0.6             # of "masked": share of cells hidden
    renew: bool = True              # a controller starts anew and without effect; else as `init` has it
    token_bias: float = -4.0        # a new controller's token starts this faint

    def __post_init__(self):
        if isinstance(self.fine, dict):
            self.fine = Fine(**self.fine)
        if self.stage not in STAGES:
            raise SystemExit(f"unknown stage '{self.stage}': one of {', '.join(STAGES)}")
        if self.stage in ("controller", "adapt", "modality") and not self.modality:
            raise SystemExit(f"stage '{self.stage}' needs a modality")
        if self.stage in ("common", "modality", "adapt") and not self.teacher \
                and not (self.stage == "common" and self.embeddings):
            raise SystemExit(f"stage '{self.stage}' needs a teacher")
        if self.stage == "distil" and not (self.modality in self.teachers if self.modality else self.teachers):
            raise SystemExit("stage 'distil' needs teachers" + (f" of {self.modality}" if self.modality else ""))
        if abs(sum(self.phase) - 1) > 1e-6 or len(self.phase) != len(self.side):
            raise SystemExit("`phase` gives each side's share of the budget and sums to 1")

    @property
    def vit_shape(self) -> VitShape:
        """Of the ViT to be made."""
        return VitShape(**{**self.vit, "everywhere": tuple(self.vit.get("everywhere", VitShape.everywhere))})

    @property
    def pool_side(self) -> int:
        """The largest side that pictures are looked at."""
        return max([*self.side, self.teacher_side, *([self.fine.side, self.fine.pool] if self.fine else [])])


def read(path: Path, **given) -> Config:
    """The file's stage; what is `given` stands in place of the file's. `{modality}` in a checkpoint's path is filled in."""
    try:
        values = tomllib.loads(path.read_text()) | given
        for key in ("init", "teacher"):
            values[key] = values.get(key, "").replace("{modality}", values.get("modality", ""))
        return Config(**values)
    except TypeError as e:
        raise SystemExit(f"{path}: {e}") from e
