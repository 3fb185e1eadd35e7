#!/bin/bash
# Whether the whole program for 64-bit ARM, as each of these CPUs has it run (qemu), makes the masks that this machine's makes, to
# the byte, of every sample: PNGs of masks, and logits.
#     cross/masks.sh HERE THERE CPU...
set -euo pipefail
here=$1 there=$2
shift 2
folder=$(mktemp -d)
trap 'status=$?; [ $status = 0 ] || tail -n 5 "$folder/said" >&2; rm -rf "$folder"; exit $status' EXIT
pictures=(tests/samples/*.jpg)
modality() {
  case $(basename "$1") in
    ISIC_*) echo dermoscopy ;; dsb_*) echo microscopy ;; hc18_* | usgra_*) echo ultrasound ;; kvasir_*) echo colonoscopy ;;
    *) echo "cross: of which modality is $1?" >&2; return 1 ;;
  esac
}
# COMMAND... FOLDER: masks and logits of all samples, each as its modality, and one as those that no sample is of.
segment() {
  local out=${*: -1} command=("${@:1:$#-1}") picture other
  for picture in "${pictures[@]}"; do
    for format in png npy; do
      "${command[@]}" segment "$picture" --modality "$(modality "$picture")" --models models --threads 1 --format $format -o "$out/" 2>>"$folder/said"
    done
  done
  for other in x-ray fundus; do
    "${command[@]}" segment tests/samples/hc18_230_HC.jpg --modality $other --on-mismatch keep --models models --threads 1 --format npy \
      -o "$out/$other" 2>>"$folder/said"
  done
}
mkdir "$folder/here"
segment "$here" "$folder/here"
count=$(ls "$folder/here" | wc -l)
[ "$count" = $((3 * ${#pictures[@]} + 4)) ] || { echo "cross: $count files where $((3 * ${#pictures[@]} + 4)) belong" >&2; exit 1; }
for cpu in "$@"; do
  mkdir "$folder/$cpu"
  segment .cross/qemu-aarch64 -cpu "$cpu" -L /usr/aarch64-linux-gnu "$there" "$folder/$cpu"
  diff -r "$folder/here" "$folder/$cpu" || { echo "cross: other masks as $cpu" >&2; exit 1; }
  echo "  $cpu: $count files, each as here"
done
