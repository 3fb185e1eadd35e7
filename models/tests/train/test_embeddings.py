"""Embeddings kept on disk: which part of which picture, resumed, read back; and a stage that learns from them."""

import csv
import json
import sys

import numpy as np
import pytest
import torch
from espmedsam.pictures.pool import Item, load_split, read_image, read_pair
from espmedsam.teachers import embeddings
from espmedsam.teachers.embeddings import Embeddings, Look, Made, area_weights, look, pooled, wanted
from espmedsam.train.batches import Draw, by_source
from espmedsam.train.build import build
from espmedsam.train.config import Config, Drawing
from espmedsam.train.looks import Likeness, Looks
from espmedsam.weights import checkpoint
from test_litemedsam import drawn

MADE_BY = {"teacher": "t", "grid": 4, "seed": 0}


def rows(folder):
    return list(csv.reader((folder / "rows.csv").open()))


def made(looks, value=1.0):
    """Embeddings as `write` takes them, one batch a row; each row's values tell it from the others."""
    for k in looks:
        yield Made([k], np.full((1, 256, 4, 4), value + 10 * k.view + int(k.stem), np.float16))


def all_looks(pool, views=2, each=None):
    return [look(item, view, 0) for item, view in wanted(pool, pool / "split.csv", views, each)]


def test_every_picture_is_asked_for_and_validation_only_whole(pool):
    asked = wanted(pool, pool / "split.csv", 3, None)
    assert [view for _, view in asked] == [0] * 16 + [1] * 12 + [2] * 12  # the first looks first
    assert {i.stem for i, view in asked if view} == {str(k) for k in (*range(10), 14, 15)}
    assert len(wanted(pool, pool / "split.csv", 1, 1)) == 5  # discs of three parts, holes of two


def test_a_part_of_the_looks_is_of_all_sources_alike(pool):
    """The pool has 10 discs and 3 holes to train on, and of both without masks and in validation."""
    first = [(i.dataset, i.stem in ("10", "11", "12", "13")) for i, _ in wanted(pool, pool / "split.csv", 1, None)[:5]]
    assert sorted(first) == [("discs", False), ("discs", False), ("discs", True), ("holes", False), ("holes", False)]


def test_a_look_is_the_same_again_and_inside_the_picture():
    item = Item("d", "ultrasound", "s", None, None, False)
    assert look(item, 0, 0) == Look("d", "s", 0, 0.0, 0.0, 1.0, 1.0, False)
    seen = [look(item, view, 0) for view in range(1, 40)]
    assert seen == [look(item, view, 0) for view in range(1, 40)] and len(set(seen)) == 39
    assert look(item, 1, 1) != seen[0] and {k.mirrored for k in seen} == {True, False}
    for k in seen:
        assert 0.5 <= k.width <= 1 and 0.5 <= k.height <= 1
        assert k.left >= 0 and k.top >= 0 and k.left + k.width < 1.001 and k.top + k.height < 1.001
    image = np.arange(10 * 20 * 3, dtype=np.uint8).reshape(10, 20, 3)
    assert np.array_equal(Look("d", "s", 1, 0.25, 0.5, 0.5, 0.5, True).of(image), image[5:10, 5:15][:, ::-1])


def test_embeddings_are_averaged_over_the_picture_alone():
    assert torch.allclose(area_weights(3.0, 4, 2), torch.tensor([[2, 1, 0, 0], [0, 1, 2, 0]]) / 3)
    found = torch.zeros(1, 8, 8)
    found[0, :4, :6] = torch.arange(6.0)
    found[0, 4:] = found[0, :, 6:] = 1000  # beyond the picture
    assert torch.allclose(pooled(found, (4.0, 6.0), 2), torch.tensor([[[1.0, 4.0], [1.0, 4.0]]]))
    whole = torch.randn(3, 64, 64)
    assert torch.allclose(pooled(whole, (64.0, 64.0), 16), torch.nn.functional.avg_pool2d(whole, 4), atol=1e-6)


