"""Orthanc, as the archive that one has: pushed from and to, by C-STORE and STOW-RS, shut down and killed meanwhile."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest
from conftest import ENVIRONMENT, NODE, PATIENCE, PEERS, free_port, instance, run_node, wait_for
from pydicom import dcmread


class Orthanc:
    """An archive in a folder; it goes on where it was when it is started again."""

    def __init__(self, program, folder, modalities):
        self.program, self.folder = program, folder
        self.http, self.dicom = free_port(), free_port()
        settings = {
            "StorageDirectory": str(folder),
            "IndexDirectory": str(folder),
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
        (folder / "orthanc.json").write_text(json.dumps(settings))
        self.process = None

    def start(self):
        log = (self.folder / "log").open("a")
        self.process = subprocess.Popen([self.program, self.folder / "orthanc.json"], env=ENVIRONMENT, stderr=log)
        wait_for(self.is_up)

    def is_up(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.ask("/system")
        except urllib.error.URLError:
            return None

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", data, timeout=PATIENCE) as reply:
            return json.load(reply)

    def instances(self):
        """SOP Instance UIDs, each as often as it is there."""
        found = (self.ask(f"/instances/{own}") for own in self.ask("/instances"))
        return sorted(each["MainDicomTags"]["SOPInstanceUID"] for each in found)

    def end(self, kill=False):
        if self.process and self.process.poll() is None:
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(PATIENCE)


@pytest.fixture
def orthanc(tmp_path, peer, provider):
    folder = tmp_path / "orthanc"
    folder.mkdir()
    modalities = {"espmedsam": [provider.title, "127.0.0.1", provider.port]}
    orthanc = Orthanc(peer("Orthanc"), folder, modalities)
    orthanc.start()
    yield orthanc
    orthanc.end()


@pytest.fixture(scope="session")
def expected(objects):
    return sorted(map(instance, objects))


def test_objects_go_there_and_come_back(orthanc, provider, objects, expected):
    assert run_node("echo", "127.0.0.1", orthanc.dicom, "ORTHANC") == (True, [])
    stored = run_node("store", "127.0.0.1", orthanc.dicom, "ORTHANC", *objects)
    assert stored == (True, ["Stored"] * len(objects))
    assert orthanc.instances() == expected
    # As a button in it does, or a rule.
    assert orthanc.ask("/modalities/espmedsam/echo", {}) == {}
    pushed = orthanc.ask("/modalities/espmedsam/store", {"Resources": orthanc.ask("/instances")})
    assert pushed["FailedInstancesCount"] == 0
    back = provider.stored()
    assert sorted(back) == expected
    for path in objects:
        assert dcmread(back[instance(path)]).PixelData == dcmread(path).PixelData


def test_objects_are_posted_there(orthanc, objects, expected):
    root = f"http://127.0.0.1:{orthanc.http}/dicom-web"
    assert run_node("stow", root, *objects) == (True, ["Stored"] * len(objects))
    # It has them, and keeps one of each.
    assert run_node("stow", root, objects[0])[0]
    assert orthanc.instances() == expected
    well, said = run_node("stow", f"http://127.0.0.1:{orthanc.http}/nowhere", objects[0])
    assert (well, said) == (False, ["error: the DICOMweb server answered with status 404"])


@pytest.mark.parametrize("by_web", [False, True])
def test_what_waits_arrives_once_though_both_sides_die(tmp_path, orthanc, objects, expected, by_web):
    """Orthanc is down, comes, is killed in the middle of it, comes again; so is who sends."""
    to = [f"http://127.0.0.1:{orthanc.http}/dicom-web"] if by_web else ["127.0.0.1", str(orthanc.dicom), "ORTHANC"]
    files = tmp_path / "files"
    files.write_text("".join(f"{path}\n" for path in objects))

    def start():
        command = [NODE, "outbox", tmp_path / "outbox", *to]
        with files.open() as named:
            return subprocess.Popen(command, stdin=named, stdout=subprocess.PIPE, text=True)

    orthanc.end()
    sender = start()
    for _ in objects:
        assert sender.stdout.readline().startswith("put New ")
    assert sender.stdout.readline().startswith("waiting: ")
    sender.kill()
    sender.wait()
    # Nobody is there yet: all waits.
    assert len(list((tmp_path / "outbox").glob("*.dcm"))) == len(objects)
    orthanc.start()
    sender = start()
    wait_for(lambda: len(orthanc.instances()) >= 5)
    orthanc.end(kill=True)
    sender.kill()
    sender.wait()
    orthanc.start()
    sender = start()
    said, _ = sender.communicate(timeout=PATIENCE)
    assert "put New" not in said
    assert said.splitlines()[-1] == "sent all, 0 refused"
    assert orthanc.instances() == expected
    # After a restart of its own, too.
    orthanc.end()
    orthanc.start()
    assert orthanc.instances() == expected
