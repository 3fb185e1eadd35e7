"""The board that the tests share: they stand in order, and each leaves it serving."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machine import Board

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "samples" / "hc18_230_HC.jpg"
LINE, SERIAL = "board", "12"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where disk and consoles of the board lie; `BOARD_FOLDER` keeps them."""
    return Path(os.environ.get("BOARD_FOLDER") or tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="session")
def update_key(folder: Path) -> str:
    """A signed package of the models goes into the payload; this is the public key for it."""
    (payload := folder / "payload").mkdir(parents=True)
    subprocess.run(["dpkg-deb", "-x", os.environ["BOARD_PACKAGE"], folder / "unpacked"], check=True)
    models = folder / "unpacked" / "usr" / "share" / "espmedsam" / "models"
    shutil.copy(SAMPLE, models / "head.jpg")
    secret = folder / "maker.key"
    said = _program("package", "keygen", "maker", "--out", str(secret))
    # fmt: off
    _program(
        "package", "models", "--serial", SERIAL, "--version", "2026.2", "--created", "2026-11-28", "--line", LINE,
        "--min-program", "0.1.0", "--key", str(secret), "--self-test", "ultrasound=head.jpg",
        "--out", str(payload / "models.esp"), str(models),
    )
    # fmt: on
    shutil.rmtree(folder / "unpacked")
    [key] = [line.strip() for line in said.splitlines() if line.strip().startswith("maker ")]
    return key


@pytest.fixture(scope="session")
def board(folder: Path, update_key: str) -> Iterator[Board]:
    """Switched on, with a disk of the package (`BOARD_PACKAGE`), new models and tools; nothing is installed yet."""
    shutil.copy(os.environ["BOARD_PACKAGE"], folder / "payload" / "espmedsam.deb")
    shutil.copy(os.environ["BOARD_TOOLS"], folder / "payload" / "v4l2_set")
    shutil.copy(ROOT / "tests" / "board" / "end_thread.pl", folder / "payload")
    board = Board(folder, folder / "payload")
    board.boot()
    board.must("mkdir -p /payload && tar -xf /dev/vdb -C /payload")
    yield board
    board.cut()


@pytest.fixture(scope="session")
def mask() -> bytes:
    """What this machine's own program makes of the sample: a mask as PNG."""
    models = str(ROOT / "models")
    return _output("segment", str(SAMPLE), "--models", models, "--modality", "ultrasound", "--format", "png", "-o", "-")


@pytest.fixture(scope="session")
def told() -> Iterator[Callable[[str, float], None]]:
    """Notes a figure: what it is, and its seconds. They go to `BOARD_FIGURES` at the end, and to the terminal."""
    figures: dict[str, float] = {}

    def tell(what: str, seconds: float) -> None:
        figures[what] = round(seconds, 1)
        print(f"\n  {seconds:6.1f} s  {what}", flush=True)

    yield tell
    if path := os.environ.get("BOARD_FIGURES"):
        Path(path).write_text(json.dumps(figures, indent=1) + "\n")


def _program(*arguments: str) -> str:
    return _output(*arguments).decode()


def _output(*arguments: str) -> bytes:
    return subprocess.run([os.environ["PROGRAM"], *arguments], check=True, capture_output=True).stdout
