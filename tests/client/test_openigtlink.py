"""OpenIGTLink, in and out, with pyigtl as it is published on the other end of both, and with servers that lie.

pyigtl knows neither STATUS nor NDARRAY: these are written here, by the protocol's documents.
"""

import io
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pyigtl
import pytest
from conftest import PROGRAM, ROOT
from PIL import Image
from pyigtl.messages import MessageBase, message_type_to_class_constructor

NOTICE = "Research use only. Not for clinical use."
# Reached only when a test fails.
PATIENCE = 120
# A tilted picture with pixels of 0.2 by 0.25 mm.
MATRIX = np.array([[0.2, 0, 0, 10], [0, 0.15, -0.2, -20], [0, 0.2, 0.15, 30], [0, 0, 0, 1]])
PIXEL = [0.2, 0.25]

CONFIG = """
[openigtlink]
listen = "127.0.0.1:0"
[live.clients]
sources = true
[[live.sources]]
name = "probe"
modality = "ultrasound"
source = {{ kind = "openigtlink", address = "127.0.0.1:{probe}", device = "Image_Reference" }}
steady = false
budget_ms = 5000
signal_ms = 3000
[[live.sources]]
name = "liar"
modality = "ultrasound"
source = {{ kind = "openigtlink", address = "127.0.0.1:{liar}" }}
steady = false
budget_ms = 5000
signal_ms = 3000
"""


class Status(MessageBase):
    def _unpack_content(self, content):
        self.code, self.sub_code, name = struct.unpack("> H q 20s", content[:30])
        self.name, self.text = name.rstrip(b"\0").decode(), content[30:].rstrip(b"\0").decode()


class Array(MessageBase):
    def _unpack_content(self, content):
        scalar, dimensions = content[0], content[1]
        assert scalar == 10, "float32"
        shape = struct.unpack(f"> {dimensions}H", content[2:2 + 2 * dimensions])
        self.array = np.frombuffer(content[2 + 2 * dimensions:], ">f4").reshape(shape)


class Question(MessageBase):
    def __init__(self, kind, device, version):
        super().__init__(device_name=device)
        self._message_type, self.header_version, self._valid_message = kind, version, True


message_type_to_class_constructor.update(STATUS=Status, NDARRAY=Array)


def until(what, ask):
    """What `ask` gives, once that is something."""
    end = time.monotonic() + PATIENCE
    while not (found := ask()):
        assert time.monotonic() < end, f"not so: {what}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Scanner:
    """A pyigtl server that sends a picture again and again, as PLUS does, between transforms and texts."""

    def __init__(self, port, pixels):
        self.pixels = pixels
        # It takes the process's signals for itself.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        self.server = pyigtl.OpenIGTLinkServer(port=port, local_server=True)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._send)
        self.thread.start()

    def _send(self):
        while not self.ends.wait(0.2):
            if not self.server.is_connected():
                continue
            self.server.send_message(pyigtl.TransformMessage(MATRIX, device_name="ProbeToReference"), wait=False)
            image = pyigtl.ImageMessage(self.pixels, MATRIX, "ras", device_name="Image_Reference")
            image.header_version, image.metadata = 2, {"FrameNumber": "1"}
            other = pyigtl.ImageMessage(255 - self.pixels, device_name="Other_Reference")
            for message in (other, image, pyigtl.StringMessage("hello", device_name="Text")):
                self.server.send_message(message, wait=False)

    def stop(self):
        self.ends.set()
        self.thread.join()
        self.server.stop()


@pytest.fixture(scope="module")
def picture():
    return np.array(Image.open(ROOT / "tests/samples/hc18_230_HC.jpg").convert("L"))


@pytest.fixture(scope="module")
def ports():
    return {"probe": free_port(), "liar": free_port()}


@pytest.fixture(scope="module")
def program(tmp_path_factory, ports):
    """Where the program's API is, and the port of its OpenIGTLink."""
    folder = tmp_path_factory.mktemp("openigtlink")
    log, config = folder / "log", folder / "service.toml"
    config.write_text(CONFIG.format(**ports))
    serve = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--models", ROOT / "models", "--config", config]
    with log.open("w") as stderr, subprocess.Popen(serve, stderr=stderr) as server:
        try:
            def addresses():
                assert server.poll() is None, log.read_text()
                api = re.search(r"http://[\d.]+:\d+(?= )", log.read_text())
                link = re.search(r"who connects to 127\.0\.0\.1:(\d+)", log.read_text())
                return api and link and (api[0], int(link[1]))
            yield until("it listens", addresses)
        finally:
            server.terminate()
            assert server.wait(PATIENCE) == 0
        assert "panicked" not in log.read_text()
        # Of what is in pictures and in whose they are nothing is logged.
        assert "Image_Reference" not in log.read_text()


