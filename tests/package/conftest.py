"""What tests of the container image share: one image, of the program that was built."""

import importlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/espmedsam"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
# skopeo and umoci, as `make oci-tools` lays them here; without them their test is not collected, and `make test` says so.
OCI_TOOLS = ROOT / ".venv/oci-tools"
collect_ignore = [] if (OCI_TOOLS / "ready").exists() else ["test_image_tools.py"]


@pytest.fixture(scope="session")
def image():
    """board/package/image.py."""
    folder = str(ROOT / "board/package")
    sys.path.insert(0, folder)
    yield importlib.import_module("image")
    sys.path.remove(folder)


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """The program as it is given out, without symbols."""
    path = tmp_path_factory.mktemp("program") / "espmedsam"
    subprocess.run(["strip", "-o", path, PROGRAM], check=True)
    return path


@pytest.fixture(scope="session")
def layout(image, program, tmp_path_factory):
    """An OCI layout, and one file of it beside it."""
    folder = tmp_path_factory.mktemp("image") / "espmedsam"
    image.make(folder, {ARCHITECTURE: program})
    return folder
