"""What all steps share: the repository, its version and time, the boards."""

import os
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NOTICE = "Research use only. Not for clinical use."
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "amd64": "x86_64-unknown-linux-gnu"}


@dataclass(frozen=True)
class Board:
    """A line of `boards.toml`."""

    key: str
    name: str
    architecture: str
    glibc: str

    @property
    def target(self) -> str:
        """As the compiler calls it."""
        return TARGETS[self.architecture]


def boards() -> dict[str, Board]:
    """All of them, by key."""
    table = tomllib.loads((HERE / "boards.toml").read_text())
    return {key: Board(key=key, **values) for key, values in table.items()}


def run(*command: str | Path, **more: object) -> str:
    """Runs it, its errors to be seen; its output."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, check=True, stdout=subprocess.PIPE, text=True, cwd=more.pop("cwd", ROOT), **more
    ).stdout  # type: ignore[call-overload]


def version() -> str:
    """The workspace's."""
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def source_date() -> int:
    """When the commit was made, seconds since 1970: the time of all that is packaged. `SOURCE_DATE_EPOCH` outweighs it."""
    told = os.environ.get("SOURCE_DATE_EPOCH")
    return int(told) if told else int(run("git", "log", "-1", "--format=%ct"))


def build_folder() -> Path:
    """Where programs are built and packages are left."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target" / "package").resolve()
