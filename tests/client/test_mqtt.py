"""What a broker is told by the program with its shipped models; Debian's Mosquitto is the broker, and its client listens."""

import contextlib
import json
import math
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import MOSQUITTO, PROGRAM, ROOT

NOTICE = "Research use only. Not for clinical use."
PATIENCE = 120
# No message is longer, and far fewer bytes would hold no picture.
MOST_BYTES = 4096
PAGE = (ROOT / "docs/fleet.md").read_text()
ENVIRONMENT = os.environ | {
    "PATH": f"{MOSQUITTO / 'usr/bin'}:{MOSQUITTO / 'usr/sbin'}:{os.environ['PATH']}",
    "LD_LIBRARY_PATH": str(next(MOSQUITTO.glob("usr/lib/*-linux-gnu"), MOSQUITTO)),
}
CONFIG = """
[mqtt]
broker = "127.0.0.1:{port}"
device = "board-01"
results_per_s = 4
keep_alive_s = 5
{more}
[[live.sources]]
name = "phantom"
modality = "ultrasound"
source = {{ kind = "phantom", target = "fetal-head", rate = 4 }}
pixel_mm = "0.2"
budget_ms = 5000
"""
STATUS, STATE, RESULT = (f"espmedsam/board-01/{end}" for end in ("status", "live/phantom/state", "live/phantom/result"))


