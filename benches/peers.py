"""The program beside onnxruntime: same ONNX files, threads and picture, interleaved rounds in one run.

Compared is encoder + self-prompt + decoder, median of all runs; preprocessing and mask are the program's own and not
counted. Writes a Markdown table. Peak memory is the process's, for onnxruntime with Python and numpy in it.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).parents[1]


def graphs(modality: str) -> tuple[dict, dict]:
    """The default model of the shipped manifest, and its entry for the modality."""
    models = tomllib.loads((ROOT / "models/manifest.toml").read_text())["model"]
    model = next(m for m in models if m["default"])
    return model, next(y for y in model["modality"] if y["name"] == modality)


def open_peer(entry: dict, threads: int) -> list[onnxruntime.InferenceSession]:
    """The three graphs in onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return [onnxruntime.InferenceSession(str(ROOT / "models" / entry[k]), options)
            for k in ("encoder", "self_prompt", "decoder")]


def peer_round(sessions: list, image: np.ndarray, index: int, runs: int) -> list[float]:
    """Milliseconds of each run, after one that is not counted."""
    encoder, self_prompt, decoder = sessions
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        embedding = encoder.run(None, {"image": image})[0]
        prompted = self_prompt.run(["prompted"], {"embedding": embedding})[0]
        decoder.run(None, {"prompted": prompted, "modality": np.array([index])})
        times.append((time.perf_counter() - start) * 1e3)
    return times[1:]


def our_round(binary: Path, modality: str, threads: int, runs: int) -> tuple[float, float, float]:
    """(median ms of the three stages, median ms of the whole path, peak MiB)."""
    with tempfile.NamedTemporaryFile(suffix=".json") as f:
        subprocess.run([binary, "bench", "--models", ROOT / "models", "--modality", modality, "--threads", str(threads),
                        "--runs", str(runs), "--image", ROOT / "tests/samples/hc18_230_HC.jpg", "--json", f.name],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        report = json.loads(Path(f.name).read_text())
    p50 = {s["stage"]: s["p50_ms"] for s in report["stages"]}
    return p50["encode"] + p50["self-prompt"] + p50["decode"], p50["total"], report["peak_memory_mib"]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--binary", type=Path, default=ROOT / "target/release/espmedsam")
    p.add_argument("--modality", default="ultrasound")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--runs", type=int, default=10)
    a = p.parse_args()
    model, entry = graphs(a.modality)
    image = np.random.default_rng(0).standard_normal((1, 3, model["side"], model["side"])).astype(np.float32)
    print(f"{model['name']}, {a.modality}, {model['side']}², onnxruntime {onnxruntime.__version__}, "
          f"{a.rounds} interleaved rounds of {a.runs} runs\n")
    print("| threads | ours ms | whole path ms | onnxruntime ms | ratio | ours peak MiB |")
    print("|---:|---:|---:|---:|---:|---:|")
    for threads in (1, 2):
        sessions = open_peer(entry, threads)
        ours, theirs = [], []
        for _ in range(a.rounds):
            theirs += peer_round(sessions, image, entry["index"], a.runs)
            ours.append(our_round(a.binary, a.modality, threads, a.runs))
        stage, whole, peak = (statistics.median(x) for x in zip(*ours))
        peer = statistics.median(theirs)
        print(f"| {threads} | {stage:.0f} | {whole:.0f} | {peer:.0f} | {stage / peer:.2f} | {peak:.0f} |")
        sys.stdout.flush()
    memory = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(f"\nonnxruntime's process (Python and numpy in it): peak {int(memory[1]) // 1024} MiB")


if __name__ == "__main__":
    main()
