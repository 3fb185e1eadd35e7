"""Packages for boards: `make deb`, `make deb-twice`, `make sbom`."""

import argparse
import hashlib
import os
import sys
import tempfile
from pathlib import Path

import bill
import deb
import program
from common import ROOT, Board, boards, run, source_date


def make(board: Board) -> Path:
    """Builds, packs, says what it made."""
    if bill.is_stale():
        raise program.UnfitError(f"{bill.PATH} is stale: run make sbom")
    built = program.build(board)
    made = deb.package(board, built)
    print(
        f"  for       {board.name}: {board.architecture}, glibc {board.glibc} or later (the program asks for {built.glibc})"
    )
    print(f"  program   {built.path.stat().st_size / 1e6:.1f} MB stripped")
    print(f"  package   {made} ({made.stat().st_size / 1e6:.1f} MB)")
    print(f"  SHA-256   {digest(made)}")
    return made


def twice(board: Board) -> None:
    """Makes it here, and again from the commit's sources in another folder, with nothing that was built: the same bytes?"""
    if run("git", "status", "--porcelain").strip():
        raise program.UnfitError("there are changes that are not committed: the second build would not have them")
    first = digest(make(board))
    with tempfile.TemporaryDirectory() as temporary:
        sources = Path(temporary) / "elsewhere"
        run("git", "clone", "--quiet", "--no-hardlinks", ROOT, sources)
        (sources / ".venv").mkdir()
        (sources / ".venv" / "zig").symlink_to(ROOT / ".venv" / "zig")
        environment = os.environ | {"CARGO_TARGET_DIR": f"{temporary}/built", "SOURCE_DATE_EPOCH": str(source_date())}
        command = (sys.executable, sources / "board" / "package", "deb", board.key)
        print(run(*command, cwd=sources, env=environment), end="")
        second = digest(next(Path(temporary, "built", "deb", board.key).glob("espmedsam_*.deb")))
    if first != second:
        raise program.UnfitError(f"two builds of one commit differ: {first}, {second}")
    print("  twice     the same bytes")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """By arguments."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("what", choices=["deb", "twice", "sbom"])
    p.add_argument("board", nargs="?", choices=list(boards()), help="which board")
    arguments = p.parse_args()
    try:
        if arguments.what == "sbom":
            bill.write()
        elif not arguments.board:
            p.error(f"which board? {', '.join(boards())}")
        else:
            {"deb": make, "twice": twice}[arguments.what](boards()[arguments.board])
    except program.UnfitError as unfit:
        print(f"package: {unfit}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
