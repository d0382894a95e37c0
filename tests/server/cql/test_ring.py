"""Three copies on three nodes: one of them may die or stand still."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from server.adapters.cql.connecting import CqlSettings
from server.adapters.cql.opening import CqlStores, migrate, open_cql
from server.kit.refusal import Refused
from server.kit.system import SystemClock
from server.ports.log import Appended, Behind
from tests.support.cassandra import Ring
from tests.support.cast import DIRECT, entry

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


async def write(stores: CqlStores, first: int, count: int) -> list[int]:
    """Append `count` envelopes with ids from `first` on, as a round does, whatever the outcome of each try; their seqs."""
    head, seqs = 0, []
    for number in range(first, first + count):
        landed = False
        while not landed:
            try:
                outcome = await stores.log.append(DIRECT, head, [entry(head + 1, number=number)])
            except Refused:
                continue
            if isinstance(outcome, Appended):
                landed, head = True, head + 1
                seqs.append(head)
            elif isinstance(outcome, Behind):
                head = outcome.entries[-1].seq
                own = [each.seq for each in outcome.entries if each.header == entry(each.seq, number=number).header]
                landed = bool(own)
                seqs += own
    return seqs


async def asked_first(stores: CqlStores, frozen: str) -> set[str]:
    """Whom requests go to first, once one has found out that a node stands still."""
    async with asyncio.timeout(30):
        while frozen not in {str(host.address) for host in stores.cql.hosts.silent()}:
            with suppress(Refused):
                await stores.log.heads([DIRECT])
    return {str(next(iter(stores.cql.hosts.make_query_plan())).address) for _ in range(6)}


async def test_one_of_three_may_die_or_stand_still_and_nothing_acknowledged_is_lost(ring: Ring) -> None:
    settings = CqlSettings(tuple(ring.contact_points), ring.port, "ringed")
    await asyncio.gather(migrate(settings), migrate(settings))
    one, other = [await open_cql(settings, SystemClock(), retention_s=86_400) for _ in range(2)]
    numbers = iter(range(1_000, 100_000, 1_000))

    async def both() -> list[int]:
        found = await asyncio.gather(*(write(stores, next(numbers), 12) for stores in (one, other)))
        return [seq for seqs in found for seq in seqs]

    seqs = await both()
    ring.nodes[2].kill()
    seqs += await both()
    ring.nodes[2].start()
    await asyncio.to_thread(ring.settle)
    ring.nodes[1].freeze()
    try:
        assert ring.nodes[1].host not in await asked_first(one, ring.nodes[1].host)
        seqs += await both()
    finally:
        ring.nodes[1].thaw()
    await asyncio.to_thread(ring.settle)
    fresh = await open_cql(settings, SystemClock(), retention_s=86_400)
    found = await fresh.log.entries(DIRECT, 0, 1_000)
    assert sorted(seqs) == [each.seq for each in found] == list(range(1, 73)), "each once, without holes"
    assert len({each.header.envelope_id for each in found}) == 72
    for stores in (one, other, fresh):
        await stores.close()
