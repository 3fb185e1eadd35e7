#!/usr/bin/env python3
"""Milliseconds of a frame that instruction counts and pipelines lead one to expect on a board: `predict.py A72=N A76=N`,
with a frame's millions of executed instructions in 8 bits.

Products in the tiles take the cycles that llvm-mca gives (cross/mca.py); all other instructions go at an assumed rate.
Caches and memory bandwidth are not modelled, and four cores are taken to work as 4 x 0.85: an expectation, not a
measurement.
"""

import sys

PRODUCTS = 2403  # million, in 8-bit tiles: QLinear and QConv of `espmedsam bench --layers`, 224 x 224, ultrasound
CORES = {
    # board, GHz, products a cycle and instructions a product in the tile, instructions a cycle outside it
    "A72": ("Raspberry Pi 4", 1.8, 8.0, 57 / 256, 1.2),
    "A76": ("Raspberry Pi 5", 2.4, 32.0, 112 / 1536, 2.0),
}


def main() -> None:
    print("| board | million instructions | of them in the tiles | million cycles | ms, 1 core | ms, 4 cores |\n"
          "|---|---:|---:|---:|---:|---:|")
    for argument in sys.argv[1:]:
        core, total = argument.split("=")
        board, ghz, rate, each, ipc = CORES[core]
        inside = PRODUCTS * each
        cycles = PRODUCTS / rate + (float(total) - inside) / ipc
        ms = cycles / ghz  # millions / thousand millions a second
        print(f"| {board} (Cortex-{core}, {ghz} GHz) | {float(total):,.0f} | {inside:,.0f} | {cycles:,.0f} | {ms:.0f} | "
              f"{ms / (4 * 0.85):.0f} |")


if __name__ == "__main__":
    main()
