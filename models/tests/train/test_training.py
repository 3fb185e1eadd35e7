"""Training with masks, end to end on a few pictures made on the spot: losses fall, runs resume, frozen parts stay."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from espmedsam.facts.modalities import MODALITIES
from espmedsam.measure import yardstick
from espmedsam.measure.evaluation import Evaluation
from espmedsam.network import ESPMedSAM
from espmedsam.pictures.augment import _magnification
from espmedsam.pictures.pool import load_split, normalise, read_pair, square
from espmedsam.train import config, losses, pipeline
from espmedsam.train.build import build
from espmedsam.train.config import STAGES, Config
from espmedsam.train.detection import area_under_roc, marked_at
from espmedsam.train.run import kept, optimiser
from espmedsam.train.validation import Validation
from espmedsam.weights import checkpoint

CONFIGS = pipeline.CONFIGS / "stages"

SMALL = "side = [64]\nlr = 1e-3\n"


def test_base_then_controller(run, tmp_path):
    losses = run("base", 'stage = "base"\n' + SMALL, 0.5)
    assert losses[-1] < losses[0]
    assert list((tmp_path / "base").glob("pictures-*.png"))
    base = checkpoint.load(tmp_path / "base" / "ema.safetensors")
    run("controller", 'stage = "controller"\nmodality = "ultrasound"\ninit = "base/ema.safetensors"\n' + SMALL, 0.15)
    after = checkpoint.load(tmp_path / "controller" / "ema.safetensors")
    moved = {k for k in base if not np.array_equal(base[k], after[k])}
    assert moved and all(map(checkpoint.is_modality_key, moved))


def test_a_controller_starts_anew_or_goes_on(tmp_path):
    trained = ESPMedSAM().state_dict()
    checkpoint.write_safetensors(tmp_path / "c.safetensors", {k: v.numpy() for k, v in trained.items()})
    for renew in (True, False):
        cfg = Config.of(
            "controller",
            side=[64],
            phase=[1.0],
            batch=1,
            lr=1e-3,
            budget=1,
            init="c.safetensors",
            modality="ultrasound",
            renew=renew,
        )
        own = build(cfg, tmp_path).net.state_dict()
        changed = {k for k in trained if not torch.equal(trained[k], own[k])}
        assert all(map(checkpoint.is_modality_key, changed)) and bool(changed) == renew
        assert (own["SemiTViT.layers.1.blocks.0.med_dah.fc2.weight"].abs().max() == 0) == renew


def test_a_presence_head_learns_beside_the_masks_and_then_alone(run, tmp_path, pool_with_empties):
    run("base", 'stage = "base"\npresence = 1.0\n' + SMALL, 0.15, pool_with_empties)
    base = checkpoint.load(tmp_path / "base" / "ema.safetensors")
    options = 'init = "base/ema.safetensors"\ncontrollers = { ultrasound = "base/ema.safetensors" }\n'
    losses = run("presence", 'stage = "presence"\n' + options + SMALL, 0.15, pool_with_empties)
    assert losses[-1] < losses[0]
    after = checkpoint.load(tmp_path / "presence" / "ema.safetensors")
    moved = {k for k in base if not np.array_equal(base[k], after[k])}
    assert moved and moved <= checkpoint.PRESENCE.keys()
    last = list(csv.DictReader((tmp_path / "presence" / "curve_val.csv").open()))[-1]
    assert {"ultrasound_auc", "ultrasound_marked"} <= last.keys()


def test_validation_looks_once_at_a_picture(tmp_path, pool_with_empties):
    """Mask and presence come of one pass, without gradients."""
    torch.manual_seed(0)
    small = {"side": [64], "phase": [1.0], "batch": 1, "lr": 1e-3, "budget": 1}
    stage = build(Config.of("base", presence=1.0, **small), tmp_path)
    encode, grads = stage.net.encode, []

    def counted(*given):
        grads.append(torch.is_grad_enabled())
        return encode(*given)

    stage.net.encode = counted
    items = load_split(pool_with_empties, pool_with_empties / "split.csv", "val")
    scores = Validation(items, 64).scores(stage, torch.device("cpu"), tmp_path / "seen.png")
    assert grads == [False] * len(items) and {"ultrasound_auc", "ultrasound_marked", "empty"} <= scores.keys()
    pictures = [torch.from_numpy(normalise(square(read_pair(item)[0], 64).round())) for item in items]
    with torch.no_grad():
        answer = stage.eval().answer(torch.stack(pictures), torch.tensor([MODALITIES.index(i.modality) for i in items]))
    sorts = [
        answer.presence[[i.empty == empty and i.modality == "ultrasound" for i in items]].numpy()
        for empty in (False, True)
    ]
    assert scores["ultrasound_auc"] == pytest.approx(area_under_roc(*sorts))


def test_presence_is_asked_only_where_it_is_clear():
    mask = torch.zeros(3, 64, 64)
    mask[0, :32] = 1
    mask[1, 0, :2] = 1  # the last corner of a lesion: neither there nor not
    logits = torch.tensor([2.0, -9.0, 1.0])
    wanted = (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(1.0))) / 2
    assert losses.presence_loss(logits, mask).item() == pytest.approx(wanted, rel=1e-5)


def test_detection_by_hand():
    present, empty = np.array([0.9, 0.8, 0.4, 0.7]), np.array([0.8, 0.1])
    assert area_under_roc(present, empty) == (2 + 1.5 + 1 + 1) / 8
    assert marked_at(present, empty) == 0.5  # the threshold is 0.4
    assert marked_at(present, empty, 0.5) == 0.5 and marked_at(present, empty, 0.25) == 0.0


def test_a_run_resumes_where_it_stopped(run, tmp_path):
    config = 'stage = "unet"\nwidth = 4\n' + SMALL
    run("u", config, 0.1)
    before = torch.load(tmp_path / "u" / "state.pt", weights_only=True)["progress"]
    run("u", config, 0.15)
    after = torch.load(tmp_path / "u" / "state.pt", weights_only=True)["progress"]
    assert after[0] > before[0] and after[2] >= 0.15


def test_the_yardstick_is_measured_picture_by_picture(run, tmp_path, pool):
    run("u", 'stage = "unet"\nwidth = 4\n' + SMALL, 0.2)
    found = yardstick.measure(tmp_path / "u", tmp_path / "u.toml", yardstick.Part(pool, pool / "split.csv", "val"))
    assert [p["stem"] for p in found["pictures"]] == ["10", "11", "12", "13"]
    last = list(csv.DictReader((tmp_path / "u" / "curve_val.csv").open()))[-1]
    assert found["pictures_seen"] == int(last["images"])
    for name, mean in Evaluation.of(found).means().items():
        assert mean == pytest.approx(float(last[name]), abs=1e-4)


def test_masks_are_compared_at_the_size_that_is_served():
    """Of two maps that are alike when the mask is shrunk to their size, the one whose outline is right costs less."""
    mask = torch.zeros(1, 32, 32)
    mask[:, 6:26, 6:26] = 1  # the edge runs through the middle of cells of 4 pixels
    cells = torch.nn.functional.avg_pool2d(mask, 4)
    right, coarse = 12 * (cells - 0.5), 12 * ((cells > 0).float() - 0.5)
    assert losses.segmentation_loss(right, None, None, mask, 0) < losses.segmentation_loss(coarse, None, None, mask, 0)
    up = torch.nn.functional.interpolate(right[None], (32, 32), mode="bilinear")[0]
    assert losses.segmentation_loss(right, None, None, mask, 0) == losses.mask_loss(up, mask)


def test_weight_decay_spares_biases_positions_and_queries(tmp_path):
    settings = {"side": [64], "phase": [1.0], "batch": 1, "lr": 1e-3, "budget": 1}
    stage = build(Config.of("base", **settings), tmp_path)
    decayed, plain = (len(g["params"]) for g in optimiser(stage, stage.cfg.schedule).param_groups)
    matrices = [n for n, p in stage.named_parameters() if p.ndim > 1]
    spared = [n for n in matrices if "biases" in n or "query" in n or "deep_QKV" in n]
    assert len(spared) == 10 + 10 + 1  # of ten blocks: bias table and controller's token; the queries
    assert decayed == len(matrices) - len(spared)
    assert decayed + plain == len(list(stage.parameters()))


@pytest.mark.parametrize(
    "step", [s for line in pipeline.read().values() for s in line if s.train], ids=lambda s: s.name
)
def test_every_step_is_a_stage(step):
    given = {"modality": step.modality} if step.modality else {}
    found = config.read(CONFIGS / f"{step.train}.toml", init="start.safetensors", **given)
    assert isinstance(found.options, STAGES[found.stage].options) and found.modality == step.modality
    assert "{" not in getattr(found.options, "teacher", "")


def test_pictures_are_kept_as_large_as_the_largest_look_at_them():
    kept = {
        name: config.read(CONFIGS / f"{name}.toml", modality="fundus").pool_side
        for name in ("controller-224", "base-colour", "controller-tiles")
    }
    assert kept == {"controller-224": 224, "base-colour": 448, "controller-tiles": 832}


def test_small_pictures_of_fine_data_sets_are_kept_large_enough_to_be_magnified(pool):
    """Pictures of 120 x 90 pixels: at their own size a tile's magnification of four could not be drawn."""
    cfg = config.read(CONFIGS / "base-colour.toml")
    items = load_split(pool, pool / "split.csv", "train")
    as_fine = [replace(item, dataset="dsb2018", modality="microscopy") for item in items[:1]]
    small, fine = (kept(each, cfg).samples[0].image.shape[0] for each in (items[:1], as_fine))
    assert (small, fine) == (int(224 * 1.3), int(448 * 1.3))
    highest = [
        max(_magnification("microscopy", size / 224, np.random.default_rng(seed)) for seed in range(200))
        for size in (small, fine)
    ]
    assert highest[0] < 1.6 * 1.3 + 0.01 and highest[1] > 3.9


