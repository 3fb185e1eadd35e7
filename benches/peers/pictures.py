"""Pictures as the network takes them, by the plain second writing of the path in `tests/parity`."""

import sys
import tomllib
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/parity")]
from independent import RESIZE, iou, mask  # noqa: E402, F401

MODEL, MODALITY, INDEX = "live-224", "ultrasound", 2
SAMPLES = ROOT / "tests/samples"
PICTURE = SAMPLES / "hc18_230_HC.jpg"


def rgb(path: Path = PICTURE) -> np.ndarray:
    """H x W x 3, uint8."""
    return np.asarray(Image.open(path).convert("RGB"))


def tensor(picture: np.ndarray, side: int) -> np.ndarray:
    """1 x 3 x side x side, float32."""
    p = next(m for m in tomllib.loads((ROOT / "models/manifest.toml").read_text())["model"]
             if m["name"] == MODEL)["preprocess"]
    matrix = RESIZE[p["resize"]]
    y = np.einsum("ih,hwc->iwc", matrix(picture.shape[0], side), picture.astype(np.float64), optimize=True)
    y = np.einsum("jw,iwc->ijc", matrix(picture.shape[1], side), y, optimize=True)
    return ((y - p["mean"]) / p["std"]).transpose(2, 0, 1)[None].astype(np.float32)


def calibration(side: int) -> list[np.ndarray]:
    """The bundled pictures, of every modality."""
    return [tensor(rgb(path), side) for path in sorted(SAMPLES.glob("*.jpg"))]
