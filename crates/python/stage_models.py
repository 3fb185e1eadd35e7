"""Puts the models that the manifest lists into the package's folder, from which they go into the wheel."""

import shutil
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "models"
INSIDE = HERE / "espmedsam" / "models"


def main() -> None:
    """Begins anew: what the manifest no longer lists is not to be in the wheel."""
    manifest = tomllib.loads((MODELS / "manifest.toml").read_text())
    listed = {file["path"] for model in manifest["model"] for file in model["file"]}
    if "guard" in manifest:
        listed.add(manifest["guard"]["file"]["path"])
    shutil.rmtree(INSIDE, ignore_errors=True)
    for path in sorted(listed | {"manifest.toml"}):
        (INSIDE / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(MODELS / path, INSIDE / path)


if __name__ == "__main__":
    main()
