"""The program under attack, as its owner starts it: both doors, a live source, tokens. Ended, it says what was wrong."""

import os
import re
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from door import Door, Limits, Target
from idle import spent
from machine import Footprint, Process
from program import ended, said

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "board/package/files/espmedsam.service"
"""Whose environment it has, as on a board: how many arenas glibc makes, of which each keeps what its threads once took."""
START = 120.0
"""Seconds until it is ready at the latest: a cold disk, a busy machine."""
END = 20.0
"""Seconds until it has ended; by default it gives itself four."""
CONFIG = """
[server]
{limits}
[access]
listen = "127.0.0.1:0"
folder = "{folder}"
[gpio]
driver = "simulated"
[live]
clips = "{folder}"
[live.clients]
sources = true
[[live.sources]]
name = "phantom"
modality = "ultrasound"
source = {{ kind = "phantom", target = "fetal-head", rate = {rate} }}
budget_ms = 10000
clip_s = 2
"""


@dataclass(frozen=True)
class Setup:
    """What is started."""

    binary: Path
    models: Path
    limits: Limits
    rate: int = 1
    """Of the live source, pictures a second."""


class Server:
    """`espmedsam serve`, from its first word to its last."""

    def __init__(self, setup: Setup) -> None:
        self.folder = tempfile.TemporaryDirectory()
        here = Path(self.folder.name)
        config, self.log = here / "config.toml", here / "log"
        config.write_text(CONFIG.format(limits=setup.limits.toml(), folder=here, rate=setup.rate))
        self.setup, self.config = setup, config
        # Before it starts: of a token that is made later it would know within a second.
        token = self.token("attacker", "read", "segment")
        options = ["--listen", "127.0.0.1:0", "--models", str(setup.models), "--config", str(config)]
        environment = os.environ | dict(re.findall(r"^Environment=(\w+)=(.*)$", UNIT.read_text(), re.M))
        with self.log.open("w") as log:
            self.run = subprocess.Popen([setup.binary, "serve", *options], stderr=log, env=environment)
        try:
            near = Door(self.port(r"listening on http://127\.0\.0\.1:(\d+)"))
            port = self.port(r"other machines: https://127\.0\.0\.1:(\d+)")
            tls = ssl.create_default_context(cafile=here / "certificate.pem")
            self.target = Target(near, Door(port, tls, token), setup.limits)
            self.wait("it is ready", lambda: near.ask("GET /health/ready").status == 200)
        except BaseException:
            self.stop()
            raise
        self.process = Process(self.run.pid)

    def wait(self, what: str, true: Callable[[], object]) -> None:
        """Until it is so."""
        until = time.monotonic() + START
        while not true():
            if self.run.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"attack: {what}: it never was\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def port(self, said: str) -> int:
        """Where it listens, as it says itself."""
        self.wait("it listens", lambda: re.search(said, self.log.read_text()))
        found = re.search(said, self.log.read_text())
        assert found
        return int(found[1])

    def token(self, name: str, *scopes: str) -> str:
        """A new one."""
        scope = [word for each in scopes for word in ("--scope", each)]
        add: list[str | Path] = [self.setup.binary, "access", "add", name, *scope, "--config", self.config]
        return subprocess.run(add, check=True, capture_output=True, text=True).stdout.strip()

    def footprint(self) -> Footprint:
        """What it holds now."""
        return self.process.footprint()

    def cpu(self) -> float:
        """Seconds that it was on a core."""
        return spent(self.run.pid)[0]

    def said(self) -> list[str]:
        """Faults in its log."""
        return said(self.log.read_text().splitlines())

    def stop(self) -> list[str]:
        """Asks it to end, and what was wrong with that and with what it said."""
        faults = ended(self.run, END)
        faults += [f"it said: {line}" for line in self.said()]
        self.folder.cleanup()
        return faults
