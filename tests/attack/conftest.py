"""The attackers of benches/attack, and the program that they attack."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/espmedsam"
for folder in ("live", "attack"):
    sys.path.insert(0, str(ROOT / "benches" / folder))


@pytest.fixture(scope="session")
def attacked():
    """The program with both doors and short limits; it ends with the tests, and must have said nothing wrong until then."""
    import server
    import sortie

    running = server.Server(server.Setup(PROGRAM, ROOT / "models", sortie.LIMITS))
    yield running
    assert running.stop() == []
