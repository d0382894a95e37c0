"""What a file is, from its first bytes alone. Names and declared types are never asked.

Rules that live here and nowhere else:
- A format is recognised by its own signature at its own place, never searched for.
- Text is never media: playlists, manifests, scripts of ffmpeg, SVG and subtitles would make a demuxer open other files.
- Each format names the one demuxer that may read it. Without one nothing here can decode it, though it is what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 4_096
"""As much of a file as `sniff` looks at."""


@dataclass(frozen=True, slots=True)
class Format:
    """A container that is known. `demuxer` is ffmpeg's name for what reads it; "" when ffmpeg must not be asked."""

    name: str
    content_type: str
    demuxer: str


JPEG = Format("jpeg", "image/jpeg", "jpeg_pipe")
PNG = Format("png", "image/png", "png_pipe")
GIF = Format("gif", "image/gif", "gif")
WEBP = Format("webp", "image/webp", "webp_pipe")
ANIMATED_WEBP = Format("animated webp", "image/webp", "")
HEIC = Format("heic", "image/heic", "")
AVIF = Format("avif", "image/avif", "mov")
MP4 = Format("mp4", "video/mp4", "mov")
MOV = Format("mov", "video/quicktime", "mov")
THREE_GP = Format("3gp", "video/3gpp", "mov")
M4A = Format("m4a", "audio/mp4", "mov")
MKV = Format("mkv", "video/x-matroska", "matroska")
WEBM = Format("webm", "video/webm", "matroska")
AVI = Format("avi", "video/x-msvideo", "avi")
WAV = Format("wav", "audio/wav", "wav")
OPUS = Format("opus", "audio/ogg", "ogg")
VORBIS = Format("vorbis", "audio/ogg", "ogg")
OGG_FLAC = Format("ogg flac", "audio/ogg", "ogg")
MP3 = Format("mp3", "audio/mpeg", "mp3")
AAC = Format("aac", "audio/aac", "aac")
AMR = Format("amr", "audio/amr", "amr")
FLAC = Format("flac", "audio/flac", "flac")
PDF = Format("pdf", "application/pdf", "")

_BRANDS = {
    b"qt  ": MOV,
    b"M4A ": M4A,
    b"M4B ": M4A,
    b"avif": AVIF,
    b"avis": AVIF,
    b"heic": HEIC,
    b"heix": HEIC,
    b"heim": HEIC,
    b"heis": HEIC,
    b"hevc": HEIC,
    b"hevx": HEIC,
    b"mif1": HEIC,
    b"msf1": HEIC,
}
_MP4_BRANDS = (b"isom", b"iso", b"mp4", b"avc1", b"M4V", b"MSNV", b"dash", b"f4v", b"FACE", b"XAVC", b"mmp4", b"NDS")
_OLD_MOV_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_OGG = ((b"OpusHead", OPUS), (b"\x01vorbis", VORBIS), (b"\x7fFLAC", OGG_FLAC))
_RIFF = {b"WEBP": WEBP, b"AVI ": AVI, b"WAVE": WAV}
_FIRST = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"#!AMR\n", AMR),
    (b"#!AMR-WB\n", AMR),
    (b"fLaC", FLAC),
    (b"ID3", MP3),
    (b"%PDF-", PDF),
)


def sniff(head: bytes) -> Format | None:
    """The format that begins with `head` (4 KiB are enough); None: nothing that is known, or text."""
    head = head[:HEAD_BYTES]
    for signature, known in _FIRST:
        if head.startswith(signature):
            return known
    if head.startswith(b"RIFF"):
        return _riff(head)
    if head.startswith(b"OggS"):
        return _ogg(head)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska(head)
    return _isobmff(head) or _mpeg_audio(head)


def _riff(head: bytes) -> Format | None:
    found = _RIFF.get(head[8:12])
    animated = found is WEBP and head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & 0x02)
    return ANIMATED_WEBP if animated else found


def _ogg(head: bytes) -> Format | None:
    """By the first packet of the first page."""
    if len(head) < 28:
        return None
    start = 27 + head[26]
    return next((known for mark, known in _OGG if head.startswith(mark, start)), None)


def _matroska(head: bytes) -> Format | None:
    """By the element DocType, which stands in the EBML header."""
    at = head.find(b"\x42\x82", 4, 128) + 2
    if at < 2 or not head[at : at + 1].strip(b"\0"):
        return None
    width = 9 - head[at].bit_length()  # the length is a number of variable size, which its first bits say
    length = int.from_bytes(head[at : at + width], "big") & (1 << 7 * width) - 1
    doc_type = head[at + width : at + width + length].rstrip(b"\0")
    return {b"matroska": MKV, b"webm": WEBM}.get(doc_type)


def _isobmff(head: bytes) -> Format | None:
    """By the major brand; where that says nothing, by the compatible ones."""
    atom = head[4:8]
    if atom in _OLD_MOV_ATOMS:
        return MOV
    if atom != b"ftyp":
        return None
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    for brand in brands:
        if brand in (b"mif1", b"msf1") and (b"avif" in brands or b"avis" in brands):
            return AVIF
        if brand in _BRANDS:
            return _BRANDS[brand]
        if brand.startswith((b"3g", b"3G")):
            return THREE_GP
        if brand.startswith(_MP4_BRANDS):
            return MP4
    return None


def _mpeg_audio(head: bytes) -> Format | None:
    """A frame of MPEG audio, checked field by field since its mark is eleven bits only."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    layer = head[1] >> 1 & 3
    if layer == 0:  # what MPEG audio reserves is the mark of ADTS, whose sampling frequency has 13 values
        return AAC if head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 15 < 13 else None
    is_frame = head[1] >> 3 & 3 != 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3
    return MP3 if is_frame else None
