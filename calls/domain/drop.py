"""Why a datagram is dropped. Decoders of what comes from the network return a value, or one of these, and raise nothing."""

from __future__ import annotations

from enum import Enum


class Drop(Enum):
    """Values are the labels of the counters."""

    TOO_LONG = "too_long"
    """More than 1,500 bytes: dropped before anything else, since SRTP works in place in buffers of a fixed size."""
    STRANGER = "stranger"
    """From an address from which no valid connectivity check came."""
    BROKEN = "broken"
    """Not what its first bytes promise."""
    NOT_A_CHECK = "not_a_check"
    """STUN, and no binding request for a transport that is here."""
    WRONG_INTEGRITY = "wrong_integrity"
    """MESSAGE-INTEGRITY or FINGERPRINT do not fit: forged."""
    UNAUTHENTIC = "unauthentic"
    """SRTP or SRTCP that does not authenticate, or was there before."""
    TOO_EARLY = "too_early"
    """Media before the keys."""
    UNKNOWN_STREAM = "unknown_stream"
    """RTP that belongs to no track, or of one SSRC too many."""
    REPEATED = "repeated"
    """A packet that was there before, or is older than the ring."""
    PADDING = "padding"
    """A probe for bandwidth, without content."""
    MUTED = "muted"
    """Of a source that an admin muted."""
    TAKEN = "taken"
    """A check from an address of which another transport hears: forged, however right its password is."""
    ADDRESSES = "addresses"
    """A check from one address too many."""
