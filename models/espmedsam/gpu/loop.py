"""The loop: phase after phase in one process, by the clock, resumed from a checkpoint of every minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..train.batch import Batch
from ..train.build import build
from ..train.config import Config
from ..train.pipeline import WEIGHTS
from ..train.run import append_row, follow, learning_rate, optimiser
from ..train.stages import Stage, write_weights
from ..weights import checkpoint
from .batches import DeviceBatches, Shelves
from .parts import write_parts
from .plan import WARMUP, Phase, Plan
from .shelf import Shelf
from .validation import PackedValidation

SAVE_EVERY, TELL_EVERY = 60.0, 5.0  # seconds
RAMP = 50  # first steps of a phase, of which one may be a minute's compiling


@dataclass(frozen=True)
class Task:
    """What is trained, how long, and from what."""

    plan: Plan
    minutes: float
    out: Path
    init: str = ""  # checkpoint that the base begins from; "": at random

    def fingerprint(self) -> str:
        """Of what must be the same when it goes on."""
        return f"{self.plan.fingerprint()} {self.minutes} {self.init}"


@dataclass(frozen=True)
class Pictures:
    """What is learned from, and what is measured on."""

    train: Shelves
    val: Shelf


@dataclass
class Reached:
    """How far a training has come."""

    phase: str = ""  # the one that runs, or is to run next; "" before all and after all
    seconds: float = 0.0  # in all, on the clock
    begun: float = 0.0  # at which second the phase was
    step: int = 0  # of the phase
    images: int = 0  # of the phase
    finished: bool = False


class Loop:
    """Trains in `task.out`: `state.pt` to resume from, a folder of each phase with its averaged weights, `weights/` of all
    that is to be brought back, `curve.csv` and `validation.csv`."""

    def __init__(self, task: Task, pictures: Pictures, device: torch.device, clock: Callable[[], float]):
        """`clock`: seconds since the program began."""
        self.task, self.pictures, self.device, self.clock = task, pictures, device, clock
        self.out, self.reached = task.out, Reached()
        self.out.mkdir(parents=True, exist_ok=True)
        self.saved: dict[str, Any] = {}
        if (self.out / "state.pt").exists():
            self.saved = torch.load(self.out / "state.pt", weights_only=True, map_location=device)
            if self.saved["task"] != task.fingerprint():
                raise SystemExit(f"{self.out} was begun with other values: name another folder to begin anew")
            self.reached = Reached(**self.saved["reached"])
            print(f"goes on: {self.reached}", flush=True)
        self.before = self.reached.seconds

    def train(self) -> None:
        """All phases that are not finished."""
        for phase in self.task.plan.phases:
            if self.reached.finished or (self.reached.phase and self.reached.phase != phase.name):
                continue
            cfg = self._config(phase)
            try:
                batches = DeviceBatches(self.pictures.train, cfg, self.device)
            except ValueError as error:
                print(f"{phase.name} is left out: {error}", flush=True)
                self._next(phase)
                continue
            PhaseRun(self, phase, cfg, batches).train()
            self._next(phase)

    def seconds(self) -> float:
        """Of the training so far, those before it was resumed among them."""
        return self.before + self.clock()

    def end(self, phase: Phase) -> float:
        """The second at which a phase ends."""
        return 60 * self.task.minutes * self.task.plan.edge(phase)

    def _config(self, phase: Phase) -> Config:
        """The stage, over what earlier phases made."""
        given: dict[str, Any] = {"init": f"{phase.start}/{WEIGHTS}" if phase.start else self.task.init}
        plain = phase.config(**given)
        if hasattr(plain.options, "controllers"):
            made = {m: path for m, path in self.task.plan.controllers().items() if (self.out / path).exists()}
            given["controllers"] = made
        if not given["init"] and hasattr(plain.options, "settled"):
            given["settled"] = ()  # statistics of a network that begins at random are none
        cfg = phase.config(**given)
        compiled = cfg.schedule.compiled and self.device.type == "cuda"
        return replace(cfg, schedule=replace(cfg.schedule, compiled=compiled))

    def _next(self, phase: Phase) -> None:
        phases = self.task.plan.phases
        left = phases[phases.index(phase) + 1 :]
        self.reached = Reached(left[0].name if left else "", self.seconds(), finished=not left)
        self.save({})

    def save(self, state: dict[str, Any]) -> None:
        """Writes the file to resume from, which replaces an old one only when whole."""
        self.saved = {}
        self.reached.seconds = self.seconds()
        whole = {"task": self.task.fingerprint(), "reached": asdict(self.reached), **state}
        torch.save(whole, self.out / "state.part")
        (self.out / "state.part").replace(self.out / "state.pt")


class PhaseRun:
    """One phase of a loop."""

    def __init__(self, loop: Loop, phase: Phase, cfg: Config, batches: DeviceBatches):
        self.loop, self.phase, self.cfg, self.batches, self.device = loop, phase, cfg, batches, loop.device
        torch.manual_seed(cfg.seed)
        stage: Stage = build(cfg, loop.out)
        self.stage = stage.to(loop.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # lacks it
        self.moving = [parameter for parameter in self.stage.parameters() if parameter.requires_grad]
        self.optimiser = optimiser(self.stage, cfg.schedule)
        self.ema = {k: v.clone() for k, v in self.stage.state_dict().items()}
        if "model" in loop.saved:
            self.stage.load_state_dict(loop.saved["model"])
            self.optimiser.load_state_dict(loop.saved["optimiser"])
            self.ema = loop.saved["ema"]
            loop.saved = {}
        else:
            loop.reached = Reached(phase.name, begun=loop.seconds())

    def train(self) -> None:
        """Until the phase's share of the minutes is used up, and a step at least."""
        loop, reached, end = self.loop, self.loop.reached, self.loop.end(self.phase)
        self.stage.train()
        batch, seen = self.batches[reached.step], reached.images
        now = told = saved = loop.seconds()
        while now < end or reached.step == 0:
            self._set_rate(now, end)
            loss, norm = self._back(batch)
            following = self.batches[reached.step + 1]  # made while the device is still at the last one
            if torch.isfinite(norm):
                self.optimiser.step()
                follow(self.ema, self.stage, self.cfg.schedule.ema, reached.step)
            reached.step += 1
            reached.images += len(batch)
            batch, now = following, loop.seconds()
            if now - told > TELL_EVERY:
                self._tell(now, loss.item(), (reached.images - seen) / (now - told))
                told, seen = now, reached.images
            if now - saved > SAVE_EVERY:
                self._save()
                saved = now
        self._end()

    def _set_rate(self, now: float, end: float) -> None:
        begun, step = self.loop.reached.begun, self.loop.reached.step
        minutes = max(end - begun, 1e-3) / 60
        schedule = replace(self.cfg.schedule, budget=minutes, warmup=WARMUP * minutes)
        rate = learning_rate(schedule, (now - begun) / 60) * min(1.0, (step + 1) / RAMP)
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _back(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """(loss, norm of the gradients), of a batch whose gradients are then there."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.cfg.schedule.bf16):
            loss = self.stage.loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        return loss.detach(), torch.nn.utils.clip_grad_norm_(self.moving, 1.0)

    def _tell(self, now: float, loss: float, per_second: float) -> None:
        """A row of `curve.csv` and a line to the terminal."""
        reached = self.loop.reached
        row = {
            "minutes": round(now / 60, 2),
            "phase": self.phase.name,
            "step": reached.step,
            "images": reached.images,
            "lr": f"{self.optimiser.param_groups[0]['lr']:.2e}",
            "loss": round(loss, 4),
            "images_per_s": round(per_second, 1),
        }
        append_row(self.loop.out / "curve.csv", row)
        print(" ".join(f"{name} {value}" for name, value in row.items()), flush=True)

    def _save(self) -> None:
        state = {"model": self.stage.state_dict(), "optimiser": self.optimiser.state_dict(), "ema": self.ema}
        self._bring_back()
        self.loop.save(state)

    def _bring_back(self) -> None:
        """What is finished of the weights so far, whole for the phases that follow and in parts."""
        path = self.loop.out / self.phase.name / WEIGHTS
        path.parent.mkdir(exist_ok=True)
        write_weights(self.ema, path)
        write_parts(self.loop.out / "weights", checkpoint.read(path), self.cfg.stage, self.cfg.modality)

    def _end(self) -> None:
        """Averaged weights to disk, and what they are worth to `validation.csv`."""
        reached = self.loop.reached
        self._bring_back()
        self.stage.load_state_dict(self.ema)
        side = self.cfg.schedule.side[-1]
        scores = PackedValidation(self.loop.pictures.val, side, self.cfg.modality).scores(self.stage)
        for name, value in scores.items():
            row = {"phase": self.phase.name, "images": reached.images, "of": name, "score": round(value, 4)}
            append_row(self.loop.out / "validation.csv", row)
        told = " ".join(f"{name} {value:.3f}" for name, value in scores.items())
        print(f"{self.phase.name}: {reached.images} pictures in {reached.step} steps. {told}", flush=True)
