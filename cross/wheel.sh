#!/bin/bash
# The wheel for 64-bit ARM under Debian's Python for it, as this CPU has it run (qemu): its tests, the program's masks among what they
# compare with. One is left out: it starts a second Python, which here could not be started.
#     cross/wheel.sh WHEEL CPU
set -euo pipefail
wheel=$1 cpu=$2
top=.cross
packages=$top/wheel/site-packages
rm -rf "$top/wheel"
"$top/meson/bin/pip" install -q --target "$packages" --only-binary :all: --python-version 3.11 \
  --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
  "$wheel" -r tests/python/requirements.txt
PYTHONHOME=$top/python/usr PYTHONPATH=$packages PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1 \
  "$top/qemu-aarch64" -cpu "$cpu" -L "$top/python" "$top/python/usr/bin/python3.11" -S -m pytest -q -p no:cacheprovider \
  --deselect tests/python/test_wheel.py::test_a_strangers_ten_minutes_are_as_the_page_says tests/python/test_wheel.py
