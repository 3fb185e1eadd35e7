"""What pydicom makes of DICOM files, for `tests/pydicom.rs` to compare with; and small files to compare with it on.

    python -m venv v && v/bin/pip install pydicom pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pyjpegls pillow
    SHARED=... v/bin/python make.py

Writes `made/*.dcm` and `pydicom.json`. The rule of the reference is `rgb` below: pydicom's own functions as far as they go,
and then 8 bits. JPEG is decoded by Pillow (libjpeg-turbo), the rest by pydicom's plugins.
"""

import base64
import copy
import hashlib
import io
import json
import os
import zlib
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom import pixels, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

HERE = Path(__file__).parent
JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
LOSSY = (*JPEG, uid.JPEG2000)


def rgb(ds: Dataset, frame: int) -> np.ndarray:
    plugin = "pillow" if ds.file_meta.TransferSyntaxUID in JPEG else ""
    arr = pixels.pixel_array(ds, index=frame, decoding_plugin=plugin)
    kind = ds.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        out = pixels.apply_color_lut(arr, ds)
        return (out >> 8 if out.max() > 255 else out).astype(np.uint8)
    if not kind.startswith("MONOCHROME"):
        return arr.astype(np.uint8)
    values = pixels.apply_modality_lut(arr, ds)
    half = 1 << (ds.BitsStored - 1)
    low, high = (-half, half - 1) if ds.PixelRepresentation else (0, 2 * half - 1)
    if "ModalityLUTSequence" in ds:
        low, high = 0, (1 << ds.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
    elif "RescaleSlope" in ds:
        low, high = (float(v) * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for v in (low, high))
    if "VOILUTSequence" in ds:
        shown = pixels.apply_voi(values.astype(np.int64), ds).astype(np.float64)
        low, high = 0, (1 << ds.VOILUTSequence[0].LUTDescriptor[2]) - 1
        part = shown / high
    elif "WindowWidth" in ds:
        part = (pixels.apply_windowing(values, ds) - low) / (high - low)
    else:
        values = values.astype(np.float64)
        if ds.BitsStored > 8:
            low, high = values.min(), values.max()
        part = (values - low) / (high - low)
    grey = np.clip(np.floor(part * 255 + 0.5), 0, 255).astype(np.uint8)
    if kind == "MONOCHROME1":
        grey = 255 - grey
    return np.repeat(grey[..., None], 3, axis=2)


def describe(path: Path) -> dict:
    ds = pydicom.dcmread(path)
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    out = {}
    for frame in sorted({0, frames // 2, frames - 1}):
        picture = np.ascontiguousarray(rgb(ds, frame))
        entry = {"sha256": hashlib.sha256(picture.tobytes()).hexdigest()}
        if ds.file_meta.TransferSyntaxUID in LOSSY:
            # Decoders round differently: every seventh pixel both ways, to say by how much.
            grid = picture[::7, ::7].tobytes()
            entry = {"grid": base64.b64encode(zlib.compress(grid, 9)).decode()}
        out[str(frame)] = entry
    return {"size": [int(ds.Columns), int(ds.Rows)], "frames": out}


# Small files.

ROWS, COLUMNS = 34, 38
WAVE = np.add.outer(np.arange(ROWS) * 7, np.arange(COLUMNS) * 11)
NOISE = np.random.default_rng(7)


def empty(kind: str, samples: int, bits: int = 8, stored: int = 0, signed: bool = False) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = uid.SecondaryCaptureImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "1.2.3.4.5"
    ds.Modality = "OT"
    ds.PatientName = "Planted^Name"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = ROWS, COLUMNS, samples
    ds.PhotometricInterpretation = kind
    ds.BitsAllocated, ds.BitsStored = bits, stored or bits
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(signed)
    if samples == 3:
        ds.PlanarConfiguration = 0
    return ds


def grey(bits: int, stored: int, signed: bool = False, kind: str = "MONOCHROME2", **more) -> Dataset:
    ds = empty(kind, 1, bits, stored, signed)
    low = -(1 << (stored - 1)) if signed else 0
    noise = NOISE.integers(0, max(2, (1 << stored) // 16), WAVE.shape)
    arr = (WAVE * ((1 << stored) // 512 + 1) + noise) % (1 << stored) + low
    # Parts that are alike, for runs.
    arr[4:9, 3:15] = arr[4, 3]
    arr[0], arr[-1, -1] = low, low + (1 << stored) - 1
    ds.PixelData = arr.astype(f"<{'i' if signed else 'u'}{bits // 8}").tobytes()
    for name, value in more.items():
        setattr(ds, name, value)
    return ds


def colour(kind: str) -> Dataset:
    ds = empty(kind, 3)
    arr = np.stack([WAVE % 256, (WAVE * 3 + 40) % 256, 255 - WAVE % 256], axis=2)
    arr = (arr + NOISE.integers(0, 9, arr.shape)) % 256
    arr[4:9, 3:15] = arr[4, 3]
    ds.PixelData = arr.astype(np.uint8).tobytes()
    return ds


def table(entries: list[int], first: int, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "US", entries)
    return item


def compressed(ds: Dataset, syntax: str, **options) -> Dataset:
    ds.compress(syntax, generate_instance_uid=False, **options)
    return ds


def jpeg(ds: Dataset, mode: str, sampling: int) -> Dataset:
    shape = (ROWS, COLUMNS, 3) if ds.SamplesPerPixel == 3 else (ROWS, COLUMNS)
    arr = np.frombuffer(ds.PixelData, np.uint8).reshape(shape)
    image, out = Image.fromarray(arr), io.BytesIO()
    image.save(out, "JPEG", quality=92, subsampling=sampling, keep_rgb=mode == "RGB")
    ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    ds.PhotometricInterpretation = mode
    ds.PixelData = encapsulate([out.getvalue()])
    ds["PixelData"].is_undefined_length = True
    return ds


def made() -> dict[str, Dataset]:
    ls, near = uid.JPEGLSLossless, uid.JPEGLSNearLossless
    j2k, lossy = uid.JPEG2000Lossless, uid.JPEG2000
    window = {"WindowCenter": 300.0, "WindowWidth": 401.0}
    out = {
        "grey8": grey(8, 8),
        "grey8_inverted": grey(8, 8, kind="MONOCHROME1"),
        "grey8_6bits": grey(8, 6),
        "grey12_unsaid": grey(16, 12),
        "grey12_linear": grey(16, 12, **window),
        "grey12_exact": grey(16, 12, VOILUTFunction="LINEAR_EXACT", **window),
        "grey12_sigmoid": grey(16, 12, VOILUTFunction="SIGMOID", **window),
        "grey16_signed_rescaled": grey(16, 16, True, RescaleSlope="0.5", RescaleIntercept="-1024", **window),
        "grey12_signed_inverted": grey(16, 12, True, kind="MONOCHROME1", WindowCenter=[40.0, 0.0], WindowWidth=[400.0, 9.0]),
        "grey10_voi": grey(16, 10, VOILUTSequence=[table([(i * i) // 16 for i in range(256)], 100, 12)]),
        "grey8_voi_over_window": grey(8, 8, VOILUTSequence=[table([255 - i for i in range(256)], 0, 8)], **window),
        "grey8_modality": grey(8, 8, ModalityLUTSequence=[table([i * 257 for i in range(200)], 20, 16)], WindowCenter=20000.0, WindowWidth=30000.0),
        "rgb": colour("RGB"),
        "ybr_full": colour("YBR_FULL"),
    }
    planar = colour("RGB")
    arr = np.frombuffer(planar.PixelData, np.uint8).reshape(-1, 3)
    planar.PlanarConfiguration, planar.PixelData = 1, np.ascontiguousarray(arr.T).tobytes()
    out["rgb_planar"] = planar
    shared = colour("YBR_FULL_422")
    arr = np.frombuffer(shared.PixelData, np.uint8).reshape(-1, 2, 3)
    shared.PixelData = np.stack([arr[:, 0, 0], arr[:, 1, 0], arr[:, 0, 1], arr[:, 0, 2]], axis=1).tobytes()
    out["ybr_full_422"] = shared
    palette = grey(8, 8, kind="PALETTE COLOR")
    for i, name in enumerate(("Red", "Green", "Blue")):
        palette.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [200, 10, 16])
        values = [(v * (i + 3) * 97) % 65536 for v in range(200)]
        setattr(palette, f"{name}PaletteColorLookupTableData", np.array(values, "<u2").tobytes())
    out["palette16"] = palette
    out["palette16_rle"] = compressed(copy.deepcopy(palette), uid.RLELossless)
    for name, ds in (("grey8", grey(8, 8)), ("grey16", grey(16, 16)), ("grey12_signed", grey(16, 12, True)), ("rgb", colour("RGB")), ("ybr_full", colour("YBR_FULL"))):
        for ending, syntax, options in (
            ("rle", uid.RLELossless, {}),
            ("jls", ls, {}),
            ("jls_near", near, {"jls_error": 3}),
            ("j2k", j2k, {}),
            ("j2k_lossy", lossy, {"j2k_cr": [8]}),
        ):
            own = copy.deepcopy(ds)
            if "j2k" in ending and name == "rgb":
                own.PhotometricInterpretation = "YBR_ICT" if "lossy" in ending else "YBR_RCT"
            if "signed" in name and ending == "jls_near":
                continue
            try:
                out[f"{name}_{ending}"] = compressed(own, syntax, **options)
            except Exception as error:  # noqa: BLE001
                print(f"{name}_{ending}: {error}")
    out["grey8_jpeg"] = jpeg(grey(8, 8), "MONOCHROME2", 0)
    out["ybr_full_jpeg"] = jpeg(colour("RGB"), "YBR_FULL", 0)
    out["ybr_full_422_jpeg"] = jpeg(colour("RGB"), "YBR_FULL_422", 1)
    out["rgb_jpeg"] = jpeg(colour("RGB"), "RGB", 0)
    return out


def every_colour() -> str:
    """SHA-256 of the RGB of all YBR_FULL colours, in their order."""
    hashed = hashlib.sha256()
    cb, cr = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    for y in range(256):
        row = np.stack([np.full_like(cb, y), cb, cr], axis=2).astype(np.uint8)
        hashed.update(pixels.convert_color_space(row, "YBR_FULL", "RGB").tobytes())
    return hashed.hexdigest()


def main() -> None:
    (HERE / "made").mkdir(exist_ok=True)
    for name, ds in made().items():
        ds.save_as(HERE / "made" / f"{name}.dcm", enforce_file_format=True)
    answer = {
        "ybr": every_colour(),
        "made": {path.name: describe(path) for path in sorted((HERE / "made").glob("*.dcm"))},
        "shared": {path.name: describe(path) for path in sorted(Path(os.environ["SHARED"], "dicom").glob("*.dcm"))},
    }
    versions = {"pydicom": pydicom.__version__, "numpy": np.__version__, "pillow": Image.__version__}
    text = json.dumps({"made_by": versions, **answer}, indent=1)
    (HERE / "pydicom.json").write_text(text + "\n")


main()
