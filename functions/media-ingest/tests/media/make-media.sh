#!/bin/sh
# Makes the files beside this script with ffmpeg 5.1 or later (libx264, libx265, libvpx, aac, opus) and prints what
# ffprobe says of each. The files are kept in the repository: tests never need ffmpeg. Other versions of ffmpeg give
# other bytes but the same answers.
set -eu
cd "$(dirname "$0")"

run() { ffmpeg -hide_banner -loglevel error -y "$@"; }
# A cheap moving picture: `pattern WIDTHxHEIGHT RATE SECONDS`.
pattern() { echo "color=c=navy:s=$1:r=$2:d=$3,drawbox=x=mod(t*60\,iw-40):y=ih/3:w=40:h=40:c=orange:t=fill"; }
tone() { echo "sine=frequency=440:sample_rate=44100:duration=$1"; }
h264="-c:v libx264 -preset veryslow -crf 40 -pix_fmt yuv420p"
aac="-c:a aac -b:a 16k -ac 1"
opus="-c:a libopus -b:a 12k -ac 1"
exact="-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact"

run -f lavfi -i "$(pattern 720x1280 30 4)" -f lavfi -i "$(tone 4)" $h264 $aac $exact -movflags +faststart h264-faststart.mp4
# With loud noise for sound, so that it is longer than the first read.
run -f lavfi -i "$(pattern 720x1280 30 4)" -f lavfi -i "anoisesrc=duration=4:sample_rate=44100:seed=1" \
  $h264 -c:a aac -b:a 192k $exact h264-moov-at-end.mp4
run -i h264-faststart.mp4 -c copy -metadata:s:v:0 rotate=90 -movflags +faststart rotated.mp4
run -f lavfi -i "$(pattern 360x640 24000/1001 4)" $h264 $exact -movflags +faststart h264-23976-silent.mp4
run -f lavfi -i "$(pattern 720x1280 30 3)" -f lavfi -i "$(tone 3)" \
  -c:v libx265 -preset medium -crf 40 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=error $aac $exact -movflags +faststart hevc.mp4
run -f lavfi -i "$(pattern 640x360 25 3)" -f lavfi -i "$(tone 3)" $h264 $aac $exact quicktime.mov
run -f lavfi -i "$(pattern 540x960 30 3)" -f lavfi -i "$(tone 3)" -c:v libvpx-vp9 -b:v 40k -cpu-used 4 $opus $exact vp9.webm
run -f lavfi -i "$(pattern 360x640 25 3)" -f lavfi -i "$(tone 3)" -c:v libvpx -b:v 60k -cpu-used 4 $opus $exact vp8.webm
# What a browser records: no Duration, no index, clusters and segment of unknown size.
run -i vp8.webm -c copy $exact -f webm -live 1 -cluster_time_limit 1000 live.webm
run -f lavfi -i "$(pattern 360x640 25 3)" -c:v libaom-av1 -crf 50 -cpu-used 8 $exact av1.webm 2>/dev/null ||
  run -f lavfi -i "$(pattern 360x640 25 3)" -c:v libsvtav1 -crf 50 $exact av1.webm
run -i vp8.webm -c copy $exact matroska.mkv

# Fragments: with a random access index at the end, with a segment index in front, with neither.
fragments="-g 30 -bf 2 -frag_duration 1000000"
run -f lavfi -i "$(pattern 360x640 30 4)" -f lavfi -i "$(tone 4)" $h264 $aac $fragments $exact -movflags +frag_keyframe+empty_moov+default_base_moof fragmented-mfra.mp4
run -i fragmented-mfra.mp4 -c copy $exact -movflags +frag_keyframe+empty_moov+default_base_moof+global_sidx fragmented-sidx.mp4
run -i fragmented-mfra.mp4 -c copy $exact -movflags +frag_keyframe+empty_moov+default_base_moof+skip_trailer fragmented-bare.mp4
run -i fragmented-mfra.mp4 -c copy $exact -movflags +frag_keyframe fragmented-hybrid.mp4

run -f lavfi -i "$(pattern 360x640 15 3)" $h264 $exact -movflags +faststart fps-15.mp4
run -f lavfi -i "$(pattern 360x640 120 3)" $h264 $exact -movflags +faststart fps-120.mp4
run -f lavfi -i "$(pattern 240x240 30 3)" $h264 $exact -movflags +faststart small-240x240.mp4
run -f lavfi -i "$(pattern 640x360 25 3)" -c:v mpeg4 -q:v 20 $exact -movflags +faststart mpeg4-part2.mp4
# Three rules broken at once: 604 s, one picture each 2 s, 240 px.
run -f lavfi -i "$(pattern 240x240 1/2 604)" $h264 $exact -movflags +faststart long-slow-small.mp4
run -f lavfi -i "$(tone 3)" $aac $exact audio-only.m4a
run -f lavfi -i "$(tone 3)" $opus $exact audio-only.webm

size() { wc -c < "$1" | tr -d ' '; }
head -c $(( $(size h264-faststart.mp4) * 2 / 3 )) h264-faststart.mp4 > cut-faststart.mp4
head -c $(( $(size h264-moov-at-end.mp4) / 2 )) h264-moov-at-end.mp4 > cut-no-moov.mp4
head -c $(( $(size vp9.webm) / 2 )) vp9.webm > cut.webm
head -c $(( $(size fragmented-sidx.mp4) / 2 )) fragmented-sidx.mp4 > cut-fragmented.mp4
printf 'This is not a video.\nIt only has the name of one.\n' > text.mp4
: > empty.mp4
run -f lavfi -i "$(pattern 360x640 25 1)" -frames:v 1 $exact picture.png

for f in *.mp4 *.mov *.webm *.mkv *.m4a; do
  printf '%-24s %7s  ' "$f" "$(size "$f")"
  ffprobe -v error -show_entries \
    format=duration:stream=codec_type,codec_name,width,height,avg_frame_rate:stream_side_data=rotation -of compact=p=0:nk=0 "$f" 2>&1 |
    tr '\n' ' ' || true
  echo
done
