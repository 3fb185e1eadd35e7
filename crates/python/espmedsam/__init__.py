"""A medical picture in, a mask out, in this process. Research use only. Not for clinical use.

>>> segmenter = Segmenter()
>>> result = segmenter.segment(picture, "ultrasound", pixel_mm=0.2)
>>> result.mask, result.area_px, result.confidence
"""

import json
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from .errors import EspmedsamError, of

__version__: str = _native.VERSION
NOTICE: str = _native.NOTICE
OnMismatch = Literal["refuse", "keep"]

__all__ = ["NOTICE", "EspmedsamError", "Result", "Segmenter", "__version__"]


class Result:
    """A picture's mask, and what is known of it. Never changes."""

    def __init__(self, native: _native.Result) -> None:
        self._native = native

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """The mask at the picture's size, (height, width), 0 or 255: a read-only view of the engine's memory, no copy."""
        return np.asarray(self._native)

    @cached_property
    def report(self) -> dict[str, Any]:
        """Everything that is said of the mask, as the HTTP API's JSON: sizes, regions, polygons, warnings, times."""
        return json.loads(self._native.render("json"))

    @property
    def area_px(self) -> int:
        """Pixels of the mask; 0, "nothing found", is a result."""
        return self.report["area"]["px"]

    @property
    def confidence(self) -> float | None:
        """The Dice to be expected, 0 to 1; None of an empty mask, of a mismatch, or if the model is not calibrated."""
        return self._native.confidence

    @property
    def presence(self) -> tuple[str, float] | None:
        """Whether anything is there at all: "present", "unsure" or "absent", and the score, 0 to 1; None: not said."""
        return self._native.presence

    @property
    def sizes(self) -> dict[str, Any]:
        """Areas, lengths and diameters of the mask and its regions, each with its unit (px, or mm if that is known)."""
        return self.report["sizes"]

    @property
    def modality_check(self) -> dict[str, Any]:
        """Whether the picture looks like its modality (`state`). A mask of a mismatch must not be shown without that."""
        return self.report["modality_check"]

    def render(self, form: str) -> bytes:
        """The result in a form of the HTTP API: "png", "overlay", "svg", "labelme", "rle" and others."""
        return self._native.render(form)

    def to_coco(self) -> dict[str, Any]:
        """COCO annotations, one for each region."""
        return json.loads(self._native.render("coco"))

    def to_geojson(self) -> dict[str, Any]:
        """GeoJSON polygons in pixels, as QuPath reads them."""
        return json.loads(self._native.render("geojson"))

    def _repr_png_(self) -> bytes:
        """The picture with its mask, the notice drawn in, for notebooks."""
        return self._native.render("overlay")

    def __repr__(self) -> str:
        height, width = self.mask.shape
        modality = self.report["modality"]["name"]
        return f"<espmedsam.Result {modality} {width}x{height}, {self.area_px} px. {NOTICE}>"


class Segmenter:
    """Opened models, with computing threads of their own. Any threads may use one at once.

    models: a models folder; None: the one in this package, else the places that the program looks in.
    threads: computing threads of each worker; 0: one for each core. workers: pictures computed at once.
    """

    def __init__(self, models: str | PathLike[str] | None = None, *, threads: int = 0, workers: int = 1) -> None:
        inside = Path(__file__).parent / "models"
        if models is None and (inside / "manifest.toml").is_file():
            models = inside
        self._native = _native.Segmenter(models, threads, workers)

    @property
    def modalities(self) -> dict[str, str]:
        """What there is to choose from, and what the masks of each mark."""
        told = [pair for _, modalities in self._native.models() for pair in modalities]
        return dict(reversed(told))

    def segment(  # noqa: PLR0913 (wishes are keywords)
        self,
        picture: NDArray[np.uint8],
        modality: str,
        *,
        model: str | None = None,
        pixel_mm: float | tuple[float, float] | None = None,
        region: tuple[int, int, int, int] | None = None,
        on_mismatch: OnMismatch = "refuse",
        timeout: float | None = None,
    ) -> Result:
        """Segments an array of uint8, (height, width) grey or (height, width, 3) RGB, upright. Other threads run meanwhile.

        modality: what kind of picture it is; never guessed, unless it is "auto". model: None: the preferred one.
        pixel_mm: millimetres of a pixel, one number or (column, row). region: (x, y, width, height) of the part to look
        at; the mask is of the whole picture. on_mismatch: what of a picture that does not look like its modality.
        timeout: seconds. Raises `EspmedsamError`, whose `code` is the kind.
        """
        asked = _asked(modality, model, on_mismatch, pixel_mm, region, timeout)
        return Result(self._native.segment(picture, asked))

    def segment_file(  # noqa: PLR0913 (wishes are keywords)
        self,
        file: bytes | str | PathLike[str],
        modality: str,
        *,
        model: str | None = None,
        pixel_mm: float | tuple[float, float] | None = None,
        region: tuple[int, int, int, int] | None = None,
        on_mismatch: OnMismatch = "refuse",
        timeout: float | None = None,
    ) -> Result:
        """As `segment`, of a picture file (PNG, JPEG, BMP, TIFF, WebP): its bytes, or where it lies."""
        data = file if isinstance(file, bytes) else Path(file).read_bytes()
        asked = _asked(modality, model, on_mismatch, pixel_mm, region, timeout)
        return Result(self._native.segment_file(data, asked))


def _asked(
    modality: str,
    model: str | None,
    on_mismatch: str,
    pixel_mm: float | tuple[float, float] | None,
    region: tuple[int, int, int, int] | None,
    timeout: float | None,
) -> dict[str, Any]:
    if on_mismatch not in ("refuse", "keep"):
        raise of("bad-argument", f"on_mismatch is 'refuse' or 'keep', not {on_mismatch!r}")
    return {
        "modality": modality,
        "model": model,
        "keep": on_mismatch == "keep",
        "pixel_mm": (pixel_mm, pixel_mm) if isinstance(pixel_mm, int | float) else pixel_mm,
        "region": region,
        "timeout_s": timeout,
    }
