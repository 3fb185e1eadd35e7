"""The commands of docs/examples, word for word, against the program; each example fails if what it gets is wrong."""

import os
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import NODE_RED, PROGRAM, ROOT

FOLDER = ROOT / "docs/examples"
PAGE = (FOLDER / "README.md").read_text()
API, SITE = "http://127.0.0.1:8080", "http://localhost:8090"
# What an example says last, and the program without which it is not run (`make test` says so).
SAYS = {
    "curl": (None, r"colonoscopy: \d+ px, expected Dice 0\.\d+, by live-224-int8"),
    "Python": (None, r"ultrasound: \d+ px, expected Dice 0\.\d+, warnings \[.*\]"),
    "JavaScript, node": ("node", r"microscopy: \d+ outlines, \d+ px, \d+ px around"),
    "ffmpeg": ("ffmpeg", r"\d+ pictures, with the mask upon them"),
}
HERE = [name for name, (tool, _) in SAYS.items() if not tool or shutil.which(tool)]
CHROMIUM = shutil.which("chromium")


def blocks(title: str) -> list[str]:
    """The commands under a heading."""
    return re.findall(r"```sh\n(.*?)```", PAGE.split(f"## {title}\n")[1].split("\n## ")[0], re.S)


def ended(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Where the program listens, begun as the page says but for its port."""
    lines = PAGE.split("```sh\n")[1].split("```")[0].splitlines()
    assert lines[0] == "make build && mkdir -p out"
    command = lines[1].replace("target/release/espmedsam", str(PROGRAM)).split()
    log = tmp_path_factory.mktemp("examples") / "log"
    with log.open("w") as stderr:
        server = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], cwd=ROOT, stderr=stderr)
        try:
            while not (found := re.search(r"http://[\d.]+:\d+(?= )", log.read_text())):
                assert server.poll() is None, log.read_text()
                time.sleep(0.05)
            yield found[0]
        finally:
            ended(server)


@pytest.fixture
def commands(served, tmp_path):
    """commands(title): as the page has them, with this server's address, and files left in a folder of the test's own."""
    def commands(title: str) -> str:
        return "".join(blocks(title)).replace(API, served).replace("out/", f"{tmp_path}/")
    return commands


def until_there(address: str) -> None:
    patience = time.monotonic() + 120
    while time.monotonic() < patience:
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"{address} does not come")


def test_every_example_is_on_the_page_and_run():
    titles = set(re.findall(r"^## (.*)$", PAGE, re.M))
    # C and C++ have their test beside the library, Ray's is of the Python package's (`make test-ray`).
    elsewhere = {"C and C++", "A folder of many pictures, with Ray"}
    assert titles == {*SAYS, *elsewhere, "JavaScript, browser", "Node-RED"}
    linked = set(re.findall(r"\]\(([\w.-]+)\)", PAGE))
    assert linked == {path.name for path in FOLDER.iterdir()} - {"README.md"}


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_examples_are_short_and_say_what_they_are_not_for(path):
    if path.name not in ("README.md", "espmedsam.toml"):
        text = path.read_text()
        assert len(text.splitlines()) <= 40
        assert "Research use only. Not for clinical use." in text


@pytest.mark.parametrize("title", HERE)
def test_it_does_what_its_page_says(commands, title):
    done = subprocess.run(["bash", "-euc", commands(title)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(SAYS[title][1], done.stdout.strip().splitlines()[-1]), done.stdout


@pytest.mark.parametrize("title", [name for name in HERE if name != "ffmpeg"])
def test_it_fails_where_there_is_no_mask(commands, title, tmp_path):
    """An example that cannot fail would show nothing."""
    command = re.sub(r"tests/samples/\S+ \w+", "tests/samples/ISIC_0000390.jpg x-ray", commands(title))
    assert "x-ray" in command
    done = subprocess.run(["bash", "-euc", command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0, done.stdout
    assert "does not look like" in done.stderr, done.stderr


if CHROMIUM:

    def shown(address: str, folder: Path) -> str:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
                   "--virtual-time-budget=100000", "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return re.search(r"<title>(.*?)</title>", done.stdout)[1]

    def test_a_page_of_a_site_that_is_named_gets_its_mask_and_another_does_not(served, tmp_path):
        until_there(f"{served}/health/ready")
        [command] = blocks("JavaScript, browser")
        pages = subprocess.Popen(command.split(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until_there(SITE)
            address = re.search(rf"<({SITE}/\S+)>", PAGE)[1].replace(API, served)
            assert re.fullmatch(r"colonoscopy: \d+ px of kvasir_\w+\.jpg", shown(address, tmp_path))
            assert shown(address.replace("localhost", "127.0.0.1"), tmp_path).startswith("failed: ")
        finally:
            ended(pages)


if NODE_RED:

    def test_a_flow_goes_from_a_picture_to_a_mask(served, commands, tmp_path):
        until_there(f"{served}/health/ready")
        environment = os.environ | {"PATH": f"{Path(NODE_RED).parent}:{os.environ['PATH']}"}
        log = tmp_path / "log"
        command = commands("Node-RED").replace("node-red --userDir", "exec node-red --port 0 --userDir")
        with log.open("w") as out:
            flow = subprocess.Popen(["bash", "-euc", command], cwd=ROOT, stdout=out, stderr=out, env=environment)
            try:
                patience = time.monotonic() + 120
                while not re.search(r"dermoscopy: \d+ px, expected Dice 0\.\d+", log.read_text()):
                    assert flow.poll() is None and time.monotonic() < patience, log.read_text()
                    assert "[debug:refused]" not in log.read_text(), log.read_text()
                    time.sleep(0.3)
            finally:
                ended(flow)
