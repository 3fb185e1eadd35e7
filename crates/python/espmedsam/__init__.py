"""A medical picture in, a mask out, in this process. Research use only. Not for clinical use.

>>> segmenter = Segmenter()
>>> result = segmenter.segment(picture, "ultrasound", pixel_mm=0.2)
>>> result.mask, result.area_px, result.confidence
"""

import json
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from . import _native
from .errors import EspmedsamError, of

__version__: str = _native.VERSION
NOTICE: str = _native.NOTICE
OnMismatch = Literal["refuse", "keep"]

__all__ = ["NOTICE", "EspmedsamError", "Result", "Segmenter", "Wishes", "__version__"]


class Wishes(TypedDict, total=False):
    """What may be asked of a picture besides its modality."""

    model: str | None
    """None: the one that the modality prefers."""
    pixel_mm: float | tuple[float, float] | None
    """Millimetres of a pixel: one number, or those of a column and of a row."""
    region: tuple[int, int, int, int] | None
    """x, y, width and height of the part to look at; the mask is of the whole picture."""
    on_mismatch: OnMismatch
    """What of a picture that does not look like its modality: an error, or a mask that says so (`modality_check`)."""
    timeout: float | None
    """Seconds."""


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

    def to_dicom_seg(self, *, fractional: bool = False) -> bytes:
        """A DICOM Segmentation (PS3.3, A.51) of the file that `segment_file` was given, as a file: binary, or the model's
        probability of each pixel. Its name is made of the file's bytes: asked twice in one process, it is one object."""
        return self._native.render("seg-fractional" if fractional else "seg")

    def to_dicom_sr(self) -> bytes:
        """A DICOM structured report of the measurements (PS3.16, TID 1500), which refers to the segmentation."""
        return self._native.render("sr")

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

    def segment(self, picture: NDArray[np.uint8], modality: str, **wishes: Unpack[Wishes]) -> Result:
        """Segments an array of uint8, (height, width) grey or (height, width, 3) RGB, upright. Other threads run meanwhile.

        modality: what kind of picture it is; never guessed, unless it is "auto". wishes: see `Wishes`.
        Raises `EspmedsamError`, whose `code` is the kind.
        """
        return Result(self._native.segment(picture, _asked(modality, wishes)))

    def segment_file(
        self,
        file: bytes | str | PathLike[str],
        modality: str,
        *,
        frame: int | None = None,
        keep_identity: bool = False,
        **wishes: Unpack[Wishes],
    ) -> Result:
        """As `segment`, of a picture file (PNG, JPEG, BMP, TIFF, WebP, DICOM): its bytes, or where it lies.

        Millimetres are those that a DICOM file says, unless `pixel_mm` tells others. frame: of a DICOM file, from 0; None:
        the first. keep_identity: DICOM objects made of the result are of the file's patient and study; else of nobody.
        """
        if frame is not None and not 0 <= frame < 2**32:
            raise of("bad-argument", f"frame: frames are counted from 0, not {frame}")
        data = file if isinstance(file, bytes) else Path(file).read_bytes()
        of_file = {"frame": frame, "keep_identity": keep_identity}
        return Result(self._native.segment_file(data, _asked(modality, wishes), of_file))


def _asked(modality: str, wishes: Wishes) -> dict[str, Any]:
    if odd := wishes.keys() - Wishes.__annotations__.keys():
        raise TypeError(f"no such wish: {', '.join(sorted(odd))}")
    on_mismatch, pixel_mm = wishes.get("on_mismatch", "refuse"), wishes.get("pixel_mm")
    if on_mismatch not in ("refuse", "keep"):
        raise of("bad-argument", f"on_mismatch is 'refuse' or 'keep', not {on_mismatch!r}")
    return {
        "modality": modality,
        "model": wishes.get("model"),
        "keep": on_mismatch == "keep",
        "pixel_mm": (pixel_mm, pixel_mm) if isinstance(pixel_mm, int | float) else pixel_mm,
        "region": wishes.get("region"),
        "timeout_s": wishes.get("timeout"),
    }
