"""A folder of one's own: the layouts it may have, what is wrong with it, and the pool that comes of it."""

import csv
import json

import cv2
import numpy as np
import pytest
from espmedsam.own import dataset, document, files, folder, marks
from espmedsam.own.files import Annotated, FolderError

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
    counts = document.Value({"counts": "k05700000Z1LaN", "size": [12, 10]}, "f")
    assert np.array_equal(marks.segmentation(counts, (12, 10)) > 0, block)


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
        (
            lambda f: cv2.imwrite(str(f / "masks/a.png"), np.zeros((20, 30), np.uint8)),
            "is 30 x 20, its picture 60 x 40",
        ),
        (lambda f: (f / "images/a.png").write_bytes(b"GIF"), "is missing or no picture"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, break_it, message):
    picture(tmp_path / "images/a.png")
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks/a.png"), rectangle(1, 1, 9, 9))
    break_it(tmp_path)
    with pytest.raises(FolderError, match=message):
        list(folder.read(tmp_path))


@pytest.mark.parametrize(
    "segmentation, place",
    [
        ([[1, 2, 3, 4, 5, 6, 7]], "[0]: a polygon of 7 numbers is none"),
        ([[1, 2, 3, 4]], "[0]: a polygon has fewer than three corners"),
        ([[1, 2, 3, 4, 5, 6], ["x"] * 6], "[1][0] is 'x', expected a number"),
        ([[1, 2, 3, 4, 5, float("inf")]], "[0][5] is inf, expected a number"),
        ([[1, 2, 3, 4, 5, 10**400]], "[0][5] is 1000"),
        ([5, 5], "[0] is 5, expected a list"),
        ([], " marks no area"),
        ({"counts": [5], "size": [40, 60]}, ": run lengths of [40, 60] do not fit"),
        ({"counts": [], "size": [40, 60]}, ": run lengths of [40, 60] do not fit"),
        ({"counts": [2405, -5], "size": [40, 60]}, ": run lengths of [40, 60] do not fit"),
        ({"counts": ["5"], "size": [40, 60]}, ".counts[0] is '5', expected a number"),
        ({"counts": "~~~", "size": [40, 60]}, ".counts holds no run lengths"),
        ({"counts": "o" * 100_000, "size": [40, 60]}, ".counts holds no run lengths"),
        ({"counts": [2400]}, " has no 'size'"),
        ({"size": [40, 60]}, " has no 'counts'"),
        (7, " is 7, expected an object"),
        (None, " is None, expected an object"),
    ],
)
def test_marks_that_are_none_are_refused_by_their_place(tmp_path, segmentation, place):
    coco(tmp_path, [[1, 2, 3, 4, 5, 6]])
    changed(tmp_path / "all.json", lambda known: known["annotations"][0].update(segmentation=segmentation))
    refused(tmp_path, f"{tmp_path}/all.json: annotations[0].segmentation{place}")


def changed(path, change):
    known = json.loads(path.read_text())
    change(known)
    path.write_text(json.dumps(known))


