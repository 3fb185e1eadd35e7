"""Batches and training of the guard. Beside the network that is shipped, one is trained for each fold of the sources:
without them, on a part of the batches, to see how the guard takes a hospital it never saw."""

from __future__ import annotations

import csv
import functools
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ..facts.modalities import MODALITIES
from ..pictures.pool import Item, normalise, triangle_weights
from . import negatives
from .graph import CLASSES, SIDE
from .network import Guard
from .shifts import spread
from .sources import LEARNED, folds, load, read, source

DRAWN = 128  # side at which pictures are changed and drawn, before the triangle filter brings them to 64
KEPT = 192  # side of the pool's pictures in memory
OTHER = CLASSES.index("other")
SMOOTHING = 0.02  # of the labels: scores stay soft, and a threshold has room below them
FOLDS_EVERY = 4  # the folds' networks learn from each fourth batch
AVERAGED_FROM = 200  # step from which the weights are averaged
VISIBLE = 4.0  # deviation of the values below which a changed picture shows nothing any more
# Kinds out of a pool picture that still are pictures of a modality: nuclei in another order are nuclei, and the mask's
# network learned them in inverted colours.
STAYS = dict.fromkeys(("shuffled", "inverted", "scrambled_phase"), ("microscopy",))
# Colours turned round are easily told; grey is not.
INVERTED = {"x-ray": 3.0, "ultrasound": 2.0, "microscopy": 0.0}


_weights = functools.cache(triangle_weights)


def to_input(image: np.ndarray) -> np.ndarray:
    """RGB n x m x 3 of any size -> 3 x 64 x 64: `square`, the filter's matrices kept, then `normalise`."""
    rows, columns = (_weights(extent, SIDE) for extent in image.shape[:2])
    return normalise((rows @ image.astype(np.float32).transpose(2, 0, 1) @ columns.T).transpose(1, 2, 0))


@dataclass(frozen=True)
class Drawn:
    """One input of training."""

    input: np.ndarray  # 3 x 64 x 64, normalised
    number: int  # of its class
    source: str  # that it is from, or ""


@dataclass(frozen=True)
class GuardBatch:
    """B of them."""

    inputs: torch.Tensor  # B x 3 x 64 x 64
    classes: torch.Tensor  # B int64
    sources: np.ndarray  # B names


class GuardBatches:
    """Draws a class, then one of its looks, then a picture. A look is a source, or the dark (fluorescence) or the
    bright (stained) half of one; it counts as the root of its pictures: no hospital stands for its modality."""

    def __init__(self, items: list[Item], seed: int):
        self.rng, self.items = np.random.default_rng(seed), items
        self.images = [cv2.resize(read(item), (KEPT, KEPT), interpolation=cv2.INTER_AREA) for item in items]
        self.looks: dict[str, dict[tuple[str, bool], list[int]]] = {m: {} for m in MODALITIES}
        for index, (item, image) in enumerate(zip(items, self.images, strict=True)):
            look = (source(item), item.modality == "microscopy" and bool(image.mean() > 100))
            self.looks[item.modality].setdefault(look, []).append(index)
        self.present = [modality for modality in MODALITIES if self.looks[modality]]
        self.kinds = [*negatives.TRAINED, *negatives.FROM_POOL]
        weight = {
            "dead_leaves": 4.0,
            "scene": 3.0,
            "pink_noise": 2.0,
            "shuffled": 2.0,
            "window": 2.0,
            "page": 2.0,
            "empty_screen": 2.0,
            "flat": 2.0,
            "blinded": 2.0,
            "line_chart": 2.0,
            "inverted": 9.0,
        }
        shares = np.array([weight.get(kind, 1.0) for kind in self.kinds])
        self.probability = shares / shares.sum()

    def picture(self, modality: str) -> int:
        """Number of a drawn picture."""
        looks = list(self.looks[modality].values())
        weight = np.sqrt([len(look) for look in looks])
        return int(self.rng.choice(looks[self.rng.choice(len(looks), p=weight / weight.sum())]))

    def draw(self) -> Drawn:
        """A class, a look, a picture."""
        rng = self.rng
        modality = str(rng.choice(self.present))
        if rng.random() < 0.6:
            index = self.picture(modality)
            return Drawn(to_input(self.seen(index)), MODALITIES.index(modality), source(self.items[index]))
        kind = str(rng.choice(self.kinds, p=self.probability))
        if kind == "inverted":
            weight = np.array([INVERTED.get(m, 1.0) for m in self.present])
            modality = str(rng.choice(self.present, p=weight / weight.sum()))
        if modality in STAYS.get(kind, ()):
            kind = "blinded"
        index = self.picture(modality)
        image = self.seen(index) if kind == "inverted" else self.images[index]
        image = cv2.resize(image, (DRAWN, DRAWN), interpolation=cv2.INTER_AREA)
        drawn = to_input(negatives.draw(kind, DRAWN, image, rng))
        return Drawn(drawn, OTHER, source(self.items[index]) if kind in negatives.FROM_POOL else "")

    def seen(self, index: int) -> np.ndarray:
        """The picture as it is, or changed; RGB uint8, square."""
        item, image = self.items[index], self.images[index]
        if self.rng.random() < 0.15:
            return image
        changed = spread(image, item.modality, DRAWN, self.rng)
        return changed if changed.std() >= VISIBLE else image

    def batch(self, size: int) -> GuardBatch:
        """So many drawn."""
        drawn = [self.draw() for _ in range(size)]
        inputs = torch.from_numpy(np.stack([one.input for one in drawn])).contiguous(memory_format=torch.channels_last)
        return GuardBatch(inputs, torch.tensor([one.number for one in drawn]), np.array([one.source for one in drawn]))


