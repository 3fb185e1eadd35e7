"""One training run: state, files, loop."""

from __future__ import annotations

import csv
import math
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch

from ..pictures.pool import UNLABELLED, Item, Pool, load_split
from .batch import Batch
from .batches import Batches, loader
from .build import build
from .config import Config, Schedule
from .looks import Likeness, Looks
from .stages import Imitation, Remembered, write_weights
from .validation import Validation

MARGIN = 1.3  # of a picture in memory, over the side that it is looked at
SAVE_EVERY = 240  # seconds


@dataclass(frozen=True)
class RunPaths:
    """Where a run reads and writes."""

    data: Path  # folder with index.csv and the pictures it lists
    split: Path  # CSV: dataset, stem, split
    runs: Path  # folder that the stage's checkpoints are relative to
    out: Path  # the run's own folder


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    images: int = 0
    minutes: float = 0.0
    evaluated: float = 0.0  # at which minute


def learning_rate(schedule: Schedule, minutes: float) -> float:
    """Linear warm-up, then cosine down to 2 % at the end of the budget."""
    if minutes < schedule.warmup:
        return schedule.lr * (0.05 + 0.95 * minutes / schedule.warmup)
    done = min(1.0, (minutes - schedule.warmup) / max(schedule.budget - schedule.warmup, 1e-6))
    return schedule.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def kept(items: list[Item], cfg: Config) -> Pool:
    """The pictures in memory, as large as the stage looks at them."""
    largest, live = (int(side * MARGIN) for side in (cfg.pool_side, max(cfg.schedule.side)))
    fine = cfg.drawing.fine
    return Pool(items, largest, live, fine.sampling if fine else ())


