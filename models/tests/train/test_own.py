"""A folder of one's own: the layouts it may have, what is wrong with it, and the model that comes of it."""

import csv
import json

import cv2
import numpy as np
import pytest
from espmedsam.own import dataset, folder
from espmedsam.own.folder import FolderError

SIZE = (40, 60)  # height, width


def picture(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), 90, np.uint8))
    return path


def rectangle(left, top, right, bottom):
    mask = np.zeros(SIZE, np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def one(place):
    (found,) = folder.read(place)
    return found


def test_masks_beside_pictures_and_in_a_folder_of_their_own(tmp_path):
    mask = rectangle(10, 5, 30, 25)
    picture(tmp_path / "two/images/a.jpg")
    (tmp_path / "two/masks").mkdir()
    cv2.imwrite(str(tmp_path / "two/masks/a.png"), mask)
    picture(tmp_path / "one/a.png")
    cv2.imwrite(str(tmp_path / "one/a_mask.png"), mask // 255)  # 0 and 1
    for name in ("two", "one"):
        assert np.array_equal(one(tmp_path / name).mask, mask), name


def coco(place, segmentation, size=SIZE):
    picture(place / "a.png")
    entry = {"id": 7, "file_name": "a.png", "height": size[0], "width": size[1]}
    marks = [{"image_id": 7, "segmentation": segmentation}] if segmentation else []
    (place / "all.json").write_text(json.dumps({"images": [entry], "annotations": marks}))
    return place


def test_coco_in_its_three_ways(tmp_path):
    mask = rectangle(10, 5, 30, 25)
    flat = mask.T.ravel() > 0
    runs = np.diff(np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1], [True]]))).tolist()
    ring = [10, 5, 30, 5, 30, 25, 10, 25]
    for name, segmentation in (
        ("polygon", [ring]),
        ("runs", {"counts": runs, "size": list(SIZE)}),
        ("packed", {"counts": packed(runs), "size": list(SIZE)}),
    ):
        assert np.array_equal(one(coco(tmp_path / name, segmentation)).mask, mask), name
    assert not one(coco(tmp_path / "empty", None)).mask.any()


def packed(runs):
    """Run lengths as pycocotools packs them (maskApi.c, rleToString), from its description."""
    text = ""
    for at, run in enumerate(runs):
        value, more = run - (runs[at - 2] if at > 2 else 0), True
        while more:
            part = value & 31
            value >>= 5
            more = value != (-1 if part & 16 else 0)
            text += chr(48 + (part | 32 if more else part))
    return text


def test_packed_runs_are_as_cocos_own_tools_write_them(tmp_path):
    """What `pycocotools.mask.encode` (2.0.11) gave of a quarter of a disc, and of a block and a point."""
    disc = np.add.outer(np.arange(40) ** 2, np.arange(60) ** 2) < 900
    counts = "0n0:00000000000000O10000O10000O1O100O1O100O1O1O1O1N2O1N2O1M3McU1"
    assert np.array_equal(one(coco(tmp_path / "disc", {"counts": counts, "size": [40, 60]})).mask > 0, disc)
    block = np.zeros((12, 10), bool)
    block[3:8, 2:6] = block[9, 9] = True
    counts, shape = {"counts": "k05700000Z1LaN", "size": [12, 10]}, (12, 10)
    assert np.array_equal(folder._segmentation(counts, shape) > 0, block)


def test_labelme_shapes(tmp_path):
    picture(tmp_path / "a.png")
    shapes = [
        {"shape_type": "rectangle", "points": [[10, 5], [30, 25]]},
        {"shape_type": "circle", "points": [[45, 20], [50, 20]]},
    ]
    (tmp_path / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": shapes}))
    mask = one(tmp_path).mask > 0
    assert mask[5:25, 10:30].all() and not mask[:5].any()
    assert abs(mask[:, 35:].sum() - np.pi * 25) < 8


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda f: (f / "masks/a.png").unlink(), "a.png has no mask"),
        (lambda f: (f / "images/a.png").unlink(), "'a' has no picture in images/"),
        (lambda f: cv2.imwrite(str(f / "masks/a.png"), np.zeros((3, 4), np.uint8)), "is 4 x 3, its picture 60 x 40"),
        (lambda f: (f / "images/a.png").write_bytes(b"GIF"), "is missing or no picture"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, break_it, message):
    picture(tmp_path / "images/a.png")
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks/a.png"), rectangle(1, 1, 9, 9))
    break_it(tmp_path)
    with pytest.raises(FolderError, match=message):
        folder.read(tmp_path)


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3]],
        [[1, 2, 3, 4]],
        [["x"] * 6],
        {"counts": [5], "size": [40, 60]},
        {"counts": "~~~", "size": [40, 60]},
        7,
    ],
)
def test_marks_that_are_none_are_refused(tmp_path, segmentation):
    with pytest.raises(FolderError):
        folder.read(coco(tmp_path, segmentation))


def test_a_folder_of_neither_kind_is_refused(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(FolderError, match="has neither"):
        folder.read(tmp_path)


def marked(count, empty=0):
    for at in range(count + empty):
        yield folder.Annotated(f"p{at:02}", picture_of(at), rectangle(5, 5, 25, 25) * (at < count))


FILES = {}


def picture_of(at):
    return FILES.setdefault(at, picture(FILES["folder"] / f"p{at:02}.png"))


@pytest.fixture(autouse=True)
def _files(tmp_path):
    FILES.clear()
    FILES["folder"] = tmp_path / "given"


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_pictures_of_one_patient_stay_on_one_side(tmp_path):
    found = list(marked(24, 4))
    groups = "".join(f"p{at:02}.png,patient{at // 4}\n" for at in range(28))
    (FILES["folder"] / "groups.csv").write_text("file,group\n" + groups)
    told = dataset.write(found, FILES["folder"], tmp_path / "pool", "ultrasound")
    assert (told.pictures, told.empty, told.groups) == (28, 4, 7) and told.kept >= 3
    of = {row["stem"]: row["patient_or_group"] for row in rows(tmp_path / "pool/index.csv")}
    sides = {}
    for row in rows(tmp_path / "pool/split.csv"):
        sides.setdefault(of[row["stem"]], set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values()) and {"train", "val"} == set.union(*sides.values())


def test_too_little_is_refused_and_doubts_are_told(tmp_path):
    with pytest.raises(FolderError, match="9 pictures with a target; 10 are the fewest"):
        dataset.write(list(marked(9, 5)), FILES["folder"], tmp_path / "pool", "ultrasound")
    told = dataset.write(list(marked(12)), FILES["folder"], tmp_path / "pool", "ultrasound")
    assert len(told.warnings) == 2 and "no groups.csv" in told.warnings[0] and "no empty pictures" in told.warnings[1]
