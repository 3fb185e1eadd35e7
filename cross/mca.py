#!/usr/bin/env python3
"""What the inner loops of the ARM tiles cost on each core, by LLVM's models of their pipelines (llvm-mca).

Compiles the kernels for aarch64, takes from each kernel the loop with most products, and writes a Markdown table.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = "aarch64-unknown-linux-gnu"
# Products of one instruction on full registers.
PRODUCTS = {"fmla": 4, "sdot": 16, "smull": 8, "smlal2": 8, "usmmla": 32}
# LLVM has no model of the A76's own; the Neoverse N1 is the same core, made for servers.
MODEL = {"Cortex-A72": "cortex-a72", "Cortex-A76": "neoverse-n1", "Neoverse N2": "neoverse-n2"}
# Function, what it is, and the products a cycle that each core's multiplying pipes can do at most. A72: fused
# multiply-adds of four floats take both halves of the pipes, 8-bit products one pipe of two. A76: two pipes.
KERNELS = [
    ("neon", "run_f32", "float 8 x 8", {"Cortex-A72": 4, "Cortex-A76": 8}),
    ("neon", "i8_4x8", "8-bit, smull, 4 x 8 (two passes)", {"Cortex-A72": 8}),
    ("dotprod", "i8_6x16", "8-bit, sdot, 6 x 16", {"Cortex-A76": 32}),
    ("i8mm", "run_i8", "8-bit, usmmla, 8 x 8", {"Neoverse N2": 64}),
]


def assembly() -> str:
    """The compute folder's."""
    with tempfile.TemporaryDirectory() as folder:
        out, source = Path(folder) / "kernels.s", Path(folder) / "kernels.rs"
        # The folder by itself: the rest of the package needs another one, which rustc alone does not find.
        source.write_text(f'#[path = "{ROOT}/crates/compute/src/kernels/mod.rs"]\npub mod kernels;\n')
        # link-dead-code: the tiles, even where nothing calls them from outside.
        subprocess.run([os.environ.get("RUSTC", "rustc"), "--edition=2024", "--crate-type=lib", "--target", TARGET,
                        "-Copt-level=3", "-Coverflow-checks=on", "-Ccodegen-units=1", "-Clink-dead-code=yes", "-Awarnings",
                        "--emit=asm", "-o", out, source], check=True)
        return out.read_text()


def products(lines: list[str]) -> int:
    return sum(PRODUCTS.get(line.split()[0], 0) for line in lines)


def inner_loop(text: str, module: str, function: str) -> list[str]:
    """The instructions between a label and the branch back to it that do most products, for the tile of most rows."""
    bodies = re.findall(rf"^\S*{len(module)}{module}\w*?{function}\w*:\n(.*?)\.Lfunc_end", text, re.S | re.M)
    if not bodies:
        raise SystemExit(f"{module}: no function {function} in the assembly")
    best: list[str] = []
    for body in bodies:
        lines = [line.strip() for line in body.splitlines()]
        for end, line in enumerate(lines):
            branch = re.match(r"(?:b\.\w+|cbn?z\s+\w+,)\s+(\S+)$", line)
            label = branch and re.sub(r"^(\d+)b$", r"\1", branch[1]) + ":"
            if label in lines[:end]:
                begin = end - lines[end::-1].index(label)
                loop = [x for x in lines[begin:end] if x and not x.startswith(("//", ".")) and not x.endswith(":")]
                best = max(best, [*loop, "b.ne 0"], key=products)
    return best


def cycles(loop: list[str], model: str, times: int = 300) -> float:
    """Of one turn."""
    run = subprocess.run([ROOT / ".cross/llvm-mca", "-mtriple=aarch64", f"-mcpu={model}", f"-iterations={times}"],
                         input="\n".join(loop) + "\n", capture_output=True, text=True, check=True)
    return int(re.search(r"Total Cycles:\s+(\d+)", run.stdout)[1]) / times


def main() -> None:
    text = assembly()
    print("| kernel | core | instructions | products | cycles | products a cycle | of the peak |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for module, function, name, peaks in KERNELS:
        loop = inner_loop(text, module, function)
        for core, peak in peaks.items():
            turn = cycles(loop, MODEL[core])
            rate = products(loop) / turn
            print(f"| {name} | {core} | {len(loop)} | {products(loop)} | {turn:.1f} | {rate:.1f} of {peak} | {rate / peak:.0%} |")


if __name__ == "__main__":
    main()
