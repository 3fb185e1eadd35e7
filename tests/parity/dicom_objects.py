"""DICOM objects of random masks, written by the `objects` example: of a picture, and of ultrasound that pydicom writes."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from places import OBJECTS, ULTRASOUND
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

STILL, LOOP = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
# Columns and rows whose product is no multiple of 8: a frame ends within a byte.
SIZE = (61, 47)
# What is asked for: a source (None: a picture), and whether it says who it is of.
WISHES = [("picture", ""), *((source, who) for source in ("still", "loop") for who in ("kept", "removed"))]
# Real machines' files, outside the repository, with the frames that are marked of each.
REAL = {
    "us_philips_epiq7c_mono_jpegll.dcm": 1,
    "us_obgyn_philips_cx50_2f_palette_rle.dcm": 2,
    "us_cine_sonosite_30f_ybr_jpeg.dcm": 5,
    "us_ge_logiq700_j2k_lossy.dcm": 1,
}
if ULTRASOUND.exists():
    WISHES += [(name, who) for name in REAL for who in ("kept", "removed")]


@dataclass
class Written:
    """What was asked for, and the objects by name."""

    identity: str
    source: Dataset | None
    probabilities: np.ndarray  # frames, rows, columns
    files: dict[str, Path]

    @property
    def mask(self) -> np.ndarray:
        return (self.probabilities >= 128).astype(np.uint8)

    def read(self, name: str) -> Dataset:
        return pydicom.dcmread(self.files[name])


def measured(path: Path) -> list[Dataset]:
    """The measurements of a report with all that stands in them: highdicom leaves that out as it reads them."""

    def below(item: Dataset) -> list[Dataset]:
        if item.ValueType == "NUM":
            return [item]
        return [found for child in item.get("ContentSequence", []) for found in below(child)]

    return below(pydicom.dcmread(path))


def amount(item: Dataset) -> tuple[float, str]:
    """Value and unit of one."""
    value = item.MeasuredValueSequence[0]
    return value.FloatingPointValue, value.MeasurementUnitsCodeSequence[0].CodeValue


def ultrasound(path: Path, frames: int) -> None:
    """A still, or a loop; of somebody."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID = (LOOP if frames > 1 else STILL), generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientName, ds.PatientID = "Müller^Jörg", "4711"
    ds.PatientBirthDate, ds.PatientSex = "19700102", "M"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20240131", "101112", "S1", "A1"
    ds.Modality, ds.ReferringPhysicianName = "US", "Weiß^Eva"
    ds.Columns, ds.Rows = SIZE
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    if frames > 1:
        ds.NumberOfFrames, ds.FrameOfReferenceUID = frames, generate_uid()
    pixels = bytes(frames * SIZE[0] * SIZE[1])
    ds.PixelData = pixels + b"\0" * (len(pixels) % 2)
    ds.save_as(path, enforce_file_format=True)


def write(folder: Path, source: str, identity: str) -> Written:
    frames, path, ds, size = 1, None, None, SIZE
    if source in REAL:
        frames, path = REAL[source], ULTRASOUND / source
    elif source != "picture":
        frames, path = {"still": 1, "loop": 5}[source], folder / "source_of.dcm"
        ultrasound(path, frames)
    if path:
        ds = pydicom.dcmread(path)
        size = (ds.Columns, ds.Rows)
    # Seeded by what is asked for; the last frame is of nothing.
    random = np.random.default_rng(list(f"{source}{identity}".encode()))
    probabilities = random.integers(0, 256, (frames, size[1], size[0]), dtype=np.uint8)
    if frames > 1:
        probabilities[-1] = 0
    (folder / "probabilities").write_bytes(probabilities.tobytes())
    ask = [OBJECTS, folder, *map(str, size), folder / "probabilities", *([path, identity] if path else [])]
    subprocess.run(ask, check=True)
    names = ["binary", "fractional", "report", "overlay", *([] if path else ["source"])]
    return Written(identity, ds, probabilities, {name: folder / f"{name}.dcm" for name in names})
