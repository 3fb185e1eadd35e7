#!/bin/bash
# Whether the whole program for 64-bit ARM, as each of these CPUs has it run (qemu), makes the masks that this machine's makes, to
# the byte: logits and patch maps of a sample for each modality, and masks of two sizes.
#     cross/masks.sh HERE THERE CPU...
set -euo pipefail
here=$1 there=$2
shift 2
folder=$(mktemp -d)
trap 'status=$?; kill $(jobs -p) 2>/dev/null || true; [ $status = 0 ] || tail -n 5 "$folder"/*.said >&2; rm -rf "$folder"; exit $status' EXIT
# Modality, picture, form. No sample is of the last two modalities.
samples='
dermoscopy  ISIC_0000390                      npy
colonoscopy kvasir_cju2htabevq9108015qjei0x7  npy
colonoscopy kvasir_cju2htabevq9108015qjei0x7  png
ultrasound  hc18_230_HC                       npy
ultrasound  hc18_230_HC                       png
microscopy  dsb_0121d6759c5adb29              npy
x-ray       hc18_230_HC                       npy
fundus      hc18_230_HC                       npy
'
files=14
# FOLDER COMMAND...: all of them by that program.
segment() {
  local out=$1 modality picture form
  shift
  while read -r modality picture form; do
    [ -n "$modality" ] || continue
    mkdir -p "$out/$modality"
    "$@" segment "tests/samples/$picture.jpg" --modality "$modality" --on-mismatch keep --models models --threads 1 \
      --format "$form" -o "$out/$modality" </dev/null 2>>"$out.said"
  done <<<"$samples"
}
segment "$folder/here" "$here"
count=$(find "$folder/here" -type f | wc -l)
[ "$count" = $files ] || { echo "cross: $count files where $files belong" >&2; exit 1; }
compare() {
  local begun=$SECONDS
  segment "$folder/$1" .cross/qemu-aarch64 -cpu "$1" -L /usr/aarch64-linux-gnu "$there"
  diff -r "$folder/here" "$folder/$1" || { echo "cross: other masks as $1" >&2; return 1; }
  echo "  $1: $count files, each as here ($((SECONDS - begun)) s)"
}
# Side by side: each has one thread.
running=()
for cpu in "$@"; do
  compare "$cpu" &
  running+=($!)
done
for one in "${running[@]}"; do wait "$one"; done
