"""What the README and the modules' first lines name is there: commands, targets, configurations, files."""

import re
from pathlib import Path

import pytest
from espmedsam.train.pipeline import CONFIGS

ROOT = Path(__file__).parents[3]
README = (ROOT / "models/README.md").read_text()
DOCUMENTS = [ROOT / "models/README.md", *sorted((ROOT / "models/espmedsam").rglob("*.py"))]
LATER = {"configs/presence.json"}  # once weights with a presence head are shipped


def commands(text):
    """Modules behind `python -m`, and what is behind them up to the line's end, joined lines as one."""
    return re.findall(r"python -m (espmedsam[.\w]*)([^\n`]*)", re.sub(r"\\\\?\n\s*", " ", text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_are_of_modules_and_configurations_that_are_there(path):
    for module, options in commands(path.read_text()):
        place = ROOT / "models" / Path(*module.rstrip(".").split("."))
        assert (place / "__main__.py").exists() or place.with_suffix(".py").exists(), module
        for name in re.findall(r"[\w./-]+\.toml", options):
            assert (ROOT / name).exists(), name


def test_the_readmes_targets_links_and_files_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:`| {4}|&& )make ([a-z-]+)", README))
    assert len(named) > 10 and named <= targets
    here = ROOT / "models"
    for link, anchor in re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", README):
        assert link.startswith("http") or (here / link).exists(), link
        assert link or anchor[1:] in anchors(README), anchor
    for name in (
        set(re.findall(r"`((?:configs|card|curves|guard|release|crates|weights|tests)/[\w./-]+)`", README)) - LATER
    ):
        assert any((place / name).exists() for place in (here, ROOT, here / "espmedsam")), name


def anchors(text):
    """Of the headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.*)$", text, re.M)}


def test_every_configuration_of_a_stage_is_in_the_readme():
    stages = README.split("### Stages")[1].split("\n### ")[0]
    assert {path.stem for path in (CONFIGS / "stages").glob("*.toml")} <= set(re.findall(r"`([\w-]+)`", stages))
