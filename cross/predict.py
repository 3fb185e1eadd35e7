#!/usr/bin/env python3
"""Milliseconds of a frame that instruction counts and pipelines lead one to expect on a board: `predict.py A72=N A76=N`,
with a frame's millions of executed instructions in 8 bits. `A72=N+IN+OUT` has a live picture's too, by count.py --live:
decoding before it, and drawing and encoding after it.

Products in the tiles take the cycles that llvm-mca gives (cross/mca.py); all other instructions go at an assumed rate.
Caches and memory bandwidth are not modelled, and four cores are taken to work as 4 x 0.85: an expectation, not a
measurement.
"""

import sys

PRODUCTS = 1481  # million, in 8-bit tiles: QLinear, QConv and QUpConv of `espmedsam bench --layers`, 224 x 224, ultrasound
FOUR = 4 * 0.85
CORES = {
    # board, GHz, products a cycle and instructions a product in the tile, instructions a cycle outside it
    "A72": ("Raspberry Pi 4", 1.8, 8.0, 57 / 256, 1.2),
    "A76": ("Raspberry Pi 5", 2.4, 32.0, 112 / 1536, 2.0),
}


def main() -> None:
    given = [argument.split("=") for argument in sys.argv[1:]]
    boards = [(core, [float(count) for count in counts.split("+")]) for core, counts in given]
    print("| board | million instructions | of them in the tiles | million cycles | ms, 1 core | ms, 4 cores |\n"
          "|---|---:|---:|---:|---:|---:|")
    for core, (total, *_) in boards:
        board, ghz, *_ = CORES[core]
        inside, cycles = network(core, total)
        ms = cycles / ghz  # millions / thousand millions a second
        print(f"| {board} (Cortex-{core}, {ghz} GHz) | {total:,.0f} | {inside:,.0f} | {cycles:,.0f} | {ms:.0f} | "
              f"{ms / FOUR:.0f} |")
    if any(len(counts) < 3 for _, counts in boards):
        return
    print("\n| board | JPEG in, ms | network, 4 cores | drawn and JPEG out | capture to sent picture | pictures a second, 4 cores busy |\n"
          "|---|---:|---:|---:|---:|---:|")
    for core, (total, before, after) in boards:
        board, ghz, *_, ipc = CORES[core]
        ms = network(core, total)[1] / ghz
        first, last = before / ipc / ghz, after / ipc / ghz
        print(f"| {board} | {first:.1f} | {ms / FOUR:.0f} | {last:.1f} | {first + ms / FOUR + last:.0f} | "
              f"{1e3 * FOUR / (first + ms + last):.0f} |")


def network(core: str, total: float) -> tuple[float, float]:
    """Of that many million instructions those in tiles, and the million cycles of all."""
    *_, rate, each, ipc = CORES[core]
    inside = PRODUCTS * each
    return inside, PRODUCTS / rate + (total - inside) / ipc


if __name__ == "__main__":
    main()
