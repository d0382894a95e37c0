"""Every maximum of signalling. All of them are settings; clients read them with `GetCallLimits`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SignallingLimits:
    """What this process takes."""

    ring_ms: int = 45_000
    """A call that nobody takes rings this long."""
    connect_ms: int = 30_000
    """From taking a call until media flows."""
    reconnect_ms: int = 30_000
    """From the loss of media until the call is over."""
    silence_ms: int = 120_000
    """A call that no device speaks of for this long is over."""
    candidates_max: int = 64
    """Of the caller, kept until the call is taken."""
    revisions_max: int = 1_000
    """Offers of one call."""
    memory_ms: int = 600_000
    """What became of a call can be asked for this long."""
    calls_per_hour: int = 120
    """Calls that one account may place, or have a group rung for, in the long run."""
    calls_burst: int = 10
    commands_per_s: int = 50
    """Commands of one device, in the long run."""
    commands_burst: int = 500
    frame_bytes_max: int = 131_072
    hello_ms: int = 5_000
    events_waiting_max: int = 1_000
    """Events that wait for one slow device; one more ends its stream."""
    turn_ttl_s: int = 43_200
    """How long relay credentials are good for new relays: 12 hours."""
    ticket_ttl_s: int = 604_800
    group_ring_max: int = 32
    """Members that one group call rings."""
    group_audio_max: int = 32
    """Participants of one group call."""
    group_video_max: int = 8
    """Participants of one group call that send video."""
    group_empty_ms: int = 30_000
    """A group call ends this long after the last one left."""
    group_screens_max: int = 2
    waiting_max: int = 50
    """People who wait to be let into one call."""
    waiting_ms: int = 600_000
    """Who waits and is not let in for this long waits no more: 10 minutes."""
    links_per_hour: int = 120
    """Joins by link of one account, in the long run."""
    links_burst: int = 20
    address_links_per_hour: int = 1_200
    """Joins by link from one address, in the long run."""
    address_links_burst: int = 200
    links_checked_ms: int = 10_000
    """Who waits by a link is told that it was revoked after this long at the most, and a second."""
    members_checked_ms: int = 30_000
    """Who is in a group call and is no member any more, or was suspended, is out after this long at the most, and a second; up to a
    minute more where another node knows it."""
    checks_max: int = 16
    """Questions to the node about who is in group calls, or waits, that are under way at once."""
    peek_interval_ms: int = 1_000
    """Followers of a group call are told of changes at most this often."""
    followed_max: int = 200
    """Conversations that one device follows, with a call and without."""
    address_calls_per_s: int = 500
    """Unary calls from one address, in the long run."""
    address_calls_burst: int = 5_000
