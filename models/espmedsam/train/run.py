"""One training run: state, files, loop."""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
from pathlib import Path

import torch

from ..pictures.pool import UNLABELLED, Pool, load_split
from .batches import Batches, loader
from .config import Config
from .looks import Likeness, Looks
from .stages import Imitation, Remembered, build, write_weights
from .validation import Validation


def schedule(cfg: Config, minutes: float) -> float:
    """Learning rate: linear warm-up, then cosine down to 2 % at the end of the budget."""
    if minutes < cfg.warmup:
        return cfg.lr * (0.05 + 0.95 * minutes / cfg.warmup)
    t = min(1.0, (minutes - cfg.warmup) / max(cfg.budget - cfg.warmup, 1e-6))
    return cfg.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * t)))


def optimiser(model: torch.nn.Module, cfg: Config) -> torch.optim.Optimizer:
    """AdamW; no decay on vectors, biases, bias tables, positions and queries."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]

    def plain(n, p):
        return p.ndim < 2 or n == "token" or any(k in n for k in ("biases", "query", "deep_QKV", "pos_embed", "rel_pos"))
    return torch.optim.AdamW(
        [{"params": [p for n, p in named if not plain(n, p)], "weight_decay": cfg.weight_decay},
         {"params": [p for n, p in named if plain(n, p)], "weight_decay": 0.0}], lr=cfg.lr, betas=(0.9, 0.99))


class Run:
    """Trains a stage in `out`: `state.pt` to resume from, `ema.safetensors` the averaged weights, `curve_train.csv`,
    `curve_val.csv`, and `pictures-N.png` of a few validation masks after N steps."""

    def __init__(self, cfg: Config, args: argparse.Namespace):
        self.cfg, self.out, self.device, self.workers = cfg, Path(args.out), torch.device(args.device), args.workers
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(cfg.seed)
        self.stage = build(cfg, Path(args.init_root)).to(self.device, memory_format=torch.channels_last)
        self.ema = {k: v.clone() for k, v in self.stage.state_dict().items()}
        self.optimiser = optimiser(self.stage, cfg)
        self.step, self.images, self.minutes, self.evaluated = 0, 0, 0.0, 0.0
        data, split = Path(args.data), Path(args.split)
        keep = (lambda i: i.modality == cfg.modality) if cfg.modality else (lambda i: True)
        train, val, unlabelled = ([i for i in load_split(data, split, part) if keep(i)]
                                  for part in ("train", "val", UNLABELLED))
        if isinstance(self.stage, Remembered):
            self.batches = Looks(self.stage.cache, train + unlabelled, cfg)
            self.validation = Likeness(self.stage.cache, val, cfg.side[-1])
        else:
            self.batches = Batches(Pool(train, int(cfg.pool_side * 1.3)), cfg)
            self.validation = Validation(val, cfg.side[-1])
        if (self.out / "state.pt").exists():
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.out / "state.pt", weights_only=True, map_location=self.device)
        self.stage.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema = state["ema"]
        self.step, self.images, self.minutes, self.evaluated = state["progress"]
        print(f"resumed at step {self.step}, {self.minutes:.1f} min", flush=True)

    def save(self) -> None:
        """Writes the resume state and the EMA weights; each file is replaced only when whole."""
        state = {"model": self.stage.state_dict(), "optimiser": self.optimiser.state_dict(), "ema": self.ema,
                 "progress": (self.step, self.images, self.minutes, self.evaluated)}
        torch.save(state, self.out / "state.part")
        os.replace(self.out / "state.part", self.out / "state.pt")
        write_weights(self.stage, self.ema, self.out / "ema.safetensors")

    def _row(self, name: str, row: dict) -> None:
        path = self.out / name
        new = not path.exists()
        with path.open("a", newline="") as f:
            w = csv.DictWriter(f, row)
            if new:
                w.writeheader()
            w.writerow(row)

    def evaluate(self) -> None:
        """Dice of the EMA weights (of embeddings, what is missed of them), to the terminal and `curve_val.csv`."""
        live = {k: v.clone() for k, v in self.stage.state_dict().items()}
        self.stage.load_state_dict(self.ema)
        scores = self.validation.scores(self.stage, self.device, self.out / f"pictures-{self.step}.png")
        self.stage.load_state_dict(live)
        self.evaluated = self.minutes
        if scores:
            self._row("curve_val.csv", {"minutes": round(self.minutes, 1), "step": self.step, "images": self.images,
                                        **{k: round(v, 4) for k, v in scores.items()}})
            print("val " + " ".join(f"{k} {v:.3f}" for k, v in scores.items()), flush=True)

    def side(self) -> int:
        """The input side of the present phase."""
        edge = 0.0
        for side, share in zip(self.cfg.side, self.cfg.phase):
            edge += share
            if self.minutes < edge * self.cfg.budget:
                return side
        return self.cfg.side[-1]

    def _drawn_side(self) -> int:
        return max(self.side(), self.cfg.teacher_side)

    def _now(self) -> float:
        """Minutes of work: CPU time per thread, or, where a GPU works, the clock's."""
        gpu = self.device.type != "cpu"
        return (time.monotonic() if gpu else time.process_time() / torch.get_num_threads()) / 60

    def train(self) -> None:
        """Until the budget is used up."""
        cfg, smooth, told, saved = self.cfg, None, 0.0, time.monotonic()
        if self.step == 0 and cfg.init:
            self.evaluate()
        self.stage.train()
        batches = iter(loader(self.batches, self.step, self._drawn_side, self.workers))
        while self.minutes < cfg.budget:
            start = self._now()
            loss = self._train_step(*(t.to(self.device, non_blocking=True) for t in next(batches)))
            smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
            self.minutes += self._now() - start
            if self.minutes - told > min(0.5, cfg.budget / 20):
                told = self.minutes
                self._row("curve_train.csv", {"minutes": round(self.minutes, 2), "step": self.step,
                                              "images": self.images, "side": self.side(),
                                              "lr": f"{schedule(cfg, self.minutes):.2e}", "loss": round(smooth, 4)})
                print(f"{self.minutes:6.1f}/{cfg.budget:g} min  step {self.step}  images {self.images}  "
                      f"side {self.side()}  loss {smooth:.4f}", flush=True)
            if time.monotonic() - saved > 240:
                saved = time.monotonic()
                self.save()
            if self.minutes - self.evaluated > cfg.evaluate_every:
                self.evaluate()
        self.evaluate()
        self.save()

    def _train_step(self, x, mask, modality, *clean) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = schedule(self.cfg, self.minutes)
        if isinstance(self.stage, Imitation):
            self.stage.side = self.side()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.cfg.bf16):
            loss = self.stage.loss(x.contiguous(memory_format=torch.channels_last), mask, modality, *clean)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for p in self.stage.parameters() if p.requires_grad], 1.0)
        if torch.isfinite(norm):
            self.optimiser.step()
            self._average()
        self.step += 1
        self.images += len(x)
        return loss.item()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.cfg.ema, (1 + self.step) / (10 + self.step))
        own = self.stage.state_dict()
        floats = [k for k, v in own.items() if v.dtype.is_floating_point]
        torch._foreach_lerp_([self.ema[k] for k in floats], [own[k] for k in floats], 1 - decay)
        for k in own.keys() - set(floats):
            self.ema[k].copy_(own[k])