@pytest.fixture
def navigator(program):
    """A pyigtl client of the program, as a navigation system is one."""
    client = pyigtl.OpenIGTLinkClient("127.0.0.1", program[1])
    yield client
    client.stop()


@pytest.fixture
def scanner(ports, picture):
    one = Scanner(ports["probe"], picture[None])
    yield one
    one.stop()


def get(program, path: str) -> bytes:
    with urllib.request.urlopen(program[0] + path, timeout=PATIENCE) as reply:
        return reply.read()


def status_of(navigator, name, source="probe"):
    """The first status of that name."""
    def ask():
        status = navigator.wait_for_message(f"{source}_Status", timeout=1)
        return status if status and status.name == name else None
    return until(f"{source} is {name}", ask)


def label_of(navigator, filled, source="probe"):
    """The first label map that is empty, or is not."""
    def ask():
        label = navigator.wait_for_message(f"{source}_Label", timeout=1)
        return label if label and label.image.any() == filled else None
    return until(f"{source} has a label map", ask)


def still_mask(program, pixels) -> np.ndarray:
    """The mask of POST /v1/segment, 0 or 1."""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    ask = urllib.request.Request(program[0] + "/v1/segment?modality=ultrasound&format=png", png.getvalue(),
                                 {"Content-Type": "image/png"})
    with urllib.request.urlopen(ask, timeout=PATIENCE) as reply:
        return np.array(Image.open(io.BytesIO(reply.read()))) // 255


def test_the_mask_is_the_still_path_s_where_the_picture_lies(program, navigator, scanner, picture):
    label = label_of(navigator, True)
    assert label.image.dtype == np.uint8 and label.image.shape == (1, *picture.shape)
    assert np.array_equal(label.image[0], still_mask(program, picture))
    assert np.allclose(label.ijk_to_world_matrix, MATRIX, atol=1e-4)
    assert label.world_coordinate_system == "ras"
    assert label.header_version == 2 and label.metadata["Notice"] == NOTICE
    assert (label.metadata["State"], label.metadata["Modality"]) == ("mask", "ultrasound")
    assert np.allclose([float(mm) for mm in label.metadata["PixelMm"].split(",")], PIXEL, atol=1e-6)
    image = until("its picture", lambda: navigator.wait_for_message("probe_Image", timeout=1))
    assert np.array_equal(image.image[0], np.repeat(picture[:, :, None], 3, axis=2))
    assert np.allclose(image.ijk_to_world_matrix, MATRIX, atol=1e-4)
    # The time is the scanner's own.
    assert abs(image.timestamp - time.time()) < PATIENCE
    status = status_of(navigator, "mask")
    assert status.code == 1 and status.text == f"MASK. {NOTICE}"
    told = get(program, "/v1/live/latest.json?source=probe").decode()
    found = re.search(r'"pixel_mm":\[([\d.]+),([\d.]+)\]', told)
    assert np.allclose([float(found[1]), float(found[2])], PIXEL, atol=1e-6), told[:600]


def test_logits_come_on_request_and_an_older_version_is_answered_by_it(navigator, scanner):
    label = label_of(navigator, True)
    assert navigator.wait_for_message("probe_Logits", timeout=0) is None
    navigator.send_message(Question("GET_NDARRAY", "probe", 2))
    logits = until("logits", lambda: navigator.wait_for_message("probe_Logits", timeout=1))
    side = logits.array.shape[0]
    assert logits.array.shape == (side, side) and np.isfinite(logits.array).all()
    assert logits.metadata["Notice"] == NOTICE
    # What is over 0 is what is marked, but for the border.
    share = (logits.array > 0).mean()
    assert abs(share - label.image.mean()) < 0.02
    navigator.send_message(Question("GET_STATUS", "", 1))

    def old():
        status = navigator.wait_for_message("probe_Status", timeout=1)
        return status if status and status.header_version == 1 else None
    assert NOTICE in until("version 1", old).text
    label = until("a label map by version 1", lambda: (
        label if (label := label_of(navigator, True)).header_version == 1 else None))
    assert not label.metadata


def test_a_scanner_that_goes_takes_its_mask_with_it_and_comes_back(program, navigator, ports, picture):
    for _ in range(2):
        scanner = Scanner(ports["probe"], picture[None])
        try:
            label_of(navigator, True)
        finally:
            scanner.stop()
        status = status_of(navigator, "no-signal")
        assert status.code == 16 and status.text.startswith("NO SIGNAL") and status.text.endswith(NOTICE)
        empty = label_of(navigator, False)
        assert empty.image.shape == (1, *picture.shape) and empty.metadata["State"] == "no-signal"
        assert np.allclose(empty.ijk_to_world_matrix, MATRIX, atol=1e-4)


