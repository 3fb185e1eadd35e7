"""A training stage, as its TOML file gives it: one flat table, whose keys are those of `Schedule`, of `Drawing` and of the
stage's own options (`STAGES`). A key that the stage does not know is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..network.vit import VitShape


@dataclass(frozen=True)
class Schedule:
    """How long, how fast, at which side. Minutes are of CPU time per thread (of time on a GPU), evaluation left out: other
    load on the machine delays a run but does not cut it short."""

    side: tuple[int, ...]  # pixels, of each phase
    phase: tuple[float, ...]  # share of the budget of each phase, sums to 1
    lr: float
    budget: float  # minutes
    warmup: float = 2.0  # minutes
    evaluate_every: float = 12.0  # minutes
    weight_decay: float = 0.05
    ema: float = 0.998
    bf16: bool = False
    compiled: bool = False  # torch.compile of the encoder: some minutes at the start, a fifth more pictures

    def __post_init__(self) -> None:
        if abs(sum(self.phase) - 1) > 1e-6 or len(self.phase) != len(self.side):
            raise ValueError("`phase` gives each side's share of the budget and sums to 1")

    def side_at(self, minutes: float) -> int:
        """The input side after so many minutes."""
        edge = 0.0
        for side, share in zip(self.side, self.phase, strict=True):
            edge += share
            if minutes < edge * self.budget:
                return side
        return self.side[-1]


@dataclass(frozen=True)
class Fine:
    """Batches at a larger side between the others, of the data sets whose structures are thin."""

    side: int
    batch: int
    share: float  # of all batches
    sampling: Mapping[str, float]  # data set -> probability
    pool: int = 0  # side at which pictures are kept, if larger: tiles are cut from it


@dataclass(frozen=True)
class Drawing:
    """Which pictures a batch is of, and what they borrow from others."""

    batch: int
    sampling: Mapping[str, float] = field(default_factory=dict)  # data set -> probability; none: drawn by source
    modalities: Mapping[str, float] = field(default_factory=dict)  # by source: modality -> share (none: all alike)
    source_power: float = 0.5  # by source: of its modality a source has its number of pictures to this power
    fine: Fine | None = None
    paste: Mapping[str, float] = field(default_factory=dict)  # data set -> share that borrow another's lesion
    paste_from: Mapping[str, str] = field(default_factory=dict)  # data set -> whose lesions it borrows, if not its own
    exchange: float = 0.0  # share that borrow another's light and colours
    # Modality -> share that are cut down to a part beside the target; as many are cut to a part that shows it, so that
    # being near is no sign of either.
    beside: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """What a stage has beyond schedule and drawing."""

    def check(self, modality: str) -> None:
        """Raises ValueError where something is missing."""


@dataclass(frozen=True)
class OfOneModality(Options):
    """Of a stage that is about one modality."""

    def check(self, modality: str) -> None:
        if not modality:
            raise ValueError("needs a modality")


@dataclass(frozen=True)
class NewController:
    """How a controller begins."""

    renew: bool = True  # anew and without effect; else as `init` has it
    token_bias: float = -4.0  # a new controller's token starts this faint


@dataclass(frozen=True)
class WithAuxiliary:
    """Of a stage with masks."""

    aux: float = 0.5  # weight of the auxiliary head on the embedding


@dataclass(frozen=True)
class WithPresence:
    """Of a stage whose presence head may learn beside the masks."""

    presence: float = 0.0  # weight of its loss


@dataclass(frozen=True)
class ByTeacher:
    """An encoder's embedding is imitated."""

    teacher: str = ""  # checkpoint, relative to the runs; `{modality}` in it is filled in
    teacher_side: int = 0  # the side it looks at; 0: the student's
    teacher_controller: bool = False  # an ESP-MedSAM teacher's own controller takes part


@dataclass(frozen=True)
class MaskedOptions(Options):
    """Of "masked"."""

    vit: VitShape | None = None  # none: the small encoder
    hidden: float = 0.6  # share of cells hidden


@dataclass(frozen=True)
class TeacherOptions(Options, WithAuxiliary):
    """Of "teacher"."""

    vit: VitShape = field(default_factory=VitShape)


@dataclass(frozen=True)
class AdaptOptions(OfOneModality, WithAuxiliary):
    """Of "adapt"."""

    teacher: str = ""

    def check(self, modality: str) -> None:
        super().check(modality)
        if not self.teacher:
            raise ValueError("needs a teacher")


@dataclass(frozen=True)
class CommonOptions(Options, ByTeacher):
    """Of "common"."""

    embeddings: str = ""  # in place of a teacher: folder of its kept ones, relative to the runs
    moves: tuple[str, ...] = ()  # parts of the encoder that learn ("layers.0."); none: all
    # Parts of the encoder whose BatchNorms keep the statistics they came with, though their weights learn.
    settled: tuple[str, ...] = ()

    def check(self, modality: str) -> None:
        if not self.teacher and not self.embeddings:
            raise ValueError("needs a teacher, or its embeddings")


@dataclass(frozen=True)
class ModalityOptions(OfOneModality, ByTeacher, NewController):
    """Of "modality"."""

    def check(self, modality: str) -> None:
        super().check(modality)
        if not self.teacher:
            raise ValueError("needs a teacher")


@dataclass(frozen=True)
class JointOptions(Options, WithAuxiliary):
    """Of "joint"."""

    controllers: Mapping[str, str] = field(default_factory=dict)  # modality -> checkpoint


