"""The unit's certificate: another one after a week for transports that are new, and those that stand keep theirs."""

from __future__ import annotations

import re

import pytest

from calls.adapters.aiortc_dtls import dtls_handshakes
from calls.domain.limits import SECOND_NS, ForwarderLimits
from calls.ports.media import Handshake
from tests.calls.rooms import MICROPHONE, Microphone, a_room
from tests.calls.scripted import until

pytestmark = pytest.mark.process
WEEK_S = 7 * 86_400


class HandClock:
    """The port `Clock`, whose time passes when the test says so."""

    def __init__(self) -> None:
        self.ns = 5 * SECOND_NS

    def now_ns(self) -> int:
        """As set."""
        return self.ns

    def core_ns(self) -> int:
        """None."""
        return 0


async def test_a_certificate_serves_new_transports_for_a_week() -> None:
    clock = HandClock()
    async with dtls_handshakes(clock, ForwarderLimits().certificate_s) as handshakes:

        def made() -> Handshake:
            return handshakes.make(lambda datagram: None, lambda cipher: None, lambda: None)

        first, prints = made(), []
        for passed_s in (0, WEEK_S - 1, 1, WEEK_S - 1, 1, 10 * WEEK_S, 0):
            clock.ns += passed_s * SECOND_NS
            prints.append(made().fingerprint)
        assert prints[0] == prints[1] == first.fingerprint and re.fullmatch("sha-256 [0-9A-F]{2}(:[0-9A-F]{2}){31}", prints[0])
        assert prints[2] == prints[3] and prints[5] == prints[6]
        assert len({prints[1], prints[2], prints[4], prints[5]}) == 4


def prints(description: str) -> set[str]:
    """The certificates that a description names."""
    return set(re.findall(r"a=fingerprint:(.*)\r\n", description))


async def test_a_transport_that_stands_keeps_its_certificate_while_new_ones_get_another() -> None:
    async with a_room(ForwarderLimits(certificate_s=1)) as room:
        ann, ben = await room.pair(MICROPHONE)
        voice = Microphone(ann.up, 5, "0")
        await voice.heard(ben, "ann/microphone")
        mine, (theirs,) = ann.up.theirs, prints(ben.offers[-1].offer.sdp)

        for number in range(1_000):
            eve = await room.joined(f"eve{number}", MICROPHONE)
            await room.unit.leave(eve.place)
            await eve.close()
            if eve.up.theirs not in (mine, theirs):
                break
        else:
            raise AssertionError("no new transport has another certificate")

        offers = len(ben.offers)
        await ann.offers_again()
        await room.unit.restart(ben.place)
        await until(lambda: len(ben.offers) > offers)
        assert (ann.up.theirs, prints(ben.offers[-1].offer.sdp)) == (mine, {theirs}), "descriptions name what transports have"
        heard = len(ben.of("ann/microphone"))
        voice.speak()
        await until(lambda: len(ben.of("ann/microphone")) > heard)
        eve = await room.joined("eve", MICROPHONE)
        await until(lambda: eve.answers)
        await voice.heard(eve, "ann/microphone")
