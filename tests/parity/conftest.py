"""What tests share. The official reference cases, a picture in reversed grey and Debian's checkers of
DICOM are outside the repository; without them those files are not collected, and `make test` says so."""

import functools
import subprocess
import sys
import tomllib
from urllib.parse import unquote

import numpy as np
import pytest
from places import CASES, CHECKERS, INVERTED_FILM, PROGRAM, REFERENCE, ROOT

GRAPHS = ("encoder", "self_prompt", "decoder")
sys.path.insert(0, str(ROOT / "models"))
ELSEWHERE = {
    "test_dicom_valid.py": CHECKERS / "dciodvfy",
    "test_inverted.py": INVERTED_FILM,
    "test_reference.py": REFERENCE,
}
collect_ignore = [test for test, needed in ELSEWHERE.items() if not needed.exists()]


@pytest.fixture(scope="session")
def espmedsam():
    """Runs the program; returns its standard output."""

    def run(*args) -> str:
        done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A folder with the shipped weights as the export writes them now: `live-224` and `live-224-int8`."""
    out = tmp_path_factory.mktemp("exported")
    export = [sys.executable, "-m", "espmedsam.export", "configs/release.toml", "--from", "release", "--out", out]
    for modality in dict(CASES).values():
        export += ["--modality", modality]
    int8 = ["--name", "live-224-int8", "--storage", "int8", "--ranges", "configs/ranges-224.json"]
    for options in (["--storage", "int8-weights"], int8):
        subprocess.run([*export, *options], check=True, cwd=ROOT / "models")
    return out


@pytest.fixture(scope="session")
def dumped(espmedsam, exported, tmp_path_factory):
    """dumped(model, stem, modality)[graph] = (the graph's file, its inputs and every node's output by name)."""
    models = {m["name"]: m for m in tomllib.loads((exported / "manifest.toml").read_text())["model"]}

    @functools.cache
    def dump(model: str, stem: str, modality: str) -> dict:
        out = tmp_path_factory.mktemp("dump")
        espmedsam(
            "bench",
            "--models",
            exported,
            "--model",
            model,
            "--image",
            ROOT / f"tests/samples/{stem}.jpg",
            "--modality",
            modality,
            "--runs",
            1,
            "--layers",
            "--dump",
            out,
        )
        files = next(m for m in models[model]["modality"] if m["name"] == modality)
        return {
            graph: (exported / files[graph], {unquote(p.stem): np.load(p) for p in (out / graph).glob("*.npy")})
            for graph in GRAPHS
        }

    return dump
