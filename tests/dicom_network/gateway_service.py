"""The program with the shipped models as a node of a DICOM network, and a loop for it to look at."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

import numpy as np
from peers import PATIENCE, ROOT, free_port, listens, wait_for
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid
from pynetdicom import AE

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/espmedsam"
# A fetal head, its pixels and its circumference as the annotators of HC18 measured it (tests/samples/README.md).
SAMPLE, PIXEL_MM, CIRCUMFERENCE_MM = ROOT / "tests/samples/hc18_230_HC.jpg", 0.184696, 158.52
CONFIG = """
[server]
listen = "127.0.0.1:{http}"
[engine]
models = "{models}"
preload = ["ultrasound"]
[dicom]
enabled = true
listen = "127.0.0.1:{dicom}"
folder = "{folder}"
callers = [{callers}]
{more}
"""


class Service:
    """In a folder; it goes on where it was when it is started again. `more`: of [dicom], its destinations among them."""

    title = "ESPMEDSAM"

    def __init__(self, folder, more, callers=("US1",)):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.http, self.dicom = folder, free_port(), free_port()
        self.config, self.log = folder / "service.toml", folder / "log"
        callers = ", ".join(f'{{ title = "{title}", address = "127.0.0.1" }}' for title in callers)
        places = {"models": ROOT / "models", "folder": folder / "dicom", "http": self.http, "dicom": self.dicom}
        self.config.write_text(CONFIG.format(callers=callers, more=more, **places))
        self.process = None

    def start(self, level="info"):
        environment = os.environ | {"RUST_LOG": level, "NO_COLOR": "1"}
        with self.log.open("a") as log:
            command = [PROGRAM, "serve", "--config", self.config]
            self.process = subprocess.Popen(command, stderr=log, env=environment)
        wait_for(self.is_up)

    def is_up(self):
        assert self.process.poll() is None, self.log.read_text()
        # The port of HTTP is open before the other is.
        return listens(self.dicom) and b"ready" in self.get("/health/ready", anyway=True)

    def get(self, path, anyway=False):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=PATIENCE) as reply:
                return reply.read()
        except OSError:
            if anyway:
                return b""
            raise

    def health(self):
        return json.loads(self.get("/health/ready"))["dicom"]

    def outcomes(self):
        """What became of objects since its start; of those that there were."""
        lines = re.findall(
            r'^espmedsam_dicom_objects_total\{outcome="(.*)"\} (\d+)$', self.get("/metrics").decode(), re.M
        )
        return {outcome: int(count) for outcome, count in lines if count != "0"}

    def run(self, *arguments):
        command = [PROGRAM, "dicom", arguments[0], "--config", self.config, *arguments[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)

    def end(self, kill=False):
        if self.process and self.process.poll() is None:
            (self.process.kill if kill else self.process.terminate)()
            code = self.process.wait(PATIENCE)
            assert kill or code == 0, self.log.read_text()


def push(service, *objects, title="US1"):
    """As a scanner does; the statuses, `None` for an association or an object that was cut off."""
    ae = AE(title)
    for ds in objects:
        ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", service.dicom, ae_title=Service.title)
    if not association.is_established:
        return [None]
    statuses = [association.send_c_store(ds).get("Status") for ds in objects]
    association.release()
    return statuses


def fetal_head(frames=3):
    """A loop of a still head over which the probe drifts, calibrated as scanners do."""
    still = np.asarray(Image.open(SAMPLE).convert("L"))
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = UltrasoundMultiFrameImageStorage, generate_uid()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Phantom^Fetal Head", "HC18-230", "", "F"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20240131", "101112", "1", "A1"
    ds.ReferringPhysicianName, ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "", "US", 1, 1
    ds.NumberOfFrames, (ds.Rows, ds.Columns) = frames, still.shape
    ds.FrameTime, ds.FrameIncrementPointer = "40", 0x00181063
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "01"
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = ds.Columns - 1, ds.Rows - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = PIXEL_MM / 10
    ds.SequenceOfUltrasoundRegions = [region]
    ds.PixelData = b"".join(np.roll(still, frame - frames // 2, axis=1).tobytes() for frame in range(frames))
    return ds