def optimiser(model: torch.nn.Module, schedule: Schedule) -> torch.optim.AdamW:
    """AdamW; no decay on vectors, biases, bias tables, positions and queries."""

    def is_plain(name: str, parameter: torch.Tensor) -> bool:
        spared = ("biases", "query", "deep_QKV", "pos_embed", "rel_pos")
        return parameter.ndim < 2 or name == "token" or any(part in name for part in spared)

    decayed: list[torch.Tensor] = []
    plain: list[torch.Tensor] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (plain if is_plain(name, parameter) else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    # Fused: a quarter of the time, which with small batches is a twentieth of a step's on a CPU.
    return torch.optim.AdamW(groups, lr=schedule.lr, betas=(0.9, 0.99), fused=True)


@torch.no_grad()
def follow(ema: dict[str, torch.Tensor], model: torch.nn.Module, decay: float, step: int) -> None:
    """Draws the averaged weights after the model's; faster in the first steps."""
    decay = min(decay, (1 + step) / (10 + step))
    own = model.state_dict()
    floats = [k for k, v in own.items() if v.dtype.is_floating_point]
    torch._foreach_lerp_([ema[k] for k in floats], [own[k] for k in floats], 1 - decay)
    for k in own.keys() - set(floats):
        ema[k].copy_(own[k])


def append_row(path: Path, row: dict[str, object]) -> None:
    """Adds a row to a CSV file, which begins with the row's names."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


class Run:
    """Trains a stage in `places.out`: `state.pt` to resume from, `ema.safetensors` the averaged weights, `curve_train.csv`,
    `curve_val.csv`, and `pictures-N.png` of a few validation masks after N steps."""

    def __init__(self, cfg: Config, places: RunPaths, device: torch.device, workers: int):
        self.cfg, self.schedule, self.out, self.device, self.workers = cfg, cfg.schedule, places.out, device, workers
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(cfg.seed)
        stage = build(cfg, places.runs)
        self.stage = stage.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # lacks it
        self.ema = {k: v.clone() for k, v in self.stage.state_dict().items()}
        self.optimiser = optimiser(self.stage, self.schedule)
        self.progress = Progress()
        train, val, unlabelled = (
            [item for item in load_split(places.data, places.split, part) if cfg.modality in ("", item.modality)]
            for part in ("train", "val", UNLABELLED)
        )
        last = self.schedule.side[-1]
        self.batches: Looks | Batches
        self.validation: Any  # of the stage
        if isinstance(stage, Remembered):
            self.batches = Looks(stage.cache, train + unlabelled, cfg)
            self.validation = Likeness(stage.cache, val, last)
        else:
            self.batches = Batches(kept(train, cfg), cfg)
            self.validation = Validation(val, last)
        if (self.out / "state.pt").exists():
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.out / "state.pt", weights_only=True, map_location=self.device)
        self.stage.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema = state["ema"]
        self.progress = Progress(*state["progress"])
        print(f"resumed at step {self.progress.step}, {self.progress.minutes:.1f} min", flush=True)

    def save(self) -> None:
        """Writes the resume state and the EMA weights; each file is replaced only when whole."""
        state = {
            "model": self.stage.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "ema": self.ema,
            "progress": astuple(self.progress),
        }
        torch.save(state, self.out / "state.part")
        (self.out / "state.part").replace(self.out / "state.pt")
        write_weights(self.ema, self.out / "ema.safetensors")

    def evaluate(self) -> None:
        """Dice of the EMA weights (of embeddings, what is missed of them), to the terminal and `curve_val.csv`."""
        done = self.progress
        live = {k: v.clone() for k, v in self.stage.state_dict().items()}
        self.stage.load_state_dict(self.ema)
        scores = self.validation.scores(self.stage, self.device, self.out / f"pictures-{done.step}.png")
        self.stage.load_state_dict(live)
        done.evaluated = done.minutes
        if scores:
            append_row(
                self.out / "curve_val.csv",
                {
                    "minutes": round(done.minutes, 1),
                    "step": done.step,
                    "images": done.images,
                    **{name: round(value, 4) for name, value in scores.items()},
                },
            )
            print("val " + " ".join(f"{name} {value:.3f}" for name, value in scores.items()), flush=True)

    def side(self) -> int:
        """The input side of the present phase."""
        return self.schedule.side_at(self.progress.minutes)

    def _drawn_side(self) -> int:
        return max(self.side(), self.cfg.teacher_side)

    def _now(self) -> float:
        """Minutes of work: CPU time per thread, or, where a GPU works, the clock's."""
        gpu = self.device.type != "cpu"
        return (time.monotonic() if gpu else time.process_time() / torch.get_num_threads()) / 60

    def train(self) -> None:
        """Until the budget is used up."""
        schedule, done = self.schedule, self.progress
        smooth, told, saved = None, 0.0, time.monotonic()
        if done.step == 0 and self.cfg.init and not (self.out / "curve_val.csv").exists():
            self.evaluate()
        self.stage.train()
        batches = iter(loader(self.batches, done.step, self._drawn_side, self.workers))
        while done.minutes < schedule.budget:
            start = self._now()
            loss = self._train_step(next(batches).to(self.device))
            smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
            done.minutes += self._now() - start
            if done.minutes - told > min(0.5, schedule.budget / 20):
                told = done.minutes
                self._tell(smooth)
            if time.monotonic() - saved > SAVE_EVERY:
                saved = time.monotonic()
                self.save()
            if done.minutes - done.evaluated > schedule.evaluate_every:
                self.evaluate()
        self.save()  # first: who waits for the weights need not wait for their figures
        self.evaluate()

    def _tell(self, loss: float) -> None:
        """A row of `curve_train.csv` and a line to the terminal."""
        done = self.progress
        rate = learning_rate(self.schedule, done.minutes)
        append_row(
            self.out / "curve_train.csv",
            {
                "minutes": round(done.minutes, 2),
                "step": done.step,
                "images": done.images,
                "side": self.side(),
                "lr": f"{rate:.2e}",
                "loss": round(loss, 4),
            },
        )
        print(
            f"{done.minutes:6.1f}/{self.schedule.budget:g} min  step {done.step}  images {done.images}  "
            f"side {self.side()}  loss {loss:.4f}",
            flush=True,
        )

    def _train_step(self, batch: Batch) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.schedule, self.progress.minutes)
        if isinstance(self.stage, Imitation):
            self.stage.side = self.side()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.bf16):
            loss = self.stage.loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for p in self.stage.parameters() if p.requires_grad], 1.0)
        if torch.isfinite(norm):
            self.optimiser.step()
            follow(self.ema, self.stage, self.schedule.ema, self.progress.step)
        self.progress.step += 1
        self.progress.images += len(batch)
        return loss.item()
