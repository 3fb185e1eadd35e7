"""A training on one device from a packed pool: what is packed, drawn, changed, and brought back."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from espmedsam.export.__main__ import weights as exported
from espmedsam.export.recipe import Recipe, RecipeModality
from espmedsam.gpu import mix, pack, parts, plan
from espmedsam.gpu.batches import DeviceBatches, Shelves
from espmedsam.gpu.chance import Chance
from espmedsam.gpu.degrade import written
from espmedsam.gpu.loop import Loop, Pictures, Task
from espmedsam.gpu.shelf import CELLS, unpacked
from espmedsam.gpu.tone import toned
from espmedsam.gpu.warp import placed, warped
from espmedsam.pictures import augment
from espmedsam.pictures.pool import load_split
from espmedsam.train.batches import by_source
from espmedsam.train.build import build
from espmedsam.train.config import Config
from espmedsam.weights import checkpoint
from torch._subclasses.fake_tensor import FakeTensorMode

CPU = torch.device("cpu")
PLAN = """
[[phase]]
name = "gpu-base"
train = "base-lite"
share = 0.3
side = [64]
batch = 3
lr = 1e-3

[[phase]]
name = "gpu-controller-{modality}"
modalities = ["ultrasound", "fundus"]
train = "controller-lite"
from = "gpu-base"
share = 0.1
side = [64]
batch = 2
lr = 1e-3

