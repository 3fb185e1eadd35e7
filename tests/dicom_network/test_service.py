"""The program as a node: pictures are pushed, answers arrive, and of nobody is said who it is where nobody may know."""

import io
from contextlib import contextmanager

import highdicom as hd
import pytest
from gateway_service import CIRCUMFERENCE_MM, Service, fetal_head, push
from peers import free_port, wait_for
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, evt

PACS = """
[[dicom.destinations]]
name = "pacs"
to = {{ kind = "node", host = "127.0.0.1", port = {port}, title = "PACS" }}
answers = ["seg", "sr", "capture"]
"""
# What an archive files an answer by (kept), and all that it needs not know (never).
KEPT = ["PatientName", "PatientID", "AccessionNumber", "StudyID", "ReferringPhysicianName", "StudyDescription"]


@contextmanager
def pacs(port, took):
    """pynetdicom, as an archive that takes everything."""
    ae = AE("PACS")
    ae.supported_contexts = AllStoragePresentationContexts

    def take(event):
        written = io.BytesIO()
        event.dataset.file_meta = event.file_meta
        event.dataset.save_as(written, enforce_file_format=True)
        took.append(dcmread(io.BytesIO(written.getvalue())))
        return 0x0000

    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, take)])
    try:
        yield
    finally:
        server.shutdown()


@pytest.fixture
def service(tmp_path):
    port = free_port()
    service = Service(tmp_path, PACS.format(port=port))
    service.pacs = port
    yield service
    service.end()


def test_a_loop_is_pushed_and_its_answers_are_measured_in_millimetres(service):
    service.start()
    took, loop = [], fetal_head()
    with pacs(service.pacs, took):
        assert push(service, loop) == [0]
        wait_for(lambda: len(took) == 3)
    seg, report, capture = took
    assert [ds.Modality for ds in took] == ["SEG", "SR", "OT"]
    for ds in took:
        assert (ds.PatientID, ds.StudyInstanceUID) == (loop.PatientID, loop.StudyInstanceUID)
        assert "Research use only" in ds.SeriesDescription
    read = hd.seg.Segmentation.from_dataset(seg)
    frames = read.get_pixels_by_source_frame(loop.SOPInstanceUID, [1, 2, 3], combine_segments=True)
    # A head of some 16 cm around is some 20 cm² large.
    area = (frames > 0).sum(axis=(1, 2)) * 0.184696**2 / 100
    assert ((area > 15) & (area < 25)).all(), area
    groups = hd.sr.srread(io.BytesIO(raw(report))).content.get_planar_roi_measurement_groups()
    measured = [each for group in groups for each in group.get_measurements()]
    around = [each.value for each in measured if "ircumference" in each.name.meaning]
    assert len(around) == 3
    assert all(abs(mm - CIRCUMFERENCE_MM) < 0.05 * CIRCUMFERENCE_MM for mm in around), around
    assert seg.SOPInstanceUID in str(report)
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == loop.SOPInstanceUID
    assert service.health() == {"state": "working", "problems": [], "waiting": 0, "outgoing": 0, "refused": 0}
    assert service.outcomes() == {"answered": 1}


def test_who_is_not_listed_is_not_let_in(service):
    service.start()
    assert push(service, fetal_head(), title="US2") == [None]
    assert service.outcomes() == {}


def test_an_operator_asks_and_sends(service, tmp_path):
    away = service.run("echo", "pacs")
    assert away.returncode == 1
    assert "no connection" in away.stderr
    loop, took = fetal_head(), []
    loop.save_as(tmp_path / "loop.dcm", enforce_file_format=True)
    with pacs(service.pacs, took):
        # It has no C-ECHO among its contexts, and says so.
        assert "does not take objects of this kind" in service.run("echo", "pacs").stderr
        sent = service.run("send", "pacs", tmp_path / "loop.dcm")
        assert (sent.returncode, sent.stderr) == (0, "")
    assert took[0].PixelData == loop.PixelData
    assert "no destination 'other'; there are: pacs" in service.run("echo", "other").stderr


