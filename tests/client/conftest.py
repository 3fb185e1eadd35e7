"""A client generated from docs/openapi.json, and the program with the shipped models that it talks to."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/openapi.json"
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/espmedsam"
PACKAGE = "espmedsam_client"
# Files of real devices and enemies, outside the repository; without them their tests are not collected, and `make test`
# says so.
CASES = Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "cases"
collect_ignore = [] if CASES.is_dir() else ["test_cases.py"]
# Prometheus' own checker, as `make promtool` lays it here; without it, likewise.
PROMTOOL = shutil.which("promtool") or shutil.which(ROOT / ".venv/promtool/promtool")
collect_ignore += [] if PROMTOOL else ["test_metrics.py"]
# As `make node-red` lays it here.
NODE_RED = shutil.which(ROOT / ".venv/node-red/node_modules/.bin/node-red") or shutil.which("node-red")
# Debian's packages, unpacked by `make mosquitto` and not installed.
MOSQUITTO = ROOT / ".venv/mosquitto"
collect_ignore += [] if (MOSQUITTO / "ready").exists() else ["test_mqtt.py"]

# A live source that leaves the machine time for everything else.
LIVE = """
[server]
grpc = "127.0.0.1:0"
[gpio]
driver = "simulated"
[live]
clips = "{clips}"
[live.clients]
sources = true
[[live.sources]]
name = "phantom"
modality = "ultrasound"
source = {{ kind = "phantom", target = "fetal-head", rate = 4 }}
budget_ms = 5000
clip_s = 5
"""


@pytest.fixture(scope="session")
def service_log(tmp_path_factory):
    """What the program logged until it listened; it ends with the tests."""
    folder = tmp_path_factory.mktemp("server")
    log, config = folder / "log", folder / "service.toml"
    (folder / "clips").mkdir()
    config.write_text(LIVE.format(clips=folder / "clips"))
    serve = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--models", ROOT / "models", "--config", config]
    with log.open("w") as stderr, subprocess.Popen(serve, stderr=stderr) as server:
        try:
            while "http://" not in (text := log.read_text()) or not text.endswith("\n"):
                assert server.poll() is None, text
                time.sleep(0.05)
            yield text
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def address(service_log):
    """Where the program listens."""
    return re.search(r"http://[\d.]+:\d+(?= )", service_log)[0]


@pytest.fixture(scope="session")
def grpc_address(service_log):
    """Where it speaks gRPC."""
    return re.search(r"gRPC: listening on ([\d.]+:\d+)", service_log)[1]


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """generated("api.health.check_live"): a module of the client, made anew. A warning of the generator is a failure."""
    folder = tmp_path_factory.mktemp("client")
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", DOCUMENT, "--meta", "none",
         "--config", Path(__file__).with_name("generator.yaml"), "--output-path", folder / PACKAGE, "--fail-on-warning"],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield lambda module: importlib.import_module(f"{PACKAGE}.{module}")
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def client(generated, address):
    """The generated client, once the server is ready."""
    client = generated("client").Client(base_url=address, timeout=120)
    check_ready = generated("api.health.check_ready")
    patience = time.monotonic() + 120
    while check_ready.sync_detailed(client=client).status_code != 200:
        assert time.monotonic() < patience, "the server does not get ready"
        time.sleep(0.2)
    return client
