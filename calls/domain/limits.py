"""Every maximum of the forwarding unit. All of them are settings, and clients are told those that concern them."""

from __future__ import annotations

from dataclasses import dataclass

SECOND_NS = 1_000_000_000
"""Times of the media path are monotonic nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderLimits:
    """What this forwarder takes."""

    participants_max: int = 32
    """Of one call. All to all without loss was measured to 24 with video on one core; audio goes by `audio_last_n`."""
    video_senders_max: int = 8
    """Participants of one call that send a camera or a screen at a time."""
    calls_max: int = 500
    """Calls of this process."""
    audio_tracks_max: int = 2
    """Tracks of one participant."""
    video_tracks_max: int = 3
    layers_max: int = 3
    """Layers of one simulcast track."""
    ssrcs_max: int = 16
    """SSRCs of one participant."""
    addresses_max: int = 4
    """Addresses of one transport, each from a valid check. One more takes the place of the one that was silent for longest."""
    sections_max: int = 128
    """Media sections of a description; those of participants who left are used again."""
    sdp_bytes_max: int = 262_144
    """Of an offer or an answer."""
    audio_last_n: int = 5
    """The loudest so many are heard."""
    video_last_n: int = 9
    """The latest so many speakers are seen, beside those that a client asked for by height."""
    certificate_s: int = 604_800
    """A certificate of DTLS serves new transports for so long; those that stand keep theirs. An hour at least, two weeks at most."""
    connect_s: int = 15
    """From the answer to the first media; then the transport counts as failed."""
    lost_s: int = 30
    """Without a valid check: consent has ended (RFC 7675) and nothing is sent."""
    gone_s: int = 60
    """Without a valid check: the participant is out."""
    gather_ms: int = 20
    """Changes of what a participant receives are gathered for so long before it gets an offer."""
    uplink_bps_max: int = 2_500_000
    """What one participant is asked to send at most, in bit/s (REMB)."""
    nack_packets_max: int = 128
    """Packets sent again for one report of lost ones."""
    egress_bps_max: int = 600_000_000
    """Planned bit/s that leave this process."""
    load_call_max: float = 0.60
    """Projected share of a core above which no new call begins."""
    load_join_max: float = 0.70
    """Projected share of a core above which nobody joins."""
    load_video_max: float = 0.80
    """Measured share of a core above which nobody starts to send video."""
    load_shed: float = 0.85
    """Measured share of a core above which the greatest layers are left out."""
    age_shed_ms: int = 50
    """Age of a datagram, when it is read, above which the greatest layers are left out."""
    receive_buffer_bytes: int = 1_048_576
    """Asked of the system for what has arrived; it may give less. About 200 ms of what one core takes in (4,600 packets/s, of 2,304 bytes as
    Linux counts them, which takes twice the value): more would turn overload into delay, where loss tells senders to send less."""
    send_buffer_bytes: int = 4_194_304
    """Asked of the system for what is to leave; it may give less. 55 ms of `egress_bps_max`."""