def refused(place, message):
    with pytest.raises(FolderError) as error:
        list(folder.read(place))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda k: k.pop("images"), "all.json has no 'images'"),
        (lambda k: k.update(images={}), "all.json: images is {}, expected a list"),
        (lambda k: k.update(images="x" * 99), "all.json: images is 'xxxxxxxxxxxx...xxxxxxxxxxxxx', expected a list"),
        (lambda k: k.update(images=[7]), "all.json: images[0] is 7, expected an object"),
        (lambda k: k["images"][0].pop("id"), "all.json: images[0] has no 'id'"),
        (lambda k: k["images"][0].update(id=[7]), "all.json: images[0].id is [7], expected a whole number"),
        (lambda k: k["images"].append(k["images"][0]), "all.json: images[1].id: another picture has that id"),
        (lambda k: k["images"][0].pop("height"), "all.json: images[0] has no 'height'"),
        (lambda k: k["images"][0].update(height=41), "all.json: images[0]: a.png is 60 x 40, which is not"),
        (lambda k: k["images"][0].update(file_name=5), "all.json: images[0].file_name is 5, expected a text"),
        (lambda k: k["images"][0].update(file_name="b.png"), "file_name: the picture 'b.png' is not there"),
        (lambda k: k.update(annotations=None), "all.json: annotations is None, expected a list"),
        (lambda k: k["annotations"][0].pop("image_id"), "all.json: annotations[0] has no 'image_id'"),
        (lambda k: k["annotations"][0].update(image_id=8), "annotations[0].image_id: no picture has the id 8"),
        (lambda k: k["annotations"][0].pop("segmentation"), "all.json: annotations[0] has no 'segmentation'"),
    ],
)
def test_a_coco_file_that_is_none_is_refused_by_the_place(tmp_path, change, message):
    changed(coco(tmp_path, [[1, 2, 3, 4, 5, 6]]) / "all.json", change)
    refused(tmp_path, message)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda k: k.pop("imagePath"), "a.json has no 'imagePath'"),
        (lambda k: k.update(imagePath=None), "a.json: imagePath is None, expected a text"),
        (lambda k: k.update(imagePath="b.png"), "a.json: imagePath: the picture 'b.png' is not there"),
        (lambda k: k.update(imageHeight=41, imageWidth=60), "a.png is 60 x 40, which is not what is written"),
        (lambda k: k.update(shapes=5), "a.json: shapes is 5, expected a list"),
        (lambda k: k.update(shapes=["x"]), "a.json: shapes[0] is 'x', expected an object"),
        (lambda k: k["shapes"][0].pop("points"), "a.json: shapes[0] has no 'points'"),
        (lambda k: k["shapes"][0].update(points=[1, 2]), "a.json: shapes[0].points[0] is 1, expected a list"),
        (lambda k: k["shapes"][0].update(points=[[1, 2, 3]]), "a.json: shapes[0].points: a point is x and y"),
        (lambda k: k["shapes"][0].update(points=[[1, 2]]), "a.json: shapes[0].points: 1 points, of a rectangle"),
        (lambda k: k["shapes"][0].update(shape_type="polygon"), "a polygon has fewer than three corners"),
        (lambda k: k["shapes"][0].update(shape_type="point"), "shapes[0]: shapes of the kind 'point' mark no area"),
        (lambda k: k["shapes"][0].update(shape_type=3), "a.json: shapes[0].shape_type is 3, expected a text"),
    ],
)
def test_a_labelme_file_that_is_none_is_refused_by_the_place(tmp_path, change, message):
    picture(tmp_path / "a.png")
    shapes = [{"shape_type": "rectangle", "points": [[10, 5], [30, 25]]}]
    (tmp_path / "a.json").write_text(json.dumps({"imagePath": "C:\\data\\a.png", "shapes": shapes}))
    assert one(tmp_path).mask.any()
    changed(tmp_path / "a.json", change)
    refused(tmp_path, message)


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    picture(tmp_path / "a.png", (4000, 7000))
    cv2.imwrite(str(tmp_path / "a_mask.png"), np.zeros((4000, 7000), np.uint8))
    with monkeypatch.context() as patched:
        patched.setattr(files, "read_picture", None)
        refused(tmp_path, "a.png has 28000000 pixels, more than 24000000")
    picture(tmp_path / "a.png", (15, 60))
    refused(tmp_path, "a.png is 60 x 15; 16 pixels are the shortest side")
    picture(tmp_path / "a.png")
    refused(tmp_path, "a_mask.png has 28000000 pixels")
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.png")
        cv2.imwrite(str(tmp_path / f"{name}_mask.png"), rectangle(1, 1, 9, 9))
    monkeypatch.setattr(files, "MOST_PICTURES", 1)
    refused(tmp_path, "has more than 1 pictures")
    document = coco(tmp_path / "coco", None) / "all.json"
    document.write_text("[" * 100_000)
    refused(tmp_path / "coco", f"{document}: maximum recursion")
    monkeypatch.setattr(files, "MOST_BYTES", 99_999)
    refused(tmp_path / "coco", f"{document} has 100000 bytes, more than 99999")


