"""The program under test, as its user starts it."""

import json
import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import Process

ROOT = Path(__file__).resolve().parents[2]
START = 120.0
"""Seconds until the first answer at the latest: a cold disk, a busy machine."""
END = 10.0
"""Seconds until it has ended; by default it gives itself four."""


def ended(run: "subprocess.Popen[Any]", patience: float = END) -> list[str]:
    """Asks a program to end, and what was wrong with that."""
    faults = []
    if run.poll() is None:
        run.terminate()
    else:
        faults.append("it ended by itself")
    try:
        run.wait(patience)
    except subprocess.TimeoutExpired:
        run.kill()
        faults.append(f"it had not ended {patience:.0f} s after it was asked to")
    if status := run.wait():
        faults.append(f"it ended with {status}")
    return faults


def said(log: Iterable[str]) -> list[str]:
    """Faults among the lines of a log."""
    return [line for line in log if "panicked" in line or " ERROR " in line]


@dataclass(frozen=True)
class Command:
    """What is started."""

    binary: Path
    models: Path
    source: str = "phantom:fetal-head"
    options: tuple[str, ...] = ()


class Program:
    """`espmedsam live`, from its first word to its last."""

    def __init__(self, command: Command) -> None:
        self.log: list[str] = []
        self.run = subprocess.Popen(
            [
                command.binary,
                "live",
                command.source,
                *command.options,
                "--models",
                command.models,
                "--listen",
                "127.0.0.1:0",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.listening = threading.Event()
        self.port = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.process = Process(self.run.pid)

    def read(self) -> None:
        """Keeps what it says; nothing is left in the pipe, or it would wait for us."""
        assert self.run.stderr
        for line in self.run.stderr:
            self.log.append(line.rstrip())
            if (said := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)) and not self.port:
                self.port = int(said[1])
                self.listening.set()
        self.listening.set()

    def wait_for_answers(self) -> None:
        """Until the model has given its first one."""
        until = time.monotonic() + START
        self.listening.wait(START)
        while self.port and time.monotonic() < until:
            if self.source()["counts"]["segmented"]:
                return
            time.sleep(0.2)
        self.stop()
        raise SystemExit("bench: it gave no answer:\n" + "\n".join(self.log[-20:]))

    def source(self) -> dict[str, Any]:
        """The one source, as `GET /v1/sources` tells of it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/sources", timeout=30) as reply:
            (source,) = json.load(reply)["sources"]
            return source

    def stop(self) -> list[str]:
        """Asks it to end, and what was wrong with that and with what it said."""
        faults = ended(self.run)
        self.reader.join(END)
        return faults + [f"it said: {line}" for line in said(self.log)]
