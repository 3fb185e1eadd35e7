"""Nodes of crates/dimse (by its example, `dicom_node`) against others' programs: pynetdicom, dcmtk, Orthanc."""

import os
import subprocess
from pathlib import Path

import pytest
from peers import HAS_PEERS, PATIENCE, ROOT
from pydicom import dcmread
from pydicom.uid import generate_uid

NODE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/dicom_node"
# One object for each way of writing pixels that could be made.
MADE = sorted((ROOT / "crates/dicom/tests/reference/made").glob("*.dcm"))
# Without others' programs their tests are not collected, and `make test-dicom-network` says so.
collect_ignore = [] if HAS_PEERS else ["test_dcmtk.py", "test_orthanc.py", "test_archive.py"]


def run_node(*arguments, **given):
    """What it says, line by line, and whether it went well."""
    done = subprocess.run([NODE, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, **given)
    assert done.stderr == ""
    return done.returncode == 0, done.stdout.splitlines()


def same(path, other):
    """Whether two files hold the same data set, byte for byte after their meta information."""
    data = []
    for each in (path, other):
        with Path(each).open("rb") as file:
            meta = dcmread(file, stop_before_pixels=True).file_meta
            # Preamble, mark, the length's own element, and what it says.
            file.seek(144 + meta.FileMetaInformationGroupLength)
            data.append((meta.TransferSyntaxUID, meta.MediaStorageSOPInstanceUID, file.read()))
    return data[0] == data[1]


def instance(path):
    return dcmread(path, stop_before_pixels=True).SOPInstanceUID


class Provider:
    """Ours, listening."""

    title = "ESPMEDSAM"

    def __init__(self, folder):
        self.spool = folder / "spool"
        self.process = subprocess.Popen(
            [NODE, "scp", self.spool, self.title], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline().split()[-1])

    def stored(self):
        return {instance(path): path for path in self.spool.glob("*.dcm")}

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        assert not list(self.spool.glob("*.part"))


@pytest.fixture(scope="session")
def objects(tmp_path_factory):
    """Files of those that were made, each an object of its own."""
    folder = tmp_path_factory.mktemp("objects")
    study, series, paths = generate_uid(), generate_uid(), []
    for path in MADE:
        data = dcmread(path)
        data.PatientID, data.StudyInstanceUID, data.SeriesInstanceUID = "1", study, series
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        paths.append(folder / path.name)
        data.save_as(paths[-1], enforce_file_format=True)
    return paths


@pytest.fixture
def provider(tmp_path):
    provider = Provider(tmp_path)
    yield provider
    provider.end()
