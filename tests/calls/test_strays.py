"""SSRCs that a participant makes up: what the unit's keys keep of them is bounded, whether they come as media or as reports."""

from __future__ import annotations

import pytest
from pylibsrtp import Error, Session

from calls.adapters.aiortc_dtls import SrtpCipher
from calls.domain import rtcp
from calls.domain.limits import ForwarderLimits
from tests.calls.rooms import SIMULCAST, Camera, a_room
from tests.calls.scripted import VP8, rtp, until

pytestmark = pytest.mark.timeout(60)


def _gone(session: Session, ssrc: int) -> bool:
    """Whether libsrtp has no state of the stream: there is nothing to remove then."""
    try:
        session.remove_stream(ssrc)
    except Error:
        return True
    return False


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
async def test_keys_keep_no_more_of_ssrcs_than_a_participant_may_have_streams(down: bool) -> None:
    async with a_room() as room:
        ann, ben = await room.pair(SIMULCAST)
        camera = Camera(ann.up, 7, "0", rid="q")
        await until(lambda: (camera.show(keyframe=True), ben.of("ann/camera"))[1])
        party = room.unit._find((ben if down else ann).place)[1]
        leg, wire = (party.down.leg, ben.down) if down else (party.up.leg, ann.up)
        for ssrc in range(1_000, 1_060):
            wire.sends(rtp(ssrc, 1, 0, b"x", 13 if ssrc % 3 else VP8, mid="0", rid="h" if ssrc % 2 else ""))
            wire.reports(rtcp.receiver_report(ssrc + 1_000, ()))
        await wire.checks()
        most = ForwarderLimits().ssrcs_max
        await until(lambda: len(leg.strays._heard) <= 2 * most)
        known = len(party.up.streams.ssrcs) if not down else 0
        assert isinstance(leg.cipher, SrtpCipher)
        incoming = leg.cipher._incoming
        assert 0 < sum(not _gone(incoming, ssrc) for ssrc in (*range(1_000, 1_060), *range(2_000, 2_060))) <= most + known
        count = len(ben.of("ann/camera"))
        await until(lambda: (camera.show(keyframe=True), len(ben.of("ann/camera")) > count)[1])
