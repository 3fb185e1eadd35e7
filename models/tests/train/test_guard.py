"""The modality guard, end to end on a few pictures made on the spot. The network's files and thresholds are what is
tested; how good the shipped guard is, its own `guard.json` says."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from espmedsam.facts.modalities import MODALITIES
from espmedsam.facts.notice import NOTICE
from espmedsam.guard import figures, left_out, measure, negatives, network, shifts, sources, thresholds
from espmedsam.guard.graph import CLASSES, SIDE
from espmedsam.guard.network import Guard, save_onnx
from espmedsam.guard.train import INVERTED, STAYS, GuardRecipe, load_run, to_input, train
from espmedsam.pictures.pool import Item, normalise, square


def stirred() -> Guard:
    """A network whose BatchNorms have statistics of their own."""
    torch.manual_seed(0)
    model = Guard().train()
    for _ in range(5):
        model(torch.randn(16, 3, SIDE, SIDE) * 2 + 1)
    return model.eval()


def test_the_loss_falls(pool, tmp_path):
    torch.set_num_threads(1)
    losses = train(pool, pool / "split.csv", tmp_path, GuardRecipe(minutes=0.3, batch=16))
    assert losses[-1] < 0.9 * losses[0]
    assert list(load_run(tmp_path / "guard.pt")) == [""]  # each of the two modalities has one data set only


def of(dataset: str, modality: str) -> Item:
    return Item(dataset, modality, "1", Path("1.png"), Path("1_mask.png"), False)


def test_every_source_but_a_modality_s_only_one_is_left_out_once():
    items = [
        of("busi_rest", "ultrasound"),
        of("busi_subset", "ultrasound"),
        of("hc18", "ultrasound"),
        of("drive", "fundus"),
        of("chase_db1", "fundus"),
        of("les_av", "fundus"),
        of("isic2017", "dermoscopy"),
    ]
    # The two halves of one hospital's set go together.
    assert sources.folds(items) == {"busi": 0, "hc18": 1, "chase_db1": 0, "drive": 1, "les_av": 2}


def test_inverted_is_black_for_white_and_never_of_nuclei():
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert np.array_equal(negatives.draw("inverted", 64, image, np.random.default_rng(0)), 255 - image)
    assert "microscopy" in STAYS["inverted"] and INVERTED["microscopy"] == 0


def test_the_file_gives_what_the_network_gives(tmp_path):
    model = stirred()
    path = save_onnx(model, tmp_path)
    file = onnx.load(path)
    assert {p.key: p.value for p in file.metadata_props} == {"notice": NOTICE}
    assert [n.op_type for n in file.graph.node if n.domain != "espmedsam"] == ["Identity"]
    assert file.opset_import[0].version == 20 and file.ir_version == 10
    assert not any(t.external_data for t in file.graph.initializer)
    assert save_onnx(model, tmp_path) == path  # the same bytes, the same name
    session = ort.InferenceSession(path)
    x = np.random.default_rng(0).standard_normal((4, 3, SIDE, SIDE)).astype(np.float32)
    got = np.concatenate([session.run(["scores"], {"image": row[None]})[0] for row in x])
    assert got.shape == (4, len(CLASSES)) and np.allclose(got.sum(1), 1, atol=1e-6)
    assert np.abs(got - network.scores(model, x)).max() < 1e-6


def test_the_input_is_the_square_of_the_data_module():
    image = np.random.default_rng(0).integers(0, 256, (90, 121, 3)).astype(np.uint8)
    assert np.abs(to_input(image) - normalise(square(image, SIDE))).max() < 1e-4


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_keep_the_false_alarm_rates(seed):
    rng = np.random.default_rng(seed)
    clean, shifted, other = rng.beta(8, 2, 150), rng.beta(2, 2, 700), rng.beta(2, 3, 300)
    limit = thresholds.threshold(clean, shifted, [(clean, 0.02), (other, 0.05)])
    assert (clean < limit).mean() <= thresholds.CLEAN and (shifted < limit).mean() <= thresholds.SHIFTED
    assert (other < limit).mean() <= 0.05 and 0 < limit <= thresholds.HIGHEST
    assert thresholds.bound(shifted, 0.1) > thresholds.bound(shifted, 0.02)
    assert thresholds.threshold(clean[:4], shifted, []) < clean[:4].min()  # four pictures: none may be refused
    assert thresholds.threshold(clean, clean, []) <= thresholds.HIGHEST_UNTRIED  # no other hospital to ask
    assert (
        thresholds.threshold(clean, clean, [(clean, 0.02), (other / 1000, 0.02)]) < 0.001
    )  # the worst hospital decides


def test_area_under_the_curve():
    assert figures.auc(np.array([0.9, 0.8]), np.array([0.1, 0.2, 0.3])) == 1
    assert figures.auc(np.array([0.5]), np.array([0.5, 0.1, 0.9])) == 0.5


@pytest.mark.parametrize(
    "kind", [*negatives.TRAINED, *negatives.FROM_POOL, *negatives.HELD_OUT, *negatives.HELD_OUT_FROM_POOL]
)
def test_every_kind_of_negative_is_a_picture(kind):
    image = np.random.default_rng(1).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    drawn = [negatives.draw(kind, 96, image, np.random.default_rng(seed)) for seed in range(6)]
    assert all(x.shape == (96, 96, 3) and x.dtype == np.uint8 for x in drawn)
    assert np.array_equal(drawn[0], negatives.draw(kind, 96, image, np.random.default_rng(0)))


@pytest.mark.parametrize("modality", MODALITIES)
def test_shifts_keep_the_picture_a_picture(modality):
    image, rng = np.random.default_rng(1).integers(0, 256, (96, 96, 3)).astype(np.uint8), np.random.default_rng(2)
    for _ in range(20):
        x = shifts.spread(image, modality, 64, rng)
        assert x.shape == (64, 64, 3) and x.dtype == np.uint8
    for kind in (*shifts.HELD_OUT, *shifts.KEPT_OTHERWISE):
        x = shifts.shifted(image, kind, rng)  # one kind makes it smaller
        assert x.shape[0] == x.shape[1] <= 128 and x.shape[2:] == (3,) and x.dtype == np.uint8


def test_inverted_is_what_is_plainly_so_the_other_way_round_alone():
    plain, otherwise = np.eye(7)[1] * 0.9, np.eye(7)[6] * 0.9
    as_sent, inverse = np.stack([otherwise, otherwise, plain]), np.stack([plain, 0.5 * plain, plain])
    assert left_out.inverted(left_out.Seen(as_sent, inverse), 1).tolist() == [True, False, False]
    trial = left_out.Trial("a", MODALITIES[1], {"": left_out.Seen(inverse, as_sent)})
    assert [x.tolist() for x in trial.inverted_found(0.1)] == [[True, True, False], [True, False, False]]
    assert trial.false_alarms(0.5).tolist() == [False, True, False]


def test_a_batch_of_figures(tmp_path, monkeypatch):
    """Six modalities of one flat colour each, and an untrained network: every figure is there and is a number."""
    monkeypatch.setattr(thresholds, "PER_KIND", 2)
    monkeypatch.setattr(thresholds, "PER_MODALITY", 20)
    rows, rng = [], np.random.default_rng(0)
    for i in range(24):
        cv2.imwrite(str(tmp_path / f"{i}.png"), rng.integers(0, 20 * (i % 6 + 2), (40, 50, 3)).astype(np.uint8))
        cv2.imwrite(str(tmp_path / f"{i}_mask.png"), np.zeros((40, 50), np.uint8))
        rows.append(
            {
                "dataset": f"set{i % 6}{i // 6 % 2}",
                "modality": MODALITIES[i % 6],
                "stem": str(i),
                "image": f"{i}.png",
                "mask": f"{i}_mask.png",
                "empty": "0",
                "split": "val" if i < 12 else "unlabelled",
            }
        )
    for name in ("index.csv", "split.csv"):
        with (tmp_path / name).open("w", newline="") as f:
            w = csv.DictWriter(f, rows[0])
            w.writeheader()
            w.writerows(rows)
    torch.save(
        {"": stirred().state_dict(), **{str(k): stirred().state_dict() for k in range(2)}}, tmp_path / "guard.pt"
    )
    (tmp_path / "curve.csv").write_text("minutes,step,pictures,loss\n0.1,3,48,2.0\n")
    report = measure.export(tmp_path, tmp_path / "split.csv", tmp_path, tmp_path / "models")
    read = json.loads((tmp_path / "models/guard/guard.json").read_text())
    assert read == report and list(read["threshold"]) == list(MODALITIES)
    assert (tmp_path / "models/guard" / read["file"]).exists() and (tmp_path / "models/guard/roc.png").exists()
    for m in MODALITIES:
        assert read["measured"]["false_alarms"][m]["clean"]["share"] <= thresholds.CLEAN
        assert read["measured"]["false_alarms"][m]["shifted"]["share"] <= thresholds.SHIFTED
    # Of the six modalities' sets of the part that is learned from, two each.
    assert {f["modality"] for f in read["measured"]["left_out"].values()} == set(MODALITIES)


SHIPPED = Path(__file__).parents[2] / "guard"


def test_the_shipped_guard_takes_a_blank_picture_for_none():
    """Blank pictures and noise are refused before it is asked (the signal check); it knows them all the same."""
    read = json.loads((SHIPPED / "guard.json").read_text())
    assert read["classes"] == list(CLASSES) and read["side"] == SIDE
    session = ort.InferenceSession(SHIPPED / read["file"])
    assert all(0 < read["threshold"][m] <= thresholds.HIGHEST for m in MODALITIES)
    rng = np.random.default_rng(0)
    for x in (np.zeros((48, 64, 3)), np.full((48, 64, 3), 255), rng.integers(0, 256, (48, 64, 3))):
        scores = session.run(["scores"], {"image": to_input(x.astype(np.uint8))[None]})[0][0]
        assert scores.argmax() == CLASSES.index("other") and (scores[:6] < 0.5).all()
