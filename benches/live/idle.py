"""The service with nothing to do: no source, nobody who looks. What it costs all the same."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from machine import TICK, Process
from program import START, Command

MOST_BUSY = 0.01
"""Share of one core."""


def spent(pid: int) -> tuple[float, int]:
    """Seconds of CPU since it began, and bytes that it had written to storage (proc(5): stat, io)."""
    # The name before these fields may hold anything, but for its last bracket.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    (written,) = re.findall(r"^write_bytes: (\d+)$", Path(f"/proc/{pid}/io").read_text(), re.MULTILINE)
    return (int(fields[11]) + int(fields[12])) * TICK, int(written)


def wait_until_ready(address: str) -> None:
    """Until a picture has gone through."""
    until = time.monotonic() + START
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/health/ready", timeout=10) as reply:
                json.load(reply)
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise SystemExit("bench: it was never ready")


def idle(command: Command, minutes: float) -> list[str]:
    """Prints what it took; what was too much."""
    arguments = [str(command.binary), "serve", "--models", str(command.models), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as run:
        try:
            assert run.stderr
            said = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in run.stderr)
            address = next(found[0] for found in said if found)
            wait_until_ready(address)
            before = spent(run.pid)
            time.sleep(60 * minutes)
            now = spent(run.pid)
            footprint = Process(run.pid).footprint()
        finally:
            run.terminate()
    busy, written = now[0] - before[0], now[1] - before[1]
    share = busy / (60 * minutes)
    print(
        f"idle for {minutes:g} min: {busy:.2f} s of CPU ({100 * share:.3f} % of a core), {written} bytes to storage, "
        f"{footprint.resident_mib:.1f} MiB resident, {footprint.threads} threads"
    )
    faults = []
    if share > MOST_BUSY:
        faults.append(f"{100 * share:.2f} % of a core, of {100 * MOST_BUSY:.0f} %")
    if written:
        faults.append(f"{written} bytes were written")
    return faults
