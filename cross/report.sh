#!/bin/sh
# benches/arm.md, on standard output. Called by `make bench-arm`. ARM_BINARIES: builds to count, if not the usual one.
set -eu
cd "$(dirname "$0")/.."
. .cross/rust.env
cat <<END
# ARM, without a board

Research use only. Not for clinical use. Written by \`make bench-arm\`; how it is found and what it leaves out:
[cross/README.md](../cross/README.md).

## Inner loops

By LLVM's models of the pipelines, all data in the first cache. The A72's is LLVM's for the A57, the
core before it. The A76's is that of the Neoverse N1, the same core; it takes three
instructions a cycle where the A76 takes four, so a loop with many loads shows less than it may do.

$(python3 cross/mca.py)

## Instructions of a frame

Executed by qemu, one thread, 224 x 224, ultrasound. The program's frame is preprocessing, three graphs and mask;
onnxruntime's is the graphs alone.

END
# Not in the text above, so that a failure is one.
# shellcheck disable=SC2086
counts=$(python3 cross/count.py ${ARM_BINARIES:+--binary $ARM_BINARIES} "$@")
cat <<END
$counts

## What to expect on a board

\`cross/predict.py\`: products in the 8-bit tiles take the cycles above; every other instruction is taken to go at 2.0 a
cycle on the A76 and 1.2 on the A72, and four cores to work as 4 x 0.85. Caches and memory bandwidth are not modelled:
an expectation, not a measurement.

END
# The program's own rows: "A72=1,234.5" without the comma.
# shellcheck disable=SC2046
python3 cross/predict.py $(echo "$counts" | awk -F'|' '$2 ~ /espmedsam/ {gsub(/[ ,]/, "", $4); print ($3 ~ /a72/ ? "A72=" : "A76=") $4}')