def test_a_stopped_run_goes_on_and_leaves_no_torn_row(pool, tmp_path):
    looks = all_looks(pool)
    Embeddings.opened(tmp_path, MADE_BY).write(made(looks[:5]))
    with (tmp_path / "embeddings.f16").open("ab") as f:
        f.write(b"half of a row")
    cache = Embeddings.opened(tmp_path, MADE_BY)
    assert cache.looks == looks[:5]
    cache.write(made(looks[5:9]))
    with (tmp_path / "rows.csv").open("a") as f:
        f.write("discs,1")  # a line without an end, and no embedding
    cache = Embeddings.opened(tmp_path, MADE_BY)
    assert cache.looks == looks[:9]
    cache.write(made(looks[9:]))
    cache = Embeddings(tmp_path)
    assert cache.looks == looks and len(rows(tmp_path)) == 1 + len(looks)
    for k, row in zip(cache.looks, cache.rows, strict=True):
        assert (row == 1 + 10 * k.view + int(k.stem)).all()
    assert cache.variance() == pytest.approx(np.var([1 + 10 * k.view + int(k.stem) for k in looks]), rel=1e-3)
    assert isinstance(cache.rows, np.memmap) and cache.rows.dtype == np.float16


def test_a_folder_of_another_teacher_is_refused(tmp_path):
    Embeddings.opened(tmp_path, MADE_BY)
    for key, value in (("teacher", "u"), ("grid", 8), ("seed", 1)):
        with pytest.raises(SystemExit, match="name another folder"):
            Embeddings.opened(tmp_path, MADE_BY | {key: value})
    with pytest.raises(SystemExit, match="holds no embeddings"):
        Embeddings(tmp_path / "elsewhere")


def test_pictures_without_masks_serve_distillation_alone(pool):
    assert [i.stem for i in load_split(pool, pool / "split.csv", "unlabelled")] == ["14", "15"]
    item = load_split(pool, pool / "split.csv", "unlabelled")[0]
    assert item.mask is None and read_image(item).shape == (90, 120, 3)
    with pytest.raises(ValueError, match="has no mask"):
        read_pair(item)


def test_a_split_that_trains_on_a_picture_without_mask_is_refused(pool, tmp_path):
    split = (pool / "split.csv").read_text()
    (tmp_path / "wrong.csv").write_text(split.replace("unlabelled", "train"))
    with pytest.raises(ValueError, match="the index has no mask"):
        load_split(pool, tmp_path / "wrong.csv", "train")
    (tmp_path / "earlier.csv").write_text("".join(split.splitlines(keepends=True)[:4]))
    assert len(load_split(pool, tmp_path / "earlier.csv", "train")) == 3


def test_hospitals_of_one_data_set_are_sources(tmp_path):
    header = "dataset,modality,stem,image,mask,width,height,source_split,patient_or_group,empty\n"
    lines = [
        f"{d},{m},{k},i,m,9,9,{c},,0\n"
        for k, (d, m, c) in enumerate(
            [("polypgen", "endoscopy", "C1")] * 16
            + [("polypgen", "endoscopy", "C2")] * 4
            + [("drive", "fundus", "test")]
        )
    ]
    (tmp_path / "index.csv").write_text(header + "".join(lines))
    (tmp_path / "split.csv").write_text(
        "dataset,stem,split\n" + "".join(f"{line.split(',')[0]},{k},train\n" for k, line in enumerate(lines))
    )
    items = load_split(tmp_path, tmp_path / "split.csv", "train")
    assert by_source(items, Drawing(8)) == pytest.approx({"polypgen C1": 2 / 3, "polypgen C2": 1 / 3, "drive": 1})
    drawing = Drawing(8, modalities={"colonoscopy": 0.75, "fundus": 0.25}, source_power=0)
    assert by_source(items, drawing) == pytest.approx({"polypgen C1": 0.375, "polypgen C2": 0.375, "drive": 0.25})
    assert Draw.of(items, drawing).groups["polypgen C2"] == [16, 17, 18, 19]
    assert by_source(items, Drawing(8, modalities={"fundus": 1.0}))["polypgen C1"] == 0
    assert Draw.of(items, Drawing(8, sampling={"drive": 1.0})).names == ["drive"]