def packed(pixels, version=1) -> bytearray:
    image = pyigtl.ImageMessage(pixels, MATRIX, device_name="Image_Reference")
    image.header_version = version
    return bytearray(image.pack())


def test_what_is_damaged_lies_or_never_ends_shows_nothing_and_ends_nothing(program, navigator, ports, picture):
    good = packed(picture[None])
    damaged = good.copy()
    damaged[-1] ^= 1
    unsaid = good.copy()
    struct.pack_into("> Q", unsaid, 50, 0)
    huge, short = good.copy(), good.copy()
    struct.pack_into("> Q", huge, 42, 1 << 63)
    struct.pack_into("> H", short, 58 + 6, 5000)
    short[50:58] = struct.pack("> Q", pyigtl.messages.CRC64(bytes(short[58:])))
    volume = packed(np.stack([picture, picture]))
    real = packed(picture[None].astype(np.float32))
    begun = packed(picture[None], version=2)
    struct.pack_into("> I", begun, 58 + 4, 0xFFFF_FFFF)
    begun[50:58] = struct.pack("> Q", pyigtl.messages.CRC64(bytes(begun[58:])))
    with socket.create_server(("127.0.0.1", ports["liar"])) as server:
        server.settimeout(PATIENCE)
        for bad in (damaged, unsaid, huge, short, volume, real, begun, b"HTTP/1.1 200 OK\r\n" * 9):
            peer, _ = server.accept()
            with peer:
                peer.sendall(bad)
                # Nothing of it is a picture; a good one behind it is, unless the stream is of no use any more.
                time.sleep(0.2)
                assert b'"state":"mask"' not in get(program, "/v1/live/latest.json?source=liar&mask=none")
        peer, _ = server.accept()
        with peer:
            # A body that says no end: as long as it comes, nothing is shown of it, and others are answered.
            peer.sendall(good[:42] + struct.pack("> Q", 40 << 20) + bytes(8))
            for _ in range(20):
                peer.sendall(bytes(1 << 20))
            assert b'"state":"mask"' not in get(program, "/v1/live/latest.json?source=liar&mask=none")
            assert get(program, "/health/live")
        label_of_liar = navigator.wait_for_message("liar_Label", timeout=0)
        assert label_of_liar is None or not label_of_liar.image.any()
        peer, _ = server.accept()
        with peer:
            peer.settimeout(PATIENCE)
            ends = threading.Event()

            def send():
                while not ends.wait(0.2):
                    peer.sendall(damaged + good)
            sender = threading.Thread(target=send)
            sender.start()
            try:
                label = label_of(navigator, True, "liar")
            finally:
                ends.set()
                sender.join()
            assert np.array_equal(label.image[0], still_mask(program, picture))
    counts = get(program, "/v1/live/latest.json?source=liar&mask=none").decode()
    assert int(re.search(r'"garbage":(\d+)', counts)[1]) >= 3, counts[:600]


def test_clients_are_few_and_one_that_talks_something_else_is_cut(program):
    link = ("127.0.0.1", program[1])
    with socket.create_connection(link) as foreign:
        foreign.settimeout(PATIENCE)
        foreign.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
        assert ends(foreign)
    held = []

    def turned_away():
        one = socket.create_connection(link)
        one.settimeout(1)
        try:
            silent = not one.recv(1)
        except TimeoutError:
            silent = False
        except ConnectionResetError:
            silent = True
        one.close() if silent else held.append(one)
        return silent
    until("no more than four are let in", turned_away)
    assert len(held) <= 4
    for one in held:
        one.close()


def ends(connection) -> bool:
    """Whether the other end hangs up."""
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def test_the_page_does_what_it_says(tmp_path):
    """The page's commands, word for word but for ports, the program's place and the environment that is here already."""
    page = (ROOT / "docs/openigtlink.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    assert blocks[0].startswith("make build\n") and len(blocks) == 4
    script = "".join(blocks[1:]).replace("out/igtl/bin/python", sys.executable).replace("out/", f"{tmp_path}/")
    script = script.replace("target/release/espmedsam serve", f"{PROGRAM} serve --listen 127.0.0.1:0")
    for port in ("18944", "18945"):
        assert port in script
        script = script.replace(port, str(free_port()))
    done = subprocess.run(["bash", "-uc", f"trap 'kill $(jobs -p)' EXIT\n{script}"], cwd=ROOT, capture_output=True,
                          text=True, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ pixels of 0\.2\d* mm: .*fetal head", done.stdout), done.stdout
    assert NOTICE in done.stdout
