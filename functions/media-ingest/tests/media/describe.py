#!/usr/bin/env python3
"""Writes manifest.json: what ffprobe (videos), ImageMagick and exiftool (photos) say of each file beside this script.

What TikTok's limits say of a file no tool knows: the rules it breaks are in PROBLEMS. A file that no tool can describe, or
that is none of TikTok's kinds, is in REFUSED with the one rule that says why.
"""

import json
import subprocess
from pathlib import Path

HERE = Path(__file__).parent

REFUSED = {
    "text.mp4": "video.container.unknown",
    "picture.png as video": "video.container.unknown",
    "matroska.mkv": "video.container.unknown",
    "transport.ts": "video.container.unknown",
    "old.avi": "video.container.unknown",
    "zeros.mp4": "video.container.unknown",
    "empty.mp4": "video.empty",
    "audio-only.m4a": "video.no_video_track",
    "audio-only.webm": "video.no_video_track",
    "cut-no-moov.mp4": "video.truncated",
    "ftyp-only.mp4": "video.truncated",
    "empty.jpg": "photo.empty",
    "text.jpg": "photo.format",
    "random.jpg": "photo.format",
    "picture.gif": "photo.format",
    "picture.bmp": "photo.format",
    "picture.tiff": "photo.format",
    "h264-faststart.mp4 as photo": "photo.format",
    "cut-header.jpg": "photo.truncated",
    "broken.jpg": "photo.damaged",
}

PROBLEMS = {
    "fps-15.mp4": ["video.frame_rate.range"],
    "fps-22.mp4": ["video.frame_rate.range"],
    "fps-61.mp4": ["video.frame_rate.range"],
    "fps-120.mp4": ["video.frame_rate.range"],
    "small-240x240.mp4": ["video.side.range"],
    "side-358.mp4": ["video.side.range"],
    "side-4098.mp4": ["video.side.range"],
    "phone.3gp": ["video.codec.unsupported", "video.frame_rate.range", "video.side.range"],
    "mpeg4-part2.mp4": ["video.codec.unsupported"],
    "av1.webm": ["video.codec.unsupported"],
    "av1.mp4": ["video.codec.unsupported"],
    "prores.mov": ["video.codec.unsupported"],
    "mjpeg.mov": ["video.codec.unsupported"],
    "long-slow-small.mp4": ["video.duration.max", "video.frame_rate.range", "video.side.range"],
    "cut-faststart.mp4": ["video.truncated"],
    "cut-last-byte.mp4": ["video.truncated"],
    "cut-fragmented.mp4": ["video.truncated"],
    "cut.webm": ["video.truncated"],
    "cut-live.webm": ["video.truncated"],
    "side-1081.jpg": ["photo.side.max"],
    "side-1921.jpg": ["photo.side.max"],
    "square-1254.jpg": ["photo.side.max"],
    "phone.jpg": ["photo.side.max"],
    "phone-progressive.jpg": ["photo.side.max"],
    "large.webp": ["photo.side.max"],
    "arithmetic.jpg": ["photo.encoding"],
    "animated.webp": ["photo.animated"],
    "picture.png": ["photo.format"],
    "alpha.png": ["photo.format"],
    "deep.png": ["photo.format"],
    "exif-8.png": ["photo.format"],
    "animated.png": ["photo.format", "photo.animated"],
    "bomb.png": ["photo.format", "photo.side.max"],
    "cut.jpg": ["photo.truncated"],
    "cut.webp": ["photo.truncated"],
    "cut.png": ["photo.format", "photo.truncated"],
}

# ImageMagick does not open these: what was written into them.
KNOWN = {
    "bomb.png": {"format": "png", "width": 20_000, "height": 20_000, "orientation": 1},
    "cut.webp": {"format": "webp", "width": 1_080, "height": 1_920, "orientation": 1},
}

# ffprobe believes the first index that it meets, which is of one track: the packets say how long all of them are.
BY_PACKETS = {"fragmented-cmaf.mp4"}

VIDEOS = {".mp4", ".mov", ".webm", ".mkv", ".m4a", ".3gp", ".ts", ".avi"}
PHOTOS = {".jpg", ".webp", ".png", ".gif", ".bmp", ".tiff"}


def say(*command):
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False).stdout


def video(name):
    shown = ("format=format_name,duration:format_tags=major_brand:stream=codec_type,codec_name,codec_tag_string,"
             "width,height,avg_frame_rate:stream_side_data=rotation:stream_disposition=attached_pic")
    found = json.loads(say("ffprobe", "-v", "error", "-show_entries", shown, "-of", "json", name))
    streams = [it for it in found["streams"] if not it["disposition"]["attached_pic"]]
    first = next(it for it in streams if it["codec_type"] == "video")
    webm = "webm" in found["format"]["format_name"]
    brand = found["format"].get("tags", {}).get("major_brand", "")
    codec = {"h264": "h264", "hevc": "h265", "vp8": "vp8", "vp9": "vp9"}.get(first["codec_name"])
    other = "V_" + first["codec_name"].upper() if webm else first["codec_tag_string"]
    seconds = found["format"].get("duration")
    if seconds is None or name in BY_PACKETS:
        packets = json.loads(say("ffprobe", "-v", "error", "-show_entries", "packet=pts_time,duration_time",
                                 "-of", "json", name))["packets"]
        times = [(float(it["pts_time"]), float(it.get("duration_time", 0))) for it in packets if "pts_time" in it]
        seconds = max(at + lasts for at, lasts in times) - min(at for at, _ in times)
    turned = next((int(it["rotation"]) for it in first.get("side_data_list", []) if "rotation" in it), 0)
    return {
        "container": "webm" if webm else "mov" if brand == "qt  " else "mp4",
        "codec": codec or other,
        "duration_ms": round(float(seconds) * 1_000),
        "frame_rate": first["avg_frame_rate"],
        "width": first["width"],
        "height": first["height"],
        "rotation": -turned % 360,  # ffprobe counts the other way round
        "audio": any(it["codec_type"] == "audio" for it in streams),
    }


def photo(name):
    if name in KNOWN:
        return KNOWN[name]
    form, width, height = say("identify", "-ping", "-format", "%m %w %h\n", name).splitlines()[0].split()
    orientation = say("exiftool", "-n", "-s3", "-Orientation", name).strip()
    return {
        "format": form.lower(),
        "width": int(width),
        "height": int(height),
        "orientation": int(orientation or 1),
    }


def main():
    manifest = []
    names = [it.name for it in HERE.iterdir() if it.suffix in VIDEOS | PHOTOS]
    for name in sorted(names + [it for it in REFUSED if " as " in it]):
        file, _, role = name.partition(" as ")
        kind = role or ("video" if Path(file).suffix in VIDEOS else "photo")
        entry = {"file": file, "kind": kind}
        if name in REFUSED:
            entry["refused"] = REFUSED[name]
        else:
            entry["found"] = video(file) if kind == "video" else photo(file)
            entry["problems"] = PROBLEMS.get(file, [])
        manifest.append(entry)
    lines = ",\n".join("  " + json.dumps(entry) for entry in manifest)
    (HERE / "manifest.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(manifest)} entries, {sum('found' in it for it in manifest)} of them readable")


main()
