"""What is read of payloads: keyframes, and VP8's counters."""

from __future__ import annotations

import pytest

from calls.domain.codecs import (
    AV1,
    H264,
    NO_VP8,
    OPUS,
    VP8,
    VP9,
    Vp8,
    av1_keyframe,
    h264_keyframe,
    read_vp8,
    shift_vp8,
    starts_keyframe,
    vp8_height,
    vp9_keyframe,
)  # fmt: skip

KEY = b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xb4\x00"
"""The clear bytes of a keyframe of 320×180."""


@pytest.mark.parametrize(
    ("payload", "starts", "vp8"),
    [
        (b"\x10" + KEY, True, NO_VP8),
        (b"\x10\x01", False, NO_VP8),  # Predicted.
        (b"\x00" + KEY, False, NO_VP8),  # No start of a partition.
        (b"\x11" + KEY, False, NO_VP8),  # Another partition than the first.
        (b"\x90\x80\x05" + KEY, True, Vp8(2, 7, 5)),
        (b"\x90\x80\x81\x02" + KEY, True, Vp8(2, 15, 0x102)),
        (b"\x90\xc0\x81\x02\x09" + KEY, True, Vp8(2, 15, 0x102, 4, 9)),
        (b"\x90\x40\x09" + KEY, True, Vp8(0, 0, 0, 2, 9)),
        (b"\x90\x20\x00" + KEY, True, NO_VP8),
        (b"\x90\x10\x00" + KEY, True, NO_VP8),
        (b"\x90\x20", False, NO_VP8),
        (b"\x10", False, NO_VP8),
        (b"", False, NO_VP8),
        (b"\x90\x80\x81", False, NO_VP8),
        (b"\x90\x40", False, NO_VP8),
    ],
)
def test_vp8(payload: bytes, starts: bool, vp8: Vp8) -> None:
    assert read_vp8(payload) == (starts, vp8)
    if starts:
        assert vp8_height(payload) == 180
        assert vp8_height(payload[: payload.index(KEY) + 9]) == 0
        assert vp8_height(payload.replace(b"\x9d\x01\x2a", b"\x9d\x01\x2b")) == 0


@pytest.mark.parametrize(
    ("payload", "pictures", "tl0s", "moved"),
    [
        (b"\x90\xc0\x81\x02\x09rest", 3, 250, b"\x90\xc0\x81\x05\x03rest"),
        (b"\x90\xc0\xff\xff\x09rest", 1, 0, b"\x90\xc0\x80\x00\x09rest"),
        (b"\x90\x80\x7frest", 2, 7, b"\x90\x80\x01rest"),
        (b"\x10rest", 2, 7, b"\x10rest"),
    ],
)
def test_counters_of_vp8_move_and_lengths_stay(payload: bytes, pictures: int, tl0s: int, moved: bytes) -> None:
    buffer = bytearray(b"head" + payload)
    shift_vp8(buffer, 4, read_vp8(payload)[1], pictures, tl0s)
    assert buffer == b"head" + moved


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (b"", False), (b"\x65", True), (b"\x67", True), (b"\x41", False), (b"\x7c\x85", True), (b"\x7c\x05", False), (b"\x7c", False),
        (b"\x7c\x81", False), (b"\x78\x00\x01\x68\x00\x01\x65", True), (b"\x78\x00\x01\x41\x00\x02\x41", False), (b"\x78", False),
    ],
)  # fmt: skip
def test_h264(payload: bytes, starts: bool) -> None:
    assert h264_keyframe(payload) is starts


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (b"", False),
        (b"\x08", True),
        (b"\x48", False),  # Predicted.
        (b"\x00", False),  # Not the beginning of a frame.
        (b"\x28\x00", True),  # The lowest spatial layer,
        (b"\x28\x02", False),  # and another one.
        (b"\x28", False),
        (b"\xa8\x01\x00", True),  # With a picture id of 7
        (b"\xa8\x81\x01\x00", True),  # and of 15 bits.
        (b"\xa8", False),
    ],
)
def test_vp9(payload: bytes, starts: bool) -> None:
    assert vp9_keyframe(payload) is starts


@pytest.mark.parametrize(
    ("payload", "descriptor", "starts"),
    [
        (b"\x08", None, True), (b"\x00", None, False), (b"", None, False), (b"", b"\x80\x00\x01\x80", True), (b"\x08", b"\x80\x00\x01", False),
        (b"\x08", b"\x00\x00\x01\x80", False), (b"\x08", b"\x80\x00\x01\x00", False),
    ],
)  # fmt: skip
def test_av1(payload: bytes, descriptor: bytes | None, starts: bool) -> None:
    assert av1_keyframe(payload, descriptor) is starts


def test_each_codec_is_asked_in_its_own_way_and_audio_always_begins() -> None:
    assert starts_keyframe(VP8, b"\x10" + KEY, None) == (True, NO_VP8)
    assert starts_keyframe(H264, b"\x65", None) == (True, NO_VP8)
    assert starts_keyframe(VP9, b"\x08", None) == (True, NO_VP8)
    assert starts_keyframe(AV1, b"\x00", None) == (False, NO_VP8)
    assert starts_keyframe(OPUS, b"", None) == (True, NO_VP8)
