"""Trains the base network, one modality's controller, or the U-Net yardstick. Resumable; every figure is written down.

    python -m espmedsam.train configs/base-224.toml --data ../../shared/data --out ../runs/base-224
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import checkpoint
from .augment import augment
from .data import Pool, load_split, normalise, read_pair, square
from .modalities import MODALITIES
from .network import ESPMedSAM
from .network.unet import UNet


@dataclass
class Config:
    """A training stage. `budget` is CPU time per thread, evaluation left out: other load on the machine delays a run
    but does not cut it short."""

    stage: str                      # "base", "controller" or "unet"
    init: str                       # checkpoint to start from ("" = random), relative to --init-root
    side: list[int]                 # input side of each phase
    phase: list[float]              # share of the budget of each phase, sums to 1
    batch: int
    lr: float
    budget: float                   # minutes
    sampling: dict[str, float]      # data set -> probability
    modality: str = ""              # of a controller
    width: int = 16                 # of the U-Net
    warmup: float = 2.0             # minutes
    ema: float = 0.998
    weight_decay: float = 0.05
    seed: int = 0
    evaluate_every: float = 12.0    # minutes
    bf16: bool = False
    compiled: bool = False          # torch.compile of the encoder: some minutes at the start, a fifth more pictures
    aux: float = 0.5                # weight of the auxiliary head on the embedding
    extra: dict = field(default_factory=dict)


class Esp(torch.nn.Module):
    """ESP-MedSAM and, in training only, an auxiliary 1x1 head on the embedding (6 x 16 channels, pixel-shuffled)."""

    def __init__(self, controller: bool, compiled: bool = False):
        super().__init__()
        self.net = ESPMedSAM()
        self.aux = torch.nn.Conv2d(256, 6 * 16, 1)
        self.controller = controller
        self.encode = torch.compile(self.net.encode, dynamic=False) if compiled else self.net.encode

    def forward(self, x, modality):
        embedding = (self.encode if self.training else self.net.encode)(x, self.controller)
        patch, prompted = self.net.self_prompt(embedding)
        logits = self.net.decode(prompted, modality)
        if not self.training:
            return logits, patch, None
        aux = F.pixel_shuffle(self.aux(embedding), 4)
        return logits, patch, aux[torch.arange(len(x)), modality]


class Yardstick(torch.nn.Module):
    """The U-Net, with the same call."""

    def __init__(self, width: int):
        super().__init__()
        self.net = UNet(width)

    def forward(self, x, modality):
        return self.net(x, modality), None, None


def mask_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """BCE + soft Dice per picture (smoothing 1). logits, target: B x h x w, target in 0..1."""
    logits = logits.float()
    bce = F.binary_cross_entropy_with_logits(logits, target)
    p = logits.sigmoid()
    inter, total = (p * target).sum((1, 2)), p.sum((1, 2)) + target.sum((1, 2))
    return bce + (1 - (2 * inter + 1) / (total + 1)).mean()


def total_loss(out, mask: torch.Tensor, cfg: Config) -> torch.Tensor:
    """Mask loss + 0.5 x patch BCE (a cell is positive where the mask touches it) + auxiliary mask loss."""
    logits, patch, aux = out
    target = F.adaptive_avg_pool2d(mask[:, None], logits.shape[-1])[:, 0]
    loss = mask_loss(logits, target)
    if patch is not None:
        cells = (F.adaptive_max_pool2d(mask[:, None], patch.shape[-1])[:, 0] > 0.5).float()
        loss = loss + 0.5 * F.binary_cross_entropy_with_logits(patch.float(), cells)
    if aux is not None and cfg.aux:
        loss = loss + cfg.aux * mask_loss(aux, target)
    return loss


class Sampler:
    """Draws augmented batches: a data set by its probability, then a picture of it."""

    def __init__(self, pool: Pool, cfg: Config):
        self.pool, self.cfg = pool, cfg
        names = [n for n in cfg.sampling if n in pool.by_dataset]
        p = np.array([cfg.sampling[n] for n in names])
        self.names, self.p = names, p / p.sum()

    def batch(self, side: int, rng: np.random.Generator):
        images, masks, modality = [], [], []
        for name in rng.choice(self.names, self.cfg.batch, p=self.p):
            i = int(rng.choice(self.pool.by_dataset[name]))
            m = self.pool.items[i].modality
            x, y = augment(self.pool.images[i], self.pool.masks[i], m, side, rng)
            images.append(normalise(x))
            masks.append(y)
            modality.append(MODALITIES.index(m))
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks)), torch.tensor(modality)


class Validation:
    """Dice at the stored picture size, on squares made once exactly as the device makes them."""

    def __init__(self, items, side: int):
        self.items, self.squares, self.masks = items, [], []
        for item in items:
            image, mask = read_pair(item)
            self.squares.append(square(image, side).round().astype(np.uint8))
            self.masks.append(mask > 127)

    @torch.no_grad()
    def dice(self, model: torch.nn.Module) -> dict[str, float]:
        """Mean Dice per data set over pictures with a target; `empty` = share of empty pictures left empty."""
        model.eval()
        scores: dict[str, list[float]] = {}
        for item, image, mask in zip(self.items, self.squares, self.masks):
            x = torch.from_numpy(normalise(image.astype(np.float32)))[None]
            logits = model(x, torch.tensor([MODALITIES.index(item.modality)]))[0]
            up = F.interpolate(logits[None].float(), mask.shape, mode="bilinear", align_corners=False)[0, 0]
            pred = (up >= 0).numpy()
            if item.empty:
                scores.setdefault("empty", []).append(float(not pred.any()))
            else:
                scores.setdefault(item.dataset, []).append(2 * (pred & mask).sum() / (pred.sum() + mask.sum()))
        model.train()
        return {k: float(np.mean(v)) for k, v in sorted(scores.items())}


def build(cfg: Config, init_root: Path) -> torch.nn.Module:
    """The model of a stage, started from `init`, with only the stage's own weights left trainable."""
    if cfg.stage == "unet":
        return Yardstick(cfg.width)
    model = Esp(cfg.stage == "controller", cfg.compiled)
    if cfg.init:
        model.net.load_arrays(checkpoint.load(init_root / cfg.init))
    if cfg.stage == "controller":
        for name, p in model.named_parameters():
            p.requires_grad = checkpoint.is_modality_key(name)
        with torch.no_grad():  # start where the base stands: no effect of the MLP, a faint one of the token
            for name, p in model.net.named_parameters():
                if "med_dah.fc2" in name:
                    p.zero_()
                elif name.endswith("med_attention_biases"):
                    p.fill_(cfg.extra.get("token_bias", -4.0))
    return model


