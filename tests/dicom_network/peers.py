"""Others' programs, as `make dicom-peers` lays them here: an archive, and what to find them by."""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from pydicom import dcmread

ROOT = Path(__file__).parents[2]
# Debian's packages, unpacked by `make dicom-peers` and not installed.
PEERS = ROOT / ".venv/dicom-peers"
HAS_PEERS = (PEERS / "ready").exists()
ENVIRONMENT = os.environ | {
    "LD_LIBRARY_PATH": str(next(PEERS.glob("usr/lib/*-linux-gnu"), PEERS)),
    "DCMDICTPATH": str(next(PEERS.glob("usr/share/libdcmtk*/dicom.dic"), PEERS)),
}
PATIENCE = 120


def program(name):
    """The path of a program of theirs."""
    return shutil.which(PEERS / "usr/bin" / name) or shutil.which(PEERS / "usr/sbin" / name)


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


class Orthanc:
    """An archive in a folder; it goes on where it was when it is started again."""

    def __init__(self, folder, modalities):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.http, self.dicom = folder, free_port(), free_port()
        self.process = None
        self.knows(modalities)

    def knows(self, modalities):
        """Nodes by their names, from the next start on."""
        settings = {
            "StorageDirectory": str(self.folder),
            "IndexDirectory": str(self.folder),
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "DicomAet": "ORTHANC",
            "DicomCheckCalledAet": True,
            "StableAge": 1,
            "AuthenticationEnabled": False,
            "RemoteAccessAllowed": False,
            "DicomModalities": modalities,
            "Plugins": [str(next(PEERS.glob("usr/lib/orthanc/libOrthancDicomWeb.so*")))],
        }
        (self.folder / "orthanc.json").write_text(json.dumps(settings))

    def start(self):
        log = (self.folder / "log").open("a")
        self.process = subprocess.Popen([program("Orthanc"), self.folder / "orthanc.json"], env=ENVIRONMENT, stderr=log)
        wait_for(self.is_up)

    def is_up(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.ask("/system")
        except urllib.error.URLError:
            return None

    def fetch(self, path, data=None):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", data, timeout=PATIENCE) as reply:
            return reply.read()

    def ask(self, path, body=None):
        return json.loads(self.fetch(path, None if body is None else json.dumps(body).encode()))

    def instances(self):
        """SOP Instance UIDs, each as often as it is there."""
        found = (self.ask(f"/instances/{own}") for own in self.ask("/instances"))
        return sorted(each["MainDicomTags"]["SOPInstanceUID"] for each in found)

    def objects(self, modality):
        """Those of a modality, as pydicom reads them."""
        wanted = {"Level": "Instance", "Query": {"Modality": modality}}
        return [dcmread(io.BytesIO(self.fetch(f"/instances/{own}/file"))) for own in self.ask("/tools/find", wanted)]

    def end(self, kill=False):
        if self.process and self.process.poll() is None:
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(PATIENCE)
