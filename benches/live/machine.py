"""What the kernel says of a process and of the machine: CPU time, time without a core, memory."""

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))
MIB = 1 << 20


@dataclass(frozen=True)
class Busy:
    """Seconds of all cores since the machine started."""

    busy: float
    idle: float
    steal: float
    """Of the busy ones: taken by whoever else lives on the same host."""

    @classmethod
    def now(cls) -> "Busy":
        """As `/proc/stat` has it (proc(5))."""
        user, nice, system, idle, wait, irq, softirq, steal = (
            int(word) * TICK for word in Path("/proc/stat").read_text().split()[1:9]
        )
        return cls(user + nice + system + irq + softirq + steal, idle + wait, steal)

    def since(self, before: "Busy") -> "Busy":
        """Between the two."""
        return Busy(self.busy - before.busy, self.idle - before.idle, self.steal - before.steal)


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    resident_mib: float
    peak_mib: float
    """The most that was ever resident."""
    files: int
    threads: int


class Process:
    """A running process, looked at again and again: what ended threads used is kept."""

    def __init__(self, pid: int) -> None:
        self.folder = Path(f"/proc/{pid}")
        self.seen: dict[str, tuple[str, float, float]] = {}

    def footprint(self) -> Footprint:
        """Now."""
        pages = int((self.folder / "statm").read_text().split()[1])
        files = len(list((self.folder / "fd").iterdir()))
        threads = len(list((self.folder / "task").iterdir()))
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", (self.folder / "status").read_text(), re.MULTILINE)
        return Footprint(pages * os.sysconf("SC_PAGE_SIZE") / MIB, int(peak) / 1024, files, threads)

    def look(self) -> None:
        """Notes every thread's times."""
        for task in (self.folder / "task").iterdir():
            try:
                name = (task / "comm").read_text().strip()
                ran, waited, _ = (task / "schedstat").read_text().split()
            except (FileNotFoundError, ProcessLookupError):  # It ended meanwhile.
                continue
            self.seen[task.name] = (name, int(ran) / 1e9, int(waited) / 1e9)

    def times(self) -> tuple[dict[str, float], dict[str, float]]:
        """Seconds on a core, and seconds ready without one, of all threads of a name since the process began."""
        self.look()
        ran: dict[str, float] = defaultdict(float)
        waited: dict[str, float] = defaultdict(float)
        for name, on_core, without in self.seen.values():
            ran[name] += on_core
            waited[name] += without
        return ran, waited
