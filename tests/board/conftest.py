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


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """Switched on, with a payload of the package (`BOARD_PACKAGE`), a picture and tools; nothing is installed yet."""
    folder = Path(os.environ.get("BOARD_FOLDER") or tmp_path_factory.mktemp("board"))
    payload = folder / "payload"
    payload.mkdir(parents=True)
    shutil.copy(os.environ["BOARD_PACKAGE"], payload / "espmedsam.deb")
    shutil.copy(os.environ["BOARD_TOOLS"], payload / "v4l2_set")
    shutil.copy(SAMPLE, payload)
    board = Board(folder, payload)
    board.boot()
    board.must("mkdir -p /payload && tar -xf /dev/vdb -C /payload")
    yield board
    board.cut()


@pytest.fixture(scope="session")
def mask() -> bytes:
    """What this machine's own program makes of the sample: a mask as PNG."""
    # fmt: off
    command = [
        os.environ["PROGRAM"], "segment", str(SAMPLE), "--models", str(ROOT / "models"),
        "--modality", "ultrasound", "--format", "png", "-o", "-",
    ]
    # fmt: on
    return subprocess.run(command, check=True, capture_output=True).stdout


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
