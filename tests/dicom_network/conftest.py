"""Nodes of crates/dimse (by its example, `dicom_node`) against others' programs: pynetdicom, dcmtk, Orthanc."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

ROOT = Path(__file__).parents[2]
NODE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/dicom_node"
# One object for each way of writing pixels that could be made.
MADE = sorted((ROOT / "crates/dicom/tests/reference/made").glob("*.dcm"))
# Debian's packages, unpacked by `make dicom-peers` and not installed; without them their tests are not collected, and
# `make test` says so.
PEERS = ROOT / ".venv/dicom-peers"
ENVIRONMENT = os.environ | {
    "LD_LIBRARY_PATH": str(next(PEERS.glob("usr/lib/*-linux-gnu"), PEERS)),
    "DCMDICTPATH": str(next(PEERS.glob("usr/share/libdcmtk*/dicom.dic"), PEERS)),
}
collect_ignore = [] if (PEERS / "ready").exists() else ["test_dcmtk.py", "test_orthanc.py"]
PATIENCE = 120


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(check):
    """Until it says something; what it said."""
    patience = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < patience
        time.sleep(0.05)
    return found


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


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


@pytest.fixture(scope="session")
def peer():
    """peer("storescu"): the path of a program of others."""

    def find(name):
        return shutil.which(PEERS / "usr/bin" / name) or shutil.which(PEERS / "usr/sbin" / name)

    return find