def program(name: str) -> str:
    return shutil.which(name, path=ENVIRONMENT["PATH"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(check, why=lambda: ""):
    """Until it says something; what it said."""
    patience = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < patience, why()
        time.sleep(0.05)
    return found


def end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(30)


def differing(one, other, place: str = "") -> list[str]:
    """Where two values differ; numbers by more than their last digits, as the API reads its own report once more."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [found for key in one for found in differing(one[key], other[key], f"{place}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for i, pair in enumerate(zip(one, other, strict=True)) for found in differing(*pair, f"{place}.{i}")]
    numbers = isinstance(one, float) and isinstance(other, float)
    same = math.isclose(one, other, rel_tol=1e-14) if numbers else one == other
    return [] if same else [f"{place}: {one} and {other}"]


class Mosquitto:
    """A broker that keeps nothing on the disk, and one that listens to it."""

    def __init__(self, folder: Path, login: tuple[str, str] | None = None, identity: Path | None = None):
        """TLS by the certificate and key in that folder."""
        folder.mkdir(exist_ok=True)
        self.port, self.folder = free_port(), folder
        lines = [f"listener {self.port} 127.0.0.1", f"allow_anonymous {'false' if login else 'true'}", "user root"]
        if identity:
            lines += [f"certfile {identity / 'certificate.pem'}", f"keyfile {identity / 'identity.pem'}"]
        if login:
            made = [program("mosquitto_passwd"), "-b", "-c", folder / "passwords", *login]
            subprocess.run(made, check=True, env=ENVIRONMENT)
            lines.append(f"password_file {folder / 'passwords'}")
        self.login = ["-u", login[0], "-P", login[1]] if login else []
        if identity:
            self.login += ["-h", "localhost", "--cafile", identity / "certificate.pem"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self.heard = folder / "heard"
        self.processes = []
        self.begin()

    def begin(self) -> None:
        log = (self.folder / "mosquitto.log").open("a")
        broker = subprocess.Popen([program("mosquitto"), "-c", self.folder / "mosquitto.conf"], stderr=log, env=ENVIRONMENT)
        wait_for(self.listens)
        # Topic, whether it was kept, bytes, and the message.
        ear = [program("mosquitto_sub"), "-p", str(self.port), *self.login, "-q", "1", "-t", "#", "-F", "%t\t%r\t%l\t%p"]
        self.processes = [broker, subprocess.Popen(ear, stdout=self.heard.open("w"), env=ENVIRONMENT)]

    def listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def end(self) -> None:
        for process in reversed(self.processes):
            end(process)

    def messages(self) -> list[tuple[str, dict]]:
        """All that was heard, each looked over."""
        found = []
        for line in self.heard.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                topic, _, length, text = line.rstrip("\n").split("\t")
                told = json.loads(text)
                assert told["notice"] == NOTICE
                assert int(length) <= MOST_BYTES, topic
                assert not re.search(r'"(rle|polygons|patch|counts|detail)"', text), topic
                found.append((topic, told))
        return found

    def wait(self, topic: str, **fields) -> dict:
        """The newest message of a topic, once it says so."""
        def check():
            told = [told for where, told in self.messages() if where == topic][-1:]
            return told and all(told[0].get(key) == value for key, value in fields.items()) and told[0]
        return wait_for(check, lambda: f"{topic} {fields}: {self.messages()[-3:]}")

    def kept(self, topic: str) -> dict:
        """What somebody hears of it who comes now."""
        ask = [program("mosquitto_sub"), "-p", str(self.port), *self.login, "-t", topic,
               "-C", "1", "-W", str(PATIENCE), "-F", "%r%p"]
        said = subprocess.run(ask, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout
        assert said.startswith("1"), "it was kept"
        return json.loads(said[1:])


class Board:
    """The service, told to tell that port."""

    def __init__(self, folder: Path, port: int, more: str = ""):
        self.log, config = folder / "log", folder / "service.toml"
        config.write_text(CONFIG.format(port=port, more=more))
        serve = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--models", ROOT / "models", "--config", config]
        self.process = subprocess.Popen(serve, stderr=self.log.open("w"))
        self.address = wait_for(self.listens, self.log.read_text)

    def listens(self) -> str | None:
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(r"http://[\d.]+:\d+(?= )", self.log.read_text())
        return found and found[0]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.address + path, timeout=PATIENCE) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def latest(self) -> dict:
        return json.loads(self.get("/v1/live/latest.json?mask=none")[1])

    def metric(self, name: str) -> float:
        return float(re.search(rf"^espmedsam_mqtt_{name} (\S+)$", self.get("/metrics")[1], re.M)[1])

    def said(self) -> list[str]:
        """What the log says of it, without its first word on where sources are told of."""
        return [line for line in self.log.read_text().splitlines() if "MQTT" in line]


@pytest.fixture
def begun():
    """begun(Mosquitto or Board, …): ended with the test."""
    ends = []

    def begin(kind, *given):
        made = kind(*given)
        ends.append(made.end if isinstance(made, Mosquitto) else lambda: end(made.process))
        return made

    yield begin
    for one in reversed(ends):
        one()


def test_a_broker_is_told_what_the_api_tells(begun, tmp_path):
    broker = begun(Mosquitto, tmp_path)
    board = begun(Board, tmp_path, broker.port)
    assert broker.wait(STATUS)["status"] == "online"
    state = broker.wait(STATE, state="mask", modality="ultrasound", budget_ms=5000)
    assert state.keys() >= {"at", "since", "age_ms", "rate", "frozen", "hidden", "step", "step_reason"}
    # The API shows one answer at a time, and the broker is told of one now and then: until both have had the same.
    shown = {}

    def both():
        latest = board.latest()
        shown[latest["update"]] = latest
        for topic, told in broker.messages():
            if topic == RESULT and told["update"] in shown and shown[told["update"]]["result"]:
                return told, shown[told["update"]]
        return None

    told, latest = wait_for(both)
    figures, same = told["result"], latest["result"]
    # The API has written the mask as well.
    for time_of in ("render", "total"):
        del figures["times_ms"][time_of], same["times_ms"][time_of]
    assert differing(figures, same) == []
    assert figures["ellipse"]["circumference_mm"] > 0
    assert figures["area"]["px"] > 0
    assert (told["state"], told["source"]) == ("mask", "phantom")
    # No result without a mask, no state that the API has no word for.
    states = [told["state"] for topic, told in broker.messages() if topic == STATE]
    assert set(states) <= {"starting", "mask", "unsure", "nothing-found", "stale", "overload", "no-signal"}
    assert {told["state"] for topic, told in broker.messages() if topic == RESULT} == {"mask"}
    assert board.metric("connected") == 1
    assert board.metric("published_total") >= 3
    assert board.metric("left_out_total") == 0
    # An orderly end is told, and no last will comes after it.
    end(board.process)
    broker.wait(STATE, state="ended")
    assert broker.kept(STATUS).items() >= {"status": "offline", "reason": "stopped"}.items()
    assert [told["status"] for topic, told in broker.messages() if topic == STATUS] == ["online", "offline"]


def test_a_board_that_is_gone_without_a_word_is_said_to_be_offline(begun, tmp_path):
    broker = begun(Mosquitto, tmp_path)
    board = begun(Board, tmp_path, broker.port)
    broker.wait(STATUS, status="online")
    board.process.kill()
    broker.wait(STATUS, status="offline", reason="lost")
    assert broker.kept(STATUS)["status"] == "offline"


def test_a_broker_that_comes_back_hears_how_things_are(begun, tmp_path):
    broker = begun(Mosquitto, tmp_path)
    board = begun(Board, tmp_path, broker.port)
    broker.wait(STATE, state="mask")
    broker.end()
    wait_for(lambda: board.metric("connected") == 0)
    # The service goes on meanwhile as if nothing were.
    assert board.get("/health/ready")[0] == 200
    before = board.latest()["update"]
    wait_for(lambda: board.latest()["update"] > before)
    broker.begin()
    broker.wait(STATE, state="mask")
    assert broker.wait(RESULT)["update"] >= before
    assert broker.kept(STATUS)["status"] == "online"
    assert board.metric("connected") == 1
    # Told once for each change: there, gone (there may be two words for that, one while it goes), there again.
    said = board.said()
    assert len([line for line in said if "is told of live sources" in line]) == 2
    assert 1 <= len([line for line in said if "tried again" in line]) <= 3


def test_a_password_opens_and_another_does_not(begun, tmp_path):
    broker = begun(Mosquitto, tmp_path, ("board", "hush-hush"))
    secret = tmp_path / "secret"
    secret.write_text("wrong-hush\n")
    login = f'user = "board"\npassword_file = "{secret}"'
    board = begun(Board, tmp_path, broker.port, login)
    wait_for(lambda: any("lets this client not in" in line for line in board.said()), board.log.read_text)
    assert board.metric("connected") == 0
    assert "hush" not in board.log.read_text()
    end(board.process)
    assert board.process.returncode == 0
    secret.write_text("hush-hush\n")
    begun(Board, tmp_path, broker.port, login)
    broker.wait(STATUS, status="online")


def test_a_broker_on_the_board_sends_on_by_tls_as_the_page_has_it(begun, tmp_path):
    # Any certificate will do; the service makes one.
    identity = tmp_path / "identity"
    near = free_port()
    begun(Board, tmp_path, near, f'[access]\nlisten = "127.0.0.1:0"\nfolder = "{identity}"')
    fleet = begun(Mosquitto, tmp_path / "fleet", ("board-01", "hush-hush"), identity)
    bridge = "connection fleet\n" + PAGE.split("```\nconnection fleet\n")[1].split("```")[0]
    for ours, here in {
        "broker.example:8883": f"localhost:{fleet.port}",
        "/etc/ssl/certs/ca-certificates.crt": str(identity / "certificate.pem"),
        "remote_password …": "remote_password hush-hush",
    }.items():
        assert ours in bridge
        bridge = bridge.replace(ours, here)
    # The board's own broker, at the port where the service looks for it.
    lines = [f"listener {near} 127.0.0.1", "allow_anonymous true", "user root", bridge]
    (tmp_path / "near.conf").write_text("\n".join(lines))
    with (tmp_path / "near.log").open("w") as log:
        own = subprocess.Popen([program("mosquitto"), "-c", tmp_path / "near.conf"], stderr=log, env=ENVIRONMENT)
    try:
        assert fleet.wait(STATUS)["status"] == "online"
        fleet.wait(STATE, state="mask")
        assert fleet.wait(RESULT)["result"]["area"]["px"] > 0
    finally:
        end(own)


def test_a_broker_that_never_answers_disturbs_nothing(begun, tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=128) as mute:
        board = begun(Board, tmp_path, mute.getsockname()[1])
        wait_for(lambda: any("does not answer in time" in line for line in board.said()), board.log.read_text)
        wait_for(lambda: board.latest()["state"] == "mask")
        assert board.get("/health/ready")[0] == 200
        assert (board.metric("connected"), board.metric("published_total")) == (0, 0)
        # A second attempt says nothing new.
        accepted = []
        while len(accepted) < 3:
            accepted.append(mute.accept()[0])
        assert len(board.said()) == 1
        begun_to_end = time.monotonic()
        end(board.process)
        assert board.process.returncode == 0
        assert time.monotonic() - begun_to_end < 30
        for one in accepted:
            one.close()


def test_a_setting_that_cannot_work_ends_it_before_there_is_a_model(tmp_path):
    config = tmp_path / "service.toml"
    for more, said in [
        ('user = "board"\npassword_file = "/nowhere/password"', "mqtt.password_file: /nowhere/password"),
        ("results_per_s = 9", "mqtt.results_per_s: expected 0 to 4"),
    ]:
        config.write_text(f'[mqtt]\nbroker = "127.0.0.1:1"\ndevice = "a"\n{more}\n')
        serve = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--models", "/nowhere", "--config", config]
        done = subprocess.run(serve, capture_output=True, text=True, timeout=PATIENCE)
        assert (done.returncode, said in done.stderr) == (78, True), done.stderr


def test_the_page_s_commands_do_what_it_says(tmp_path):
    """Word for word, but for the build, the ports, and the folder."""
    section = PAGE.split("### Ten minutes\n")[1].split("\n### ")[0]
    first, second = re.findall(r"```sh\n(.*?)```", section, re.S)
    begin, rest = first.split("\n", 1)
    assert begin == "make build && mkdir -p out"
    serve = "target/release/espmedsam serve"
    assert serve in rest
    script = (rest + "echo GONE\n" + second).replace("1884", str(free_port())).replace("out/", f"{tmp_path}/")
    script = script.replace(serve, f"{PROGRAM} serve --listen 127.0.0.1:0")
    done = subprocess.run(["bash", "-eu"], input=script, cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT,
                          timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    alive, gone = done.stdout.split("GONE\n")
    heard = [line.split(" ", 1) for line in alive.splitlines()]
    assert {STATUS} <= {topic for topic, _ in heard} <= {STATUS, STATE, RESULT}
    assert len(heard) == int(re.search(r"-C (\d+)", first)[1])
    assert all(json.loads(told)["notice"] == NOTICE for _, told in heard)
    assert json.loads(gone).items() >= {"status": "offline", "reason": "lost"}.items()
