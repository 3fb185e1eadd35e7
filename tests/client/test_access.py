"""Callers from other machines: docs/access.md, word for word, against the program; by clients that are not ours."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time

import pytest
from conftest import PROGRAM, ROOT

PAGE = (ROOT / "docs/access.md").read_text()
SAMPLE = ROOT / "tests/samples/hc18_230_HC.jpg"
DEVICE = "DEVICE.local:8443"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def far(tmp_path_factory):
    """The port, and the folder in which the page's commands are run: configuration, certificate, picture."""
    here = tmp_path_factory.mktemp("access")
    config = here / "config.toml"
    settings = blocks("toml")[0].replace("0.0.0.0:8443", "127.0.0.1:0").replace("/var/lib/espmedsam/access", str(here))
    config.write_text(settings)
    # What the page calls a PNG may be any picture: what it is, is seen by its bytes.
    shutil.copy(SAMPLE, here / "picture.png")
    serve = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--models", ROOT / "models", "--config", config]
    log = here / "log"
    with log.open("w") as stderr, subprocess.Popen(serve, stderr=stderr) as server:
        try:
            while not (found := re.search(r"other machines: https://127\.0\.0\.1:(\d+), certificate SHA-256 ([0-9A-F:]+)", log.read_text())):
                assert server.poll() is None, log.read_text()
                time.sleep(0.05)
            told = command(here, "access fingerprint")
            assert told.strip() == f"SHA-256 {found[2]}"
            yield int(found[1]), here
        finally:
            server.terminate()
            server.wait(20)


def command(here, words, status=0):
    """What a command of the page says."""
    done = subprocess.run([PROGRAM, *words.split(), "--config", here / "config.toml"], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stdout


def ready(port, here, token):
    """Asks until the model is warm."""
    for _ in range(600):
        if ask(port, here, "GET", "/health/ready", token)[0] == 200:
            return
        time.sleep(0.2)
    raise AssertionError("not ready")


def ask(port, here, method, path, token, body=None):
    context = ssl.create_default_context(cafile=here / "certificate.pem")
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    connection.request(method, path, body, {"Authorization": f"Bearer {token}", "Content-Type": "image/jpeg"})
    reply = connection.getresponse()
    return reply.status, reply.read()


def test_the_page_word_for_word(far):
    port, here = far
    shell = blocks("sh")
    added = re.findall(r"espmedsam (access add .*?)(?: +#.*)?$", shell[0], re.M)
    assert [line.split()[2] for line in added] == ["tablet", "archive"]
    tablet, archive = (command(here, line).strip() for line in added)
    ready(port, here, tablet)
    environment = {**os.environ, "TOKEN": archive}
    curl = shell[1].replace(DEVICE, f"localhost:{port}")
    by_curl = subprocess.run(curl, shell=True, cwd=here, env=environment, capture_output=True, text=True)
    found = json.loads(by_curl.stdout)
    assert found["result"] == "target" and found["notice"].startswith("Research use only")
    python = blocks("python")[0].replace(DEVICE, f"localhost:{port}")
    by_python = subprocess.run([sys.executable, "-c", python], cwd=here, env=environment, capture_output=True, text=True)
    assert by_python.returncode == 0, by_python.stderr
    assert str(found["area"]["px"]) in by_python.stdout
    # The one is good for looking, the other for segmenting.
    assert ask(port, here, "GET", "/v1/info", tablet)[0] == 200
    assert ask(port, here, "GET", "/v1/info", archive)[0] == 403
    assert ask(port, here, "POST", "/v1/segment?modality=ultrasound", tablet, SAMPLE.read_bytes())[0] == 403
    listed = command(here, "access list")
    assert re.search(r"tablet +\| +read +\| .*for good", listed) and re.search(r"archive +\| +segment +\|", listed)
    command(here, "access remove tablet")
    patience = time.monotonic() + 20
    while ask(port, here, "GET", "/v1/info", tablet)[0] == 200:
        assert time.monotonic() < patience, "a token that was taken away is still good"
        time.sleep(0.1)
    assert ask(port, here, "GET", "/v1/info", tablet)[0] == 401
    record = command(here, "access record").splitlines()
    assert [line.split("  ")[-1].split("  ")[-1] for line in record if "token" in line] == [
        "this device: token tablet added: read", "this device: token archive added: segment", "this device: token tablet removed"]
    assert re.fullmatch(r"whole, newest [0-9a-f]{64}", record[-1])


def test_a_record_that_was_altered_is_said_to_be(far):
    _, here = far
    altered = here / "altered"
    altered.mkdir()
    text = (here / "record.jsonl").read_text()
    (altered / "record.jsonl").write_text(text.replace("started", "Started", 1))
    done = subprocess.run([PROGRAM, "access", "record", "--folder", altered], capture_output=True, text=True)
    assert done.returncode == 1 and "line 2 is not as it was written" in done.stderr, done.stderr


def test_no_secret_is_on_the_disk_or_in_the_log(far):
    port, here = far
    token = command(here, "access add probe --scope read").strip()
    ready(port, here, token)
    assert ask(port, here, "GET", "/v1/info", token)[0] == 200
    for file in here.rglob("*"):
        assert file.is_dir() or token.removeprefix("espm_").encode() not in file.read_bytes(), file
    assert (here / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert (here / "identity.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_no_old_tls_is_spoken(far, version):
    port, here = far
    context = ssl.create_default_context(cafile=here / "certificate.pem")
    # OpenSSL itself would not, unless it is told to.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("localhost", port), 20) as stream, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(stream, server_hostname="localhost")


def test_wrong_use_says_what_would_be_right(far):
    _, here = far
    for words, said in [
        ("access add", "required"),
        ("access add x --scope everything", "read, segment, control and admin"),
        ("access add a/b --scope read", "no name for a token"),
        ("access add archive --scope read", "there is a token 'archive'"),
        ("access remove nobody", "there is no token 'nobody'"),
    ]:
        done = subprocess.run([PROGRAM, *words.split(), "--config", here / "config.toml"], capture_output=True, text=True)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)
    open_door = [PROGRAM, "serve", "--listen", "0.0.0.0:0", "--models", ROOT / "models"]
    done = subprocess.run(open_door, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "access.listen" in done.stderr and "--trust-network" in done.stderr, done.stderr
    config = here / "half.toml"
    config.write_text('[access]\nlisten = "127.0.0.1:0"\n')
    half = subprocess.run([PROGRAM, "serve", "--config", config, "--models", ROOT / "models"], capture_output=True, text=True, timeout=60)
    assert half.returncode == 78 and "folder" in half.stderr, half.stderr
