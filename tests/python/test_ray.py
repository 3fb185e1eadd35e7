"""A folder through Ray Data, as docs/examples says: one process's masks, whatever becomes of a worker. `make test-ray`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import espmedsam
import pytest

pytest.importorskip("ray", reason="`make test-ray` installs it")

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "ray_folder.py"
SAMPLES = sorted((ROOT / "tests" / "samples").glob("kvasir_*.jpg"))
COPIES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Polyps, many times over, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("archive")
    for copy in range(COPIES):
        for sample in SAMPLES:
            shutil.copy(sample, folder / f"{copy:03}_{sample.name}")
    (folder / "none.jpg").write_bytes(b"no picture")
    return folder


def begun(folder, out):
    command = [sys.executable, EXAMPLE, folder, "colonoscopy", out]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def told(process, out):
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said.decode()[-2000:]
    rows = [json.loads(line) for file in sorted(out.glob("*.json")) for line in file.read_text().splitlines()]
    return {row["picture"]: row for row in rows}, len(rows)


def workers():
    """Process numbers of Ray's actors that segment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"ray::" in (line := entry.read_bytes()) and b"Segment" in line:
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def check(rows, count):
    assert count == len(rows) == COPIES * len(SAMPLES) + 1
    segmenter = espmedsam.Segmenter()
    for sample in SAMPLES:
        expected = segmenter.segment_file(sample, "colonoscopy").report["rle"]["counts"]
        for copy in range(COPIES):
            assert rows[f"{copy:03}_{sample.name}"]["rle"] == expected
    assert rows["none.jpg"]["fault"] == "not-a-picture"


def test_all_pictures_have_one_processs_masks(folder, tmp_path):
    check(*told(begun(folder, tmp_path / "out"), tmp_path / "out"))


def test_a_killed_worker_loses_nothing(folder, tmp_path):
    process = begun(folder, tmp_path / "out")
    deadline = time.monotonic() + 300
    while len(found := workers()) < 2:
        assert time.monotonic() < deadline, "no two workers"
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        time.sleep(0.1)
    time.sleep(2)
    os.kill(found[0], signal.SIGKILL)
    check(*told(process, tmp_path / "out"))
    assert found[0] not in workers()
