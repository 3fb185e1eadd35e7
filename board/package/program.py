"""The program for a board: one build for each architecture, linked against the board's glibc, its symbols apart.

zig links (its wheel brings every glibc's list of symbols), so the same bytes come out of any distribution.
"""

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from common import ROOT, Board, build_folder, run, source_date

# For x86-64 everything with kernels brings those for SSE, AVX and AVX-512, our own code least of it.
MOST_BYTES = {"arm64": 25_000_000, "amd64": 32_000_000}
PROFILE = "board"
ZIG = ROOT / ".venv" / "zig" / "bin"


class UnfitError(Exception):
    """A program that must not be packaged."""


@dataclass(frozen=True)
class Program:
    """Stripped, and what was stripped off."""

    path: Path
    symbols: Path
    build_id: str
    glibc: str


def build(board: Board) -> Program:
    """Compiles, strips and checks it."""
    folder = build_folder()
    target = f"{board.target}.{board.glibc}"
    environment = os.environ | {
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join([*remapped(folder), "-Clink-arg=-Wl,--build-id=sha1"]),
        "CARGO_TARGET_DIR": str(folder),
        # By a name of our own: SOURCE_DATE_EPOCH has whatever assembles built again with every commit, and what needs it.
        "ESPMEDSAM_SOURCE_DATE": str(source_date()),
        "PATH": f"{ZIG}:{os.environ['PATH']}",
    }
    build = ("build", "--profile", PROFILE, "--locked", "--bin", "espmedsam", "--target", target)
    run(ZIG / "cargo-zigbuild", *build, env=environment)
    whole = folder / board.target / PROFILE / "espmedsam"
    place = folder / "stripped" / board.architecture
    place.mkdir(parents=True, exist_ok=True)
    program, symbols = place / "espmedsam", place / "espmedsam.debug"
    objcopy("--only-keep-debug", whole, symbols)
    objcopy("--strip-all", whole, program)
    identity = identify(program, symbols)
    check_paths(program, [ROOT, folder, cargo_home()])
    size = program.stat().st_size
    most = MOST_BYTES[board.architecture]
    if size > most:
        raise UnfitError(f"{program}: {size} bytes, more than {most}")
    return Program(program, symbols, identity, check_glibc(program, board))


def cargo_home() -> Path:
    """Where cargo keeps the sources of crates."""
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").resolve()


def remapped(folder: Path) -> list[str]:
    """What has the compiler write of no folder of this machine: the last that fits counts."""
    run("cargo", "fetch", "--locked")
    crates = sorted((cargo_home() / "registry" / "src").iterdir())
    named = [(ROOT, "espmedsam"), (folder, "target"), *((crate, "crates") for crate in crates)]
    return [f"--remap-path-prefix={path}=/usr/src/{name}" for path, name in named]


def objcopy(*arguments: str | Path) -> None:
    """By the compiler's own, which knows every architecture; else by LLVM's."""
    sysroot = Path(run("rustc", "--print", "sysroot").strip())
    host = re.search(r"host: (\S+)", run("rustc", "-vV"))
    own = sysroot / "lib" / "rustlib" / (host[1] if host else "") / "bin" / "rust-objcopy"
    tool = own if own.exists() else shutil.which("llvm-objcopy")
    if not tool:
        raise UnfitError("no objcopy for every architecture: apt-get install llvm")
    # Beside the compiler, where its linker does not look for what it needs.
    run(tool, *arguments, env=os.environ | {"LD_LIBRARY_PATH": str(sysroot / "lib")})


def check_paths(program: Path, folders: list[Path]) -> None:
    """Refuses a program that holds a path of the machine that built it."""
    content = program.read_bytes()
    for folder in folders:
        at = content.find(f"{folder}/".encode())
        if at >= 0:
            raise UnfitError(f"{program} holds a path of this machine: {content[at : at + 160]!r}")


def check_glibc(program: Path, board: Board) -> str:
    """The newest glibc that it asks for; refuses what the board has not."""
    found = re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "-W", "--version-info", program))
    if not found:
        raise UnfitError(f"{program} names no glibc")
    newest = max((int(major), int(minor)) for major, minor in found)
    floor = tuple(int(part) for part in board.glibc.split("."))
    if newest > floor:
        raise UnfitError(f"{program} needs glibc {newest[0]}.{newest[1]}, {board.name} has {board.glibc}")
    return f"{newest[0]}.{newest[1]}"


def identify(program: Path, symbols: Path) -> str:
    """Gives both a build ID that is a hash of what runs, by which debuggers find the one for the other; returns it.

    The linker's own is a hash of the symbols too, in which assembled files still name the folder that they were built in.
    """
    found = re.search(r"Build ID: ([0-9a-f]{40})", run("readelf", "-n", program))
    content = program.read_bytes()
    old = bytes.fromhex(found[1]) if found else b""
    if not old or content.count(old) != 1:
        raise UnfitError(f"{program} has no build ID")
    new = hashlib.sha1(content.replace(old, bytes(len(old)))).digest()
    for path in (program, symbols):
        path.write_bytes(path.read_bytes().replace(old, new))
    return new.hex()
