"""A copy of a part of the pool, each picture changed as if another hospital's device had made it.

    python -m espmedsam.pictures.shifted --data ../shared/data --split ../shared/data/split.csv --part val --out out/shifted

Held out: no change here is among those that training sees (`augment.py`), or it goes clearly beyond their range. One
or two a picture, drawn from the seed and the picture's name. The folder is read by `espmedsam eval --data OUT --split
OUT/split.csv`; `changes.csv` says what was done to which picture. Measurements in millimetres do not survive a change
of geometry and are left out.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Rng

from .augment import decoded
from .pool import SPLIT_COLUMNS, Item, load_split, read_pair, write_csv

ImageAndMask = tuple[np.ndarray, np.ndarray]  # RGB float32 H x W x 3 in 0..255, mask uint8 0/255 H x W
KEPT = 0.6  # of the target's area at least, else the change is drawn anew: a target cut away is another task


def _tone(change: Callable[[np.ndarray, Rng], np.ndarray]) -> Callable[[np.ndarray, np.ndarray, Rng], ImageAndMask]:
    """Of a change of values only: the mask stays."""
    return lambda pixels, mask, rng: (change(np.clip(pixels, 0, 255), rng), mask)


def _u8(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels, 0, 255).round().astype(np.uint8)


def _of_brightness(pixels: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Applies a change of a grey uint8 picture to the brightness, colours kept."""
    lab = cv2.cvtColor(_u8(pixels), cv2.COLOR_RGB2LAB)
    lab[..., 0] = change(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.float32)


