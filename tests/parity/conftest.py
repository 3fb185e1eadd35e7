"""What tests share. The official reference cases, a picture in reversed grey and Debian's checkers of
DICOM are outside the repository; without them those files are not collected, and `make test` says so."""

import functools
import json
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
    """A folder with the shipped weights as the export writes them now: `live-224`, `live-224-int8` with float attention,
    and `live-224-attention` with attention on bytes."""
    out = tmp_path_factory.mktemp("exported")
    recipes = dict(zip(("float32", "int8"), with_attentions(out), strict=True))
    ranges = out / "ranges.json"
    ranges.write_text(json.dumps(with_steps(json.loads((ROOT / "models/configs/ranges-224.json").read_text()))))
    int8 = ["--storage", "int8", "--ranges", ranges]
    for attention, name, options in (
        ("float32", "live-224", ["--storage", "int8-weights"]),
        ("float32", "live-224-int8", int8),
        ("int8", "live-224-attention", int8),
    ):
        export = [sys.executable, "-m", "espmedsam.export", recipes[attention], "--from", "release", "--out", out]
        for modality in dict(CASES).values():
            export += ["--modality", modality]
        subprocess.run([*export, "--name", name, *options], check=True, cwd=ROOT / "models")
    return out


def with_attentions(folder):
    """The shipped recipe with float attention, and with attention on bytes."""
    lines = (ROOT / "models/configs/release.toml").read_text().splitlines()
    lines = [line for line in lines if not line.startswith("attention =")]
    for attention in ("float32", "int8"):
        recipe = folder / f"{attention}.toml"
        there = f'attention = "{attention}"'
        place = [f'folder = "{attention}"' if line.startswith("folder =") else line for line in lines]
        recipe.write_text("\n".join([there, *place]))
        yield recipe


def with_steps(ranges):
    """Steps of attention for the pictures that are taken apart, from these, where the shipped ranges have none."""
    if "attention" not in ranges:
        from espmedsam.export import calibrate, refine

        ranges["attention"] = {}
        for stem, modality in CASES:
            encoder = refine.Encoder(calibrate.float_weights(ROOT / "models/release", modality), 224, True)
            picture = calibrate.tensor(ROOT / f"tests/samples/{stem}.jpg", 224, "imagenet-antialias")
            ranges["attention"][modality] = calibrate.attention_steps(encoder, [picture])
    return ranges


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
