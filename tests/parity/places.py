"""Where things lie, and which pictures are taken apart."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("SHARED", ROOT.parent / "shared"))
REFERENCE = SHARED / "reference"
INVERTED_FILM = SHARED / "cases/c10_xray_inverted.png"
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
PROGRAM = BUILT / "espmedsam"
# Writes DICOM objects of given masks.
OBJECTS = BUILT / "examples/objects"
ULTRASOUND = SHARED / "dicom"
# Checks of objects against the standard (dicom3tools): dciodvfy, and dcentvfy of several together.
CHECKERS = Path(shutil.which("dciodvfy") or ROOT / ".venv/dicom3tools/usr/bin/dciodvfy").parent
# Pictures that are taken apart node by node.
CASES = [("hc18_230_HC", "ultrasound"), ("ISIC_0000390", "dermoscopy")]
