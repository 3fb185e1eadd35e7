"""Where things lie. The official reference cases are outside the repository; without them that file is not collected,
and `make test` says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "reference"
sys.path.insert(0, str(ROOT / "models"))
collect_ignore = [] if REFERENCE.is_dir() else ["test_reference.py"]


@pytest.fixture(scope="session")
def espmedsam():
    """Runs the program; returns its standard output."""
    def run(*args) -> str:
        done = subprocess.run([ROOT / "target/release/espmedsam", *map(str, args)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
    return run
