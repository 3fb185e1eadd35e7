"""Known advisories of all that the lock file has, by cargo-deny, into `soup.toml`: who looked, when, and what was found.

The database has to be reached for it. Where it cannot be, nothing is written, and that is said.
"""

import datetime
import json
import re
import subprocess
import tempfile
from pathlib import Path

SECTION = re.compile(r"^\[advisories\]\n(?:(?!\[).*\n)*", re.M)


class UnreachableError(Exception):
    """cargo-deny could not look; why not, in its words."""


def look(deny: Path, root: Path) -> str:
    """The section of `soup.toml`, made anew."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "deny.toml"
        own = (root / "deny.toml").read_text()
        config.write_text(f'{own}\n[advisories]\ndb-path = "{folder}/databases"\n')
        words = (deny, "--workspace", "--format", "json", "--config", config, "check", "advisories")
        said = subprocess.run([str(word) for word in words], cwd=root, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in said.stderr.splitlines() if line.startswith("{")]
        if not any(line["type"] == "summary" for line in lines):
            raise UnreachableError(lines[-1]["fields"]["message"] if lines else said.stderr)
        database = next(Path(folder, "databases").glob("advisory-db-*"))
        commit = subprocess.run(
            ["git", "-C", database, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
    return section(lines, commit.stdout.strip())


def section(lines: list[dict], commit: str) -> str:
    """What cargo-deny said, as the table has it."""
    found = sorted({one for line in lines if line["type"] == "diagnostic" and (one := finding(line["fields"]))})
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    text = f'[advisories]\nlooked = "{day}"      # the day; empty: never yet\n'
    text += f'database = "{commit}"    # the advisory database\'s commit\n'
    return text + f'found = {json.dumps(found)}       # "RUSTSEC-2026-0001 crate 1.2.3"\n\n'


def finding(fields: dict) -> str | None:
    """`RUSTSEC-2026-0001 crate 1.2.3`, or `yanked crate 1.2.3`; nothing for what is about no crate."""
    if not fields["labels"]:
        return None
    crate = " ".join(fields["labels"][0]["span"].split()[:2])
    return f"{fields['advisory']['id'] if fields.get('advisory') else fields['code']} {crate}"


def write(deny: Path, root: Path) -> None:
    """Into the table."""
    table = root / "docs/records/soup.toml"
    made = look(deny, root)
    table.write_text(SECTION.sub(lambda _: made, table.read_text(), count=1))
