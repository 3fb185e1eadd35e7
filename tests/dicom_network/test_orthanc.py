"""Orthanc, as the archive that one has: pushed from and to, by C-STORE and STOW-RS, shut down and killed meanwhile."""

import subprocess

import pytest
from conftest import NODE, instance, run_node
from peers import PATIENCE, Orthanc, wait_for
from pydicom import dcmread


@pytest.fixture
def orthanc(tmp_path, provider):
    modalities = {"espmedsam": [provider.title, "127.0.0.1", provider.port]}
    orthanc = Orthanc(tmp_path / "orthanc", modalities)
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