@dataclass(frozen=True)
class PresenceOptions(Options):
    """Of "presence"."""

    controllers: Mapping[str, str] = field(default_factory=dict)  # modality -> checkpoint


@dataclass(frozen=True)
class BaseOptions(Options, WithAuxiliary, WithPresence):
    """Of "base"."""

    # Parts of the encoder whose BatchNorms keep the statistics they came with, though their weights learn.
    settled: tuple[str, ...] = ()


@dataclass(frozen=True)
class DistilOptions(Options, WithAuxiliary, NewController):
    """Of "distil"."""

    # Modality -> checkpoint, or several, whose mean teaches; as `segmenter.load` takes them.
    teachers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    mirrored: bool = True  # teachers look at the mirror image too
    imitate: float = 1.0  # weight of the first teacher's embeddings
    agree: float = 0.5  # weight of the teachers' masks

    def of(self, modality: str) -> dict[str, tuple[str, ...]]:
        """The teachers of that modality; of all if it is empty."""
        wanted = {m: names for m, names in self.teachers.items() if m == (modality or m)}
        return {m: (names,) if isinstance(names, str) else names for m, names in wanted.items()}

    def check(self, modality: str) -> None:
        if not self.of(modality):
            raise ValueError("needs teachers" + (f" of {modality}" if modality else ""))


@dataclass(frozen=True)
class ControllerOptions(OfOneModality, WithAuxiliary, NewController):
    """Of "controller"."""


@dataclass(frozen=True)
class UnetOptions(Options):
    """Of "unet"."""

    width: int = 16  # channels at the top


@dataclass(frozen=True)
class Kind:
    """What a stage is, and what it may be told."""

    summary: str
    options: type[Options]


STAGES = {
    "masked": Kind(
        "an encoder learns to fill in hidden cells of every picture (SimMIM, arXiv 2111.09886); no masks", MaskedOptions
    ),
    "teacher": Kind("a SAM-shaped ViT with SPPG and QDMD, with masks", TeacherOptions),
    "adapt": Kind(
        "narrow adapters in a frozen SAM ViT, and SPPG and QDMD behind it, with one modality's masks", AdaptOptions
    ),
    "common": Kind(
        "MMDKD 1: the shared encoder imitates the teacher's embedding of every picture; no masks", CommonOptions
    ),
    "modality": Kind(
        "MMDKD 2: one modality's controller imitates the teacher adapted to it; the encoder is frozen", ModalityOptions
    ),
    "joint": Kind("MMDKD 3: SPPG and QDMD with masks; encoder and controllers are frozen", JointOptions),
    "presence": Kind("whether anything is there at all: the presence head, the rest is frozen", PresenceOptions),
    "base": Kind("the whole network without controllers, with masks", BaseOptions),
    "distil": Kind(
        "the base, or one modality's controller if one is named, with masks and against teachers of each modality",
        DistilOptions,
    ),
    "controller": Kind("one modality's controller with masks; the rest is frozen", ControllerOptions),
    "unet": Kind("the yardstick, with masks", UnetOptions),
}


@dataclass(frozen=True)
class Config:
    """One stage."""

    stage: str  # a key of STAGES
    schedule: Schedule
    drawing: Drawing
    options: Any  # of the type that STAGES names
    init: str = ""  # checkpoint to start from ("" = random), relative to the runs
    modality: str = ""  # of a stage about one; of "distil", if a controller learns
    seed: int = 0

    @classmethod
    def of(cls, stage: str, init: str = "", modality: str = "", seed: int = 0, **values: Any) -> Config:
        """From one flat table. Raises ValueError if the stage is unknown, or knows no such key."""
        if stage not in STAGES:
            raise ValueError(f"unknown stage '{stage}': one of {', '.join(STAGES)}")
        parts = {"schedule": Schedule, "drawing": Drawing, "options": STAGES[stage].options}
        names = {part: {f.name for f in fields(kind)} for part, kind in parts.items()}
        strangers = values.keys() - set().union(*names.values())
        if strangers:
            raise ValueError(f"stage '{stage}' knows no '{min(strangers)}'")
        given = {key: _frozen(key, value) for key, value in values.items()}
        try:
            made = {
                part: kind(**{key: given[key] for key in names[part] & given.keys()}) for part, kind in parts.items()
            }
        except TypeError as error:  # of a key that is missing
            raise ValueError(str(error)) from error
        try:
            made["options"].check(modality)
        except ValueError as error:
            raise ValueError(f"stage '{stage}' {error}") from error
        return cls(stage, init=init, modality=modality, seed=seed, **made)

    @property
    def teacher_side(self) -> int:
        """The side that a teacher looks at; 0 if there is none with one of its own."""
        return getattr(self.options, "teacher_side", 0)

    @property
    def pool_side(self) -> int:
        """The largest side that pictures are looked at."""
        fine = self.drawing.fine
        return max([*self.schedule.side, self.teacher_side, *([fine.side, fine.pool] if fine else [])])


def _frozen(key: str, value: Any) -> Any:
    """A value of the file as the dataclasses hold it."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    inner = {name: _frozen("", each) for name, each in value.items()}
    made = {"fine": Fine, "vit": VitShape}.get(key)
    return made(**inner) if made else inner


def read(path: Path, **given: Any) -> Config:
    """The file's stage; what is `given` stands in place of the file's. `{modality}` in the teacher's path is filled in."""
    try:
        values = tomllib.loads(path.read_text()) | given
        if "teacher" in values:
            values["teacher"] = values["teacher"].replace("{modality}", values.get("modality", ""))
        return Config.of(**values)
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{path}: {error}") from error