def test_a_folder_of_neither_kind_is_refused(tmp_path):
    picture(tmp_path / "a.png")
    refused(tmp_path, "has neither")


def marked(count, empty=0):
    for at in range(count + empty):
        yield Annotated(f"p{at:02}", picture_of(at), rectangle(5, 5, 25, 25) * (at < count))


FILES = {}


def picture_of(at):
    if at not in FILES:
        FILES[at] = picture(FILES["folder"] / f"p{at:02}.png")
    return FILES[at]


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
    assert (told.pictures, told.empty, told.groups) == (28, 4, 7) and told.kept == 12
    of = {row["stem"]: row["patient_or_group"] for row in rows(tmp_path / "pool/index.csv")}
    sides = {}
    for row in rows(tmp_path / "pool/split.csv"):
        sides.setdefault(of[row["stem"]], set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values()) and {"train", "val"} == set.union(*sides.values())


def test_pictures_without_a_target_are_kept_too(tmp_path):
    told = dataset.write(marked(20, 10), FILES["folder"], tmp_path / "pool", "ultrasound")
    empty = {row["stem"] for row in rows(tmp_path / "pool/index.csv") if row["empty"] == "1"}
    kept = {row["stem"] for row in rows(tmp_path / "pool/split.csv") if row["split"] == "val"}
    assert (told.kept, told.kept_empty) == (4 + 2, 2) == (len(kept), len(kept & empty))
    alone = dataset.write(marked(20, 1), FILES["folder"], tmp_path / "pool", "ultrasound")
    assert alone.kept_empty == 0 and "no empty picture is among those kept" in alone.warnings[1]


def test_the_digest_is_of_all_that_is_learned(tmp_path):
    def digest(found):
        return dataset.write(found, FILES["folder"], tmp_path / "pool", "ultrasound").digest

    first = digest(marked(12))
    assert digest(reversed(list(marked(12)))) == first
    assert digest(marked(13)) != first and digest(marked(11, 1)) != first
    (FILES["folder"] / "groups.csv").write_text("file,group\np00.png,p01\n")
    assert digest(marked(12)) != first
    (FILES["folder"] / "groups.csv").unlink()
    cv2.imwrite(str(picture_of(0)), np.full((*SIZE, 3), 91, np.uint8))
    assert digest(marked(12)) != first


def test_a_pool_takes_the_place_of_the_last_when_it_is_whole(tmp_path):
    pool = tmp_path / "pool"
    dataset.write(marked(12), FILES["folder"], pool, "ultrasound")
    with pytest.raises(FolderError):
        dataset.write(marked(3), FILES["folder"], pool, "ultrasound")
    assert len(list((pool / "images").iterdir())) == len(rows(pool / "index.csv")) == 12
    dataset.write(marked(11), FILES["folder"], pool, "ultrasound")
    assert len(list((pool / "images").iterdir())) == len(rows(pool / "index.csv")) == 11
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    "table, message",
    [
        ("file,patient\np00.png,1\n", "needs the columns file and group"),
        ("file,group\np00.png\n", "line 2: lacks a file or a group"),
        ("file,group\n\np99.png,1\n", "line 3: names 'p99', which is not there"),
    ],
)
def test_groups_that_are_none_are_refused(tmp_path, table, message):
    found = list(marked(12))
    (FILES["folder"] / "groups.csv").write_text(table)
    with pytest.raises(FolderError, match=message):
        dataset.write(found, FILES["folder"], tmp_path / "pool", "ultrasound")


def test_too_little_is_refused_and_doubts_are_told(tmp_path):
    with pytest.raises(FolderError, match="9 pictures with a target; 10 are the fewest"):
        dataset.write(list(marked(9, 5)), FILES["folder"], tmp_path / "pool", "ultrasound")
    told = dataset.write(list(marked(12)), FILES["folder"], tmp_path / "pool", "ultrasound")
    assert len(told.warnings) == 2 and "no groups.csv" in told.warnings[0] and "no empty pictures" in told.warnings[1]
