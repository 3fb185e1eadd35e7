"""Batches and training of the guard. Beside the network that is shipped, one is trained for each data set whose
modality has others: without it, on every second batch, to see how the guard takes a hospital it never saw."""

from __future__ import annotations

import csv
import functools
import math
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import torch

from ..data import Item, load_split, normalise, read_pair, triangle_weights
from ..modalities import MODALITIES
from . import negatives
from .network import CLASSES, SIDE, Guard
from .shifts import spread

DRAWN = 128  # side at which pictures are changed and drawn, before the triangle filter brings them to 64
KEPT = 192  # side of the pool's pictures in memory
OTHER = CLASSES.index("other")
SMOOTHING = 0.02  # of the labels: scores stay soft, and a threshold has room below them
VISIBLE = 4.0  # deviation of the values below which a changed picture shows nothing any more
NO_SHUFFLE = "microscopy"  # nuclei in another order are still nuclei


_weights = functools.cache(triangle_weights)


def to_input(image: np.ndarray) -> np.ndarray:
    """RGB n x m x 3 of any size -> 3 x 64 x 64: `square`, the filter's matrices kept, then `normalise`."""
    h, w = (_weights(n, SIDE) for n in image.shape[:2])
    return normalise((h @ image.astype(np.float32).transpose(2, 0, 1) @ w.T).transpose(1, 2, 0))


def shared_datasets(items: list[Item]) -> list[str]:
    """Data sets that are not the only one of their modality."""
    pairs = sorted({(i.dataset, i.modality) for i in items})
    count = Counter(m for _, m in pairs)
    return [d for d, m in pairs if count[m] > 1]


class Batches:
    """Draws a class, then one of its looks, then a picture: rare looks count as much as common ones. A look is a data
    set, or the dark (fluorescence) or the bright (stained) half of one."""

    def __init__(self, items: list[Item], seed: int):
        self.rng, self.items = np.random.default_rng(seed), items
        self.images = [cv2.resize(read_pair(i)[0], (KEPT, KEPT), interpolation=cv2.INTER_AREA) for i in items]
        self.looks: dict[str, dict[tuple, list[int]]] = {m: {} for m in MODALITIES}
        for k, (item, image) in enumerate(zip(items, self.images)):
            look = (item.dataset, item.modality == "microscopy" and image.mean() > 100)
            self.looks[item.modality].setdefault(look, []).append(k)
        self.present = [m for m in MODALITIES if self.looks[m]]
        self.kinds = [*negatives.TRAINED, *negatives.FROM_POOL]
        weight = {"dead_leaves": 4.0, "scene": 3.0, "pink_noise": 2.0, "shuffled": 2.0, "window": 2.0, "page": 2.0,
                  "empty_screen": 2.0, "flat": 2.0, "blinded": 2.0, "line_chart": 2.0}
        p = np.array([weight.get(k, 1.0) for k in self.kinds])
        self.p = p / p.sum()

    def picture(self, modality: str) -> int:
        """Number of a drawn picture."""
        looks = list(self.looks[modality].values())
        return int(self.rng.choice(looks[self.rng.integers(len(looks))]))

    def draw(self) -> tuple[np.ndarray, int, str]:
        """(input 3 x 64 x 64, class, data set or "")."""
        rng = self.rng
        modality = str(rng.choice(self.present))
        if rng.random() < 0.6:
            k = self.picture(modality)
            x = self.images[k] if rng.random() < 0.15 else spread(self.images[k], modality, DRAWN, rng)
            if x.std() < VISIBLE:
                x = self.images[k]
            return to_input(x), MODALITIES.index(modality), self.items[k].dataset
        kind = str(rng.choice(self.kinds, p=self.p))
        if kind == "shuffled" and modality == NO_SHUFFLE:
            kind = "blinded"
        image = cv2.resize(self.images[self.picture(modality)], (DRAWN, DRAWN), interpolation=cv2.INTER_AREA)
        return to_input(negatives.draw(kind, DRAWN, image, rng)), OTHER, ""

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        x, y, sets = zip(*(self.draw() for _ in range(size)))
        images = torch.from_numpy(np.stack(x)).contiguous(memory_format=torch.channels_last)
        return images, torch.tensor(y), np.array(sets)


def clock() -> float:
    """Seconds of CPU time per thread: other load on the machine delays a run but does not cut it short."""
    return time.process_time() / torch.get_num_threads()


def train(data: Path, split: Path, out: Path, minutes: float, batch: int = 64, lr: float = 4e-3, seed: int = 0) -> list:
    """Trains for `minutes` of CPU time per thread; writes `guard.pt` ({left-out data set or "": weights}) and `curve.csv`; gives losses."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    items = load_split(data, split, "train")
    batches = Batches(items, seed)
    models = {k: Guard().train().to(memory_format=torch.channels_last) for k in ("", *shared_datasets(items))}
    optimisers = {k: torch.optim.AdamW(m.parameters(), lr, weight_decay=0.02) for k, m in models.items()}
    averages = {k: torch.optim.swa_utils.AveragedModel(
        m, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998), use_buffers=True) for k, m in models.items()}
    entropy = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    start, told, smooth, curve = clock(), 0.0, None, []
    step = 0
    while (done := (clock() - start) / 60 / minutes) < 1:
        x, y, sets = batches.batch(batch)
        rate = lr * min(1, (step + 1) / 100) * (0.01 + 0.495 * (1 + math.cos(math.pi * done)))
        for left_out, model in models.items():
            if left_out and step % 2:
                continue
            keep = torch.from_numpy(sets != left_out) if left_out else slice(None)
            optimiser = optimisers[left_out]
            optimiser.param_groups[0]["lr"] = rate
            loss = entropy(model(x[keep]), y[keep])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            if step >= 200:
                averages[left_out].update_parameters(model)
            if not left_out:
                smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        step += 1
        if done - told > 0.02 or step == 1:
            told = done
            curve.append({"minutes": round(done * minutes, 2), "step": step, "pictures": step * batch,
                          "loss": round(smooth, 4)})
            print(f"{done * minutes:5.1f}/{minutes:g} min  step {step}  loss {smooth:.4f}", flush=True)
    best = {k: averages[k].module if step > 400 else m for k, m in models.items()}
    torch.save({k: m.state_dict() for k, m in best.items()}, out / "guard.pt")
    with (out / "curve.csv").open("w", newline="") as f:
        w = csv.DictWriter(f, curve[0])
        w.writeheader()
        w.writerows(curve)
    return [row["loss"] for row in curve]


def load(path: Path) -> dict[str, Guard]:
    """{left-out data set or "": network}, ready to be asked."""
    models = {}
    for k, state in torch.load(path, weights_only=True).items():
        models[k] = Guard()
        models[k].load_state_dict(state)
        models[k].eval()
    return models