[[phase]]
name = "gpu-presence"
train = "presence-lite"
from = "gpu-base"
share = 0.1
side = [64]
batch = 2
lr = 1e-3
"""


@pytest.fixture(autouse=True)
def few_overlays(monkeypatch):
    monkeypatch.setattr("espmedsam.gpu.batches.OVERLAYS", 16)


@pytest.fixture(scope="module")
def content(pool_with_empties, tmp_path_factory):
    """The pool in a file and read from it again."""
    split = pool_with_empties / "split.csv"
    train, val = (load_split(pool_with_empties, split, part) for part in ("train", "val"))
    path = tmp_path_factory.mktemp("packed") / "pool.safetensors"
    pack.write(path, pack.packed(pack.chosen(train, val, 2), pack.Packing(side=64, quality=90), ()))
    return pack.load(path)


@pytest.fixture(scope="module")
def pictures(content):
    """The same on the CPU."""
    shelves = [unpacked(content, content.of(part), 64, CPU) for part in ("train", "val")]
    return Pictures(Shelves(shelves[0], None), shelves[1])


def test_masks_come_back_bit_for_bit_and_pictures_nearly(content, pool_with_empties):
    items = {
        item.stem: item
        for part in ("train", "val")
        for item in load_split(pool_with_empties, pool_with_empties / "split.csv", part)
    }
    assert len(content.of("train")) == 12 and 2 <= len(content.of("val")) <= 5
    for at, entry in enumerate(content.entries):
        image, mask = content.pair(at)
        true_image, true_mask = pack.square_pair(items[entry.stem], 64)
        assert np.array_equal(mask, true_mask) and entry.empty == (not mask.any())
        # The pool is noise, which a codec keeps least well: what it must keep is what is bright and what is not.
        blurred = [cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 4) for pixels in (image, true_image)]
        assert np.abs(blurred[0] - blurred[1]).mean() < 4


def test_validation_is_drawn_evenly_from_each_source(pool):
    item = load_split(pool, pool / "split.csv", "train")[0]
    many = [
        replace(item, stem=str(at), source=source) for source, count in (("a", 50), ("b", 3)) for at in range(count)
    ]
    found = [(entry.source, int(entry.stem)) for entry, _ in pack.chosen([], many, 5)]
    assert found == [("a", 0), ("a", 12), ("a", 24), ("a", 37), ("a", 49), ("b", 0), ("b", 1), ("b", 2)]


@pytest.mark.parametrize("damage", ["entries", "ends", "other"])
def test_a_damaged_pool_is_refused(content, tmp_path, damage):
    path = tmp_path / "pool.safetensors"
    if damage == "other":
        checkpoint.write_safetensors(path, {"a": np.zeros(2, np.float32)})
    else:
        fewer = content.entries[1:] if damage == "entries" else content.entries
        pack.write(path, replace(content, entries=fewer))
    if damage == "ends":
        tensors = checkpoint.read_safetensors(path)
        tensors["masks_ends"] = tensors["masks_ends"] + 1
        checkpoint.write_safetensors(path, tensors, checkpoint.metadata(path))
    with pytest.raises(checkpoint.CheckpointError, match="no packed pool"):
        pack.load(path)


@pytest.mark.parametrize("modality", ["ultrasound", "fundus", "colonoscopy"])
def test_picture_and_mask_move_together(modality):
    """Of a picture that is its mask the mask is still the picture, but where the picture was blurred before."""
    rng = np.random.default_rng(0)
    mask = cv2.GaussianBlur(rng.random((128, 128)).astype(np.float32), (0, 0), 9)
    mask = torch.from_numpy(np.where(mask > np.median(mask), 255, 0).astype(np.uint8))
    squares = mask.expand(24, 4, 128, 128)
    chance = Chance([1], CPU)
    whole = np.tile([0.0, 0.0, 1.0], (24, 1))
    where = placed(whole, [modality] * 24, 2.0, chance)
    out = warped(squares, where, 64, chance)
    sharp = 128 / (64 * where.scale) <= 1.7
    assert sharp.sum() >= 4 and torch.equal(out[sharp, 0], out[sharp, 3])
    assert len({float(each.mean()) for each in out[:, 3]}) > 20
    assert (out[~sharp, 0] - out[~sharp, 3]).abs().mean() < 20 if (~sharp).any() else True


def test_a_picture_that_is_not_moved_stays():
    squares = torch.randint(0, 256, (2, 4, 64, 64), dtype=torch.uint8)
    chance = Chance([1], CPU)
    still = replace(
        placed(np.tile([0.0, 0.0, 1.0], (2, 1)), ["fundus"] * 2, 1.0, chance),
        scale=np.ones(2), aspect=np.ones(2), angle=np.zeros(2), flip=np.array([1.0, -1.0]), centre=np.full((2, 2), 0.5),
    )  # fmt: skip
    out = warped(squares, still, 64, chance)
    assert torch.allclose(out[0], squares[0].float(), atol=0.05)
    assert torch.allclose(out[1], squares[1].flip(-1).float(), atol=0.05)


def test_a_part_that_shows_no_target_shows_none_from_its_surroundings():
    cells = np.zeros((8, CELLS, CELLS), np.float32)
    cells[:, 10:16, 10:16] = 1
    squares = torch.from_numpy(cells * 255).to(torch.uint8).repeat_interleave(2, 1).repeat_interleave(2, 2)
    chance = Chance([3], CPU)
    beside = mix.closeups(cells, np.zeros(8, bool), chance)
    shown = mix.closeups(cells, np.ones(8, bool), chance)
    assert (beside[:, 2] < 0.61).all() and (shown[:, 2] < 0.61).all()
    for window, is_there in ((beside, False), (shown, True)):
        where = replace(placed(window, ["fundus"] * 8, 1.0, chance), scale=np.full(8, 0.5), centre=np.full((8, 2), 0.5))
        out = warped(squares[:, None].expand(8, 4, 64, 64), where, 64, chance)
        assert ((out[:, 3].amax((1, 2)) > 0).numpy() == is_there).all()
    full = mix.closeups(np.ones((1, CELLS, CELLS), np.float32), np.zeros(1, bool), chance)
    assert full.tolist() == [[0, 0, 1]], "beside a target that fills the picture is nothing"


def test_a_lesion_is_borrowed_with_its_mask():
    host, donor = torch.full((1, 4, 64, 64), 90.0), torch.full((1, 4, 64, 64), 140.0)
    host[:, 3], donor[:, 3] = 0, 0
    donor[:, :3, 20:30, 20:30], donor[:, 3, 20:30, 20:30] = 240, 255
    out = mix.pasted(host, donor, Chance([0], CPU))
    assert torch.equal(out[:, 3], donor[:, 3])
    assert torch.allclose(out[0, :3, 24, 24], torch.tensor(190.0), atol=3), "brighter than its surroundings by as much"
    assert torch.allclose(out[0, :3, 50, 50], torch.tensor(90.0), atol=0.1)
    donor[:, 3] = 255
    assert torch.equal(mix.pasted(host, donor, Chance([0], CPU)), host), "it would fill the picture"


def test_light_is_exchanged_and_structure_stays():
    rng = np.random.default_rng(0)
    fine = torch.from_numpy(rng.normal(0, 8, (4, 3, 64, 64)).astype(np.float32))
    out = mix.exchanged(100 + fine, torch.full((4, 3, 64, 64), 180.0), Chance([0], CPU))
    assert (out.mean((1, 2, 3)) > 120).all()
    high = torch.fft.fft2(out)[..., 16:48, 16:48] - torch.fft.fft2(100 + fine)[..., 16:48, 16:48]
    assert high.abs().max() < 0.5


def test_tone_is_as_strong_as_the_cpus():
    """Means and contrasts of many pictures, changed here and there, have the same quantiles."""
    rng = np.random.default_rng(0)
    picture = np.clip(rng.normal(110, 30, (32, 32, 3)), 0, 255).astype(np.float32)
    for modality in ("colonoscopy", "ultrasound"):
        cpu = [augment._tone(picture.copy(), modality, rng) for _ in range(400)]
        device = toned(
            torch.from_numpy(picture.transpose(2, 0, 1).copy()).repeat(400, 1, 1, 1),
            [modality] * 400,
            Chance([7], CPU),
        )
        ours = device.numpy()
        for measure in (np.mean, np.std):
            there = np.quantile([measure(each) for each in cpu], [0.1, 0.5, 0.9])
            here = np.quantile([measure(each) for each in ours], [0.1, 0.5, 0.9])
            assert np.abs(there - here).max() < 0.12 * there[2], (modality, measure.__name__, there, here)


def test_writing_lies_over_a_picture_as_the_cpu_draws_it():
    overlays = written(96, 4)
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.float32)
    for number in range(4):
        drawn = augment.burn_in(picture.copy(), np.random.default_rng(number)).transpose(2, 0, 1)
        black, white = (layer[number].float().numpy() for layer in (overlays.on_black, overlays.on_white))
        assert np.abs(black + picture.transpose(2, 0, 1) * (white - black) / 255 - drawn).max() < 3


def test_pictures_are_drawn_by_their_shares(pictures):
    cfg = Config.of(
        "base", side=[64], phase=[1.0], batch=4000, lr=1, budget=1, modalities={"ultrasound": 0.25, "colonoscopy": 0.75}
    )
    source = DeviceBatches(pictures.train, cfg, CPU).live
    items = pictures.train.live.items
    drawn = [items[at].source for at in source.draw(Chance([0], CPU))]
    for name, share in by_source(items, cfg.drawing).items():
        assert drawn.count(name) / 4000 == pytest.approx(share, abs=0.03)
    own = DeviceBatches(pictures.train, replace(cfg, modality="ultrasound", stage="controller"), CPU).live
    assert {items[at].modality for at in own.draw(Chance([0], CPU))} == {"ultrasound"}


def whole(**more):
    """A stage with all that a batch may be made with."""
    return Config.of(
        "base", side=[64], phase=[1.0], batch=48, lr=1, budget=1, exchange=0.3, paste={"discs": 0.5},
        beside={"ultrasound": 0.2}, **more,
    )  # fmt: skip


def test_a_batch_is_a_function_of_its_number(pictures):
    batches = DeviceBatches(pictures.train, whole(), CPU)
    first, other, again = batches[3], batches[4], batches[3]
    assert torch.equal(first.pictures, again.pictures) and torch.equal(first.target, again.target)
    assert not torch.equal(first.pictures, other.pictures)
    assert first.pictures.shape == (48, 3, 64, 64) and torch.isfinite(first.pictures).all()
    assert first.target.min() >= 0 and 0.99 < first.target.max() <= 1


def test_tiles_are_batches_of_their_own(pictures, content):
    fine = unpacked(content, content.of("train"), 128, CPU)
    cfg = whole(fine={"side": 96, "batch": 5, "share": 0.5, "sampling": {"holes": 1.0}})
    batches = DeviceBatches(Shelves(pictures.train.live, fine), cfg, CPU)
    seen = [batches[step] for step in range(12)]
    tiles = [batch for batch in seen if batch.pictures.shape == (5, 3, 96, 96)]
    assert 2 <= len(tiles) <= 10 and all((batch.modality == 5).all() for batch in tiles)


def test_a_step_keeps_to_its_device(pictures, monkeypatch, tmp_path):
    """Without a GPU: tensors of no content that say they are on one. What would meet from two devices is refused."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        device = torch.device("cuda")
        live = replace(pictures.train.live, squares=pictures.train.live.squares.to(device))
        batch = DeviceBatches(Shelves(live, None), whole(presence=0.3), device)[0]
        assert {part.device.type for part in (batch.pictures, batch.target, batch.modality)} == {"cuda"}
        with device:
            stage = build(whole(presence=0.3), tmp_path)
        loss = stage.loss(batch)
        assert loss.device.type == "cuda" and loss.requires_grad