@dataclass(frozen=True)
class GuardRecipe:
    """How the guard is trained."""

    minutes: float  # of CPU time per thread
    batch: int = 64
    lr: float = 4e-3
    seed: int = 0

    def learning_rate(self, step: int, done: float) -> float:
        """Linear warm-up over 100 steps, cosine to 1 %; `done`: share of the minutes."""
        return self.lr * min(1, (step + 1) / 100) * (0.01 + 0.495 * (1 + math.cos(math.pi * done)))


class Learner:
    """One network: that which is shipped, or a fold's, which learns without some sources from each fourth batch."""

    def __init__(self, without: list[str], recipe: GuardRecipe):
        self.without, self.every = without, FOLDS_EVERY if without else 1
        self.model = Guard().train().to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), recipe.lr, weight_decay=0.02)
        mean = torch.optim.swa_utils.get_ema_multi_avg_fn(0.998**self.every)
        self.average = torch.optim.swa_utils.AveragedModel(self.model, multi_avg_fn=mean, use_buffers=True)
        self.entropy = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)

    def learn(self, batch: GuardBatch, step: int, lr: float) -> float:
        """One step; the loss."""
        keep = torch.from_numpy(~np.isin(batch.sources, self.without))
        self.optimiser.param_groups[0]["lr"] = lr
        loss = self.entropy(self.model(batch.inputs[keep]), batch.classes[keep])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        if step >= AVERAGED_FROM:
            self.average.update_parameters(self.model)
        return loss.item()

    def best(self, steps: int) -> Guard:
        """The average, if it is of enough steps."""
        best: Guard = self.average.module if steps > 2 * AVERAGED_FROM else self.model  # type: ignore[assignment]  # as given
        return best


def clock() -> float:
    """Seconds of CPU time per thread: other load on the machine delays a run but does not cut it short."""
    return time.process_time() / torch.get_num_threads()


def train(data: Path, split: Path, out: Path, recipe: GuardRecipe) -> list[float]:
    """Trains for the recipe's minutes; writes `guard.pt` ({fold that is left out, or "": weights}) and `curve.csv`; gives
    losses."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    items = load(data, split, LEARNED)
    batches = GuardBatches(items, recipe.seed)
    without: dict[str, list[str]] = {"": []}
    for name, number in folds(items).items():
        without.setdefault(str(number), []).append(name)
    learners = {fold: Learner(sources, recipe) for fold, sources in without.items()}
    start, told, smooth, step = clock(), 0.0, math.nan, 0
    curve: list[dict[str, float]] = []
    while (done := (clock() - start) / 60 / recipe.minutes) < 1:
        batch, lr = batches.batch(recipe.batch), recipe.learning_rate(step, done)
        for fold, learner in learners.items():
            if step % learner.every:
                continue
            loss = learner.learn(batch, step, lr)
            if not fold:
                smooth = loss if step == 0 else 0.98 * smooth + 0.02 * loss
        step += 1
        if done - told > 0.02 or step == 1:
            told = done
            minutes = done * recipe.minutes
            curve.append(
                {"minutes": round(minutes, 2), "step": step, "pictures": step * recipe.batch, "loss": round(smooth, 4)}
            )
            print(f"{minutes:5.1f}/{recipe.minutes:g} min  step {step}  loss {smooth:.4f}", flush=True)
    torch.save({fold: learner.best(step).state_dict() for fold, learner in learners.items()}, out / "guard.pt")
    with (out / "curve.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(curve[0]))
        table.writeheader()
        table.writerows(curve)
    return [row["loss"] for row in curve]


def load_run(path: Path) -> dict[str, Guard]:
    """{fold that is left out, or "": network}, ready to be asked."""
    models = {}
    for fold, state in torch.load(path, weights_only=True).items():
        models[fold] = Guard()
        models[fold].load_state_dict(state)
        models[fold].eval()
    return models
