"""The program beside Orthanc: the archive or a scanner pushes to it, and answers arrive there once, whoever dies."""

import subprocess

import highdicom as hd
import pytest
from gateway_service import Service, fetal_head, push
from peers import ENVIRONMENT, PATIENCE, Orthanc, program, wait_for

TO = {
    "dimse": '{{ kind = "node", host = "127.0.0.1", port = {dicom}, title = "ORTHANC" }}',
    "web": '{{ kind = "web", root = "http://127.0.0.1:{http}/dicom-web" }}',
}


class Hospital:
    """An archive, and the program that answers to it."""

    def __init__(self, folder, way="dimse"):
        # Each needs to know where the other will be.
        self.orthanc = Orthanc(folder / "orthanc", {})
        to = TO[way].format(dicom=self.orthanc.dicom, http=self.orthanc.http)
        callers = ("US1", "ORTHANC", "STORESCU")
        self.service = Service(folder / "service", f'[[dicom.destinations]]\nname = "archive"\nto = {to}\n', callers)
        self.orthanc.knows({"espmedsam": [Service.title, "127.0.0.1", self.service.dicom]})

    def answers(self):
        return len(self.orthanc.objects("SEG")), len(self.orthanc.objects("SR"))

    def end(self):
        self.service.end()
        self.orthanc.end()


@pytest.fixture
def hospital(tmp_path, request):
    hospital = Hospital(tmp_path, getattr(request, "param", "dimse"))
    yield hospital
    hospital.end()


def test_the_archive_sends_a_study_and_gets_its_answers_once(hospital, tmp_path):
    orthanc, service = hospital.orthanc, hospital.service
    orthanc.start()
    service.start()
    loop = fetal_head()
    loop.save_as(tmp_path / "loop.dcm", enforce_file_format=True)
    orthanc.fetch("/instances", (tmp_path / "loop.dcm").read_bytes())
    assert service.run("echo", "archive").returncode == 0
    (study,) = orthanc.ask("/studies")
    orthanc.ask("/modalities/espmedsam/store", {"Resources": [study]})
    wait_for(lambda: hospital.answers() == (1, 1))
    # They are filed where the loop is.
    assert orthanc.ask("/studies") == [study]
    seg = hd.seg.Segmentation.from_dataset(orthanc.objects("SEG")[0])
    assert seg.get_pixels_by_source_frame(loop.SOPInstanceUID, [1, 2, 3], combine_segments=True).any(axis=(1, 2)).all()
    # A rule that sends a study whenever it grows sends it again now: no round begins. The answers themselves are not taken.
    pushed = orthanc.ask("/modalities/espmedsam/store", {"Resources": [study], "Permissive": True})
    assert pushed["InstancesCount"] == 3
    wait_for(lambda: service.outcomes() == {"answered": 1, "answered-before": 1})
    assert b"espmedsam_dicom_received_total 2" in service.get("/metrics")
    assert hospital.answers() == (1, 1)


def test_dcmtk_pushes(hospital, tmp_path):
    hospital.orthanc.start()
    hospital.service.start()
    fetal_head().save_as(tmp_path / "loop.dcm", enforce_file_format=True)
    command = [program("storescu"), "-aec", Service.title, "127.0.0.1", hospital.service.dicom, tmp_path / "loop.dcm"]
    done = subprocess.run(map(str, command), env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: hospital.answers() == (1, 1))


@pytest.mark.parametrize("hospital", ["dimse", "web"], indirect=True)
def test_answers_arrive_once_though_everybody_dies(hospital):
    orthanc, service = hospital.orthanc, hospital.service
    loops = [fetal_head(2) for _ in range(6)]
    service.start()
    # The archive is down; the program is killed as soon as it has said that it has them.
    assert push(service, *loops[:3]) == [0, 0, 0]
    service.end(kill=True)
    service.start()
    wait_for(lambda: service.health()["problems"])
    assert service.health()["state"] == "impaired"
    orthanc.start()
    assert push(service, *loops[3:]) == [0, 0, 0]
    wait_for(lambda: hospital.answers()[0] >= 2)
    orthanc.end(kill=True)
    service.end(kill=True)
    orthanc.start()
    service.start()
    wait_for(lambda: hospital.answers() == (6, 6))
    named = {ds.SOPInstanceUID for ds in orthanc.objects("SEG")}
    reports = [str(ds) for ds in orthanc.objects("SR")]
    assert all(sum(uid in report for report in reports) == 1 for uid in named)
    sources = {
        ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
        for ds in orthanc.objects("SEG")
    }
    assert sources == {ds.SOPInstanceUID for ds in loops}
    orthanc.end()
    orthanc.start()
    assert hospital.answers() == (6, 6)
    wait_for(lambda: service.health()["state"] == "working")
