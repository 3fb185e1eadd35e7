"""Figures of accuracy, the confidence's fit and the table of failures, on made-up pictures whose answer is known."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from espmedsam.facts.signs import NAMES
from espmedsam.measure import confidence, failures, report, statistics
from espmedsam.measure.evaluation import Evaluation, Picture
from espmedsam.measure.report import Both, Material
from PIL import Image

MODALITY = {"us": "ultrasound", "skin": "dermoscopy", "eye": "fundus"}


def picture(dataset, stem, dice, signs=None, **other):
    """A row as `espmedsam eval --json` writes it."""
    row = {
        "dataset": dataset,
        "stem": stem,
        "modality": MODALITY[dataset],
        "empty": False,
        "marked": True,
        "dice": dice,
        "iou": dice / (2 - dice),
        "hd95_px": 3.0,
        "confidence": signs and signs[0],
        "signs": signs,
    }
    return Picture.of(row | other)


def empty(stem, marked, signs=None):
    """A picture without a target."""
    return replace(picture("us", stem, 0.0, signs, empty=True, marked=marked), dice=None, iou=None)


def planted(counts, seed=0):
    """Pictures whose Dice follows the soft Dice and the modality, not the mean probability."""
    rng, found = np.random.default_rng(seed), []
    for dataset, offset in (("us", -3.0), ("skin", -1.5), ("eye", -4.5)):
        for i in range(counts[dataset]):
            signs = rng.uniform(0.2, 1.0, 5)
            dice = 1 / (1 + math.exp(-(offset + 5 * signs[1] + 0.1 * rng.standard_normal())))
            found.append(picture(dataset, f"{dataset}{i}", dice, signs.tolist()))
    return found


def evaluation(pictures):
    """The file around the rows."""
    return {
        "model": "made-up",
        "model_sha256": "0" * 64,
        "part": "val",
        "datasets": [],
        "pictures": [asdict(one) for one in pictures],
    }


def test_interval_is_that_of_the_normal_theory():
    values = np.random.default_rng(3).normal(0.7, 0.1, 400)
    found = statistics.mean_of(values)
    mean, low, high = found.value, found.low, found.high
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert (low, high) == (pytest.approx(mean - half, abs=0.0006), pytest.approx(mean + half, abs=0.0006))
    assert statistics.mean_of(values) == found, "the seed is fixed"


def test_interval_covers_the_true_mean_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)
    rng, covered = np.random.default_rng(4), 0
    for _ in range(300):
        found = statistics.mean_of(rng.normal(0.5, 0.2, 40))
        covered += found.low <= 0.5 <= found.high
    assert 0.90 <= covered / 300 <= 0.99


def test_wilson_by_hand():
    # Brown, Cai and DasGupta's formula worked out for 1 of 10 and 0 of 6.
    assert statistics.wilson(1, 10) == pytest.approx((0.01788, 0.40415), abs=1e-4)
    low, high = statistics.wilson(0, 6)
    assert low == pytest.approx(0, abs=1e-12) and high == pytest.approx(0.39033, abs=1e-4)


def test_ranks_share_ties_and_rows_do_not_mix():
    assert statistics.ranks(np.array([[3, 1, 3, 2], [2, 2, 2, 5]])).tolist() == [[2.5, 0, 2.5, 1], [1, 1, 1, 3]]
    a = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4], [1, 1, 1, 1]])
    b = np.array([[10.0, 20, 30, 31], [4, 3, 2, 1], [1, 2, 3, 4]])
    found = statistics.spearman(a, b)
    assert found[:2].tolist() == [1.0, -1.0] and np.isnan(found[2])
    # By hand: ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 * 5).
    assert statistics.spearman(np.array([1.0, 2, 2, 3]), b[0])[0] == pytest.approx(4.5 / math.sqrt(22.5))


def test_planted_losses_are_listed_the_worst_first():
    before = [picture("us", f"p{i:02}", 0.9) for i in range(30)] + [empty("e", True)]
    after = [picture("us", f"p{i:02}", 0.9 - {7: 0.06, 3: 0.5, 9: 0.04, 11: -0.09}.get(i, 0.0)) for i in range(30)]
    fell = report.losses(before, after[::-1])
    assert [(pair.before.stem, round(pair.gain, 3)) for pair in fell] == [("p03", -0.5), ("p07", -0.06)]
    row = report.differences(before, after, "float | 8 bits").splitlines()[2]
    assert row.startswith("| `us` | 30 | 0.900 | 0.883 | -0.0170 [") and row.endswith("| 2 | 1 |")


def test_accuracy_counts_empty_pictures_apart():
    pictures = [
        picture("us", "a", 0.8),
        picture("us", "b", 0.6),
        picture("us", "c", 0.0, marked=False),
        empty("d", True),
        empty("e", False),
    ]
    row = report.accuracy(pictures).splitlines()[2]
    assert row.startswith("| `us` | ultrasound | 3 | 0.467 [0.000, 0.800] | 0.600 [0.000, 0.800] |")
    assert row.endswith("| 1 | 1 of 2 [9%, 91%] |")
    assert Evaluation.of(evaluation(pictures)).means() == {"us": pytest.approx(1.4 / 3)}


def test_beside_the_yardstick_picture_by_picture():
    ours = Evaluation(pictures=(*(picture("us", f"{i}", 0.8) for i in range(6)), picture("skin", "a", 0.9)))
    theirs = Evaluation(pictures=(*(picture("us", f"{i}", 0.7) for i in range(6)), empty("none", True)))
    text = report.against(Both(ours), Both(theirs))
    assert "| `us` | 0.800 | – | 0.700 | – |" in text and "| `skin` | 0.900 | – | – | – |" in text
    assert "| `us` | 6 | 0.700 | 0.800 | +0.1000 [+0.1000, +0.1000] | 0 | 6 |" in text
    assert text.count("picture by picture") == 1
    assert "picture by picture" not in report.against(Both(ours), Both(Evaluation.of({"dice": {"us": 0.7}})))


def test_circumferences():
    pictures = [picture("us", str(i), 0.9, circumference_error_mm=e) for i, e in enumerate((1.0, -2.0, 4.0))]
    text = report.circumferences([*pictures, picture("us", "none", 0.9)])
    # As src/eval/summary.rs has it: standard deviation 3.
    assert "of 3 pictures" in text and "2.33 [" in text and "+1.00 [" in text and "-4.9 to +6.9 mm" in text


def test_fit_recovers_a_planted_relation():
    pictures = planted({"us": 120, "skin": 80, "eye": 60})
    model = confidence.fit(pictures)
    error = np.abs(model.expected(pictures) - [one.dice for one in pictures])
    assert error.mean() < 0.03
    weights = dict(zip(NAMES, model.weights, strict=True))
    assert weights["soft_dice"] == pytest.approx(5, abs=0.8)
    assert all(abs(w) < 0.5 for n, w in weights.items() if n != "soft_dice")
    apart = model.intercepts
    assert apart["dermoscopy"] - apart["ultrasound"] == pytest.approx(1.5, abs=0.4)
    assert model.rises(pictures)
    dice = np.array([one.dice for one in pictures])
    fitted = confidence.Quality.of(confidence.out_of_fold(pictures), dice)
    plain = confidence.Quality.of(np.array([one.signs[0] for one in pictures]), dice)
    assert fitted.rank_correlation > 0.95 and abs(plain.rank_correlation) < 0.3
    assert fitted.mean_absolute_error < 0.04 < plain.mean_absolute_error


def test_a_sign_of_agreement_never_counts_against_a_mask():
    # Backwards: the better the soft Dice, the worse the mask.
    pictures = [replace(one, dice=1 - one.dice) for one in planted({"us": 100, "skin": 40, "eye": 4})]
    model = confidence.fit(pictures)
    assert model.weights[1] == 0 and min(np.array(model.weights)[confidence.AGREEMENT]) >= 0
    assert model.rises(pictures)


def test_few_pictures_move_their_own_intercept_little():
    some, many = (confidence.fit(planted({"us": 150, "skin": 80, "eye": n})).intercepts for n in (4, 150))
    assert some["ultrasound"] > many["fundus"] + 0.8
    assert some["ultrasound"] - some["fundus"] < 0.6 * (many["ultrasound"] - many["fundus"])
    none = confidence.fit(planted({"us": 50, "skin": 50, "eye": 0})).intercepts
    assert none["fundus"] == none["x-ray"], "without pictures: the common one"
    assert none["ultrasound"] < none["fundus"] < none["dermoscopy"]


def test_copies_of_a_picture_share_its_fold():
    pictures = planted({"us": 40, "skin": 20, "eye": 4})
    fold = statistics.folds([picture.key for picture in [*pictures, *pictures[::-1]]], confidence.FOLDS)
    assert fold[:64].tolist() == fold[64:][::-1].tolist()
    assert np.bincount(fold[:64]).tolist() == [13, 13, 13, 13, 12]


def run(module, *arguments):
    command = [sys.executable, "-m", f"espmedsam.{module}", *map(str, arguments)]
    return subprocess.run(command, cwd=Path(report.__file__).parents[2], capture_output=True, text=True)


def test_files_go_in_and_come_out(tmp_path):
    signs = [0.7, 0.6, 0.5, 0.1, 0.3]
    pictures = [*planted({"us": 40, "skin": 20, "eye": 4}), empty("clear", False), empty("false", True, signs)]
    worse = [replace(one, dice=one.dice - 0.1) if one.stem == "us5" else one for one in pictures]
    for name, rows in (("float", pictures), ("int8", worse)):
        (tmp_path / f"{name}.json").write_text(json.dumps(evaluation(rows)))
    made = run(
        "measure.confidence", "--eval", tmp_path / "float.json", tmp_path / "int8.json", "--out", tmp_path / "c.json"
    )
    assert made.returncode == 0, made.stderr
    model = json.loads((tmp_path / "c.json").read_text())
    assert len(model["weights"]) == 5 and len(model["intercepts"]) == 6
    assert model["out_of_fold"]["eye"]["fitted"]["pictures"] == 8 and model["soft_dice_only_raises"] is True
    assert [m["picture"] for m in model["false_marks"]] == ["us/false"] * 2
    # Joined by a comma, of each picture the last file counts.
    eye = [replace(one, dice=0.5) for one in pictures if one.dataset == "eye"]
    (tmp_path / "fine.json").write_text(json.dumps(evaluation(eye)))
    joined = confidence.served(f"{tmp_path / 'float.json'},{tmp_path / 'fine.json'}")
    assert len(joined) == len(pictures) and {one.file for one in joined} == {"float.json"}
    assert [one.dice for one in joined if one.dataset == "eye"] == [0.5] * 4
    assert [one.dice for one in joined if one.dataset == "us"] == [one.dice for one in pictures if one.dataset == "us"]
    by_hand = model["intercepts"]["ultrasound"] + np.dot(model["weights"], signs)
    assert model["false_marks"][0]["expected_dice"] == pytest.approx(1 / (1 + math.exp(-by_hand)), abs=6e-4)

    plain, int8 = (Evaluation.of(evaluation(rows)) for rows in (pictures, worse))
    unet = Both(Evaluation.of({"dice": {"us": 0.5}}))
    text = report.document(Material(Both(int8, plain), plain, unet, {}))
    assert "| `us/us5` |" in text and text.count("-0.100 |") == 1
    assert "no interval of the difference" in text and "| 0.500 | – |" in text
    assert "| all | 64 |" in text.split("## Confidence")[1]


def test_an_older_file_is_refused_by_name(tmp_path):
    (tmp_path / "old.json").write_text(json.dumps({"datasets": []}))
    refused = run(
        "measure.report", "--int8", tmp_path / "old.json", "--float", tmp_path / "old.json", "--out", tmp_path
    )
    assert refused.returncode == 1 and 'old.json has no "pictures"' in refused.stderr


def test_reliability_bins():
    found = report.bins(report.Marked(np.array([0.05, 0.95, 1.0]), np.array([0.1, 0.9, 0.7])))
    assert [(one.number, one.pictures) for one in found] == [(0, 1), (9, 2)]
    assert (found[1].confidence, found[1].dice) == (pytest.approx(0.975), pytest.approx(0.8))


def test_failures_draw_only_what_may_be_passed_on(tmp_path):
    data, rng = tmp_path / "data", np.random.default_rng(5)
    rows = ["dataset,modality,stem,image,mask,width,height,empty"]
    (tmp_path / "ours").mkdir()
    for dataset, modality in (("hc18", "ultrasound"), ("kvasir_seg", "endoscopy")):
        (data / dataset).mkdir(parents=True)
        for i in range(6):
            stem = f"{dataset}_{i}"
            truth, ours = np.zeros((60, 80), np.uint8), np.zeros((60, 80), np.uint8)
            truth[10:30, 10:30], ours[10:30, 10 + 2 * i : 30 + 2 * i] = 255, 255
            noise = Image.fromarray(rng.integers(0, 255, (60, 80, 3), np.uint8))
            noise.resize((400, 300)).resize((80, 60)).save(data / dataset / f"{stem}.png")
            Image.fromarray(truth).save(data / dataset / f"{stem}_mask.png")
            Image.fromarray(ours).save(tmp_path / "ours" / f"{stem}.mask.png")
            rows.append(f"{dataset},{modality},{stem},{dataset}/{stem}.png,{dataset}/{stem}_mask.png,80,60,0")
    (data / "index.csv").write_text("\n".join(rows) + "\n")
    made = run("measure.failures", "--masks", tmp_path / "ours", "--data", data, "--out", tmp_path / "card")
    assert made.returncode == 0, made.stderr
    assert {p.name for p in (tmp_path / "card").iterdir()} == {"failures.md", "failures-ultrasound.png"}
    assert (tmp_path / "card" / "failures-ultrasound.png").stat().st_size <= failures.LARGEST
    lines = (tmp_path / "card" / "failures.md").read_text().splitlines()
    # The masks are moved by 2 columns of 20 each time: the last by 10, half of it lies over the truth.
    assert next(line for line in lines if "kvasir_seg_" in line) == "| `kvasir_seg_5` | 0.500 | 8.3% | 8.3% |"
    some = failures.gather([tmp_path / "ours"], data, {("hc18", "hc18_2"), ("hc18", "hc18_4")})
    worst = failures.worst_first(some)[0]
    assert worst.stem == "hc18_4" and worst.dice == pytest.approx(0.6)
    drawn = np.array(failures.tile(worst, 80))[: 60 + 10]
    assert (drawn == failures.OURS).all(2).any() and (drawn == failures.TRUTH).all(2).any()
    kept = np.array(failures.with_palette(Image.fromarray(drawn)).convert("RGB"))
    for colour in (failures.OURS, failures.TRUTH):
        assert ((kept == colour).all(2) == (drawn == colour).all(2)).all(), "outlines have it, and nothing else"