def pixelated(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """128 pixels along the longest side, taken without antialiasing and shown as blocks. Training shrinks smoothly."""
    height, width = pixels.shape[:2]
    scale = 128 / max(height, width)
    small = cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_NEAREST)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def sharpened(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Unsharp mask as consoles' edge enhancement, with its halos."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), max(pixels.shape[:2]) * rng.uniform(0.006, 0.015))
    return pixels + (pixels - blurred) * rng.uniform(1.5, 3.0)


def local_contrast(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """CLAHE (Zuiderveld, Graphics Gems IV, 1994), as detectors' post-processing."""
    return _of_brightness(pixels, cv2.createCLAHE(rng.uniform(4, 8), (8, 8)).apply)


def s_curve(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """A display's look-up table over the picture's own range: dark crushed, bright washed out. Training has gamma and
    linear contrast."""
    steep, middle = rng.uniform(8, 12), rng.uniform(0.35, 0.55)
    dark, bright = np.percentile(pixels, (0.5, 99.5))  # a fixed range would leave nothing of a dark field
    low, high = (1 / (1 + np.exp(-steep * (value - middle))) for value in (0.0, 1.0))
    value = np.clip((pixels - dark) / max(bright - dark, 1.0), 0, 1)
    return (1 / (1 + np.exp(-steep * (value - middle))) - low) / (high - low) * 255


def temperature(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """White balance of a far warmer or colder lamp. Training's channels change by a fifth at most."""
    warm = rng.uniform(0.35, 0.55) * rng.choice([-1, 1])
    gain = np.exp(np.array([warm, 0, -warm]))
    return pixels * (gain * pixels.mean() / max((pixels * gain).mean(), 1.0))


def hue(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Colours turned by 20 to 35 degrees: another sensor's matrix, another stain."""
    hsv = cv2.cvtColor(_u8(pixels), cv2.COLOR_RGB2HSV)
    turn = int(rng.integers(10, 18) * rng.choice([-1, 1]))  # OpenCV's hue is in steps of two degrees
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + turn) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)


def tinted(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """An amber or blue display map. Training's tints stay above 0.8."""
    gain = np.array([[1.1, 0.8, 0.45], [0.5, 0.8, 1.1]][rng.integers(2)])
    return pixels * gain


def moved(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Motion: blurred along a line of 3 to 5 % of the side."""
    length = int(max(pixels.shape[:2]) * rng.uniform(0.03, 0.05)) | 1
    line = np.zeros((length, length), np.float32)
    reach = np.array([np.cos(angle := rng.uniform(0, np.pi)), np.sin(angle)]) * (length // 2)
    ends = [tuple(round(float(value)) for value in length // 2 + sign * reach) for sign in (-1, 1)]
    cv2.line(line, ends[0], ends[1], 1.0)
    return cv2.filter2D(pixels, -1, line / line.sum(), borderType=cv2.BORDER_REPLICATE)


def jpeg(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Quality 6 to 12, colours at half size. Training stops at 25."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        int(rng.integers(6, 13)),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    coded = cv2.imencode(".jpg", cv2.cvtColor(_u8(pixels), cv2.COLOR_RGB2BGR), options)[1]
    return cv2.cvtColor(decoded(coded), cv2.COLOR_BGR2RGB).astype(np.float32)


def vignette(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Light from one side, falling off to a fifth or a third."""
    height, width = pixels.shape[:2]
    down, right = np.mgrid[:height, :width].astype(np.float32)
    row, column = rng.uniform(0.25, 0.75, 2)
    far = np.hypot(down / height - row, right / width - column)
    return pixels * (1 - (1 - rng.uniform(0.2, 0.35)) * (far / far.max()) ** 2)[..., None]


def deep_noise(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Speckle and amplifier noise that grow with depth, at the bottom beyond what training has anywhere."""
    height, width = pixels.shape[:2]
    depth = (np.linspace(0, 1, height, dtype=np.float32) ** 1.5)[:, None]
    speckle = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 1.2)
    electronic = np.abs(rng.standard_normal((height, width)).astype(np.float32))
    pixels = pixels * (1 + speckle / speckle.std() * depth * rng.uniform(0.4, 0.6))[..., None]
    return pixels + (electronic * depth * rng.uniform(15, 30))[..., None]


def console(pixels: np.ndarray, mask: np.ndarray, rng: Rng) -> ImageAndMask:
    """Mirrored, on a 16:9 or 21:9 screen with menus and text: the network sees it squeezed. Training's borders are bare
    and cover at most 18 %."""
    pixels, mask = pixels[:, ::-1], mask[:, ::-1]
    height, width = mask.shape
    top, bottom = (int(height * value) for value in rng.uniform(0.06, 0.14, 2))
    tall = top + height + bottom
    wide = max(int(tall * rng.choice([16 / 9, 21 / 9])), int(width * 1.2))
    left = int((wide - width) * rng.uniform(0.2, 0.8))
    ground = rng.choice([[12, 14, 18], [40, 52, 70], [205, 208, 212]])
    screen = np.full((tall, wide, 3), ground, np.uint8)
    ink = (235, 235, 225) if ground[0] < 128 else (30, 30, 40)
    for column, room in ((4, left), (left + width + 6, wide - left - width)):
        for y in range(top, tall - 12, int(rng.integers(18, 34))):
            if room < 50:
                break
            word = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWXYZ0123456789 .:%"), min(room // 9, 14)))
            if rng.random() < 0.4:  # a button
                cv2.rectangle(screen, (column - 2, y - 10), (column + room - 14, y + 4), (90, 105, 125), -1)
            cv2.putText(screen, word, (column, y), cv2.FONT_HERSHEY_SIMPLEX, 0.35, ink, 1, cv2.LINE_AA)
    heading = "EXAM 17/03  MI 0.9  TIS 0.4  12 Hz"
    cv2.putText(screen, heading, (8, max(top - 5, 10)), cv2.FONT_HERSHEY_SIMPLEX, 0.4, ink, 1, cv2.LINE_AA)
    out, outside = screen.astype(np.float32), np.zeros((tall, wide), np.uint8)
    out[top : top + height, left : left + width], outside[top : top + height, left : left + width] = pixels, mask
    return out, outside


def sector(pixels: np.ndarray, mask: np.ndarray, rng: Rng) -> ImageAndMask:
    """Only a convex probe's fan is left: 50 to 75 degrees, its tip above the picture."""
    height, width = mask.shape
    down, right = np.mgrid[:height, :width].astype(np.float32)
    tip, half = -rng.uniform(0.3, 0.7) * height, np.deg2rad(rng.uniform(50, 75) / 2)
    far, angle = np.hypot(right - width / 2, down - tip), np.arctan2(right - width / 2, down - tip)
    out = (np.abs(angle) > half) | (far < -tip * 1.08) | (far > height - tip - 2)
    pixels, mask = pixels.copy(), mask.copy()
    pixels[out], mask[out] = 0, 0
    return pixels, mask


def perspective(pixels: np.ndarray, mask: np.ndarray, rng: Rng) -> ImageAndMask:
    """Seen askew: each corner moved inwards by up to 14 % of the side. Training's geometry is affine."""
    height, width = mask.shape
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    inwards = corners + (1 - 2 * corners) * rng.uniform(0.02, 0.14, (4, 2))
    size = (width, height)
    before, after = ((points * size).astype(np.float32) for points in (corners, inwards))
    placement = cv2.getPerspectiveTransform(before, after)
    seen = cv2.warpPerspective(pixels, placement, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return seen, cv2.warpPerspective(mask, placement, size, flags=cv2.INTER_NEAREST)


def elastic(pixels: np.ndarray, mask: np.ndarray, rng: Rng) -> ImageAndMask:
    """Smooth displacement of up to 4 % of the side (Simard et al., ICDAR 2003): another body or pressure."""
    height, width = mask.shape
    side = max(height, width)
    shift = cv2.GaussianBlur(rng.standard_normal((height, width, 2)).astype(np.float32), (0, 0), side * 0.08)
    shift *= side * rng.uniform(0.025, 0.04) / np.abs(shift).max()
    down, right = np.mgrid[:height, :width].astype(np.float32)
    to = (right + shift[..., 0], down + shift[..., 1])
    return (
        cv2.remap(pixels, *to, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        cv2.remap(mask, *to, cv2.INTER_NEAREST),
    )


GEOMETRY = {"console": console, "sector": sector, "perspective": perspective, "elastic": elastic}
TONES = {
    change.__name__: _tone(change)
    for change in (
        pixelated,
        sharpened,
        local_contrast,
        s_curve,
        temperature,
        hue,
        tinted,
        moved,
        jpeg,
        vignette,
        deep_noise,
    )
}
GREY = ("pixelated", "sharpened", "local_contrast", "s_curve", "jpeg", "vignette", "elastic")
COLOUR = (*GREY, "temperature", "hue", "moved", "perspective")
FITTING = {
    "ultrasound": (*GREY, "tinted", "moved", "deep_noise", "sector", "console"),
    "x-ray": (*GREY, "perspective"),
    "colonoscopy": (*COLOUR, "console"),
}


def shifted(image: np.ndarray, mask: np.ndarray, modality: str, rng: Rng) -> tuple[ImageAndMask, list[str]]:
    """One or two changes that suit the modality, at most one of them of geometry, done first; and their names."""
    names = list(FITTING.get(modality, COLOUR))
    grey = np.ptp(image.astype(np.int16), 2).max() == 0
    if grey:  # nothing to turn in a grey picture
        names = [name for name in names if name not in ("temperature", "hue")]
    while True:
        count = int(rng.integers(1, 3))
        chosen = sorted(rng.choice(names, count, replace=False).tolist(), key=lambda name: name not in GEOMETRY)
        if sum(name in GEOMETRY for name in chosen) > 1:
            continue
        pixels, changed = image.astype(np.float32), mask
        for name in chosen:
            pixels, changed = (GEOMETRY | TONES)[name](pixels, changed, rng)
        if (changed > 127).sum() >= KEPT * (mask > 127).sum():
            return (_u8(pixels), changed), chosen


def write(items: list[Item], rows: list[dict[str, str]], seed: int, out: Path) -> list[dict[str, str]]:
    """Writes the pictures; the index's rows with the new sizes, and what was done in `changes`."""
    made = []
    for item, row in zip(items, rows, strict=True):
        image, mask = read_pair(item)
        rng = np.random.default_rng([seed, zlib.crc32(f"{item.dataset}/{item.stem}".encode())])
        (image, mask), changes = shifted(image, mask, item.modality, rng)
        here = {kind: f"{item.dataset}/{kind}s/{item.stem}.png" for kind in ("image", "mask")}
        for kind, pixels in (("image", cv2.cvtColor(image, cv2.COLOR_RGB2BGR)), ("mask", mask)):
            (out / here[kind]).parent.mkdir(parents=True, exist_ok=True)
            if not cv2.imwrite(str(out / here[kind]), pixels):
                raise OSError(f"{out / here[kind]} cannot be written")
        size = {"width": str(mask.shape[1]), "height": str(mask.shape[0])}
        made.append({**row, **here, **size, "changes": "+".join(changes)})
    return made


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--part", default="val")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.out.resolve() == args.data.resolve():
        parser.error("--out is --data: the pool would be overwritten")
    items = load_split(args.data, args.split, args.part)
    listed = {(row["dataset"], row["stem"]): row for row in csv.DictReader((args.data / "index.csv").open())}
    made = write(items, [listed[item.dataset, item.stem] for item in items], args.seed, args.out)
    columns = list(next(iter(listed.values())))
    write_csv(args.out / "index.csv", columns, made)
    write_csv(
        args.out / "split.csv",
        SPLIT_COLUMNS,
        [{**row, "split": args.part} for row in made],
    )
    write_csv(args.out / "changes.csv", ["dataset", "modality", "stem", "changes"], made)
    print(f"{len(made)} pictures in {args.out}")


if __name__ == "__main__":
    main()
