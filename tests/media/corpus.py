"""The files that tests look at: made by a script with the real ffmpeg, and kept outside the checkout while the script is the same.

`python -m tests.media.corpus` says where they are.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from tests.media import attacks

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidewire"
SECRET_PLACE = "+47.5596+007.5886/"
SECRET_WORDS = (
    b"+47.5596",
    b"TideCam",
    b"Exif\0",
    b"secret title",
    b"secret chapter",
    b"SECRET-TAIL",
    b"secret.ttf",
    b"secret line",
)
"""What people do not mean to send: none of it may be in anything that is made."""

PICTURE = "-f lavfi -i testsrc=size=320x240:rate=25"
SMALL = "-f lavfi -i testsrc=size=176x144:rate=15"
SOUND = "-f lavfi -i sine=frequency=440:sample_rate=44100"
H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
TITLE = "-metadata title=secret_title"

VIDEOS = {
    "h264.mp4": f"{PICTURE} {SOUND} -t 3 {H264} -c:a aac",
    "h264.mov": f"{PICTURE} {SOUND} -t 2 {H264} -c:a aac -metadata location={SECRET_PLACE}",
    "hevc.mp4": f"{PICTURE} {SOUND} -t 2 -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 -c:a aac",
    "hevc10.mov": f"{PICTURE} -t 1 -c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p10le",
    "fragments.mp4": f"{PICTURE} {SOUND} -t 2 {H264} -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof",
    "h263.3gp": f"{SMALL} {SOUND} -t 2 -c:v h263 -c:a aac -ar 8000 -ac 1",
    "mpeg4.3gp": f"{SMALL} {SOUND} -t 2 -c:v mpeg4 -c:a aac",
    "vp8.mkv": f"{PICTURE} {SOUND} -t 2 -c:v libvpx -deadline realtime -c:a libopus",
    "h264.mkv": f"{PICTURE} {SOUND} -t 2 {H264} -c:a aac {TITLE}",
    "mp3.mkv": f"{PICTURE} {SOUND} -t 2 {H264} -c:a libmp3lame",
    "mpeg2.mkv": f"{PICTURE} {SOUND} -t 2 -c:v mpeg2video -c:a ac3",
    "odd444.mkv": f"-f lavfi -i testsrc=size=321x241:rate=25 {SOUND} -t 2 -c:v libx264 -pix_fmt yuv444p -c:a flac",
    "mpeg4.avi": f"{PICTURE} {SOUND} -t 2 -c:v mpeg4 -c:a libmp3lame",
    "mjpeg.avi": f"{PICTURE} {SOUND} -t 2 -c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le",
    "prores.mov": f"{PICTURE} {SOUND} -t 1 -c:v prores -c:a pcm_s16le",
    "vp9.webm": f"{PICTURE} {SOUND} -t 2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
    "silent.mp4": f"{PICTURE} -t 2 {H264}",
    "wide.mp4": f"{PICTURE} -t 1 {H264} -aspect 16:9",
}
SOUNDS = {
    "opus.ogg": f"{SOUND} -t 3 -c:a libopus -b:a 24k {TITLE}",
    "vorbis.ogg": f"{SOUND} -t 3 -c:a libvorbis",
    "flac.ogg": f"{SOUND} -t 3 -c:a flac -f ogg",
    "aac.m4a": f"{SOUND} -t 3 -c:a aac {TITLE}",
    "alac.m4a": f"{SOUND} -t 3 -c:a alac",
    "aac.3gp": f"{SOUND} -t 3 -c:a aac -ar 16000 -ac 1",
    "opus.webm": f"{SOUND} -t 3 -c:a libopus",
    "sound.mp3": f"{SOUND} -t 3 -c:a libmp3lame {TITLE}",
    "sound.aac": f"{SOUND} -t 3 -c:a aac",
    "sound.wav": f"{SOUND} -t 3",
    "sound.flac": f"{SOUND} -t 3 {TITLE}",
}
PICTURES = {
    "photo.jpg": f"{PICTURE} -frames:v 1 -pix_fmt yuvj420p",
    "drawing.png": f"{PICTURE} -frames:v 1",
    "alpha.png": "-f lavfi -i color=red@0.5:size=320x240,format=rgba -frames:v 1",
    "photo.webp": f"{PICTURE} -frames:v 1",
    "photo.avif": f"{SMALL} -frames:v 1 -c:v libaom-av1 -cpu-used 8 -still-picture 1",
    "still.gif": f"{PICTURE} -frames:v 1",
    "moving.gif": f"{PICTURE} -t 2 -vf fps=10",
    "moving.webp": f"{PICTURE} -t 1 -vf fps=5 -c:v libwebp_anim",
}


def made() -> Path:
    """The folder with every file; made when it is not there yet."""
    sources = Path(__file__).read_bytes() + Path(attacks.__file__).read_bytes()
    folder = CACHE / f"media-corpus-{hashlib.sha256(sources).hexdigest()[:16]}"
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="media-corpus-", dir=CACHE))
    try:
        for name, command in (VIDEOS | SOUNDS | PICTURES).items():
            encode(work / name, *command.split())
        _derived(work)
        attacks.write(work, encode)
        work.rename(folder)
    except OSError:
        if not folder.exists():  # another run was not faster
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def encode(path: Path, *arguments: str) -> None:
    """Run ffmpeg for one file."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, str(path)], check=True)


