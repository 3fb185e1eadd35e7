#!/usr/bin/env python3
"""Instructions that one frame takes on a Cortex-A72 and A76, counted under qemu: ours, and onnxruntime's.

Always one frame after another that warms up. The program runs once with one frame and once with two: the difference is
a frame's. onnxruntime's script marks the beginning and the end. One thread, so that none waits in a loop. Counts are exact, do not depend on this machine or its load, and say nothing of
the caches: a board's time is more than instructions / (frequency * instructions per cycle).
"""

import argparse
import subprocess
import tempfile
import tomllib
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".cross"


def executed(cpu: str, libraries: Path, command: list[str], **environment: str) -> list[int]:
    """Instructions up to each mark, and of the whole run."""
    with tempfile.NamedTemporaryFile() as log:
        guest = [part for name, value in environment.items() for part in ("-E", f"{name}={value}")]
        run = subprocess.run([TOOLS / "count/qemu-aarch64", "-cpu", cpu, "-L", libraries, *guest,
                              "-plugin", TOOLS / "libcount.so", "-d", "plugin", "-D", log.name, *command],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(f"{command[0]} stopped with {run.returncode}:\n{run.stdout}{run.stderr}")
        return [int(line.split()[1]) for line in Path(log.name).read_text().splitlines() if line.startswith("executed ")]


def ours(cpu: str, binary: Path, modality: str, extra: list[str]) -> list[int]:
    """The program's `bench`: preprocessing and mask included, decoding of the picture not."""
    one, two = (executed(cpu, Path("/usr/aarch64-linux-gnu"),
                         [str(binary), "bench", "--models", str(ROOT / "models"), "--modality", modality, "--threads", "1",
                          "--runs", str(runs), *extra])[-1] for runs in (1, 2))
    return [two - one]


def onnxruntime(cpu: str, graphs: list[Path]) -> list[int]:
    """onnxruntime's own aarch64 package under Debian's Python: each graph, nothing around it."""
    python = TOOLS / "python"
    marks = executed(cpu, python, [str(python / "usr/bin/python3.11"), "-S", str(ROOT / "cross/ort.py"), *map(str, graphs)],
                     PYTHONHOME=str(python / "usr"), PYTHONPATH=str(python / "packages"), LD_LIBRARY_PATH="",
                     OPENBLAS_NUM_THREADS="1")[:-1]  # numpy's threads wait for work in a loop
    return [after - before for before, after in pairwise(marks)]


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
    a = p.parse_args()
    peer = shipped(a.modality) if a.graphs is None else a.graphs
    programs = [(binary.name if len(a.binary) == 1 else str(binary),
                 lambda cpu, binary=binary: ours(cpu, binary, a.modality, a.bench.split()))
                for binary in a.binary]
    if peer:
        programs.append(("onnxruntime" if a.graphs is None else " + ".join(graph.stem for graph in peer), lambda cpu: onnxruntime(cpu, peer)))
    print("| program | core | million instructions a frame | of each graph |\n|---|---|---:|---|")
    for name, count in programs:
        for cpu in a.cpu:
            parts = count(cpu)
            each = " + ".join(f"{part / 1e6:,.1f}" for part in parts) if len(parts) > 1 else ""
            print(f"| {name} | {cpu} | {sum(parts) / 1e6:,.1f} | {each} |", flush=True)


if __name__ == "__main__":
    main()
