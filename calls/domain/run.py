"""Packets of one layer that come in order, one after the other: whoever takes the layer takes all of them.

So what they do to a subscription is the same for all of them, and is kept here once; and what differs in a packet for one of them (`Rewrite`)
stays the same for as long as the run lasts. That is nearly always. A packet that comes late, one far ahead, and a keyframe that somebody waits
for go to each subscription by itself.
"""

from __future__ import annotations

from typing import NamedTuple

from calls.domain.rtp import Packet

JUMP_MAX = 0x2000
"""So far ahead a number may be of the one before it."""
NEVER = -2 * JUMP_MAX


class Rewrite(NamedTuple):
    """What differs for one subscriber.

    Attributes:
        number: the payload type, to which the packet's marker is added.
        offset: from the packet's order to its sequence number; `times`: from its timestamp to theirs.
        pictures, tl0s: by how much VP8's counters are moved; `shifted`: one of them is.
    """

    number: int
    offset: int
    times: int
    ssrc: int
    shifted: bool = False
    pictures: int = 0
    tl0s: int = 0


class Run:
    """What all who take the layer have taken.

    Attributes:
        packets, octets: so many, since the run was made.
        last: the order of the newest, and `latest` it; `latest_ns`: when it came.
        pictured: the newest that has VP8's counters.
    """

    __slots__ = ("packets", "octets", "last", "latest", "latest_ns", "pictured")

    def __init__(self) -> None:
        self.packets = self.octets = self.latest_ns = 0
        self.last = NEVER
        self.latest: Packet | None = None
        self.pictured: Packet | None = None

    def begin(self, order: int) -> None:
        """The packet of this order is the newest that each of them has."""
        self.last = order

    def take(self, packet: Packet, now_ns: int) -> bool:
        """The next one, for all. False: it is not for all in the same way, and was not taken."""
        order = packet.order
        if not self.last < order <= self.last + JUMP_MAX:
            return False
        self.last, self.latest, self.latest_ns = order, packet, now_ns
        if packet.vp8.picture_bits:
            self.pictured = packet
        self.packets += 1
        self.octets += packet.octets
        return True
