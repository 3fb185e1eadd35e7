#!/bin/sh
# Three seconds of a live source, its masks, their age and state burned in, into a file. Research use only. Not for clinical use.
#   ffmpeg.sh URL SOURCE VIDEO.mkv
set -eu
url=$1 source=$2 video=$3

# Whether there is a mask to be seen now: until the first, and whenever something is amiss, pictures say why not.
masked() { curl -s "$url/v1/live/latest.json?source=$source&mask=none" | grep -q '"state":"mask"'; }
for _ in $(seq 240); do masked && break || sleep 0.5; done
masked || { echo "no mask comes" >&2; exit 1; }

# Y4M is what recorders read: pictures of one size at a steady rate, whatever the source does.
curl -sN --max-time 60 "$url/v1/live/y4m?source=$source" 2>/dev/null |
  ffmpeg -v error -y -f yuv4mpegpipe -i - -t 3 -c:v mjpeg -q:v 3 "$video"

frames=$(ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 "$video" | tr -d ',')
[ "$frames" -eq 75 ] || { echo "$frames pictures, not three seconds of 25" >&2; exit 1; }

# The overlay is coloured, the phantom grey: a picture without colour has no mask.
colour=$(ffmpeg -v error -i "$video" -vf signalstats,metadata=print:key=lavfi.signalstats.SATMAX:file=- -f null - |
  sed -n 's/.*SATMAX=\([0-9]*\).*/\1/p' | sort -n | tail -1)
[ "$colour" -gt 20 ] || { echo "no mask in the pictures" >&2; exit 1; }
echo "$frames pictures, with the mask upon them"
