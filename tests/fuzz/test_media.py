"""Whatever bytes come from the network, whole or bent: decoders of the forwarding unit give a value or a refusal, and raise nothing."""

from __future__ import annotations

from struct import pack

from hypothesis import example, given, settings
from hypothesis import strategies as st

from calls.domain import rtcp, rtp, sdp, stun
from calls.domain.codecs import AV1, H264, OPUS, VP8, VP9, shift_vp8, starts_keyframe, vp8_height
from calls.domain.drop import Drop
from calls.domain.layer import Layer
from calls.domain.limits import ForwarderLimits
from calls.domain.rtcp import Bye, KeyframeWanted, Nack, Remb, Report, SenderReport
from calls.domain.tracks import Source
from calls.domain.uplink import Uplink, read_offer
from server.kit.refusal import Refusal
from tests.calls.scripted import check

LIMITS = ForwarderLimits()
IDS = {number: 1 + number % 8 for number in range(1, 15)}
datagrams = st.binary(max_size=1_500)
fuzzed = settings(max_examples=400)


@st.composite
def bent(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Bytes that were right, with some changed, cut or added."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 4))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data) + draw(st.binary(max_size=8))


@fuzzed
@given(datagrams | bent(st.builds(lambda: check("ufrag", "password"))))
@example(b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(12) + b"\x00\x20\x00\x01\x00\x00\x00\x00")
def test_stun(data: bytes) -> None:
    assert isinstance(stun.local_ufrag(data), bytes | None)
    assert isinstance(stun.read_check(data, b"password"), stun.Check | Drop)


heads = st.builds(
    lambda first, second, sequence, time, ssrc: pack("!BBHII", first, second, sequence, time, ssrc),
    st.integers(128, 191), st.integers(0, 255), st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
)  # fmt: skip
blocks = st.builds(
    lambda profile, words, body: pack("!HH", profile, words) + body,
    st.sampled_from([0xBEDE, 0x1000, 0x100F, 0x1234]), st.integers(0, 12), st.binary(max_size=60),
)  # fmt: skip


@fuzzed
@given(datagrams | st.builds(lambda head, block, rest: head + block + rest, heads, blocks, st.binary(max_size=80)))
def test_rtp_with_extensions_and_what_it_carries(data: bytes) -> None:
    packet = rtp.read(data, IDS, 1)
    if isinstance(packet, Drop):
        return
    assert rtp.HEADER <= packet.start <= len(packet.wire) <= rtp.WIRE_BYTES_MAX
    again = rtp.read(packet.wire, {number: number for number in range(1, 5)}, 1)
    assert isinstance(again, rtp.Packet) and again.wire == packet.wire and again.start == packet.start
    payload = memoryview(packet.wire)[packet.start :]
    for codec in (OPUS, VP8, VP9, H264, AV1):
        keyframe, vp8 = starts_keyframe(codec, payload, packet.descriptor)
        if codec is VP8:
            if keyframe:
                assert vp8_height(payload) >= 0
            buffer = bytearray(packet.wire)
            shift_vp8(buffer, packet.start, vp8, 5, 5)
            assert len(buffer) == len(packet.wire)
    Layer(packet.ssrc, 90_000, 0, True).accept(packet, 1)
    assert isinstance(rtp.unwrap(packet, 96, 1), rtp.Packet | Drop)


reports = st.sampled_from(
    [
        rtcp.receiver_report(1, [Report(2, 3, 4, 5, 6, 7, 8)] * 3),
        rtcp.sender_report(SenderReport(1, 2, 3, 4, 5), "cname"),
        rtcp.nack(1, 2, [3, 4, 50, 700]),
        rtcp.picture_loss(1, 2),
        rtcp.remb(1, 1_000_000, [2, 3]),
        rtcp.bye([1, 2]),
    ]
)


@fuzzed
@given(datagrams | bent(st.builds(lambda parts: b"".join(parts), st.lists(reports, min_size=1, max_size=4))))
def test_rtcp(data: bytes) -> None:
    parts = rtcp.read(data)
    if not isinstance(parts, Drop):
        assert all(isinstance(part, SenderReport | Report | Nack | KeyframeWanted | Remb | Bye) for part in parts)


OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=fingerprint:sha-256 AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:efghijklmnop
a=setup:actpass
a=rtcp-mux
a=sendonly
a=rtpmap:111 opus/48000/2
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=mid:1
a=ice-ufrag:abcd
a=ice-pwd:efghijklmnop
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc-group:SIM 1 2 3
a=ssrc-group:FID 1 4
a=ssrc:1 cname:x
a=rid:q send
a=rid:h send
a=simulcast:send q;~h
"""
lines = OFFER.splitlines()
texts = st.text(max_size=300) | st.builds(
    lambda kept, more, place: "\n".join([*kept[:place], *more, *kept[place:]]),
    st.lists(st.sampled_from(lines), max_size=30).map(lambda some: [one for one in lines if one not in some]),
    st.lists(
        st.text(max_size=40) | st.sampled_from(["m=", "a=", "a=mid:", "a=rid:", "a=ssrc:99999999999", "a=fmtp:97", "a=setup:x"])
    ),
    st.integers(0, 40),
)


@fuzzed
@given(texts)
@example(OFFER)
def test_sdp(text: str) -> None:
    media = sdp.read(text, LIMITS)
    if isinstance(media, Refusal):
        return
    sources = {"0": Source.MICROPHONE, "1": Source.CAMERA}
    assert isinstance(read_offer(media, sources, "ann", LIMITS), Uplink | Refusal)