def _derived(folder: Path) -> None:
    """Files that ffmpeg does not write, or that hold what their senders do not know of."""
    (folder / "sound.amr").write_bytes(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 150)
    (folder / "photo.heic").write_bytes(
        struct.pack(">I4s4sI4s4s", 24, b"ftypheic"[:4], b"heic", 0, b"mif1", b"heic") + bytes(400)
    )
    photo = (folder / "photo.jpg").read_bytes()
    (folder / "turned.jpg").write_bytes(photo[:2] + _exif(orientation=6) + photo[2:] + b"SECRET-TAIL")
    source = str(folder / "h264.mp4")
    encode(folder / "turned.mp4", "-i", source, "-c", "copy", "-metadata:s:v:0", "rotate=90")
    chapters = folder / "chapters.txt"
    chapters.write_text(";FFMETADATA1\ntitle=secret title\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=secret chapter\n")
    lines = folder / "lines.srt"
    lines.write_text("1\n00:00:00,000 --> 00:00:01,000\nsecret line\n")
    font = folder / "secret.ttf"
    font.write_bytes(b"secret.ttf" * 50)
    attached = ["-attach", str(font), "-metadata:s:t", "mimetype=font/ttf"]
    inputs = ["-i", source, "-i", str(chapters), "-i", str(lines), "-map", "0", "-map", "2", "-map_metadata", "1"]
    encode(folder / "everything.mkv", *inputs, "-c", "copy", "-c:s", "srt", *attached)
    cover = ["-i", str(folder / "sound.mp3"), "-i", str(folder / "photo.jpg"), "-map", "0", "-map", "1", "-c", "copy"]
    encode(folder / "cover.mp3", *cover, "-disposition:v", "attached_pic", "-metadata", "title=secret title")
    live = [*f"{PICTURE} {SOUND} -t 2 -c:v libvpx -deadline realtime -c:a libopus -f webm".split()]
    encode(folder / "live.webm", *live, "-live", "1")
    for file in (chapters, lines, font):
        file.unlink()


def _exif(orientation: int) -> bytes:
    """An APP1 segment with a camera's name, an orientation and a place on earth."""
    entries, after = 3, 8 + 2 + 12 * 3 + 4
    maker = b"TideCam\0"
    head = struct.pack("<HHHII", entries, 0x10F, 2, len(maker), after) + struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0)
    head += struct.pack("<HHIII", 0x8825, 4, 1, after + len(maker), 0)
    place = struct.pack("<HHHI4s", 2, 1, 2, 2, b"N\0\0\0")
    place += struct.pack("<HHIII", 2, 5, 3, after + len(maker) + 2 + 24 + 4, 0) + struct.pack("<6I", 47, 1, 33, 1, 5760, 100)
    body = b"Exif\0\0II*\0" + struct.pack("<I", 8) + head + maker + place
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


if __name__ == "__main__":
    print(made())
