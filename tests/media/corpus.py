"""The files that tests look at: made by a script with the real ffmpeg, and kept outside the checkout while the script is the same."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidewire"
PICTURE = "-f lavfi -i testsrc=size=320x240:rate=25"
SOUND = "-f lavfi -i sine=frequency=440:sample_rate=44100"

GOOD = {
    "h264.mp4": f"{PICTURE} {SOUND} -t 3 -c:v libx264 -pix_fmt yuv420p -c:a aac",
    "photo.jpg": f"{PICTURE} -frames:v 1 -pix_fmt yuvj420p",
    "opus.ogg": f"{SOUND} -t 3 -c:a libopus -b:a 24k",
}


def made() -> Path:
    """The folder with every file; made when it is not there yet."""
    sources = Path(__file__).read_bytes()
    folder = CACHE / f"media-corpus-{hashlib.sha256(sources).hexdigest()[:16]}"
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="media-corpus-", dir=CACHE))
    for name, command in GOOD.items():
        encode(work / name, command)
    try:
        work.rename(folder)
    except OSError:  # another run was faster
        shutil.rmtree(work)
    return folder


def encode(path: Path, command: str) -> None:
    """Run ffmpeg for one file."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *command.split(), str(path)], check=True)
