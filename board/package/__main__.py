"""Packages for boards: `make deb`, `make deb-twice`, `make sbom`, `make image`."""

import argparse
import hashlib
import os
import sys
import tempfile
from pathlib import Path

import bill
import deb
import image
import program
from common import ROOT, Board, boards, build_folder, run, source_date


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


def pack(chosen: list[Board], built: Path | None) -> None:
    """An image for containers: for each architecture the program as a board's package has it, or one that is there."""
    programs = {board.architecture: built or program.build(board).path for board in chosen}
    made = image.make(build_folder() / "image" / "espmedsam", programs)
    print(f"  image     {made} ({made.stat().st_size / 1e6:.1f} MB)")
    print(f"  SHA-256   {digest(made)}")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """By arguments."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("what", choices=["deb", "twice", "sbom", "image"])
    p.add_argument(
        "board", nargs="*", help=f"which board: {', '.join(boards())}; of an image: one of each architecture"
    )
    p.add_argument("--program", type=Path, help="what is put into an image, instead of building it")
    arguments = p.parse_args()
    try:
        if arguments.what == "sbom":
            bill.write()
        elif not arguments.board or set(arguments.board) - set(boards()):
            p.error(f"which board? {', '.join(boards())}")
        elif arguments.what == "image":
            pack([boards()[key] for key in arguments.board], arguments.program)
        else:
            {"deb": make, "twice": twice}[arguments.what](boards()[arguments.board[0]])
    except program.UnfitError as unfit:
        print(f"package: {unfit}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