class StoppedError(Exception):
    """The end of a process."""


@pytest.fixture
def trained(pictures, tmp_path, monkeypatch):
    """`trained(out, begin, stop)` trains for half a minute that passes by the batches that are made, `begin` of them before;
    after `stop` batches the process ends."""
    (tmp_path / "stages").symlink_to(plan.CONFIGS / "stages")
    (tmp_path / "gpu.toml").write_text(PLAN)
    monkeypatch.setattr("espmedsam.gpu.loop.SAVE_EVERY", 5.0)
    make = DeviceBatches.__getitem__

    def train(name, begin=0, stop=10**9):
        made = 0

        def counted(self, step):
            nonlocal made
            made += 1
            if made > stop:
                raise StoppedError
            return make(self, step)

        monkeypatch.setattr(DeviceBatches, "__getitem__", counted)
        task = Task(plan.read(tmp_path / "gpu.toml"), 0.5, tmp_path / name)
        Loop(task, pictures, CPU, lambda: 1.0 * made + begin).train()
        return tmp_path / name

    return train


def test_all_phases_stopped_and_resumed_and_exported(trained, tmp_path):
    out = trained("whole")
    with pytest.raises(StoppedError):
        trained("parts", stop=8)  # its only checkpoint is of the sixth step
    shutil.rmtree(tmp_path / "parts" / "weights")
    trained("parts", begin=-1)  # the batch that was made last is made again
    files = {path.name for path in (out / "weights").iterdir()}
    assert files == {
        f"{name}.safetensors" for name in ("base-encoder", "base-decoder", "presence", "controller-ultrasound")
    }
    for name in files:
        one, other = ((tmp_path / run / "weights" / name).read_bytes() for run in ("whole", "parts"))
        assert one == other and len(one) < parts.LIMIT
    rows = (out / "validation.csv").read_text()
    assert "gpu-base" in rows and "gpu-controller-ultrasound" in rows and "ultrasound_auc" in rows
    made = {"": parts.joined(out / "weights"), "ultrasound": parts.joined(out / "weights", "ultrasound")}
    for modality, state in made.items():
        path = tmp_path / "runs" / (f"{parts.TRAINED}{modality}" if modality else parts.BASE) / "ema.safetensors"
        path.parent.mkdir(parents=True)
        checkpoint.write_safetensors(path, state)
    learned = RecipeModality("x", [], [], "gpu-controller-ultrasound/ema.safetensors")
    recipe = Recipe("n", "f", 64, "p", "d", "gpu-base/ema.safetensors", {}, {}, {}, {}, {"ultrasound": learned})

    class Arguments:
        controller, exported, runs, presence = {}, None, tmp_path / "runs", "asked for"

    state = exported(Arguments, recipe, "ultrasound")
    true = checkpoint.load(out / "gpu-controller-ultrasound" / "ema.safetensors")
    moved = [key for key in true if not key.startswith((*checkpoint.UNUSED, "presence_head."))]
    assert all(np.allclose(state[key], true[key], rtol=1e-3, atol=1e-5) for key in moved)
    head = checkpoint.load(out / "gpu-presence" / "ema.safetensors")
    assert np.allclose(state["presence_head.score.weight"], head["presence_head.score.weight"], rtol=1e-3, atol=1e-5)


