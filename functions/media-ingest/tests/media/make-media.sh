#!/bin/sh
# Makes the files beside this script with ffmpeg 5.1 or later (libx264, libx265, libvpx, aac, opus) and has
# `describe.py` write down what ffprobe, ImageMagick and exiftool say of each. The files are kept in the repository: tests
# never need ffmpeg. Other versions of ffmpeg give other bytes but the same answers.
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

# The same pictures in other clothes.
run -i h264-faststart.mp4 -c copy -metadata:s:v:0 rotate=180 -movflags +faststart rotated-180.mp4
run -i h264-faststart.mp4 -c copy -metadata:s:v:0 rotate=270 -movflags +faststart rotated-270.mp4
run -i quicktime.mov -c copy -metadata:s:v:0 rotate=90 rotated.mov
run -f lavfi -i "$(pattern 720x1280 30 3)" -c:v libx265 -preset medium -crf 40 -pix_fmt yuv420p -tag:v hev1 \
  -x265-params log-level=error $exact hevc-hev1.mp4
run -f lavfi -i "$(pattern 720x1280 30 3)" -c:v libx265 -preset medium -crf 40 -pix_fmt yuv420p -tag:v hvc1 \
  -x265-params log-level=error $exact hevc.mov
run -i vp9.webm -c copy $exact -map 0:v vp9.mp4
run -i av1.webm -c copy $exact av1.mp4
odd() { echo "$(pattern 360x640 30 3),format=yuv444p,scale=361:641"; }
run -f lavfi -i "$(odd)" -c:v libvpx-vp9 -b:v 40k -cpu-used 4 -pix_fmt yuv420p $exact odd-361x641.webm
run -f lavfi -i "$(odd)" -c:v libx264 -preset veryslow -crf 40 -pix_fmt yuv444p $exact odd-361x641.mp4
run -f lavfi -i "$(pattern 358x640 30 3)" $h264 $exact side-358.mp4
run -f lavfi -i "color=c=navy:s=4096x360:r=30:d=3" $h264 $exact side-4096.mp4
run -f lavfi -i "color=c=navy:s=4098x360:r=30:d=3" $h264 $exact side-4098.mp4
run -f lavfi -i "$(pattern 360x640 60 3)" $h264 $exact fps-60.mp4
run -f lavfi -i "$(pattern 360x640 60000/1001 3)" $h264 $exact fps-5994.mp4
run -f lavfi -i "$(pattern 360x640 61 3)" $h264 $exact fps-61.mp4
run -f lavfi -i "$(pattern 360x640 22 3)" $h264 $exact fps-22.mp4
run -f lavfi -i "$(pattern 360x640 30 1)" $h264 $exact short.mp4
# Every seventh picture is missing: variable frame rate, 25.7 on average.
run -f lavfi -i "$(pattern 360x640 30 4)" -vf "select=not(eq(mod(n\,7)\,3))" -vsync vfr $h264 $exact vfr.mp4
run -f lavfi -i "$(pattern 360x640 30 4)" -vf "select=not(eq(mod(n\,7)\,3))" -vsync vfr -c:v libvpx -b:v 60k -cpu-used 4 $exact vfr.webm
# Edit lists: begins 1.3 s into the stream that is kept; sound that comes later.
run -ss 1.3 -i h264-faststart.mp4 -c copy $exact edit-list.mp4
run -i h264-faststart.mp4 -itsoffset 0.7 -i h264-faststart.mp4 -map 0:v -map 1:a -c copy $exact late-sound.mp4
run -f lavfi -i "$(pattern 360x640 30 3)" -f lavfi -i "$(tone 5)" $h264 $aac $exact sound-longer.mp4
run -f lavfi -i "$(pattern 360x640 30 3)" -f lavfi -i "$(pattern 720x1280 25 3)" -map 0 -map 1 $h264 $exact two-videos.mp4
run -i h264-23976-silent.mp4 -f lavfi -i "color=c=red:s=200x200:r=1:d=1" -map 0:v -map 1:v -c:v:0 copy -c:v:1 mjpeg -frames:v:1 1 \
  -pix_fmt:v:1 yuvj420p -disposition:v:1 attached_pic $exact cover-art.mp4
run -i quicktime.mov -c copy -timecode 01:00:00:00 $exact timecode.mov
run -f lavfi -i "$(pattern 360x640 25 1)" -c:v prores_ks -profile:v 0 -q:v 32 -frames:v 6 $exact prores.mov
run -f lavfi -i "$(pattern 360x640 25 1)" -c:v mjpeg -q:v 20 -pix_fmt yuvj420p $exact mjpeg.mov
run -i fragmented-mfra.mp4 -c copy $exact -movflags +cmaf+dash fragmented-cmaf.mp4
# Through a pipe, as a server records: nothing can be filled in afterwards.
ffmpeg -hide_banner -loglevel error -i vp9.webm -c copy $exact -f webm - | cat > pipe.webm
ffmpeg -hide_banner -loglevel error -i vp9.webm -map 0:v -c copy $exact -f webm -live 1 - | cat > live-silent.webm
ffmpeg -hide_banner -loglevel error -i h264-faststart.mp4 -c copy $exact -f mp4 -movflags frag_keyframe+empty_moov - | cat > pipe.mp4
ffmpeg -hide_banner -loglevel error -f lavfi -i "$(pattern 176x144 15 1)" -c:v h263 -f 3gp -y phone.3gp
run -i h264-23976-silent.mp4 -c copy $exact transport.ts
run -f lavfi -i "$(pattern 360x640 25 1)" -c:v mpeg4 -q:v 25 $exact old.avi
# Headers of many kilobytes, of no use to anybody.
run -i vp8.webm -c copy -reserve_index_space 100000 $exact huge-header.webm
python3 - <<'PY'
import struct
box = lambda name, body: struct.pack(">I4s", len(body) + 8, name) + body
def boxes(data):
    at = 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        yield name, data[at:at + size]
        at += size
