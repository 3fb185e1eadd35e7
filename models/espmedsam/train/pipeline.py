"""The training as data: runs the steps of `configs/pipeline.toml` that are not finished, in order.

    python -m espmedsam.train.pipeline --data DIR --split FILE              # the line "shipped"
    python -m espmedsam.train.pipeline --data DIR --split FILE --until common-stem
    python -m espmedsam.train.pipeline --data DIR --split FILE --only guard
    python -m espmedsam.train.pipeline --list                               # what is finished

May be stopped at any moment and called again: a step that was stopped resumes, a finished one is passed over. A step's
folder in the runs has `step.json`: what the step was, and whether it is finished. One that was begun as another step (a
configuration has changed since) is refused; move the folder away to train it anew.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

CONFIGS = Path(__file__).parents[2] / "configs"
WEIGHTS = "ema.safetensors"  # of a step that trains or averages


class PipelineError(ValueError):
    """A pipeline that makes no sense, or a step that cannot go on."""


@dataclass(frozen=True)
class Step:
    """One entry; exactly one of `train`, `average` and `run` is there."""

    name: str
    train: str = ""  # configuration in `stages/`
    average: tuple[str, ...] = ()  # steps
    run: tuple[str, ...] = ()  # a command of the package
    start: str = ""  # step or file that the training begins from; "": at random
    modality: str = ""
    seed: int | None = None
    budget: float | None = None  # minutes
    together: str = ""  # neighbours with the same word run at one time

    def reads(self, configs: Path) -> list[str]:
        """The steps and files that it needs, relative to the runs."""
        if not self.train:
            return list(self.average)
        options = tomllib.loads(_configuration(configs, self.train).read_text())
        teachers = {m: t for m, t in options.get("teachers", {}).items() if m == (self.modality or m)}
        named = [options.get("teacher", ""), options.get("embeddings", "")]
        named += _flat([*options.get("controllers", {}).values(), *teachers.values()])
        named = [name.replace("{modality}", self.modality).removesuffix(":base") for name in [self.start, *named]]
        return [name.removesuffix(f"/{WEIGHTS}") for name in named if name]

    def fingerprint(self, configs: Path) -> str:
        """Of everything that the step is."""
        config = _configuration(configs, self.train).read_text() if self.train else ""
        return hashlib.sha256(json.dumps([asdict(self), config]).encode()).hexdigest()


@dataclass(frozen=True)
class PipelinePaths:
    """Where a pipeline reads and writes."""

    data: Path
    split: Path
    runs: Path
    configs: Path = CONFIGS

    def weights(self, of: str) -> str:
        """A step's weights, or the file itself, relative to the runs."""
        path = of.format(data=self.data.resolve())
        return path if path.endswith(".safetensors") else f"{path}/{WEIGHTS}"

    def command(self, step: Step, threads: int) -> list[str]:
        """What runs it, behind `python -m`."""
        out = self.runs / step.name
        if step.run:
            known = {"data": self.data, "split": self.split, "runs": self.runs, "threads": threads}
            return [argument.format(**known) for argument in step.run]
        if step.average:
            files = [str(self.runs / self.weights(name)) for name in step.average]
            return ["espmedsam.weights.average", *files, "--out", str(out / WEIGHTS)]
        given = {
            "init": self.weights(step.start) if step.start else None,
            "modality": step.modality or None,
            "seed": step.seed,
            "budget": step.budget,
        }
        options = {
            "data": self.data,
            "split": self.split,
            "runs": self.runs,
            "out": out,
            "threads": threads,
            **{name: value for name, value in given.items() if value is not None},
        }
        words = itertools.chain.from_iterable((f"--{name}", str(value)) for name, value in options.items())
        return ["espmedsam.train", str(_configuration(self.configs, step.train)), *words]


