#!/bin/sh
# A picture in, its mask out, with curl. Research use only. Not for clinical use.
#   curl.sh URL PICTURE MODALITY MASK.png
set -eu
url=$1 picture=$2 modality=$3 mask=$4

# Ready means that a picture has gone through; a busy board may take a while to get there.
curl -sf --retry 60 --retry-delay 1 --retry-all-errors -o /dev/null "$url/health/ready"

headers=$(curl -s -D - -o "$mask" -H 'Accept: image/png' -H 'Content-Type: image/jpeg' \
  --data-binary @"$picture" "$url/v1/segment?modality=$modality" | tr -d '\r')
header() { printf '%s\n' "$headers" | sed -n "s/^x-espmedsam-$1: //p"; }

fail() { printf '%s\n%s\n' "$1" "$headers" >&2; exit 1; }
printf '%s\n' "$headers" | grep -q '^HTTP/1.1 200 ' || fail "refused: $(cat "$mask")"
[ "$(header notice)" = "Research use only. Not for clinical use." ] || fail "no notice"
[ "$(header result)" = "target" ] || fail "nothing found"
[ "$(header modality-check)" = "match" ] || fail "it does not look like $modality"
[ "$(header area-px)" -gt 0 ] || fail "an empty mask"
[ "$(head -c 4 "$mask" | tail -c 3)" = "PNG" ] || fail "no PNG"

echo "$modality: $(header area-px) px, expected Dice $(header confidence), by $(header model)"
