"""Pictures a second of a folder: two workers of Ray Data (docs/examples/ray_folder.py) beside one process. `make bench-ray`.

Each folder is gone through in a small and a large size, and the difference taken: what Ray takes to begin is told apart.
Rounds are interleaved, as the machine is others' too. Masks have to be the same ones.

Research use only. Not for clinical use.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import espmedsam

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "ray_folder.py"
SAMPLES = sorted((ROOT / "tests" / "samples").glob("kvasir_*.jpg"))
MODALITY = "colonoscopy"
WORKERS = 2

Masks = dict[str, str]


def filled(folder: Path, pictures: int) -> Path:
    """A folder of so many polyps, each of the samples in its turn."""
    folder.mkdir()
    for at in range(pictures):
        sample = SAMPLES[at % len(SAMPLES)]
        shutil.copy(sample, folder / f"{at:05}_{sample.name}")
    return folder


def by_process(threads: int) -> Callable[[Path], tuple[float, Masks]]:
    """One after the other in this process; seconds, and run lengths by name."""
    segmenter = espmedsam.Segmenter(threads=threads)

    def go(folder: Path) -> tuple[float, Masks]:
        begun = time.monotonic()
        files = sorted(folder.iterdir())
        masks = {file.name: segmenter.segment_file(file.read_bytes(), MODALITY) for file in files}
        counts = {name: result.report["rle"]["counts"] for name, result in masks.items()}
        return time.monotonic() - begun, counts

    return go


def by_ray(folder: Path) -> tuple[float, Masks]:
    """The example as it is told, from its start to its end."""
    with tempfile.TemporaryDirectory() as out:
        begun = time.monotonic()
        command = [sys.executable, EXAMPLE, folder, MODALITY, out, str(WORKERS)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took = time.monotonic() - begun
        rows = [json.loads(line) for file in Path(out).glob("*.json") for line in file.read_text().splitlines()]
    return took, {row["picture"]: row["rle"] for row in rows}


def main() -> None:
    """By arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = os.cpu_count() or 1
    ways = {"one process, one thread": by_process(1), f"one process, {cores} threads": by_process(cores)}
    ways[f"Ray, {WORKERS} workers of one thread"] = by_ray
    rates: dict[str, list[float]] = {way: [] for way in ways}
    begins = []
    with tempfile.TemporaryDirectory() as scratch:
        few = args.pictures // 6
        small = filled(Path(scratch) / "small", few)
        large = filled(Path(scratch) / "large", args.pictures)
        for _ in range(args.rounds):
            masks = []
            for way, go in ways.items():
                (little, _), (much, found) = go(small), go(large)
                rates[way].append((args.pictures - few) / (much - little))
                masks.append(found)
                if go is by_ray:
                    begins.append(much - args.pictures / rates[way][-1])
            assert all(found == masks[0] and len(found) == args.pictures for found in masks), "other masks"
    first = next(iter(rates.values()))
    print("| | pictures a second | ÷ one thread, by rounds |\n| --- | ---: | --- |")
    for way, found in rates.items():
        ratios = ", ".join(f"{rate / one:.2f}" for rate, one in zip(found, first, strict=True))
        print(f"| {way} | {statistics.median(found):.1f} | {ratios} |")
    around = statistics.median(begins)
    print(f"\n{args.pictures} pictures, {cores} cores, the same masks; Ray takes {around:.0f} s to begin and to end.")


if __name__ == "__main__":
    main()
