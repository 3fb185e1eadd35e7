#!/usr/bin/env python3
"""Instructions that one frame takes on a Cortex-A72 and A76, counted under qemu: ours, and onnxruntime's.

Always one frame after another that warms up. The program runs once with one frame and once with two: the difference is
a frame's. The same with `bench --layers`, which takes each frame through the graphs once more, has a frame and the
graphs: so what the graphs alone take is known too, which is all that onnxruntime does. Its script marks the beginning and
the end. One thread, so that none waits in a loop. Counts are exact, do not depend on this machine or its load, and say
nothing of the caches: a board's time is more than instructions / (frequency * instructions per cycle).

`--by-function` says where the program's own are instead; `--live` what a live picture takes around the network.
"""

import argparse
import re
import subprocess
import tempfile
import tomllib
from collections import Counter
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".cross"
SYSTEM = Path("/usr/aarch64-linux-gnu")
LIVE = {"decode": "JPEG in, 4:2:0", "overlay": "copied, mask, age and notice drawn", "picture": "JPEG out, 4:4:4, for `stream.mjpeg`",
        "page": "JPEG out, 4:2:0, as it came, for the page"}
"""The stages of `crates/video/examples/live_stages.rs`."""


def executed(cpu: str, libraries: Path, command: list[str], **environment: str) -> list[int]:
    """Instructions up to each mark, and of the whole run."""
    lines = counted(cpu, libraries, command, "", **environment)
    return [int(line.split()[1]) for line in lines if line.startswith("executed ")]


def counted(cpu: str, libraries: Path, command: list[str], plugin: str, **environment: str) -> list[str]:
    """The plugin's lines."""
    with tempfile.NamedTemporaryFile() as log:
        guest = [part for name, value in environment.items() for part in ("-E", f"{name}={value}")]
        run = subprocess.run([TOOLS / "count/qemu-aarch64", "-cpu", cpu, "-L", libraries, *guest,
                              "-plugin", f"{TOOLS / 'libcount.so'}{plugin}", "-d", "plugin", "-D", log.name, *command],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(f"{command[0]} stopped with {run.returncode}:\n{run.stdout}{run.stderr}")
        return Path(log.name).read_text().splitlines()


def bench(binary: Path, modality: str, runs: int, extra: list[str]) -> list[str]:
    """The program's `bench`: preprocessing and mask included, decoding of the picture not."""
    return [str(binary), "bench", "--models", str(ROOT / "models"), "--modality", modality, "--threads", "1",
            "--runs", str(runs), *extra]


def ours(cpu: str, binary: Path, modality: str, extra: list[str]) -> tuple[int, list[int]]:
    """A frame, and of it the graphs together."""
    def frame(*more: str) -> int:
        one, two = (executed(cpu, SYSTEM, bench(binary, modality, runs, [*extra, *more]))[-1] for runs in (1, 2))
        return two - one
    whole = frame()
    return whole, [frame("--layers") - whole]


def by_function(cpu: str, binary: Path, modality: str, extra: list[str]) -> Counter[str]:
    """A frame's instructions by the function they stand in; those of libraries have no name."""
    functions = []
    for runs in (1, 2):
        functions.append(Counter())
        for line in counted(cpu, SYSTEM, bench(binary, modality, runs, extra), ",blocks=on"):
            if line.startswith("block "):
                _, _, length, times, function = line.split(maxsplit=4)
                functions[-1][function] += int(length) * int(times)
    frame = functions[1] - functions[0]
    names = subprocess.run(["c++filt"], input="\n".join(frame), capture_output=True, text=True, check=True).stdout.splitlines()
    named = Counter()
    for name, count in zip(names, frame.values(), strict=True):
        named[re.sub(r"::h[0-9a-f]{16}$", "", name)] += count
    return named


def onnxruntime(cpu: str, graphs: list[Path]) -> tuple[int, list[int]]:
    """onnxruntime's own aarch64 package under Debian's Python: all, and each graph; nothing around them."""
    python = TOOLS / "python"
    marks = executed(cpu, python, [str(python / "usr/bin/python3.11"), "-S", str(ROOT / "cross/ort.py"), *map(str, graphs)],
                     PYTHONHOME=str(python / "usr"), PYTHONPATH=str(python / "packages"), LD_LIBRARY_PATH="",
                     OPENBLAS_NUM_THREADS="1")[:-1]  # numpy's threads wait for work in a loop
    each = [after - before for before, after in pairwise(marks)]
    return sum(each), each


def live(cpu: str, binary: Path) -> dict[str, float]:
    """Each stage around the network, for a picture: the mean of eight after four that warm up."""
    def all_of(stage: str, times: int) -> int:
        return executed(cpu, SYSTEM, [str(binary), stage, str(times)])[-1]
    return {stage: (all_of(stage, 12) - all_of(stage, 4)) / 8 for stage in LIVE}


def shipped(modality: str) -> list[Path]:
    """The default model's graphs for the modality."""
    models = tomllib.loads((ROOT / "models/manifest.toml").read_text())["model"]
    entry = next(y for m in models if m["default"] for y in m["modality"] if y["name"] == modality)
    return [ROOT / "models" / entry[k] for k in ("encoder", "self_prompt", "decoder")]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cpu", nargs="+", default=["cortex-a72", "cortex-a76"])
    p.add_argument("--modality", default="ultrasound")
    p.add_argument("--binary", type=Path, nargs="*", default=[ROOT / "target/aarch64-unknown-linux-gnu/release/espmedsam"],
                   help="aarch64 builds of the program; none: leave it out")
    p.add_argument("--bench", default="", help="more arguments for the program's `bench`")
    p.add_argument("--graphs", type=Path, nargs="*", help="ONNX files for onnxruntime instead of the shipped ones; none: leave it out")
    p.add_argument("--by-function", type=int, metavar="COUNT", help="the COUNT functions of the program that execute most")
    p.add_argument("--live", type=Path, metavar="BINARY", help="an aarch64 build of the example live_stages: its stages alone")
    a = p.parse_args()
    if a.live:
        counts = [live(cpu, a.live) for cpu in a.cpu]
        print("| live stage, 640 x 480 | " + " | ".join(a.cpu) + " |\n|---|" + "---:|" * len(a.cpu))
        for stage, what in LIVE.items():
            print(f"| {what} | " + " | ".join(f"{count[stage] / 1e6:,.1f}" for count in counts) + " |")
        return
    if a.by_function:
        for binary in a.binary:
            for cpu in a.cpu:
                functions = by_function(cpu, binary, a.modality, a.bench.split())
                print(f"\n| {cpu}: function | million instructions a frame |\n|---|---:|")
                for name, count in functions.most_common(a.by_function):
                    print(f"| `{name}` | {count / 1e6:,.2f} |")
        return
    peer = shipped(a.modality) if a.graphs is None else a.graphs
    programs = [(binary.name if len(a.binary) == 1 else str(binary),
                 lambda cpu, binary=binary: ours(cpu, binary, a.modality, a.bench.split()))
                for binary in a.binary]
    if peer:
        programs.append(("onnxruntime" if a.graphs is None else " + ".join(graph.stem for graph in peer), lambda cpu: onnxruntime(cpu, peer)))
    print("| program | core | million instructions a frame | of the graphs |\n|---|---|---:|---:|")
    for name, count in programs:
        for cpu in a.cpu:
            whole, graphs = count(cpu)
            each = " + ".join(f"{part / 1e6:,.1f}" for part in graphs)
            print(f"| {name} | {cpu} | {whole / 1e6:,.1f} | {each} |", flush=True)


if __name__ == "__main__":
    main()