def planted(**changes):
    """A loop with a mark in every element that holds a text, and the marks of those that nobody needs."""
    ds = fetal_head()
    ds.StudyDescription = ""
    never = []
    texts = {"InstitutionName", "InstitutionAddress", "StationName", "SeriesDescription", "InstitutionalDepartmentName"}
    texts |= {
        "PerformingPhysicianName",
        "OperatorsName",
        "DerivationDescription",
        "OtherPatientIDs",
        "OtherPatientNames",
    }
    texts |= {
        "PatientAddress",
        "PatientTelephoneNumbers",
        "AdditionalPatientHistory",
        "PatientComments",
        "ProtocolName",
    }
    texts |= {
        "DeviceSerialNumber",
        "ImageComments",
        "RequestingPhysician",
        "RequestedProcedureDescription",
        "Occupation",
    }
    texts |= {
        "PerformedProcedureStepDescription",
        "PersonName",
        "PatientBirthName",
        "PatientMotherBirthName",
        "Manufacturer",
    }
    for number, keyword in enumerate(sorted(texts)):
        setattr(ds, keyword, f"NEVER-{number:02}")
        never.append(f"NEVER-{number:02}")
    for number, keyword in enumerate(KEPT):
        setattr(ds, keyword, f"KEPT-{number:02}")
    ds.add_new(0x00091001, "LO", "NEVER-99")
    ds.add_new(0x00090010, "LO", "NEVER-98")
    inner = fetal_head(1)
    del inner.PixelData, inner.file_meta
    inner.PatientName = "NEVER-97"
    ds.ReferencedImageSequence = [inner]
    for keyword, value in changes.items():
        setattr(ds, keyword, value)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return ds


def raw(ds):
    written = io.BytesIO()
    ds.save_as(written, enforce_file_format=True)
    return written.getvalue()


@pytest.mark.parametrize("identity", ["kept", "removed"])
def test_planted_names_are_found_in_answers_that_may_have_them_alone(tmp_path, identity):
    port = free_port()
    service = Service(tmp_path / "service", f'identity = "{identity}"\n' + PACS.format(port=port))
    # All that anybody can have logged.
    service.start("trace")
    took, said = [], []
    whole = planted()
    others = [planted(Modality="MR"), planted(NumberOfFrames=400), planted(BodyPartExamined="FOOT", Modality="CR")]
    uids = [
        str(each) for ds in (whole, *others) for each in (ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID)
    ]
    # Nobody is there to take the answers, which is complained of.
    assert push(service, whole, *others) == [0] * 4
    wait_for(lambda: sum(service.outcomes().values()) == 4)
    assert push(service, whole, title="STRANGER") == [None]
    wait_for(lambda: service.health()["problems"])
    assert service.outcomes() == {"answered": 1, "other-modality": 2, "damaged": 1}
    lie = [str(path) for path in (tmp_path / "service/dicom").rglob("*")]
    assert sum(path.endswith(".dcm") for path in lie) == 3
    said += [
        *lie,
        service.get("/metrics").decode(),
        service.get("/health/ready").decode(),
        service.get("/v1/info").decode(),
    ]
    with pacs(port, took):
        service.end()
        service.start("trace")
        wait_for(lambda: len(took) == 3)
    service.end()
    said.append(service.log.read_text())
    assert "answered" in said[-1]
    for text in said:
        for mark in ("NEVER-", "KEPT-", whole.PatientBirthDate or "KEPT-", *uids):
            assert mark not in text
    for ds in took:
        written = raw(ds)
        assert b"NEVER-" not in written
        if identity == "kept":
            assert {str(ds.get(keyword)) for keyword in KEPT} == {f"KEPT-{number:02}" for number in range(len(KEPT))}
            assert ds.StudyInstanceUID == whole.StudyInstanceUID
        else:
            assert b"KEPT-" not in written
            assert not any(uid.encode() in written for uid in uids)
            assert ds.PatientIdentityRemoved == "YES"
