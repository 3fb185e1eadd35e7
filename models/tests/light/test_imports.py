"""Imports go one way: from folder to folder as the table says, and in no circle of files inside one."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "espmedsam"
# Folder -> the folders that it may import from.
ALLOWED = {
    "facts": set(),
    "weights": {"facts"},
    "network": {"facts"},
    "pictures": {"facts"},
    "export": {"facts", "weights"},
    "teachers": {"facts", "weights", "network", "pictures"},
    "train": {"facts", "weights", "network", "pictures", "export", "teachers"},
    "gpu": {"facts", "weights", "network", "pictures", "train"},
    "guard": {"facts", "pictures", "export"},
    "measure": {"facts", "weights", "network", "pictures", "teachers", "train"},
    "own": {"facts", "weights", "pictures", "export", "train", "measure"},
}
# What needs no PyTorch and no OpenCV: the export, and `make test`.
LIGHT = (
    "facts",
    "export",
    "guard/graph.py",
    "weights/checkpoint.py",
    "weights/average.py",
    "weights/join.py",
    "weights/reference.py",
    "measure/report.py",
    "measure/paired.py",
    "measure/confidence.py",
    "measure/presence.py",
    "measure/failures.py",
    "train/pipeline.py",
)


def imported(path: Path, package: Path = PACKAGE) -> set[str]:
    """What a file imports, wherever in it: "folder/file" or "folder" of ours, else the module's first name."""
    here = path.relative_to(package).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
        if isinstance(node, ast.ImportFrom) and node.level:
            above = here[: len(here) - node.level + 1]
            target = "/".join([*above, *(node.module or "").split(".")]).strip("/")
            inside = {f"{target}/{name.name}" for name in node.names if (package / target / f"{name.name}.py").exists()}
            found |= inside or {target}
    return found


def wrong(package: Path = PACKAGE) -> list[str]:
    """Imports against the table."""
    found = []
    for path in sorted(package.rglob("*.py")):
        folder = path.relative_to(package).parts[0]
        for name in imported(path, package):
            other = name.split("/")[0]
            if other != folder and (package / other).is_dir() and other not in ALLOWED[folder]:
                found.append(f"{path.relative_to(package)} imports {name}")
    return found


def circles(package: Path = PACKAGE) -> list[str]:
    """Files that import each other, directly or by others: first those that nothing keeps back are taken away."""
    files = {
        path.relative_to(package).with_suffix("").as_posix(): imported(path, package) for path in package.rglob("*.py")
    }
    left = {name: {other for other in needs if other in files} - {name} for name, needs in files.items()}
    while ready := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in ready:
            del left[name]
    return sorted(left)


def test_folders_import_what_the_table_allows():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == ALLOWED.keys()
    assert wrong() == [] and circles() == []
    order = list(ALLOWED)
    assert all(set(others) <= set(order[:at]) for at, others in enumerate(ALLOWED.values())), "the table goes one way"


@pytest.mark.parametrize("light", LIGHT)
def test_the_export_needs_no_training(light):
    heavy = {"torch", "cv2", "matplotlib"} if not light.startswith("measure") else {"torch", "cv2"}
    paths = [PACKAGE / light] if light.endswith(".py") else (PACKAGE / light).rglob("*.py")
    for path in paths:
        assert not imported(path) & heavy, path


def test_a_wrong_import_is_found(tmp_path):
    planted = {
        "facts/modalities.py": "",
        "weights/checkpoint.py": "def read():\n    from ..train import run\n",
        "train/run.py": "from ..facts.modalities import MODALITIES\n",
        "train/one.py": "from . import two\n",
        "train/two.py": "from .one import x\n",
        "train/three.py": "from .one import x\n",
    }
    for name, text in planted.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert wrong(tmp_path) == ["weights/checkpoint.py imports train/run"]
    assert circles(tmp_path) == ["train/one", "train/three", "train/two"]