def test_batches_pair_a_picture_with_its_own_embedding(pool, tmp_path):
    Embeddings.opened(tmp_path, MADE_BY).write(made(all_looks(pool)))
    cache = Embeddings(tmp_path)
    items = load_split(pool, pool / "split.csv", "train") + load_split(pool, pool / "split.csv", "unlabelled")
    cfg = Config.of("common", side=[64], phase=[1.0], batch=16, lr=1e-3, budget=1, embeddings="e")
    batches = Looks(cache, items, cfg)
    batch, again = batches[3, 64], batches[3, 64]
    assert (
        batch.pictures.shape == (16, 3, 64, 64) and batch.target.shape == (16, 256, 4, 4) and len(batch.modality) == 16
    )
    for part in ("pictures", "target", "modality"):  # so that a run resumes exactly
        assert torch.equal(getattr(batch, part), getattr(again, part))
    seen = {int(embedding[0, 0, 0]) - 1 for step in range(30) for embedding in batches[step, 64].target}
    assert seen == {stem + 10 * view for stem in (*range(10), 14, 15) for view in (0, 1)}
    measured = Likeness(cache, load_split(pool, pool / "split.csv", "val"), 64).rows
    assert sorted(row.item.stem for row in measured) == ["10", "11", "12", "13"]
    with pytest.raises(SystemExit, match="no embedding of a picture to learn from"):
        Looks(cache, [], cfg)


def test_from_a_teacher_to_a_trained_encoder(run, pool, tmp_path, monkeypatch):
    """LiteMedSAM with weights drawn at random is asked about a few pictures; the stem learns, then the whole encoder."""
    (tmp_path / "pretrained").mkdir()
    lite = tmp_path / "pretrained/lite.safetensors"
    checkpoint.write_safetensors(lite, drawn())
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "embeddings",
            "--teacher",
            str(lite),
            "--data",
            str(pool),
            "--split",
            str(pool / "split.csv"),
            "--grid",
            "4",
            "--views",
            "1",
            "--each",
            "1",
            "--device",
            "cpu",
            "--out",
            str(tmp_path / "kept"),
        ],
    )
    embeddings.main()
    kept = (tmp_path / "kept/embeddings.f16").read_bytes()
    embeddings.main()  # nothing is left to do
    assert (tmp_path / "kept/embeddings.f16").read_bytes() == kept and len(kept) == 5 * 256 * 16 * 2
    cache = Embeddings(tmp_path / "kept")
    assert cache.made_by["grid"] == 4 and np.isfinite(cache.rows).all() and cache.variance() > 0
    assert json.loads((tmp_path / "kept/made_by.json").read_text())["teacher"] == embeddings.fingerprint(drawn())

    common = 'stage = "common"\nembeddings = "kept"\nside = [64]\nlr = 2e-3\n'
    losses = run("stem", common + 'init = "pretrained/lite.safetensors"\nmoves = ["patch_embed.", "layers.0."]\n', 0.1)
    assert losses[-1] < losses[0]
    start = build(
        Config.of(
            "common",
            side=[64],
            phase=[1.0],
            batch=4,
            lr=1e-3,
            budget=1,
            embeddings="kept",
            init="pretrained/lite.safetensors",
        ),
        tmp_path,
    ).net.state_dict()
    stem = checkpoint.read(tmp_path / "stem/ema.safetensors")
    given = {
        k
        for k in stem
        if k.startswith("SemiTViT.") and not checkpoint.is_modality_key(k) and not k.startswith(checkpoint.UNUSED)
    }
    moved = {k for k in given if not np.array_equal(stem[k], start[k].numpy())}
    assert moved and all(k.startswith(("SemiTViT.patch_embed.", "SemiTViT.layers.0.")) for k in moved)

    losses = run("lite", common + 'init = "stem/ema.safetensors"\nsettled = ["layers.3."]\n', 0.12)
    assert losses[-1] < losses[0]
    before = torch.load(tmp_path / "lite/state.pt", weights_only=True)["progress"]
    run("lite", common + 'init = "stem/ema.safetensors"\nsettled = ["layers.3."]\n', 0.15)
    after = torch.load(tmp_path / "lite/state.pt", weights_only=True)["progress"]
    assert after[0] > before[0]
    whole = checkpoint.load(tmp_path / "lite/ema.safetensors")
    assert any(k.startswith("SemiTViT.layers.3.") and not np.array_equal(whole[k], stem[k]) for k in whole)
    settled = {k for k in whole if k.endswith(("running_mean", "running_var")) and np.array_equal(whole[k], stem[k])}
    assert {".".join(k.split(".")[:3]) for k in settled} == {"SemiTViT.layers.3"}
    last = list(csv.DictReader((tmp_path / "lite/curve_val.csv").open()))[-1]
    assert 0 < float(last["discs"]) == float(last["all"])
