#!/bin/sh
# Makes short clips of photographs, each panned and zoomed a little differently, to train base networks with.
# Usage: scripts/pan_photos.sh OUTPUT-FOLDER PHOTO...
set -eu
folder=$1
shift
mkdir -p "$folder"
count=0
for photo in "$@"; do
    count=$((count + 1))
    across=$(echo "($count % 4) * 0.8 - 1" | bc -l)
    zoom=$(echo "0.002 * ($count % 3)" | bc -l)
    ffmpeg -nostdin -v error -y -loop 1 -i "$photo" -frames:v 20 -pix_fmt yuv420p -vf "\
scale=960:960:force_original_aspect_ratio=increase,\
zoompan=z='1.06+$zoom*on':x='iw/2-iw/zoom/2+on*($across)':y='ih/2-ih/zoom/2+on*0.7':d=1:s=448x288:fps=25" \
        "$folder/$(basename "$photo").y4m"
done
