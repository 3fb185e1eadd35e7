"""The same path written a second time, plainly: numpy in float64 around onnxruntime. Shares no code with the program."""

import tomllib
from pathlib import Path

import numpy as np
import onnxruntime


def bilinear_matrix(src: int, dst: int) -> np.ndarray:
    """dst x src: half-pixel centres, two taps, edges clamped (cv2 INTER_LINEAR, align_corners=False)."""
    m = np.zeros((dst, src))
    for i in range(dst):
        c = (i + 0.5) * src / dst - 0.5
        lo, t = int(np.floor(c)), c - np.floor(c)
        m[i, min(max(lo, 0), src - 1)] += 1 - t
        m[i, min(max(lo + 1, 0), src - 1)] += t
    return m


def triangle_matrix(src: int, dst: int) -> np.ndarray:
    """dst x src: a triangle as wide as the shrinking asks for, sampled at pixel centres, normalised."""
    scale = src / dst
    wide = max(scale, 1.0)
    i, j = np.arange(dst)[:, None], np.arange(src)[None]
    m = np.maximum(0, 1 - np.abs((j + 0.5 - (i + 0.5) * scale) / wide))
    return m / m.sum(1, keepdims=True)


def balanced(y: np.ndarray, usual: list[float], strength: float) -> np.ndarray:
    """H x W x 3, 0..255, its light drawn towards the usual one: Shades of Gray of order 6."""
    brightest = y.max(2)
    telling = y[(brightest >= 30) & (brightest < 250)]
    if len(telling) < max(1, brightest.size / 100):
        return y
    light = np.mean(telling**6, 0) ** (1 / 6)
    with np.errstate(divide="ignore"):
        gain = ((usual / (light / light.mean())) ** strength).clip(1 / 1.5, 1.5)
    return (y * gain * y.sum() / (y * gain).sum()).clip(max=255)


OVERLAP = 64  # pixels that neighbouring tiles share
RESIZE = {"bilinear-squash": bilinear_matrix, "triangle-squash": triangle_matrix}


class Reference:
    """A manifest's model through onnxruntime."""

    def __init__(self, folder: Path, model: str | None = None):
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        models = manifest["model"]
        self.folder = folder
        self.model = next(m for m in models if m["name"] == model) if model else next(m for m in models if m["default"])
        self.sessions: dict[str, onnxruntime.InferenceSession] = {}
        self.said: list[float] = []  # presence logits of the last picture's looks

    def session(self, path: str) -> onnxruntime.InferenceSession:
        if path not in self.sessions:
            self.sessions[path] = onnxruntime.InferenceSession(str(self.folder / path))
        return self.sessions[path]

    def entry(self, modality: str) -> dict:
        """The manifest's."""
        return next(m for m in self.model["modality"] if m["name"] == modality)

    def tensor(self, rgb: np.ndarray, side: int = 0, light: dict | None = None) -> np.ndarray:
        """H x W x 3 uint8 -> 1 x 3 x S x S float32; S is the model's side if none is given. `light`: white balance."""
        p, s = self.model["preprocess"], side or self.model["side"]
        matrix = RESIZE[p["resize"]]
        y = np.einsum("ih,hwc->iwc", matrix(rgb.shape[0], s), rgb.astype(np.float64))
        y = np.einsum("jw,iwc->ijc", matrix(rgb.shape[1], s), y)
        if light:
            y = balanced(y, light["usual"], light["strength"])
        return ((y - p["mean"]) / p["std"]).transpose(2, 0, 1)[None].astype(np.float32)

    def logits(self, rgb: np.ndarray, modality: str) -> tuple[np.ndarray, np.ndarray]:
        """(S/4 x S/4 mask logits, S/32 x S/32 patch logits), S the side of the canvas of all views."""
        y = self.entry(modality)
        self.said = []

        def network(tensor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            embedding = self.session(y["encoder"]).run(None, {"image": tensor})[0]
            patch, prompted = self.session(y["self_prompt"]).run(["patch_logits", "prompted"], {"embedding": embedding})
            low, *presence = self.session(y["decoder"]).run(
                None, {"prompted": prompted, "modality": np.array([y["index"]])}
            )
            self.said += [logit.item() for logit in presence]
            return low[0, 0], patch[0, 0]

        return self.looked(rgb, modality, network)

    def absent(self, modality: str) -> bool:
        """Whether the last picture shows nothing, by the bounds of a modality that is looked at in no tiles."""
        bounds = self.entry(modality).get("presence")
        return bool(bounds) and 1 / (1 + np.exp(-np.mean(self.said))) < bounds["absent_below"]

    def looked(self, rgb: np.ndarray, modality: str, network) -> tuple[np.ndarray, np.ndarray]:
        """The views' maps, put together; `network` gives (mask logits, patch logits) of a 1 x 3 x S x S tensor."""
        views, s = self.entry(modality).get("views", {}), self.model["side"]
        tiles, mirrored = views.get("tiles", 1), views.get("mirrored", "no")
        corners = [k * (s - OVERLAP) for k in range(tiles)]
        canvas = self.tensor(rgb, corners[-1] + s, self.entry(modality).get("white_balance"))
        flips = {"no": [()], "across": [(), (-1,)], "both": [(), (-1,), (-2,), (-2, -1)]}[mirrored]
        sums = [np.zeros((2, canvas.shape[-1] // stride, canvas.shape[-1] // stride)) for stride in (4, 32)]
        for top in corners:
            for left in corners:
                for flip in flips:
                    tensor = np.ascontiguousarray(np.flip(canvas[..., top : top + s, left : left + s], flip))
                    for (total, weight), stride, found in zip(sums, (4, 32), network(tensor), strict=True):
                        n = s // stride
                        edge = np.minimum(np.arange(n) + 1, n - np.arange(n)).clip(max=OVERLAP // stride)
                        ramp = np.outer(edge, edge)
                        at = np.s_[top // stride : top // stride + n, left // stride : left // stride + n]
                        total[at] += ramp * np.flip(found, flip)
                        weight[at] += ramp
        return tuple(total / weight for total, weight in sums)


def mask(logits: np.ndarray, height: int, width: int) -> np.ndarray:
    """Logits -> boolean mask at the picture's size."""
    return bilinear_matrix(logits.shape[0], height) @ logits @ bilinear_matrix(logits.shape[1], width).T >= 0


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union; two empty masks agree."""
    union = (a | b).sum()
    return 1.0 if union == 0 else float((a & b).sum() / union)