whole = open("h264-moov-at-end.mp4", "rb").read()
parts = {name: data for name, data in boxes(open("fps-60.mp4", "rb").read())}
moov = box(b"moov", box(b"udta", box(b"free", b"\0" * 90_000)) + parts[b"moov"][8:])
order = [b"ftyp", b"free", b"mdat"]
open("huge-header.mp4", "wb").write(b"".join(parts[name] for name in order if name in parts) + moov)
open("ftyp-only.mp4", "wb").write(parts[b"ftyp"])
open("zeros.mp4", "wb").write(b"\0" * 5_000)
open("cut-last-byte.mp4", "wb").write(open("h264-23976-silent.mp4", "rb").read()[:-1])
live = open("live.webm", "rb").read()
open("cut-live.webm", "wb").write(live[:len(live) // 2])
open("webm-inside.mp4", "wb").write(open("vp8.webm", "rb").read())
open("mp4-inside.webm", "wb").write(open("short.mp4", "rb").read())
PY

# Photos: ImageMagick 6, webp 1.2, exiftool 12, libjpeg-turbo 2.
jpeg() { name=$1 sides=$2; shift 2; convert -size "$sides" gradient:navy-orange -fill white -draw "rectangle 10,10 60,30" -strip -quality 60 "$@" "$name"; }
jpeg baseline.jpg 1080x1920 -interlace none
jpeg progressive.jpg 1080x1920 -interlace plane
jpeg cmyk.jpg 640x480 -colorspace CMYK
jpeg grey.jpg 640x480 -colorspace Gray
jpeg subsampled.jpg 641x479 -sampling-factor 4:2:0
jpeg lying-1920x1080.jpg 1920x1080
jpeg side-1081.jpg 1081x1081
jpeg side-1921.jpg 400x1921
jpeg square-1254.jpg 1254x1254
jpeg narrow-941x1672.jpg 941x1672
jpeg phone.jpg 4032x3024 -sampling-factor 4:2:0
exiftool -q -overwrite_original -n -Orientation=6 -Make=Slipway -GPSLatitude=37.9 -GPSLatitudeRef=N phone.jpg
jpeg phone-progressive.jpg 4000x3000 -interlace plane -sampling-factor 4:2:0
for turn in 1 2 3 4 5 6 7 8; do
  jpeg exif-$turn.jpg 320x200
  exiftool -q -overwrite_original -n -Orientation=$turn exif-$turn.jpg
done
jpegtran -arithmetic -outfile arithmetic.jpg exif-1.jpg
jpeg dot.jpg 1x1
convert -size 1080x1920 gradient:navy-orange -strip -quality 50 lossy.webp
convert -size 640x480 gradient:navy-orange -strip -define webp:lossless=true lossless.webp
convert -size 400x300 xc:none -fill orange -draw "circle 200,150 200,40" -strip -quality 60 alpha.webp
convert -size 2000x1200 gradient:navy-orange -strip -quality 40 large.webp
for shade in navy orange; do convert -size 360x640 xc:$shade $shade.png; done
img2webp -loop 0 -lossy -q 20 -d 200 navy.png orange.png -o animated.webp
rm navy.png orange.png
convert -size 400x300 gradient:navy-orange -strip -quality 60 exif-6.webp
exiftool -q -overwrite_original -n -Orientation=6 exif-6.webp
convert -size 400x300 xc:none -fill orange -draw "circle 200,150 200,40" -strip png32:alpha.png
convert -size 200x300 gradient:navy-orange -depth 16 -strip deep.png
convert -size 320x200 gradient:navy-orange -strip exif-8.png
exiftool -q -overwrite_original -n -Orientation=8 exif-8.png
run -f lavfi -i "$(pattern 360x640 5 1)" -f apng animated.png
convert -size 64x64 gradient:navy-orange picture.gif
convert -size 64x64 gradient:navy-orange picture.bmp
convert -size 64x64 gradient:navy-orange picture.tiff
python3 - <<'PY'
import struct
import zlib
read = lambda name: open(name, "rb").read()
chunk = lambda name, body: struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
write = lambda name, data: open(name, "wb").write(data)
baseline = read("narrow-941x1672.jpg")
write("cut.jpg", baseline[:len(baseline) * 2 // 3])
write("cut-header.jpg", baseline[:120])
write("cut.webp", read("lossy.webp")[:-400])
write("cut.png", read("exif-8.png")[:-60])
write("broken.jpg", baseline[:2] + b"\xff\xe0\0\1" + baseline[2:])
# a phone's motion photo: a film behind the picture
write("motion.jpg", read("exif-6.jpg") + read("short.mp4"))
segment = lambda marker, body: b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body
write("huge-header.jpg", baseline[:2] + b"".join(segment(0xE2, b"\0" * 60_000) for _ in range(2)) + baseline[2:])
write("webp-inside.jpg", read("alpha.webp"))
# 400 megapixels of black in 50 kB
write("bomb.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0))
      + chunk(b"IDAT", zlib.compress(b"\0" * (2_501 * 20_000), 9)) + chunk(b"IEND", b""))
write("text.jpg", b"This is not a photo.\n")
write("empty.jpg", b"")
write("random.jpg", bytes(i * i * 7 % 251 for i in range(3000)))
PY

exec python3 describe.py
