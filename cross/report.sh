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
live=$(python3 cross/count.py --live "${ARM_LIVE:-target/live/aarch64-unknown-linux-gnu/release/examples/live_stages}")
cat <<END
$counts

A live picture's, around the network (a phantom's picture; \`crates/video/examples/live_stages.rs\`), in millions:

$live

## What to expect on a board

\`cross/predict.py\`: products in the 8-bit tiles take the cycles above; every other instruction is taken to go at 2.0 a
cycle on the A76 and 1.2 on the A72, and four cores to work as 4 x 0.85. Caches and memory bandwidth are not modelled:
an expectation, not a measurement. Of a live picture the network has four cores, JPEG in and out one each; with all four
busy, pictures overlap.

END
# The program's own rows, and what comes before and after: "A72=1234.5+20.1+30.2".
live_of() { echo "$live" | awk -F'|' -v column="$1" 'NR > 2 {gsub(/[ ,]/, "", $column)
  if ($2 ~ /JPEG in/) before += $column; else if ($2 !~ /page/) after += $column} END {print "+" before "+" after}'; }
program_of() { echo "$counts" | awk -F'|' -v core="$1" '$2 ~ /espmedsam/ && $3 ~ core {gsub(/[ ,]/, "", $4); print $4; exit}'; }
python3 cross/predict.py "A72=$(program_of a72)$(live_of 3)" "A76=$(program_of a76)$(live_of 4)"
cat <<END

Not in these: scaling 640 x 480 rather than 224 x 224 pixels down, the live stabiliser, and the wait for the engine while it is
at the picture before.
END