def test_another_task_is_not_gone_on_with(trained, tmp_path):
    with pytest.raises(StoppedError):
        trained("run", stop=8)
    (tmp_path / "gpu.toml").write_text(PLAN.replace("batch = 3", "batch = 2"))
    with pytest.raises(SystemExit, match="other values"):
        trained("run")


def test_weights_too_large_for_float16_are_not_written(tmp_path):
    with pytest.raises(checkpoint.CheckpointError, match="too large"):
        parts.write_parts(tmp_path, {"mask_query.weight": np.full((7, 256), 1e6, np.float32)}, "base")
    parts.write_parts(tmp_path, {"SemiTViT.x.bn.running_var": np.full(3, 1e6, np.float32)}, "base")
    assert checkpoint.read(tmp_path / "base-encoder.safetensors")["SemiTViT.x.bn.running_var"].tolist() == [1e6] * 3


def test_the_plan_is_of_stages_and_its_names_are_the_parts():
    real = plan.read()
    configs = {phase.name: phase.config(init="x.safetensors") for phase in real.phases}
    assert {cfg.stage for cfg in configs.values()} == {"base", "controller", "presence"}
    assert next(iter(configs)) == parts.BASE
    assert {phase.name for phase in real.phases if phase.modality} == {parts.TRAINED + m for m in real.controllers()}
    assert real.edge(real.phases[-1]) < 1
    tiles = configs["gpu-controller-fundus"].drawing
    assert tiles.batch == 256 and tiles.fine.batch == 64