def test_what_makes_no_stage_is_refused(tmp_path):
    path = tmp_path / "wrong.toml"
    good = 'stage = "base"\nside = [64]\nphase = [1.0]\nbatch = 1\nlr = 1e-3\nbudget = 1\nsampling = {}\n'
    path.write_text(good)
    assert config.read(path).schedule.side == (64,)
    for wrong in (
        good.replace("base", "bass"),
        good.replace("base", "controller"),
        good + "speed = 3\n",
        good.replace("[1.0]", "[0.5]"),
        good.replace("base", "common"),
        good.replace("base", "distil"),
        good + "width = 16\n",
        good.replace("lr = 1e-3", ""),
    ):
        path.write_text(wrong)
        with pytest.raises(SystemExit):
            config.read(path)


def test_a_pipeline_trains_and_averages(tmp_path, pool, monkeypatch):
    """Two branches at one time, their mean, and a stage that begins from it; what was finished stays as it is."""
    (tmp_path / "stages").mkdir()
    small = (
        'phase = [1.0]\nbatch = 2\nbudget = 0.02\nevaluate_every = 1\nsampling = { discs = 1.0 }\nstage = "base"\n'
        + SMALL
    )
    (tmp_path / "stages/small.toml").write_text(small)
    steps = [pipeline.Step(f"branch-{seed}", train="small", seed=seed, together="branches") for seed in (1, 2)]
    steps += [pipeline.Step("mean", average=("branch-1", "branch-2")), pipeline.Step("on", train="small", start="mean")]
    places = pipeline.PipelinePaths(pool, pool / "split.csv", tmp_path / "runs", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(pipeline.CONFIGS.parent))
    pipeline.run(steps, places, 2)
    first, second, mean = (
        checkpoint.read(places.runs / name / "ema.safetensors") for name in ("branch-1", "branch-2", "mean")
    )
    key = "mask_query.weight"
    assert np.allclose(mean[key], (first[key] + second[key]) / 2) and not np.array_equal(first[key], second[key])
    assert (places.runs / "on/ema.safetensors").exists()
    written = {path: path.stat().st_mtime_ns for path in places.runs.rglob("*.safetensors")}
    pipeline.run(steps, places, 2)
    assert written == {path: path.stat().st_mtime_ns for path in places.runs.rglob("*.safetensors")}
