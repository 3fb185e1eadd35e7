"""Two evaluations of the same pictures side by side: what a change of weights or of arithmetic costs, picture by picture.

    python -m espmedsam.measure.paired before.json after.json

Both are what `espmedsam eval --json` wrote. Per data set and per modality: mean Dice, the difference with a bootstrap
interval of 95 % over pictures, how many are worse or better by more than 0.05; then each that is worse, and pictures
without a target that are marked.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .evaluation import Picture, read
from .report import differences, losses


def falsely_marked(pictures: tuple[Picture, ...]) -> str:
    """Of those without a target."""
    empty = [picture for picture in pictures if picture.empty]
    return f"{sum(picture.marked for picture in empty)} of {len(empty)}"


def compared(before: Path, after: Path) -> str:
    """The text. Raises SystemExit where a file has no pictures."""
    one, other = (read(path).pictures for path in (before, after))
    if not one or not other:
        raise SystemExit(f"{before if not one else after} lists no pictures")
    lines = [differences(one, other, "before | after", by) for by in ("dataset", "modality")]
    lines += [
        f"{pair.before.dataset} {pair.before.stem}: {pair.before.dice:.3f} -> {pair.after.dice:.3f}"
        for pair in losses(one, other)
    ]
    return "\n".join([*lines, f"without a target, marked: {falsely_marked(one)} -> {falsely_marked(other)}"])


def main() -> None:
    """Prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    args = parser.parse_args()
    print(compared(args.before, args.after))


if __name__ == "__main__":
    main()
