"""Descriptions: read into values or refused, what of an offer is taken, and what is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calls.domain import sdp
from calls.domain.codecs import AV1, H264, OPUS, VP8, VP9
from calls.domain.limits import ForwarderLimits
from calls.domain.rtp import AUDIO_LEVEL, KINDS, MID
from calls.domain.sdp import Media, Payload
from calls.domain.sdp_writer import Section, Sent, Transport, write
from calls.domain.tracks import Source, Track
from calls.domain.uplink import Uplink, read_offer
from server.kit.refusal import Reason, Refusal

LIMITS = ForwarderLimits()
PRINT = "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
SESSION = f"v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\na=fingerprint:sha-256 {PRINT}\na=ice-ufrag:abcd\na=ice-pwd:efgh\na=setup:actpass\n"
SOUND = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\na=mid:0\na=rtcp-mux\na=sendonly\na=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10; UseInbandFec=1\n"
CAMERA = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:1\na=rtcp-mux\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"
)
BOTH = {"0": Source.MICROPHONE, "1": Source.CAMERA}


def read(text: str) -> tuple[Media, ...]:
    media = sdp.read(text, LIMITS)
    assert isinstance(media, tuple), media
    return media


def test_sections_take_from_the_session_what_they_do_not_say_themselves() -> None:
    more = f"a=ice-ufrag:mine\na=fingerprint:SHA-512 {PRINT.lower()}\na=setup:active\na=inactive\n"
    sound, camera = read((SESSION + SOUND + CAMERA + more).replace("\n", "\r\n"))
    assert (sound.ufrag, sound.password, sound.setup, sound.fingerprints) == ("abcd", "efgh", "actpass", (("sha-256", PRINT),))
    assert (camera.ufrag, camera.password, camera.setup, camera.fingerprints) == ("mine", "efgh", "active", (("sha-512", PRINT),))
    assert sound.sends and not sound.receives and not camera.sends and not camera.receives and camera.mux
    assert sound.payloads == (Payload(111, "opus", 48_000, 2, "minptime=10; UseInbandFec=1"),)
    assert sound.payloads[0].parameter("useinbandfec") == "1" and sound.payloads[0].parameter("other") is None


def test_a_rejected_section_neither_sends_nor_receives() -> None:
    (one,) = read(SESSION + SOUND.replace("audio 9", "audio 0").replace("sendonly", "sendrecv"))
    assert not one.sends and not one.receives
    (other,) = read(SESSION + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\n")
    assert other.payloads == () and other.direction == "sendrecv" and other.receives


def test_feedback_extensions_streams_and_layers_are_read() -> None:
    text = (
        CAMERA
        + f"a=rtcp-fb:96 nack pli\na=rtcp-fb:* ccm fir\na=extmap:3/sendonly {MID} x\na=ssrc:1 cname:x\na=ssrc:1 msid:y z\na=ssrc:2\n"
    )
    text += "a=ssrc-group:SIM 1 2 \na=ssrc-group:FID 1 3\na=rid:q send\na=rid:h send max-width=9\na=rid:r recv\na=simulcast:send h,x;~q;w recv r\n"
    (one,) = read(SESSION + text)
    assert one.payloads[0].feedback == ("nack pli", "ccm fir") and one.extensions == {3: MID}
    assert one.ssrcs == (1, 2) and one.groups == (("SIM", (1, 2)), ("FID", (1, 3))) and one.rids == ("h", "q")
    assert read(SESSION + CAMERA + "a=rid:q send\na=simulcast:recv q\n")[0].rids == ("q",)
    assert read(SESSION + CAMERA + "a=rid:q send\na=simulcast:send\n")[0].rids == ("q",)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "begin with v=0"),
        ("v=1\n" + SOUND, "begin with v=0"),
        (SESSION, "no media section"),
        (SESSION + "nonsense\n" + SOUND, "malformed: nonsense"),
        (SESSION + SOUND + "A=mid:9\n", "malformed: A=mid:9"),
        (SESSION + SOUND + "a\n", "malformed: a"),
        (SESSION + SOUND.replace("a=mid:0\n", ""), "has no mid"),
        (SESSION + SOUND.replace("mid:0", "mid:ä"), "malformed"),
        (SESSION + SOUND.replace("m=audio 9", "m=audio x"), "malformed"),
        (SESSION + SOUND + "a=setup:holdconn\n", "setup:holdconn"),
        (SESSION + SOUND + "a=fingerprint:sha-256 AA\n", "malformed"),
        (SESSION + SOUND + "a=ice-ufrag:ä\n", "malformed"),
        (SESSION + SOUND + "a=fmtp:111\n", "malformed: 111"),
        (SESSION + SOUND + "a=rtpmap:111 opus\n", "malformed"),
        (SESSION + SOUND + "a=extmap:x y\n", "malformed"),
        (SESSION + SOUND + "a=ssrc:4294967296 cname:x\n", "SSRC of more than 32 bits"),
        (SESSION + SOUND + "a=ssrc-group:FID 1 4294967296\n", "SSRC of more than 32 bits"),
        (SESSION + SOUND + "a=rid:q\n", "malformed"),
        (SESSION + SOUND + "a=rid:q send\n" * 17, "17 lines of rid, of at most 16"),
        (SESSION + SOUND + f"a=fingerprint:sha-256 {PRINT}\n" * 9, "9 lines of fingerprint, of at most 8"),
        (SESSION + SOUND + SOUND, "same mid"),
    ],
)
def test_what_is_malformed_is_refused_naming_the_line(text: str, detail: str) -> None:
    refusal = sdp.read(text, LIMITS)
    assert isinstance(refusal, Refusal) and refusal.reason is Reason.INVALID and refusal.subject == "sdp"
    assert detail in refusal.detail


@pytest.mark.parametrize(
    ("limits", "subject", "limit"),
    [(replace(LIMITS, sdp_bytes_max=100), "sdp_bytes_max", 100), (replace(LIMITS, sections_max=1), "sections_max", 1)],
)
def test_descriptions_have_a_size(limits: ForwarderLimits, subject: str, limit: int) -> None:
    refusal = sdp.read(SESSION + SOUND + CAMERA, limits)
    assert isinstance(refusal, Refusal) and (refusal.subject, refusal.limit) == (subject, limit)


# What of an offer is taken


def offer(text: str, sources: dict[str, Source] | None = None, limits: ForwarderLimits = LIMITS) -> Uplink | Refusal:
    return read_offer(read(SESSION + text), BOTH if sources is None else sources, "ann", limits)


def taken(text: str, sources: dict[str, Source] | None = None) -> Uplink:
    uplink = offer(text, sources)
    assert isinstance(uplink, Uplink), uplink
    return uplink


def test_tracks_codecs_and_extensions_are_the_clients() -> None:
    uplink = taken(
        SOUND + f"a=extmap:7 {AUDIO_LEVEL}\na=extmap:8 urn:unknown\na=rtcp-fb:111 transport-cc\n" + CAMERA + "a=rtcp-fb:96 nack\n"
    )
    sound, camera = uplink.tracks
    assert (sound.track, sound.codec, sound.codecs, sound.repairs) == (Track("ann", Source.MICROPHONE), OPUS, {111: OPUS}, {})
    assert (camera.track, camera.codec, camera.codecs, camera.repairs) == (Track("ann", Source.CAMERA), VP8, {96: VP8}, {97: 96})
    assert uplink.ids == {7: KINDS[AUDIO_LEVEL]} and uplink.ufrag == "abcd" and uplink.fingerprints == (("sha-256", PRINT),)
    first, second = uplink.sections
    assert (
        first.extensions == {7: AUDIO_LEVEL} and first.payloads[0].feedback == ("transport-cc",) and first.direction == "recvonly"
    )
    assert [payload.number for payload in second.payloads] == [96, 97] and second.payloads[0].feedback == ("nack",)


@pytest.mark.parametrize(
    ("lines", "codec"),
    [
        ("a=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1\na=rtpmap:97 VP9/90000\n", H264),
        ("a=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=0\na=rtpmap:97 VP9/90000\n", VP9),
        ("a=rtpmap:96 VP9/90000\na=fmtp:96 profile-id=2\na=rtpmap:97 AV1/90000\n", AV1),
        ("a=rtpmap:96 vp8/1000\na=rtpmap:97 vp8/90000\n", VP8),
    ],
)
def test_the_first_codec_of_ours_that_fits(lines: str, codec: object) -> None:
    (one,) = taken(CAMERA.partition("a=rtpmap")[0] + lines, {"1": Source.CAMERA}).tracks
    assert one.codec is codec


def test_layers_are_named_by_rids_or_by_ssrcs() -> None:
    (one,) = taken(CAMERA + "a=rid:q send\na=rid:h send\na=ssrc:1\n", {"1": Source.CAMERA}).tracks
    assert one.rids == ("q", "h") and one.ssrcs == {}
    (two,) = taken(
        CAMERA + "a=ssrc-group:SIM 1 2\na=ssrc-group:FID 2 4\na=ssrc:1\na=ssrc:2\na=ssrc:4\n", {"1": Source.CAMERA}
    ).tracks
    assert two.ssrcs == {1: 0, 2: 1} and two.rtx_ssrcs == {4: 1}
    (three,) = taken(CAMERA + "a=ssrc:4\na=ssrc:1\na=ssrc-group:FID 1 4\n", {"1": Source.CAMERA}).tracks
    assert three.ssrcs == {1: 0} and three.rtx_ssrcs == {4: 0}


def test_what_is_not_named_has_no_codec_or_does_not_send_is_answered_all_the_same() -> None:
    channel = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\n"
    strange = SOUND.replace("mid:0", "mid:s").replace("opus", "speex")
    silent = CAMERA + "a=recvonly\n"
    uplink = taken(SOUND + channel + strange + silent, {"0": Source.MICROPHONE, "s": Source.MICROPHONE, "1": Source.CAMERA})
    assert [section.rejected for section in uplink.sections] == [False, True, True, False]
    assert uplink.sections[3].direction == "inactive" and [one.mid for one in uplink.tracks] == ["0"]
    assert taken(SOUND + CAMERA.replace("video 9", "video 0")).sections[1].rejected


@pytest.mark.parametrize(
    ("text", "sources", "detail"),
    [
        (SOUND, {"0": Source.CAMERA}, "section 0 is audio, and camera is not"),
        (SOUND + "a=setup:passive\n", {"0": Source.MICROPHONE}, "setup:passive"),
        (SOUND.replace("a=rtcp-mux\n", ""), {"0": Source.MICROPHONE}, "lacks rtcp-mux"),
        (SOUND, BOTH, "no media section 1"),
        (SOUND, {}, "no media section that sources name"),
        (CAMERA + CAMERA.replace("mid:1", "mid:2"), {"1": Source.CAMERA, "2": Source.CAMERA}, "of the same source"),
    ],
)
def test_offers_that_no_answer_fits(text: str, sources: dict[str, Source], detail: str) -> None:
    refusal = offer(text, sources)
    assert isinstance(refusal, Refusal) and refusal.reason is Reason.INVALID and detail in refusal.detail


def test_an_offer_without_a_certificate_is_refused() -> None:
    media = read(SESSION.replace(f"a=fingerprint:sha-256 {PRINT}\n", "") + SOUND)
    refusal = read_offer(media, {"0": Source.MICROPHONE}, "ann", LIMITS)
    assert isinstance(refusal, Refusal) and "lacks a fingerprint" in refusal.detail


@pytest.mark.parametrize(
    ("text", "sources", "subject", "actual"),
    [
        (SOUND, {"0": Source.MICROPHONE}, "audio_tracks_max", 1),
        (CAMERA, {"1": Source.CAMERA}, "video_tracks_max", 1),
        (CAMERA + "a=rid:q send\na=rid:h send\n", {"1": Source.CAMERA}, "layers_max", 2),
        (CAMERA + "a=ssrc-group:SIM 1 2 3\n", {"1": Source.CAMERA}, "ssrcs_max", 3),
    ],
)
def test_everything_that_comes_in_is_counted(text: str, sources: dict[str, Source], subject: str, actual: int) -> None:
    refusal = offer(text, sources, replace(LIMITS, **{subject: actual - 1}))
    assert isinstance(refusal, Refusal) and (refusal.subject, refusal.actual) == (subject, actual)
    assert isinstance(offer(text, sources, replace(LIMITS, **{subject: actual})), Uplink)


# What is written

TRANSPORT = Transport("frag", "word", f"sha-256 {PRINT}", "passive", (("192.0.2.1", 7_432), ("2001:db8::1", 7_432)))
VIDEO = Section(
    "video", "1", "UDP/TLS/RTP/SAVPF", (), "recvonly", (Payload(96, "VP8", 90_000, 0, "x=1", ("nack",)), Payload(97, "rtx", 90_000, 0, "apt=96")),
    {3: MID}, ("q", "h"), Sent("ann", "ann.camera", "name", 1, 2),
)  # fmt: skip


def test_what_is_written_is_read_as_it_was() -> None:
    text = write((VIDEO, replace(VIDEO, mid="2", rids=(), sent=Sent("a", "b", "c", 9, None), kind="audio")), TRANSPORT, 5, 6)
    one, two = read(text)
    assert (one.kind, one.mid, one.direction, one.mux, one.setup) == ("video", "1", "recvonly", True, "passive")
    assert (one.ufrag, one.password, one.fingerprints) == ("frag", "word", (("sha-256", PRINT),))
    assert one.payloads == VIDEO.payloads and one.extensions == {3: MID}
    assert one.ssrcs == (1, 2) and one.groups == (("FID", (1, 2)),) and two.ssrcs == (9,) and two.groups == ()
    assert "a=ice-lite\r\n" in text and "o=- 5 6 IN IP4" in text and "a=group:BUNDLE 1 2\r\n" in text
    assert "a=rid:q recv\r\na=rid:h recv\r\na=simulcast:recv q;h\r\n" in text
    assert (
        "a=candidate:1 1 udp 2130706431 192.0.2.1 7432 typ host\r\na=candidate:2 1 udp 2130706175 2001:db8::1 7432 typ host\r\n"
        in text
    )
    assert text.count("a=end-of-candidates\r\n") == 2


def test_channels_are_said_where_there_are_several_and_a_rejected_section_has_no_port() -> None:
    sound = Section("audio", "0", "UDP/TLS/RTP/SAVPF", (), "sendonly", (Payload(111, "opus", 48_000, 2),))
    text = write((sound, Section("video", "1", "UDP/TLS/RTP/SAVPF", ("96",), rejected=True)), TRANSPORT, 1, 1)
    assert "a=rtpmap:111 opus/48000/2\r\n" in text and "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n" in text
    assert read(text)[1].port == 0 and "a=group:BUNDLE 0\r\n" in text and "a=fmtp" not in text
    assert "a=group:BUNDLE\r\n" in write((), TRANSPORT, 1, 1)
