"""Batches and training of the guard. Beside the network that is shipped, one is trained for each fold of the sources:
without them, on a part of the batches, to see how the guard takes a hospital it never saw."""

from __future__ import annotations

import csv
import functools
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from ..facts.modalities import MODALITIES
from ..pictures.pool import Item, normalise, triangle_weights
from . import negatives
from .network import CLASSES, SIDE, Guard
from .shifts import spread
from .sources import LEARNED, folds, load, read, source

DRAWN = 128  # side at which pictures are changed and drawn, before the triangle filter brings them to 64
KEPT = 192  # side of the pool's pictures in memory
OTHER = CLASSES.index("other")
SMOOTHING = 0.02  # of the labels: scores stay soft, and a threshold has room below them
FOLDS_EVERY = 4  # the folds' networks learn from each fourth batch
VISIBLE = 4.0  # deviation of the values below which a changed picture shows nothing any more
# Kinds out of a pool picture that still are pictures of a modality: nuclei in another order are nuclei, and the mask's
# network learned them in inverted colours.
STAYS = dict.fromkeys(("shuffled", "inverted", "scrambled_phase"), ("microscopy",))
# Colours turned round are easily told; grey is not.
INVERTED = {"x-ray": 3.0, "ultrasound": 2.0, "microscopy": 0.0}


_weights = functools.cache(triangle_weights)


def to_input(image: np.ndarray) -> np.ndarray:
    """RGB n x m x 3 of any size -> 3 x 64 x 64: `square`, the filter's matrices kept, then `normalise`."""
    h, w = (_weights(n, SIDE) for n in image.shape[:2])
    return normalise((h @ image.astype(np.float32).transpose(2, 0, 1) @ w.T).transpose(1, 2, 0))


class Batches:
    """Draws a class, then one of its looks, then a picture. A look is a source, or the dark (fluorescence) or the
    bright (stained) half of one; it counts as the root of its pictures: no hospital stands for its modality."""

    def __init__(self, items: list[Item], seed: int):
        self.rng, self.items = np.random.default_rng(seed), items
        self.images = [cv2.resize(read(i), (KEPT, KEPT), interpolation=cv2.INTER_AREA) for i in items]
        self.looks: dict[str, dict[tuple, list[int]]] = {m: {} for m in MODALITIES}
        for k, (item, image) in enumerate(zip(items, self.images)):
            look = (source(item), item.modality == "microscopy" and image.mean() > 100)
            self.looks[item.modality].setdefault(look, []).append(k)
        self.present = [m for m in MODALITIES if self.looks[m]]
        self.kinds = [*negatives.TRAINED, *negatives.FROM_POOL]
        weight = {"dead_leaves": 4.0, "scene": 3.0, "pink_noise": 2.0, "shuffled": 2.0, "window": 2.0, "page": 2.0,
                  "empty_screen": 2.0, "flat": 2.0, "blinded": 2.0, "line_chart": 2.0, "inverted": 9.0}
        p = np.array([weight.get(k, 1.0) for k in self.kinds])
        self.p = p / p.sum()

    def picture(self, modality: str) -> int:
        """Number of a drawn picture."""
        looks = list(self.looks[modality].values())
        weight = np.sqrt([len(look) for look in looks])
        return int(self.rng.choice(looks[self.rng.choice(len(looks), p=weight / weight.sum())]))

    def draw(self) -> tuple[np.ndarray, int, str]:
        """(input 3 x 64 x 64, class, the source it is from or "")."""
        rng = self.rng
        modality = str(rng.choice(self.present))
        if rng.random() < 0.6:
            k = self.picture(modality)
            return to_input(self.seen(k)), MODALITIES.index(modality), source(self.items[k])
        kind = str(rng.choice(self.kinds, p=self.p))
        if kind == "inverted":
            weight = np.array([INVERTED.get(m, 1.0) for m in self.present])
            modality = str(rng.choice(self.present, p=weight / weight.sum()))
        if modality in STAYS.get(kind, ()):
            kind = "blinded"
        k = self.picture(modality)
        image = self.seen(k) if kind == "inverted" else self.images[k]
        image = cv2.resize(image, (DRAWN, DRAWN), interpolation=cv2.INTER_AREA)
        drawn = to_input(negatives.draw(kind, DRAWN, image, rng))
        return drawn, OTHER, source(self.items[k]) if kind in negatives.FROM_POOL else ""

    def seen(self, index: int) -> np.ndarray:
        """The picture as it is, or changed; RGB uint8, square."""
        item, image = self.items[index], self.images[index]
        if self.rng.random() < 0.15:
            return image
        x = spread(image, item.modality, DRAWN, self.rng)
        return x if x.std() >= VISIBLE else image

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        x, y, sets = zip(*(self.draw() for _ in range(size)))
        images = torch.from_numpy(np.stack(x)).contiguous(memory_format=torch.channels_last)
        return images, torch.tensor(y), np.array(sets)


def clock() -> float:
    """Seconds of CPU time per thread: other load on the machine delays a run but does not cut it short."""
    return time.process_time() / torch.get_num_threads()


def train(data: Path, split: Path, out: Path, minutes: float, batch: int = 64, lr: float = 4e-3, seed: int = 0) -> list:
    """Trains for `minutes` of CPU time per thread; writes `guard.pt` ({fold that is left out, or "": weights}) and
    `curve.csv`; gives losses."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    items = load(data, split, LEARNED)
    batches, without = Batches(items, seed), {"": []}
    for name, fold in folds(items).items():
        without.setdefault(str(fold), []).append(name)
    models = {k: Guard().train().to(memory_format=torch.channels_last) for k in without}
    optimisers = {k: torch.optim.AdamW(m.parameters(), lr, weight_decay=0.02) for k, m in models.items()}
    ema = {k: torch.optim.swa_utils.get_ema_multi_avg_fn(0.998 ** (FOLDS_EVERY if k else 1)) for k in models}
    averages = {k: torch.optim.swa_utils.AveragedModel(m, multi_avg_fn=ema[k], use_buffers=True)
                for k, m in models.items()}
    entropy = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    start, told, smooth, curve = clock(), 0.0, None, []
    step = 0
    while (done := (clock() - start) / 60 / minutes) < 1:
        x, y, sets = batches.batch(batch)
        rate = lr * min(1, (step + 1) / 100) * (0.01 + 0.495 * (1 + math.cos(math.pi * done)))
        for fold, model in models.items():
            if fold and step % FOLDS_EVERY:
                continue
            keep = torch.from_numpy(~np.isin(sets, without[fold]))
            optimiser = optimisers[fold]
            optimiser.param_groups[0]["lr"] = rate
            loss = entropy(model(x[keep]), y[keep])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            if step >= 200:
                averages[fold].update_parameters(model)
            if not fold:
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


def load_run(path: Path) -> dict[str, Guard]:
    """{fold that is left out, or "": network}, ready to be asked."""
    models = {}
    for k, state in torch.load(path, weights_only=True).items():
        models[k] = Guard()
        models[k].load_state_dict(state)
        models[k].eval()
    return models
