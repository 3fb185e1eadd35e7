"""pynetdicom as who sends, and as who takes; Python's own parsers as the DICOMweb server."""

import email
import http.server
import io
import json
import threading
from contextlib import contextmanager

import pytest
from conftest import MADE, instance, run_node, same
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import (
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    Verification,
)

SYNTAXES = sorted({dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID for path in MADE})


@contextmanager
def association(provider, *contexts, title=None, max_pdu=16382):
    ae = AE("PYNETDICOM")
    for context in contexts:
        ae.add_requested_context(*context)
    association = ae.associate("127.0.0.1", provider.port, ae_title=title or provider.title, max_pdu=max_pdu)
    try:
        yield association
    finally:
        association.release()


def test_it_echoes_and_stores_in_every_transfer_syntax(provider, objects):
    assert len(SYNTAXES) >= 7
    contexts = [(SecondaryCaptureImageStorage, syntax) for syntax in SYNTAXES]
    # The shortest PDUs that it may ask for, and any length.
    for max_pdu, files in ((4096, objects[::2]), (0, objects[1::2])):
        with association(provider, (Verification,), *contexts, max_pdu=max_pdu) as peer:
            assert peer.send_c_echo().Status == 0
            for path in files:
                assert peer.send_c_store(path).Status == 0
            # The same one again.
            assert peer.send_c_store(files[0]).Status == 0
    stored = provider.stored()
    assert len(stored) == len(objects)
    for path in objects:
        assert same(path, stored[instance(path)])
    said = dcmread(stored[instance(objects[0])]).file_meta
    assert said.SourceApplicationEntityTitle == "PYNETDICOM"
    assert said.ImplementationVersionName.startswith("ESPMEDSAM")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_data_sets_written_in_other_ways_are_read_back(provider, syntax):
    data = dcmread(MADE[0])
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    written = io.BytesIO()
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(written, implicit_vr=syntax.is_implicit_VR)
    written.seek(0)
    with association(provider, (UltrasoundImageStorage, syntax)) as peer:
        assert peer.send_c_store(dcmread(written)).Status == 0
    (path,) = provider.stored().values()
    read = dcmread(path)
    assert read.file_meta.TransferSyntaxUID == syntax
    assert (read.pixel_array == dcmread(MADE[0]).pixel_array).all()
    assert read.file_meta.MediaStorageSOPClassUID == UltrasoundImageStorage


def test_what_is_not_taken_is_not_granted(provider):
    mpeg = "1.2.840.10008.1.2.4.102"
    contexts = [(MRImageStorage,), (UltrasoundImageStorage, [mpeg]), (UltrasoundImageStorage, [mpeg, JPEGBaseline8Bit])]
    with association(provider, *contexts) as peer:
        assert peer.is_established
        (granted,) = peer.accepted_contexts
        assert granted.transfer_syntax == [JPEGBaseline8Bit]
        results = {context.abstract_syntax: context.result for context in peer.rejected_contexts}
        assert results == {MRImageStorage: 3, UltrasoundImageStorage: 4}


def test_who_calls_another_is_rejected(provider):
    with association(provider, (Verification,), title="OTHER") as peer:
        assert peer.is_rejected
        rejected = peer.acceptor.primitive
        assert (rejected.result, rejected.result_source, rejected.diagnostic) == (1, 1, 7)


@contextmanager
def listening(store=lambda _: 0, max_pdu=16382, **settings):
    """A provider of pynetdicom's, with what it took."""
    ae, took = AE("PACS"), []
    ae.maximum_pdu_size = max_pdu
    for name, value in settings.items():
        setattr(ae, name, value)
    ae.supported_contexts = AllStoragePresentationContexts
    for syntax in SYNTAXES:
        ae.add_supported_context(SecondaryCaptureImageStorage, syntax)
    ae.add_supported_context(Verification)

    def take(event):
        took.append(event.encoded_dataset())
        return store(event)

    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)])
    try:
        yield server.server_address[1], took
    finally:
        server.shutdown()


@pytest.mark.parametrize("max_pdu", [0, 4096, 16382, 1 << 20])
def test_it_takes_what_is_sent(tmp_path, objects, max_pdu):
    with listening(max_pdu=max_pdu) as (port, took):
        assert run_node("echo", "127.0.0.1", port, "PACS") == (True, [])
        assert run_node("store", "127.0.0.1", port, "PACS", *objects) == (True, ["Stored"] * len(objects))
    for path, object_ in zip(objects, took, strict=True):
        (tmp_path / "took").write_bytes(object_)
        assert same(path, tmp_path / "took")


def test_its_statuses_are_understood():
    for status, well, said in [
        (0xB000, True, "WithWarning(45056)"),
        (0x0111, True, "WithWarning(273)"),
        (0xA700, False, "error: the node did not take the object: it has no room for it now (status A700)"),
        (0xC123, False, "error: the node did not take the object: it was not understood (status C123)"),
    ]:
        with listening(lambda _, status=status: status) as (port, _):
            assert run_node("store", "127.0.0.1", port, "PACS", MADE[0]) == (well, [said])


def test_its_refusals_are_understood():
    with listening(require_calling_aet=["OTHER"]) as (port, _):
        well, said = run_node("echo", "127.0.0.1", port, "PACS")
        assert not well
        assert "does not know the AE title of who calls" in said[0]
    with listening(require_called_aet=True) as (port, _):
        well, said = run_node("echo", "127.0.0.1", port, "OTHER")
        assert not well
        assert "its own AE title is another" in said[0]
    with listening(lambda event: event.assoc.abort()) as (port, _):
        well, said = run_node("store", "127.0.0.1", port, "PACS", MADE[0])
        assert not well
        assert "broke the association off" in said[0]


class Web(http.server.BaseHTTPRequestHandler):
    """A DICOMweb server that takes objects and says what it was told to."""

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.server.asked.append((self.path, self.headers["Accept"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.rfile.read(length))
        assert message.get_content_type() == "multipart/related"
        (part,) = message.get_payload()
        assert part.get_content_type() == "application/dicom"
        self.server.took.append(part.get_payload(decode=True))
        status, reply = self.server.says
        body = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_objects_are_posted_to_a_web_server(objects):
    reason = {"00081197": {"vr": "US", "Value": [0xC000]}}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        server.asked, server.took, server.says = [], [], (200, {"00081199": {"vr": "SQ", "Value": [{}]}})
        threading.Thread(target=server.serve_forever).start()
        root = f"http://127.0.0.1:{server.server_address[1]}/dicom-web/"
        try:
            assert run_node("stow", root, *objects) == (True, ["Stored"] * len(objects))
            server.says = (409, {"00081198": {"vr": "SQ", "Value": [reason]}})
            refused = run_node("stow", root, MADE[0])
            server.says = (503, {})
            down = run_node("stow", root, MADE[0])
        finally:
            server.shutdown()
    assert refused == (False, ["error: the node did not take the object: it was not understood (status C000)"])
    assert down == (False, ["error: the DICOMweb server answered with status 503"])
    assert set(server.asked) == {("/dicom-web/studies", "application/dicom+json")}
    for path, took in zip(objects, server.took, strict=False):
        assert took == path.read_bytes()