@dataclass(frozen=True)
class Means:
    """What a step runs with."""

    threads: int
    lock: IO[str]  # kept open by what runs

    def of(self, steps: int) -> Means:
        """For each of so many at one time."""
        return Means(max(self.threads // max(steps, 1), 1), self.lock)


def _configuration(configs: Path, name: str) -> Path:
    return configs / "stages" / f"{name}.toml"


def _flat(values: Iterable[str | list[str]]) -> list[str]:
    return [name for value in values for name in ([value] if isinstance(value, str) else value)]


def read(configs: Path = CONFIGS) -> dict[str, list[Step]]:
    """Line -> its steps. Raises PipelineError where a step is unclear, or needs what no earlier one makes."""
    lines: dict[str, list[Step]] = {}
    known: set[str] = set()
    for line, entries in tomllib.loads((configs / "pipeline.toml").read_text()).items():
        steps = lines[line] = [step for entry in entries for step in _steps(entry)]
        for step in steps:
            if step.name in known:
                raise PipelineError(f"step '{step.name}' is there twice")
            for needed in step.reads(configs):
                is_file = needed.endswith(".safetensors")
                if needed.split("/")[0] not in known and not (is_file and needed.startswith("{data}")):
                    raise PipelineError(f"step '{step.name}' needs '{needed}', which no earlier step makes")
            known.add(step.name)
    return lines


def _steps(entry: dict[str, Any]) -> Iterator[Step]:
    """Of an entry of the file: one, or one for each of its modalities."""
    given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()}
    name, start = given.pop("step", ""), given.pop("from", "")
    for modality in given.pop("modalities", ("",)):
        try:
            step = Step(
                name.replace("{modality}", modality),
                start=start.replace("{modality}", modality),
                modality=modality,
                **given,
            )
        except TypeError as error:
            raise PipelineError(f"step '{name}': {error}") from error
        if not step.name or bool(step.train) + bool(step.average) + bool(step.run) != 1:
            raise PipelineError(f"step '{name}' is not one of train, average and run")
        yield step


def chosen(steps: list[Step], until: str = "", only: str = "") -> list[Step]:
    """Those that are asked for. Raises PipelineError if a name is unknown."""
    names = [step.name for step in steps]
    for name in filter(None, (until, only)):
        if name not in names:
            raise PipelineError(f"no step '{name}': one of {', '.join(names)}")
    if only:
        return [step for step in steps if step.name == only]
    return steps[: names.index(until) + 1] if until else steps


def is_finished(step: Step, places: PipelinePaths) -> bool:
    """Whether nothing is left to do. Raises PipelineError if the folder is of another step of that name."""
    path = places.runs / step.name / "step.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text())
    if found["fingerprint"] != step.fingerprint(places.configs):
        raise PipelineError(f"{path.parent} was begun with another configuration: move it away to make it anew")
    return found["finished"]


def _note(step: Step, places: PipelinePaths, finished: bool) -> None:
    folder = places.runs / step.name
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "step.part"
    part.write_text(json.dumps({"fingerprint": step.fingerprint(places.configs), "finished": finished}) + "\n")
    part.replace(folder / "step.json")


@contextmanager
def _alone(runs: Path) -> Iterator[IO[str]]:
    """Holds the runs' lock, which a step keeps while it lives: two of them in one folder would spoil it. Raises
    PipelineError if it is held."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / "pipeline.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PipelineError(f"something runs in {runs} already") from error
        yield lock


def run(steps: list[Step], places: PipelinePaths, threads: int) -> None:
    """Runs what is unfinished, in order. Raises PipelineError if a step fails; what runs beside it ends first."""
    with _alone(places.runs) as lock:
        _run(steps, places, Means(threads, lock))


def _run(steps: list[Step], places: PipelinePaths, means: Means) -> None:
    for _, beside in itertools.groupby(enumerate(steps), lambda numbered: numbered[1].together or numbered[0]):
        left = [step for _, step in beside if not is_finished(step, places)]
        for step in left:
            _note(step, places, finished=False)
        running = {step.name: _started(step, places, means.of(len(left))) for step in left}
        try:
            failed = [name for name, process in running.items() if process.wait()]
        finally:
            for process in running.values():
                process.terminate()
        for step in left:
            if step.name not in failed:
                _note(step, places, finished=True)
        if failed:
            raise PipelineError(f"{', '.join(failed)} failed (see above); called again, it resumes")


def _started(step: Step, places: PipelinePaths, means: Means) -> subprocess.Popen[bytes]:
    command = places.command(step, means.threads)
    print(f"{step.name}: python -m {' '.join(command)}", flush=True)
    return subprocess.Popen([sys.executable, "-m", *command], pass_fds=[means.lock.fileno()])


def main() -> None:
    """Runs a line, or says how far it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("line", nargs="?", default="shipped")
    parser.add_argument("--data", type=Path, default=Path(), help="folder with index.csv and the pictures it lists")
    parser.add_argument("--split", type=Path, default=Path(), help="CSV: dataset, stem, split")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--until", default="", metavar="STEP", help="the last step to run")
    parser.add_argument("--only", default="", metavar="STEP", help="the only step to run")
    parser.add_argument("--list", action="store_true", help="say which steps are finished, and run none")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what runs is ended too
    places = PipelinePaths(args.data, args.split, args.runs)
    try:
        lines = read()
        if args.line not in lines:
            raise PipelineError(f"no line '{args.line}': one of {', '.join(lines)}")
        steps = chosen(lines[args.line], args.until, args.only)
        if args.list:
            for step in steps:
                print(f"{'finished' if is_finished(step, places) else '-':9} {step.name}")
        elif not (args.data / "index.csv").exists() or not args.split.is_file():
            raise PipelineError("--data is a folder with index.csv, --split a file")
        else:
            run(steps, places, args.threads)
    except PipelineError as error:
        raise SystemExit(f"pipeline: {error}") from error


if __name__ == "__main__":
    main()
