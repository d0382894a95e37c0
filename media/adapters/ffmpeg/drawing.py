"""What is computed of decoded pixels and samples: blurhash, waveform, and the size of a picture that was just written."""

from __future__ import annotations

from pathlib import Path

import blurhash as blurhash_encoder

from media.adapters.ffmpeg.commands import BLURHASH_SIDE_PX

WAVEFORM_POINTS = 64
_LEVELS = bytes(~sample & 0x7F for sample in range(256))
"""Of each sample in mu-law, which of 128 levels its amplitude is; the sign is left out."""
_LOUDEST_FIRST = range(0x7F, -1, -1)
_SOF = frozenset({0xC0, 0xC1, 0xC2, 0xC3})


def blurhash(pixels: bytes) -> str:
    """The blurhash of a square of RGB pixels; "" when there are too few of them."""
    side = BLURHASH_SIDE_PX
    if len(pixels) < side * side * 3:
        return ""
    rows = [[list(pixels[3 * at : 3 * at + 3]) for at in range(row * side, row * side + side)] for row in range(side)]
    made: str = blurhash_encoder.encode(rows, components_x=4, components_y=3)
    return made


def waveform(samples: bytes) -> bytes:
    """64 peaks of samples in mu-law, the loudest 255; all 0 for silence, b"" for no samples at all."""
    levels = samples.translate(_LEVELS)
    if not levels:
        return b""
    peaks = []
    for point in range(WAVEFORM_POINTS):
        start = len(levels) * point // WAVEFORM_POINTS
        part = levels[start : max(start + 1, len(levels) * (point + 1) // WAVEFORM_POINTS)]
        peaks.append(_amplitude(next(level for level in _LOUDEST_FIRST if level in part)))  # a tenth of what max() takes
    loudest = max(peaks)
    return bytes(peak * 255 // loudest for peak in peaks) if loudest > 0 else bytes(WAVEFORM_POINTS)


def _amplitude(level: int) -> int:
    """Of a level of mu-law (ITU-T G.711): 0 to 32,124."""
    exponent, mantissa = divmod(level, 16)
    return (8 * mantissa + 132 << exponent) - 132


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a JPEG or PNG of our own; (0, 0) when it is neither, or cut off."""
    with path.open("rb") as file:
        head = file.read(4_096)
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    at = 2
    while head.startswith(b"\xff\xd8") and at + 9 <= len(head):
        if head[at + 1] in _SOF:
            return int.from_bytes(head[at + 7 : at + 9], "big"), int.from_bytes(head[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return 0, 0