def freeze_norms(model: torch.nn.Module) -> None:
    """BatchNorm keeps its running statistics: a controller must leave the base bit-identical."""
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.eval()


def schedule(cfg: Config, minutes: float) -> float:
    """Learning rate: linear warm-up, then cosine down to 2 % at the end of the budget."""
    if minutes < cfg.warmup:
        return cfg.lr * (0.05 + 0.95 * minutes / cfg.warmup)
    t = min(1.0, (minutes - cfg.warmup) / max(cfg.budget - cfg.warmup, 1e-6))
    return cfg.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * t)))


def optimiser(model: torch.nn.Module, cfg: Config) -> torch.optim.Optimizer:
    """AdamW; no decay on vectors, biases, bias tables and queries."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    plain = [p for n, p in named if p.ndim < 2 or "biases" in n or "query" in n or "deep_QKV" in n]
    decay = [p for n, p in named if not (p.ndim < 2 or "biases" in n or "query" in n or "deep_QKV" in n)]
    return torch.optim.AdamW([{"params": decay, "weight_decay": cfg.weight_decay},
                              {"params": plain, "weight_decay": 0.0}], lr=cfg.lr, betas=(0.9, 0.99))


class Run:
    """One training run: state, files, loop."""

    def __init__(self, cfg: Config, args: argparse.Namespace):
        self.cfg, self.out = cfg, Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(cfg.seed)
        self.model = build(cfg, Path(args.init_root)).to(memory_format=torch.channels_last)
        self.ema = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.optimiser = optimiser(self.model, cfg)
        self.step, self.images, self.minutes, self.evaluated = 0, 0, 0.0, 0.0
        split = Path(args.split)
        keep = (lambda i: i.modality == cfg.modality) if cfg.modality else (lambda i: True)
        self.validation = Validation([i for i in load_split(Path(args.data), split, "val") if keep(i)], cfg.side[-1])
        pool = Pool([i for i in load_split(Path(args.data), split, "train") if keep(i)], int(max(cfg.side) * 1.3))
        self.sampler = Sampler(pool, cfg)
        if (self.out / "state.pt").exists():
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.out / "state.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema = state["ema"]
        self.step, self.images, self.minutes, self.evaluated = state["progress"]
        print(f"resumed at step {self.step}, {self.minutes:.1f} min", flush=True)

    def save(self) -> None:
        """Writes the resume state and the EMA weights; each file is replaced only when whole."""
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "ema": self.ema,
                 "progress": (self.step, self.images, self.minutes, self.evaluated)}
        torch.save(state, self.out / "state.part")
        os.replace(self.out / "state.part", self.out / "state.pt")
        weights = {k.removeprefix("net."): v.contiguous().numpy() for k, v in self.ema.items() if k.startswith("net.")}
        checkpoint.write_safetensors(self.out / "ema.safetensors", weights,
                                     {"notice": "Research use only. Not for clinical use."})

    def _row(self, name: str, row: dict) -> None:
        path = self.out / name
        new = not path.exists()
        with path.open("a", newline="") as f:
            w = csv.DictWriter(f, row)
            if new:
                w.writeheader()
            w.writerow(row)

    def evaluate(self) -> None:
        """Dice of the EMA weights, to the terminal and `curve_val.csv`."""
        live = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.ema)
        scores = self.validation.dice(self.model)
        self.model.load_state_dict(live)
        self.evaluated = self.minutes
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

    def train(self) -> None:
        """Until the budget is used up."""
        cfg, smooth, told, saved = self.cfg, None, 0.0, time.monotonic()
        if self.step == 0 and cfg.init:
            self.evaluate()
        self.model.train()
        while self.minutes < cfg.budget:
            start = time.process_time()
            rng = np.random.default_rng([cfg.seed, self.step])
            x, mask, modality = self.sampler.batch(self.side(), rng)
            if cfg.stage == "controller":
                freeze_norms(self.model)
            for group in self.optimiser.param_groups:
                group["lr"] = schedule(cfg, self.minutes)
            with torch.autocast("cpu", torch.bfloat16, enabled=cfg.bf16):
                out = self.model(x.contiguous(memory_format=torch.channels_last), modality)
            loss = total_loss(out, mask, cfg)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.requires_grad], 1.0)
            if torch.isfinite(norm):
                self.optimiser.step()
                self._average()
            self.step += 1
            self.images += len(x)
            self.minutes += (time.process_time() - start) / 60 / torch.get_num_threads()
            smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
            if self.minutes - told > min(0.5, cfg.budget / 20):
                told = self.minutes
                self._row("curve_train.csv", {"minutes": round(self.minutes, 2), "step": self.step,
                                              "images": self.images, "side": x.shape[-1],
                                              "lr": f"{schedule(cfg, self.minutes):.2e}", "loss": round(smooth, 4)})
                print(f"{self.minutes:6.1f}/{cfg.budget:.0f} min  step {self.step}  images {self.images}  "
                      f"side {x.shape[-1]}  loss {smooth:.4f}", flush=True)
            if time.monotonic() - saved > 240:
                saved = time.monotonic()
                self.save()
            if self.minutes - self.evaluated > cfg.evaluate_every:
                self.evaluate()
        self.evaluate()
        self.save()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.cfg.ema, (1 + self.step) / (10 + self.step))
        for k, v in self.model.state_dict().items():
            if v.dtype.is_floating_point:
                self.ema[k].lerp_(v, 1 - decay)
            else:
                self.ema[k].copy_(v)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("config", type=Path)
    p.add_argument("--data", required=True)
    p.add_argument("--split", required=True)
    p.add_argument("--init-root", default=".")
    p.add_argument("--out", required=True)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--budget", type=float, help="minutes, in place of the config's")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    cfg = Config(**tomllib.loads(args.config.read_text()))
    if args.budget:
        cfg.budget = args.budget
    Run(cfg, args).train()


if __name__ == "__main__":
    main()
