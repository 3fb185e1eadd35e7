"""Where things lie, and which pictures are taken apart."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("SHARED", ROOT.parent / "shared"))
REFERENCE = SHARED / "reference"
INVERTED_FILM = SHARED / "cases/c10_xray_inverted.png"
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/espmedsam"
# Pictures that are taken apart node by node.
CASES = [("hc18_230_HC", "ultrasound"), ("ISIC_0000390", "dermoscopy")]
