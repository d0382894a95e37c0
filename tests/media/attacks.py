"""Files that are made to hurt: what each is, in bytes. What each is answered with stands in `test_attacks`."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

Encode = Callable[..., None]
MIB = 1_048_576

TEXTS = {
    "hls_http.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "hls_file.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "hls_concat.mp4": "#EXTM3U\n#EXTINF:9,\nconcat:http://127.0.0.1:9/h|file:///etc/passwd\n#EXT-X-ENDLIST\n",
    "dash.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation>'
    "<BaseURL>http://127.0.0.1:9/</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "concat_absolute.mp4": "ffconcat version 1.0\nfile /etc/passwd\n",
    "concat_relative.mp4": "ffconcat version 1.0\nfile h264.mp4\n",
    "vobsub.mp4": "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n",
    "svg.png": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="/etc/passwd"/></svg>',
    "page.mp4": "<!doctype html><script>alert(1)</script>",
}


def write(folder: Path, encode: Encode) -> None:
    """Write every attack into `folder`, beside the good files, which some are made of."""
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    _pictures(folder)
    _boxes(folder)
    _durations(folder, encode)
    _damaged(folder)
    _large(folder, encode)
    (folder / "streams.mkv").write_bytes(_matroska_of(10_000))
    (folder / "nested.mkv").write_bytes(b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska" + b"\x18\x53\x80\x67\x01" * 20_000)
    metadata = "title=" + "\x1b[31m\"'\\" * 4_000
    encode(folder / "title.mp4", "-i", str(folder / "h264.mp4"), "-c", "copy", "-metadata", metadata)


def _pictures(folder: Path) -> None:
    (folder / "bomb14000.png").write_bytes(_png(14_000, 14_000))
    (folder / "bomb60000.png").write_bytes(_png(60_000, 60_000, rows=100))
    screen = struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    (folder / "bomb.gif").write_bytes(b"GIF89a" + screen + frame + b";")
    small = struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    (folder / "frames.gif").write_bytes(b"GIF89a" + small + (b"\x21\xf9\x04\x00\x02\x00\x00\x00" + frame) * 10_000 + b";")
    (folder / "script.gif").write_bytes(b"GIF89a/*" + struct.pack("<H", 1) + b"\x80\0\0" + bytes(6) + frame + b";*/=1;alert(1)//")
    photo = (folder / "photo.jpg").read_bytes()
    at = photo.index(b"\xff\xc0")
    (folder / "bomb.jpg").write_bytes(photo[: at + 5] + struct.pack(">HH", 65_500, 65_500) + photo[at + 9 :])
    webp = b"VP8X" + struct.pack("<II", 10, 0) + (16_382).to_bytes(3, "little") * 2
    (folder / "bomb.webp").write_bytes(b"RIFF" + struct.pack("<I", 4 + len(webp)) + b"WEBP" + webp)


def _png(width: int, height: int, rows: int | None = None) -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    data = b"".join(packer.compress(row) for _ in range(rows or height)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _boxes(folder: Path) -> None:
    """MP4s whose index lies or is enormous."""
    good = (folder / "h264.mp4").read_bytes()
    (folder / "stsz.mp4").write_bytes(_replaced(good, b"stsz", 4, struct.pack(">II", 1, 0x0FFF_FFFF)))
    (folder / "century.mp4").write_bytes(_replaced(good, b"mvhd", 16, struct.pack(">I", 0x7FFF_FFFF)))
    media, moov = good[: good.index(b"moov") - 4], good[good.index(b"moov") - 4 :]
    title = _box(b"udta", _box(b"\xa9nam", struct.pack(">HH", 0xFFFF, 0) + bytes(15 * MIB)))
    (folder / "moov_udta.mp4").write_bytes(media + _box(b"moov", moov[8:] + title))
    (folder / "moov_tables.mp4").write_bytes(media + _box(b"moov", moov[8:] + _stretched(moov)))
    (folder / "moov_traks.mp4").write_bytes(media + _box(b"moov", moov[8:] + _box(b"trak", b"") * 200_000))
    (folder / "nested.mp4").write_bytes(good[:32] + struct.pack(">I4s", 0x7FFF_FFFF, b"moov") * 200_000)
    (folder / "tail.mp4").write_bytes(good + b"<html><script>SECRET-TAIL</script></html>")
    (folder / "zip.mp4").write_bytes(good + b"PK\x03\x04SECRET-TAIL" + bytes(40) + b"PK\x05\x06" + bytes(18))


def _stretched(moov: bytes) -> bytes:
    """A second video track with 1.9 million entries of its own in the table of times."""
    at = moov.index(b"trak") - 4
    trak = moov[at : at + struct.unpack(">I", moov[at : at + 4])[0]]
    stts = trak.index(b"stts") - 4
    old = struct.unpack(">I", trak[stts : stts + 4])[0]
    table = _box(b"stts", struct.pack(">II", 0, 1_900_000) + struct.pack(">II", 1, 1) * 1_900_000)
    grown = len(table) - old
    whole = bytearray(trak[:stts] + table + trak[stts + old :])
    for name in (b"trak", b"mdia", b"minf", b"stbl"):
        where = whole.index(name) - 4
        size = struct.unpack(">I", whole[where : where + 4])[0]
        whole[where : where + 4] = struct.pack(">I", size + grown)
    return bytes(whole)


def _plain(size_and_rate: str, *length: str) -> list[str]:
    """Arguments for H.264 of one colour."""
    source = ["-f", "lavfi", "-i", f"color=size={size_and_rate}"]
    return [*source, *length, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def _durations(folder: Path, encode: Encode) -> None:
    """Ten minutes that say that they are five seconds, and other numbers that are too great."""
    tiny = _plain("64x64:rate=2", "-t", "600")
    encode(folder / "long.mp4", *tiny)
    encode(folder / "long.mkv", *tiny)
    lie = (folder / "long.mp4").read_bytes()
    for box, at, value in ((b"mvhd", 16, 5_000), (b"tkhd", 20, 5_000), (b"elst", 8, 5_000), (b"mdhd", 16, 5 * 16_384)):
        lie = _replaced(lie, box, at, struct.pack(">I", value))
    (folder / "edit_list.mp4").write_bytes(lie)
    (folder / "five_seconds.mp4").write_bytes(_replaced(lie, b"edts", -4, b"free"))
    encode(folder / "fast.mp4", *_plain("64x64:rate=1000", "-t", "3"))
    encode(folder / "big.mp4", *_plain("4096x4096:rate=25", "-frames:v", "2"))
    loop = ["-stream_loop", "1300", "-i", str(folder / "opus.ogg"), "-c", "copy"]
    encode(folder / "hours.ogg", *loop)


def _damaged(folder: Path) -> None:
    good, matroska, photo = ((folder / name).read_bytes() for name in ("h264.mp4", "h264.mkv", "photo.jpg"))
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "no_index.mp4").write_bytes(good[: len(good) // 2])
    fast = good[: good.index(b"mdat") - 4], good[good.index(b"moov") - 4 :]
    (folder / "only_index.mp4").write_bytes(fast[0] + fast[1])
    (folder / "cut.mkv").write_bytes(matroska[: len(matroska) // 3])
    (folder / "cut.jpg").write_bytes(photo[:300])
    (folder / "cut.gif").write_bytes((folder / "moving.gif").read_bytes()[:20])
    noise = random.Random(5).randbytes(65_536)
    (folder / "noise.mp4").write_bytes(noise)
    (folder / "noise_inside.mp4").write_bytes(good[:32] + noise)
    (folder / "noise_inside.mkv").write_bytes(matroska[:200] + noise)
    (folder / "noise_inside.mp3").write_bytes(b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + noise)
    (folder / "program.mp4").write_bytes(b"\x7fELF\x02\x01\x01" + noise)
    (folder / "archive.mp4").write_bytes(b"PK\x03\x04" + noise)
    (folder / "header.wav").write_bytes(
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0" + struct.pack("<HIIHH", 65_535, 1, 1, 1, 8)
    )
    picture = struct.pack(">IIIIIIII", 3, 0, 0, 0, 0, 0, 0, 0xFFFF_FFF0)
    (folder / "header.flac").write_bytes(b"fLaC\x86\xff\xff\xff" + picture)


def _large(folder: Path, encode: Encode) -> None:
    """Sizes, most of them holes that take no room."""
    for name, size in (("hundred.bin", 100 * MIB), ("hundred_and_one.bin", 100 * MIB + 1)):
        with (folder / name).open("wb") as file:
            file.write(b"%PDF-1.7\n" if name == "hundred.bin" else b"\0")
            os.truncate(file.fileno(), size)
    noise = "-f lavfi -i nullsrc=size=640x360:rate=30,geq=random(1)*255:128:128 -t 2 -c:v libx264 -preset ultrafast -qp 8"
    encode(folder / "heavy.mp4", *noise.split(), "-pix_fmt", "yuv420p")


def _matroska_of(tracks: int) -> bytes:
    entries = b"".join(
        _element(b"\xae", _element(b"\xd7", struct.pack(">H", n + 1)) + _element(b"\x73\xc5", struct.pack(">H", n + 1))
                 + _element(b"\x83", b"\x02") + _element(b"\x86", b"A_OPUS"))
        for n in range(tracks)
    )  # fmt: skip
    info = _element(b"\x15\x49\xa9\x66", _element(b"\x2a\xd7\xb1", struct.pack(">I", 1_000_000)))
    cluster = _element(b"\x1f\x43\xb6\x75", _element(b"\xe7", b"\0"))
    head = _element(b"\x1a\x45\xdf\xa3", _element(b"\x42\x82", b"matroska"))
    return head + _element(b"\x18\x53\x80\x67", info + _element(b"\x16\x54\xae\x6b", entries) + cluster)


def _element(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body) | 1 << 56) + body


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def _replaced(file: bytes, box: bytes, at: int, value: bytes) -> bytes:
    """The first `box` with `value` at `at` bytes after its name."""
    start = file.index(box) + 4 + at
    return file[:start] + value + file[start + len(value) :]
