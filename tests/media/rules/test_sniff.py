"""Formats by their first bytes."""

from __future__ import annotations

import struct

import pytest
from tidewire.media_rules import sniff
from tidewire.media_rules.sniff import Format


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(body) + 8) + b"ftyp" + body + b"3gp6 after the box"


def ogg(packet: bytes) -> bytes:
    return b"OggS" + bytes(22) + b"\x01" + bytes([len(packet)]) + packet


def ebml(doc_type: bytes, length: bytes | None = None) -> bytes:
    return b"\x1a\x45\xdf\xa3\x9f" + b"\x42\x82" + (length or bytes([0x80 | len(doc_type)])) + doc_type


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"\xff\xd8\xff\xe0", sniff.JPEG),
        (b"\x89PNG\r\n\x1a\n", sniff.PNG),
        (b"GIF87a", sniff.GIF),
        (b"GIF89a", sniff.GIF),
        (b"RIFF\0\0\0\0WEBPVP8 ", sniff.WEBP),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10", sniff.WEBP),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x12", sniff.ANIMATED_WEBP),
        (b"RIFF\0\0\0\0AVI LIST", sniff.AVI),
        (b"RIFF\0\0\0\0WAVEfmt ", sniff.WAV),
        (b"RIFF\0\0\0\0ACON", None),
        (b"#!AMR\n", sniff.AMR),
        (b"#!AMR-WB\n", sniff.AMR),
        (b"fLaC", sniff.FLAC),
        (b"ID3\x04", sniff.MP3),
        (b"%PDF-1.7", sniff.PDF),
        (ogg(b"OpusHead"), sniff.OPUS),
        (ogg(b"\x01vorbis"), sniff.VORBIS),
        (ogg(b"\x7fFLAC"), sniff.OGG_FLAC),
        (ogg(b"\x80theora"), None),
        (b"OggS", None),
        (ebml(b"matroska"), sniff.MKV),
        (ebml(b"webm\0\0"), sniff.WEBM),
        (ebml(b"webm", b"\x01\0\0\0\0\0\0\x04"), sniff.WEBM),
        (ebml(b"other"), None),
        (ebml(b"webm", b"\0\0"), None),
        (b"\x1a\x45\xdf\xa3\x9f no type", None),
        (ftyp(b"isom"), sniff.MP4),
        (ftyp(b"mp42", b"isom"), sniff.MP4),
        (ftyp(b"qt  "), sniff.MOV),
        (ftyp(b"3gp4", b"isom"), sniff.THREE_GP),
        (ftyp(b"M4A ", b"isom"), sniff.M4A),
        (ftyp(b"heic", b"mif1"), sniff.HEIC),
        (ftyp(b"mif1", b"heic"), sniff.HEIC),
        (ftyp(b"mif1", b"avif"), sniff.AVIF),
        (ftyp(b"msf1", b"avis"), sniff.AVIF),
        (ftyp(b"avif", b"mif1"), sniff.AVIF),
        (ftyp(b"XXXX", b"isom"), sniff.MP4),
        (ftyp(b"XXXX"), None),
        (b"\0\0\0\x08wide\0\0\0\0mdat", sniff.MOV),
        (b"\xff\xfb\x90\x00", sniff.MP3),
        (b"\xff\xf3\x44\xc0", sniff.MP3),
        (b"\xff\xeb\x90\x00", None),
        (b"\xff\xfb\xf0\x00", None),
        (b"\xff\xfb\x9c\x00", None),
        (b"\xff\xf1\x50\x80", sniff.AAC),
        (b"\xff\xe1\x50\x80", None),
        (b"\xff\xf1\x7c\x80", None),
        (b"\xff\x00\x00\x00", None),
        (b"\xff", None),
        (b"", None),
        (b"#EXTM3U\n", None),
        (b"ffconcat version 1.0\n", None),
        (b'<?xml version="1.0"?><MPD>', None),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", None),
        (b"<svg xmlns=", None),
        (b"# VobSub index file, v7", None),
        (b"WEBVTT\n", None),
        (b"[Script Info]", None),
        (b" \xff\xd8\xff", None),
    ],
)
def test_a_format_is_known_by_its_own_signature_at_its_own_place(head: bytes, format: Format | None) -> None:
    assert sniff.sniff(head) == format
