"""A 64-bit ARM board in qemu, with Debian and systemd (`cross/system.sh`), driven from outside.

Its first console has the kernel's and systemd's messages, its second a shell. A folder goes in as a disk; HTTP comes out
through a port of this machine. Time is that of qemu's translation, on this machine, under whatever load it has: durations
say in which order of magnitude a thing lies, and no more.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CROSS = Path(__file__).parents[2] / ".cross"
SERVICE_PORT = 8080
MARK = "@@"


class BoardError(RuntimeError):
    """The board did not do what was asked in its time."""


@dataclass(frozen=True)
class Ran:
    """What a command in the board came to."""

    status: int
    output: str


@dataclass(frozen=True)
class Reply:
    """What the service answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Board:
    """One machine with one disk, which stays as it was left when the machine is cut off."""

    def __init__(self, folder: Path, payload: Path, memory: int = 1024, cpu: str = "cortex-a76"):
        self.folder, self.memory, self.cpu = folder, memory, cpu
        self.process: subprocess.Popen[bytes] | None = None
        self.shell: socket.socket | None = None
        self.port = 0
        self.started = 0.0
        self.boots = 0
        self.said = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.disk = folder / "disk"
        base = CROSS / "system" / "disk"
        subprocess.run(["cp", "--sparse=always", str(base), str(self.disk)], check=True)
        self.payload = folder / "payload.tar"
        with tarfile.open(self.payload, "w") as tar:
            for path in sorted(payload.iterdir()):
                tar.add(path, path.name)

    def boot(self, append: str = "", clock: str = "utc") -> None:
        """Power on, until the shell answers. `append` goes to the kernel; `clock` is what the board's own clock says."""
        kernel = (CROSS / "board" / "ready").read_text().strip()
        self.port, path = _free_port(), self.folder / "shell"
        path.unlink(missing_ok=True)
        self.boots += 1
        # fmt: off
        command = [
            "qemu-system-aarch64", "-M", "virt", "-cpu", self.cpu, "-smp", "2", "-m", str(self.memory),
            "-nographic", "-no-reboot", "-rtc", f"base={clock}",
            "-drive", f"if=none,id=disk,file={self.disk},format=raw,cache=writeback",
            "-device", "virtio-blk-pci,drive=disk",
            "-drive", f"if=none,id=payload,file={self.payload},format=raw,readonly=on",
            "-device", "virtio-blk-pci,drive=payload",
            "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:{SERVICE_PORT}",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-chardev", f"socket,id=shell,path={path},server=on,wait=off",
            "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=shell",
            "-kernel", str(CROSS / "board" / "boot" / f"vmlinuz-{kernel}"),
            "-initrd", str(CROSS / "system" / "initrd"),
            "-append", f"console=ttyAMA0 quiet panic=-1 systemd.show_status=0 {append}",
        ]
        # fmt: on
        log = (self.folder / f"console-{self.boots}.log").open("wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.shell = _connected(path, self.process)
        _until(300, self._answers, "the board's shell")

    def _say(self, line: str) -> None:
        assert self.shell is not None
        self.shell.sendall(line.encode() + b"\n")

    def _heard(self, mark: str, seconds: float) -> str:
        """What the shell says until `mark`, a regular expression."""
        assert self.shell is not None
        said, end = b"", time.monotonic() + seconds
        while True:
            if re.search(mark, said.decode(errors="replace")):
                return said.decode(errors="replace")
            self.shell.settimeout(max(end - time.monotonic(), 0.01))
            try:
                more = self.shell.recv(1 << 16)
            except TimeoutError:
                raise BoardError(f"no answer within {seconds:.0f} s: {said[-500:]!r}") from None
            if not more:
                raise BoardError(f"the board is off: {said[-500:]!r}")
            said += more

    def _answers(self) -> bool:
        self.said += 1
        # Whatever echoes this line does not hold what is waited for.
        self._say(f"echo {MARK}$((0 + {self.said})){MARK}")
        try:
            self._heard(f"{MARK}{self.said}{MARK}", 3)
        except BoardError:
            if self.process is None or self.process.poll() is not None:
                raise
            return False
        return True

    def run(self, command: str, seconds: float = 60) -> Ran:
        """A command of the board's shell, one line."""
        self.said += 1
        begin, end = f"{MARK}{self.said}{MARK}", rf"{MARK}{self.said}:(\d+){MARK}"
        self._say(
            f"echo {MARK}$((0 + {self.said})){MARK}; ( {command} ) 2>&1 </dev/null; echo {MARK}{self.said}:$?{MARK}"
        )
        said = self._heard(end, seconds).replace("\r", "")
        _, _, said = said.rpartition(begin)
        output, status, _ = re.split(end, said)
        return Ran(int(status), output.strip())

    def must(self, command: str, seconds: float = 60) -> str:
        """The same, which has to go well."""
        ran = self.run(command, seconds)
        if ran.status != 0:
            raise BoardError(f"'{command}' ended with {ran.status}: {ran.output[-2000:]}")
        return ran.output

    def uptime(self) -> float:
        """Seconds since the kernel began, by its own clock."""
        return float(self.must("cat /proc/uptime").split()[0])

    def ask(self, path: str, body: bytes | None = None, seconds: float = 60) -> Reply:
        """A request of the service through the forwarded port. Connections that are refused or cut raise OSError."""
        kind = "image/jpeg" if body else "application/octet-stream"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=seconds) as reply:
                return Reply(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, dict(error.headers), error.read())

    def until(self, seconds: float, what: str, holds: Callable[[], bool]) -> float:
        """Waits until `holds`; the seconds that it took."""
        return _until(seconds, holds, what)

    def ready(self) -> bool:
        """Whether the service says so itself."""
        try:
            return self.ask("/health/ready", seconds=10).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def cut(self) -> None:
        """As if the plug were pulled: what the kernel had not written is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if self.shell is not None:
            self.shell.close()
        self.process = self.shell = None

    def off(self) -> None:
        """Shut down in order."""
        assert self.process is not None
        self._say("systemctl poweroff")
        try:
            self.process.wait(180)
        finally:
            self.cut()


def _until(seconds: float, holds: Callable[[], bool], what: str) -> float:
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > seconds:
            raise BoardError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.2)
    return time.monotonic() - start


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _connected(path: Path, process: subprocess.Popen[bytes]) -> socket.socket:
    def there() -> bool:
        if process.poll() is not None:
            raise BoardError(f"qemu ended with {process.returncode}")
        return path.exists()

    _until(20, there, "qemu's socket")
    shell = socket.socket(socket.AF_UNIX)
    # A socket's path is at most 107 bytes.
    here = os.open(path.parent, os.O_RDONLY)
    try:
        shell.connect(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)
    return shell
