"""Whatever ffprobe says becomes numbers that can be compared."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tidewire.media_rules.probe import Counted, Probe, Stream, from_ffprobe, seconds, whole


def test_a_usual_answer() -> None:
    said = {
        "streams": [
            {
                "index": 0, "codec_type": "video", "codec_name": "h264", "profile": "High", "pix_fmt": "yuv420p", "level": 31,
                "width": 320, "height": 240, "avg_frame_rate": "30000/1001", "duration": "3.000000",
                "sample_aspect_ratio": "4:3", "side_data_list": [{"x": 1}, {"rotation": -90}],
            },
            {"index": 1, "codec_type": "audio", "codec_name": "aac", "channels": 2, "sample_rate": "44100",
             "disposition": {"attached_pic": 0}},
            {"index": 2, "codec_type": "video", "codec_name": "png", "disposition": {"attached_pic": 1}},
        ],
        "format": {"duration": "3.020000"},
    }  # fmt: skip
    probe = from_ffprobe(json.dumps(said), {0: Counted(75, -40, 2_960), 2: Counted(1, 0, 99_000)}, 7)
    video, audio, cover = probe.streams
    assert (probe.bytes, probe.duration_ms, probe.counted_ms, probe.longest_ms) == (7, 3_020, 3_000, 3_020)
    assert (video.rotation, round(video.frame_rate, 2), video.level, video.duration_ms) == (90, 29.97, 31, 3_000)
    assert round(video.pixel_aspect, 2) == 1.33 and probe.video == video and probe.audio == audio
    assert (audio.channels, audio.sample_rate, audio.counted) == (2, 44_100, Counted()) and cover.is_cover


@pytest.mark.parametrize("text", ["", "nothing", "[]", '"x"', "[" * 100_000])
def test_what_is_not_the_json_that_was_asked_for_is_unreadable(text: str) -> None:
    assert from_ffprobe(text, {}, 1).unreadable


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1.5", 1.5),
        (2, 2.0),
        ("-3", -3.0),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
        (None, None),
        ([], None),
        ("N/A", None),
    ],
)
def test_a_number_is_finite_or_none(value: object, number: float | None) -> None:
    assert seconds(value) == number


def test_missing_negative_and_absurd_values_are_nothing() -> None:
    said = {
        "streams": [
            {"index": "x", "width": -5, "height": "nan", "duration": "-1", "avg_frame_rate": "25/0", "codec_name": 7, "pix_fmt": "x" * 99},
            "not a stream",
            {"side_data_list": [5, {"rotation": "nan"}], "disposition": 3, "sample_aspect_ratio": "0:1", "avg_frame_rate": "x"},
        ],
        "format": {"duration": "9" * 400},
    }  # fmt: skip
    probe = from_ffprobe(json.dumps(said), {}, 1)
    assert probe == Probe(bytes=1, streams=(Stream(type="", codec="", pixel_format="x" * 64), Stream(type="", codec="")))
    assert (probe.video, probe.audio, probe.counted_ms, probe.longest_ms) == (None, None, 0, 0)
    assert whole(10**400) == 0 and Counted(1, 500, 100).duration_ms == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["streams", "format", "duration", "width", "side_data_list", "rotation"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_gives_a_probe_without_a_negative_number(said: object) -> None:
    probe = from_ffprobe(json.dumps(said), {}, 1)
    assert probe.duration_ms >= 0 and all(s.width >= 0 and s.rotation in (0, 90, 180, 270) for s in probe.streams)
