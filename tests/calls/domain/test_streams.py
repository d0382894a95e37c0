"""Which SSRC is what: named by the description or by itself, never believed alone."""

from __future__ import annotations

import pytest

from calls.domain.codecs import OPUS, VP8
from calls.domain.drop import Drop
from calls.domain.streams import Incoming, Stream, Streams
from calls.domain.tracks import Source, Track
from tests.calls.domain.media import packet


def sound(mid: str = "0", **more: object) -> Incoming:
    return Incoming(mid, Track("ann", Source.MICROPHONE), OPUS, {111: OPUS}, {}, **more)  # type: ignore[arg-type]


def camera(mid: str = "1", **more: object) -> Incoming:
    return Incoming(mid, Track("ann", Source.CAMERA), VP8, {96: VP8}, {97: 96}, **more)  # type: ignore[arg-type]


def of(*tracks: Incoming, ssrcs_max: int = 16, layers_max: int = 3) -> Streams:
    streams = Streams(ssrcs_max, layers_max)
    for one in tracks:
        streams.put(one)
    return streams


def found(stream: Stream | Drop) -> tuple[str, int, bool]:
    assert isinstance(stream, Stream)
    return stream.incoming.mid, stream.layer.index, stream.repair


def test_a_mid_or_an_unmistakable_payload_type_names_the_track() -> None:
    streams = of(sound(), camera(), camera("2"))
    assert found(streams.stream(packet(1, ssrc=5, payload_type=111))) == ("0", 0, False)
    assert found(streams.stream(packet(1, ssrc=6, payload_type=96, mid="2"))) == ("2", 0, False)
    assert streams.stream(packet(1, ssrc=7, payload_type=96)) is Drop.UNKNOWN_STREAM  # One of two.
    assert streams.stream(packet(1, ssrc=7, payload_type=96, mid="9")) is Drop.UNKNOWN_STREAM
    # Once it was named it needs no name, and has its payload type.
    assert found(streams.stream(packet(2, ssrc=6, payload_type=96))) == ("2", 0, False)
    assert streams.stream(packet(3, ssrc=6, payload_type=111)) is Drop.UNKNOWN_STREAM
    assert streams.known(6) is not None and streams.known(7) is None and len(streams.tracks) == 3 and set(streams.ssrcs) == {5, 6}


def test_layers_are_named_by_their_rid_and_repairs_by_another_name() -> None:
    streams = of(camera(rids=("q", "h")))
    for rid in ("", "x"):
        assert streams.stream(packet(1, ssrc=5, mid="1", rid=rid)) is Drop.UNKNOWN_STREAM
    assert streams.stream(packet(1, ssrc=6, mid="1", repaired="h", payload_type=97)) is Drop.UNKNOWN_STREAM  # Of nothing yet.
    assert found(streams.stream(packet(1, ssrc=5, mid="1", rid="h"))) == ("1", 1, False)
    assert found(streams.stream(packet(1, ssrc=6, mid="1", repaired="h", payload_type=97))) == ("1", 1, True)
    assert found(streams.stream(packet(2, ssrc=6, payload_type=97))) == ("1", 1, True)
    assert streams.stream(packet(3, ssrc=8, mid="1", rid="q", payload_type=50)) is Drop.UNKNOWN_STREAM


def test_the_description_names_streams() -> None:
    streams = of(sound(ssrcs={5: 0}), camera(ssrcs={6: 0, 7: 1}, rtx_ssrcs={8: 0, 9: 1}), camera("2", ssrcs={10: 0}))
    assert found(streams.stream(packet(1, ssrc=7))) == ("1", 1, False)
    assert found(streams.stream(packet(1, ssrc=9, payload_type=97))) == ("1", 1, True)
    assert streams.stream(packet(1, ssrc=8, payload_type=97)) is Drop.UNKNOWN_STREAM  # Its layer has not begun.
    # One that it does not name, of a track whose streams it names:
    assert streams.stream(packet(1, ssrc=11, mid="1")) is Drop.UNKNOWN_STREAM
    assert streams.stream(packet(1, ssrc=11, mid="1", payload_type=97)) is Drop.UNKNOWN_STREAM


def test_a_layer_that_comes_under_another_ssrc_begins_anew() -> None:
    streams = of(camera(rids=("q", "h")))
    streams.stream(packet(1, ssrc=5, mid="1", rid="q"))
    streams.stream(packet(1, ssrc=4, mid="1", rid="h"))
    streams.stream(packet(1, ssrc=6, mid="1", repaired="q", payload_type=97))
    before = streams.tracks[0].layers[0]
    streams.stream(packet(1, ssrc=7, mid="1", rid="q"))
    assert streams.tracks[0].layers[0] is not before and streams.tracks[0].layers[0].ssrc == 7
    assert streams.known(5) is None and streams.known(6) is None and streams.known(4) is not None


@pytest.mark.parametrize("limits", [{"ssrcs_max": 1}, {"layers_max": 1}])
def test_there_are_so_many_and_no_more(limits: dict[str, int]) -> None:
    streams = of(camera(rids=("q", "h")), **limits)
    assert found(streams.stream(packet(1, ssrc=5, mid="1", rid="q"))) == ("1", 0, False)
    assert streams.stream(packet(1, ssrc=6, mid="1", rid="h")) is Drop.UNKNOWN_STREAM


def test_a_track_that_is_no_more_takes_its_ssrcs_along() -> None:
    streams = of(sound(), camera())
    streams.stream(packet(1, ssrc=5, payload_type=111))
    streams.stream(packet(1, ssrc=6, mid="1"))
    assert streams.remove("1") == (6,) and streams.remove("1") == ()
    assert streams.known(6) is None and streams.known(5) is not None
    assert streams.stream(packet(2, ssrc=6, mid="1")) is Drop.UNKNOWN_STREAM
