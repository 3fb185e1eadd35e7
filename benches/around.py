#!/usr/bin/env python3
"""Instructions that a live 720p picture takes around the network, stage by stage, counted by valgrind on this machine.

Runs the example `around` of crates/engine, on a sample's pictures with a camera's noise, or on a phantom's; a stage's
figure is the mean of its calls. One thread. Valgrind knows AVX2 and no AVX-512, so the program takes its AVX2 kernels, on
any machine. `--by-function N` says where the instructions are instead.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

STAGES = {
    "decode": "JPEG in, 4:2:0: walked, decoded",
    "guard": "guard: resized to 64 x 64, its graph",
    "resize": "resized to 224 x 224, normalised",
    "mask": "mask upsampled",
    "steady": "steadied: motion, logits, mask upsampled again",
    "polygons": "report with polygons, JSON",
    "overlay": "copied, mask, age and notice drawn",
    "jpeg": "JPEG out, 4:4:4, for `stream.mjpeg`",
    "page": "JPEG out, 4:2:0, as it came, for the page",
}
PICTURES = ["phantom", "endoscopy"]
COUNT = 2
"""Pictures that the example takes through each stage."""


def annotated(profile: Path, *options: str) -> list[tuple[int, str]]:
    """Instructions and function, the most first."""
    command = ["callgrind_annotate", "--threshold=100", *options, profile]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = (re.match(r"\s*([\d,]+) (?:\([ \d.]+%\))?\s*(\S.*)", line) for line in text.splitlines())
    return [(int(line[1].replace(",", "")), line[2]) for line in lines if line]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="a build of the example `around`")
    parser.add_argument("--pictures", nargs="+", choices=PICTURES, default=["endoscopy"], help="the phantom's take minutes to be painted")
    parser.add_argument("--by-function", type=int, metavar="N")
    arguments = parser.parse_args()
    counts: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for picture in arguments.pictures:
        with tempfile.TemporaryDirectory() as folder:
            profile = Path(folder) / "profile"
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", arguments.binary, picture]
            subprocess.run(command, capture_output=True, check=True)
            inclusive = annotated(profile, "--inclusive=yes")
            for stage, found in counts.items():
                found.append(next(count for count, name in inclusive if f"around::Live::{stage}" in name) / COUNT)
            if arguments.by_function:
                print(f"\n{picture}, whole run\n")
                for count, name in annotated(profile)[: arguments.by_function]:
                    print(f"{count / 1e6:10.1f}  {name[:160]}")
    print("\n| stage, 1280 x 720 | " + " | ".join(arguments.pictures) + " |\n|---|" + "---:|" * len(arguments.pictures))
    for stage, found in counts.items():
        print(f"| {STAGES[stage]} | " + " | ".join(f"{count / 1e6:,.1f}" for count in found) + " |")


if __name__ == "__main__":
    main()
