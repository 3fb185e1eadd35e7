#!/bin/sh
# The repository's own files as a first corpus: fuzz/seed.sh TARGET FOLDER. An input's first byte says where it is cut.
set -eu
cd "$(dirname "$0")/.."
case $1 in jpeg) ending=jpg;; tiff) ending=tif;; *) ending=$1;; esac
mkdir -p "$2"
for file in tests/frames/*."$ending" fuzz/seeds/*."$ending"; do
  [ -e "$file" ] || continue
  { printf '\200'; cat "$file"; } >"$2/$(basename "$file")"
done
