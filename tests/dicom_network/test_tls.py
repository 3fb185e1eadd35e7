"""DICOM over TLS, both sides with certificates of one authority: a gateway with a model of its own, and Python's ssl."""

import http.server
import io
import re
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest
from gateway_service import PROGRAM, fetal_head
from peers import PATIENCE, free_port, wait_for
from pydicom import dcmread
from pynetdicom import AE, AllStoragePresentationContexts, evt

# Built with TLS, beside the one without.
FAKE = PROGRAM.parent / "examples/gateway_fake"
CONFIG = """
enabled = true
listen = "127.0.0.1:0"
folder = "{folder}/dicom"
tls = {{ certificate = "{certs}/own.pem", key = "{certs}/own.key", authority = "{certs}/ca.pem" }}
callers = [{{ title = "US1", address = "127.0.0.1" }}]
destinations = [{{ name = "there", to = {{ {to} }} }}]
"""


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    """Own and peer, of one authority; a stranger, of another; and one of ours who is somewhere else."""
    folder = tmp_path_factory.mktemp("certs")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    def issue(name, authority, place):
        openssl(
            "req",
            "-newkey",
            "ec:ec.pem",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
        )
        (folder / "ext").write_text(f"subjectAltName = {place}\nbasicConstraints = CA:FALSE\n")
        signed = [
            "-CA",
            f"{authority}.pem",
            "-CAkey",
            f"{authority}.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "ext",
        ]
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")

    openssl("genpkey", "-genparam", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem")
    for authority in ("ca", "other"):
        files = ["-keyout", f"{authority}.key", "-out", f"{authority}.pem"]
        openssl("req", "-x509", "-newkey", "ec:ec.pem", "-nodes", "-days", "2", "-subj", f"/CN={authority}", *files)
    issue("own", "ca", "IP:127.0.0.1")
    issue("peer", "ca", "IP:127.0.0.1")
    issue("elsewhere", "ca", "DNS:elsewhere.example")
    issue("stranger", "other", "IP:127.0.0.1")
    return folder


def context(certs, side, name, authority="ca"):
    made = ssl.SSLContext(side)
    if name:
        made.load_cert_chain(certs / f"{name}.pem", certs / f"{name}.key")
    made.load_verify_locations(certs / f"{authority}.pem")
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    return made


class Gateway:
    """The gateway's example, built with TLS."""

    def __init__(self, folder, certs, to):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dicom.toml").write_text(CONFIG.format(folder=folder, certs=certs, to=to))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([FAKE, folder / "dicom.toml"], **pipes)
        self.port = int(self.process.stdout.readline().split()[-1])

    def look(self):
        """How it is."""
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0


@pytest.fixture
def start(tmp_path, certs):
    """start(to): a gateway whose answers go there."""
    begun = []

    def start(to):
        begun.append(Gateway(tmp_path, certs, to))
        return begun[-1]

    yield start
    for gateway in begun:
        gateway.end()


def push(port, tls, ds):
    """The status, or None."""
    ae = AE("US1")
    ae.acse_timeout = ae.network_timeout = 20
    ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title="ESPMEDSAM", tls_args=tls and (tls, None))
    if not association.is_established:
        return None
    status = association.send_c_store(ds).get("Status")
    association.release()
    return status


@contextmanager
def node(port, tls, took):
    ae = AE("PACS")
    ae.supported_contexts = AllStoragePresentationContexts

    def take(event):
        took.append(event.dataset.SOPClassUID.name)
        return 0x0000

    handlers = [(evt.EVT_C_STORE, take)]
    server = ae.start_server(("127.0.0.1", port), block=False, ssl_context=tls, evt_handlers=handlers)
    try:
        yield
    finally:
        server.shutdown()


@contextmanager
def web(port, tls, took):
    class Store(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            boundary = re.search("boundary=(.*)", self.headers["Content-Type"])[1].encode()
            part = body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--" + boundary, 1)[0]
            took.append(dcmread(io.BytesIO(part)).SOPClassUID.name)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Store) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


TO = {
    "node": (node, 'kind = "node", host = "127.0.0.1", port = {port}, title = "PACS", tls = true'),
    "web": (web, 'kind = "web", root = "https://127.0.0.1:{port}/dicom-web"'),
}
SERVER, CLIENT = ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT
ANSWERS = ["Comprehensive 3D SR Storage", "Comprehensive SR Storage", "Enhanced SR Storage", "Segmentation Storage"]


@pytest.mark.parametrize("way", TO)
def test_both_sides_show_who_they_are(start, certs, way):
    serve, to = TO[way]
    port, took, loop = free_port(), [], fetal_head()
    gateway = start(to.format(port=port))
    with serve(port, context(certs, SERVER, "peer"), took):
        assert push(gateway.port, context(certs, CLIENT, "peer"), loop) == 0
        wait_for(lambda: "sent: 2, failed: 0" in gateway.look())
    assert took[0] == "Segmentation Storage"
    assert took[1] in ANSWERS


def test_who_does_not_is_not_listened_to(start, certs):
    gateway = start(TO["node"][1].format(port=free_port()))
    loop = fetal_head()
    assert push(gateway.port, None, loop) is None
    # TLS 1.3 lets a client believe for a moment that it is in.
    for name in (None, "stranger"):
        assert push(gateway.port, context(certs, CLIENT, name), loop) is None
    assert push(gateway.port, context(certs, CLIENT, "peer"), loop) == 0
    assert "received: 1," in gateway.look()


@pytest.mark.parametrize("way", TO)
@pytest.mark.parametrize(("name", "authority"), [("elsewhere", "ca"), ("stranger", "ca"), ("peer", "other")])
def test_nothing_is_sent_to_who_is_somebody_else_or_does_not_believe_us(start, certs, way, name, authority):
    serve, to = TO[way]
    port, took = free_port(), []
    gateway = start(to.format(port=port))
    with serve(port, context(certs, SERVER, name, authority), took):
        assert push(gateway.port, context(certs, CLIENT, "peer"), fetal_head()) == 0
        wait_for(lambda: all(word in gateway.look() for word in ("last_error: Some", "waiting: 2", "spooled: 0")))
        said = gateway.look()
    assert took == []
    assert "sent: 0" in said
    reason = {"elsewhere": "not valid for name", "stranger": "UnknownIssuer"}.get(name, "alert")
    assert reason in said
