"""Who runs: the program, a process a round, and peers, each a worker process that waits between its rounds."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pictures
from PIL import Image


@dataclass
class Round:
    """One round's runs."""

    ms: list[float]
    cpu_ms: float
    """CPU time of one run, of all threads: what the clock would say of one thread on an idle machine."""
    others: float
    """Cores that other processes kept busy meanwhile."""


@dataclass
class Contender:
    """A runtime on one graph, side and number of threads."""

    name: str
    precision: str
    rounds: list[Round] = field(default_factory=list)
    version: str = ""
    before_mib: float = 0.0
    peak_mib: float = 0.0


class Program(Contender):
    """`espmedsam` on a model folder: median of encoder + self-prompt + decoder."""

    def open(self, binary: Path, models: Path, threads: int, cpu: str) -> None:
        self.command = [str(binary), "--models", str(models)]
        self.options = ["--modality", pictures.MODALITY, "--threads", str(threads)]
        self.instructions = ["--cpu", cpu] if cpu else []
        self.bench(1)

    def bench(self, runs: int) -> tuple[dict, float]:
        """The program's report, and the process's CPU seconds."""
        with tempfile.NamedTemporaryFile(suffix=".json") as f:
            command = [*self.command, "bench", *self.options, *self.instructions, "--runs", str(runs), "--json", f.name]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            said = process.stderr.read().decode()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(said.strip().splitlines()[-1])
            return json.loads(Path(f.name).read_text()), used.ru_utime + used.ru_stime

    def run(self, runs: int) -> tuple[list[float], float, float]:
        """(milliseconds, CPU milliseconds of a run, CPU seconds in all)."""
        # What it takes to begin is taken at the same time: it is as much as many frames, and another machine's minute later.
        loading = self.bench(1)[1]
        report, cpu = self.bench(runs + 1)
        p50 = {s["stage"]: s["p50_ms"] for s in report["stages"]}
        stages = p50["encode"] + p50["self-prompt"] + p50["decode"]
        self.peak_mib = max(self.peak_mib, report["peak_memory_mib"])
        # A run's CPU time less that of frame, preprocessing and mask, which one thread does.
        return [stages], (cpu - loading) / runs * 1e3 - (p50["total"] - stages), cpu + loading

    def logits(self, side: int) -> np.ndarray:
        """Of the mask, side/4 each way."""
        with tempfile.TemporaryDirectory() as tmp:
            # PNG, because two JPEG decoders may differ by a grey level.
            Image.fromarray(pictures.rgb()).save(f"{tmp}/picture.png")
            subprocess.run([*self.command, "segment", f"{tmp}/picture.png", *self.options, "--format", "npy", "-o",
                            f"{tmp}/out"], check=True, capture_output=True)
            return np.load(next(Path(tmp).rglob("*low_res.npy")))

    def close(self) -> None:
        """Nothing waits."""


class Worker(Contender):
    """A peer's process (`worker.py` says what it is told)."""

    def open(self, command: list, environment: dict[str, str] | None = None) -> None:
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env=os.environ | (environment or {}))
        ready = self.answer()
        self.version, self.before_mib = ready["version"], ready["before_mib"]

    def answer(self, ask: str = "") -> dict:
        """What the process says, to a line if one is given."""
        if ask:
            print(ask, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError((self.log.read().decode().strip().splitlines() or ["it ended"])[-1])
        return json.loads(line)

    def cpu(self) -> float:
        """The process's CPU seconds so far: its clock, as clock_getcpuclockid(3) makes the number."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def run(self, runs: int) -> tuple[list[float], float, float]:
        """(milliseconds, CPU milliseconds of a run, CPU seconds in all)."""
        before = self.cpu()
        ms = self.answer(f"run {runs}")["ms"]
        cpu = self.cpu() - before
        return ms, cpu / (runs + 1) * 1e3, cpu

    def logits(self, side: int) -> np.ndarray:
        """Of the mask, side/4 each way."""
        with tempfile.TemporaryDirectory() as tmp:
            pictures.tensor(pictures.rgb(), side).tofile(f"{tmp}/in")
            self.answer(f"picture {tmp}/in {tmp}/out")
            return np.fromfile(f"{tmp}/out", np.float32)[:(side // 4) ** 2].reshape(side // 4, side // 4)

    def close(self) -> None:
        """Reads the peak and ends the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        self.peak_mib = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
        self.process.stdin.close()
        self.process.wait()


def python_worker(kind: str, graph: Path, side: int, threads: int, precision: str) -> list:
    """The command of a Python peer."""
    return [sys.executable, Path(__file__).with_name("worker.py"), kind, graph, side, pictures.INDEX, threads, precision]


def busy() -> float:
    """CPU seconds that the machine has spent on anything, or that another guest took."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def measure(contender: Program | Worker, runs: int) -> None:
    """One round, with what else the machine did meanwhile."""
    before, start = busy(), time.perf_counter()
    ms, cpu_ms, cpu = contender.run(runs)
    others = max(0.0, busy() - before - cpu) / (time.perf_counter() - start)
    contender.rounds.append(Round(ms, cpu_ms, others))
