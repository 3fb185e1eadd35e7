"""The most memory that the service ever takes with one source of 1280 x 720 and one viewer."""

import tempfile
from dataclasses import replace
from pathlib import Path

import sitting
from program import Command
from viewers import STREAM, Visit

MOST_MB = 150
"""Of 10^6 bytes: what a board of 1 GB spares beside its system (board/README.md)."""
SIDE = (1280, 720)
PICTURES = 8


def video() -> bytes:
    """Y4M (`man yuv4mpeg`) of a bright square that wanders over grey: every picture is another one."""
    width, height = SIDE
    chroma = bytes([128]) * (width * height // 2)
    frames = [f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode()]
    for number in range(PICTURES):
        left = 100 + 100 * number
        dark, square = bytes([64]) * width, bytes([64]) * left + bytes([200]) * 200 + bytes([64]) * (width - left - 200)
        frames += [b"FRAME\n", dark * 260, square * 200, dark * (height - 460), chroma]
    return b"".join(frames)


def memory(command: Command, minutes: float) -> list[str]:
    """Prints it; what was too much."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "720p.y4m"
        path.write_bytes(video())
        watching = replace(command, source=str(path), options=("--modality", "ultrasound"))
        sat = sitting.sit(watching, sitting.Plan([iter([Visit(STREAM)])], 60 * minutes))
    peak = 1e-6 * 2**20 * max(footprint.peak_mib for footprint in sat.footprints)
    size = f"{SIDE[0]} x {SIDE[1]}"
    print(
        f"{size}, one viewer, {60 * minutes:.0f} s: {sat.counted('segmented')} pictures segmented, {peak:.0f} MB at most"
    )
    faults = [] if sat.counted("segmented") else ["nothing was segmented"]
    return faults + ([f"{peak:.0f} MB were taken, of {MOST_MB}"] if peak > MOST_MB else [])
