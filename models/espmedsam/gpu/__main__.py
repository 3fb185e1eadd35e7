"""Trains base, controllers and presence head in so many minutes of one device, from a packed pool.

    python -m espmedsam.gpu --pool out/pool.safetensors --minutes 10 --out out/gpu --init runs/common-lite/ema.safetensors

Minutes are the clock's, of everything from loading on. May be stopped at any moment and called again: it goes on where it
was a minute before. `OUT/weights` is what is to be brought back: `python -m espmedsam.gpu.parts` makes checkpoints of it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from .batches import Shelves
from .loop import Loop, Pictures, Task
from .pack import TRAIN, VAL, Packed, fine_sets, load
from .plan import PLAN, Plan, read
from .shelf import unpacked

SIDE, FINE_SIDE = 256, 512  # of pictures on the device


def on_device(content: Packed, plan: Plan, device: torch.device) -> Pictures:
    """All of them, at both sides."""
    names = fine_sets(plan)
    train = content.of(TRAIN)
    fine = [at for at in train if content.entries[at].dataset in names]
    shelves = Shelves(
        unpacked(content, train, SIDE, device), unpacked(content, fine, FINE_SIDE, device) if fine else None
    )
    return Pictures(shelves, unpacked(content, content.of(VAL), SIDE, device))


def main() -> None:
    """Trains until the minutes are used up."""
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, required=True, help="what espmedsam.gpu.pack wrote")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", default="", help="checkpoint that the base begins from (default: random)")
    parser.add_argument("--plan", type=Path, default=PLAN, help="phases (default: configs/gpu.toml)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    device = torch.device(args.device)
    torch.set_float32_matmul_precision("high")
    plan = read(args.plan)
    pictures = on_device(load(args.pool), plan, device)
    count = len(pictures.train.live.items)
    print(f"{count} pictures on {device} after {time.monotonic() - began:.0f} s", flush=True)
    init = str(Path(args.init).resolve()) if args.init else ""
    Loop(Task(plan, args.minutes, args.out, init), pictures, device, lambda: time.monotonic() - began).train()


if __name__ == "__main__":
    main()
