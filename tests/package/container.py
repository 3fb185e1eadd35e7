"""What tests of the container image and of the files for clusters share."""

import importlib
import os
import platform
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/espmedsam"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
# skopeo and umoci, as `make oci-tools` lays them here.
OCI_TOOLS = ROOT / ".venv/oci-tools"


@contextmanager
def image_maker() -> Iterator[ModuleType]:
    """board/package/image.py."""
    folder = str(ROOT / "board/package")
    sys.path.insert(0, folder)
    yield importlib.import_module("image")
    sys.path.remove(folder)
