"""The log on Cassandra: what the contract suite cannot see."""

from __future__ import annotations

import asyncio

import pytest

from server.adapters.cql.opening import CqlStores
from server.domain.envelope import DELETED
from server.ports.log import Appended, Behind, Head, PositionRow, Reload, Snapshot
from tests.server.cql.conftest import FixedClock, Opened
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import ALICE, BOB, DIRECT, GROUP, NOW, created, entry, membership

pytestmark = pytest.mark.process


async def fill(stores: CqlStores, up_to: int) -> None:
    """Append seqs 1 … `up_to`, as the domain does: no batch crosses a multiple of 512."""
    head = 0
    while head < up_to:
        last = min(up_to, head + 128, (head + 1) // 512 * 512 + 511)
        assert await stores.log.append(DIRECT, head, [entry(seq) for seq in range(head + 1, last + 1)]) == Appended(head + 1)
        head = last


async def test_of_many_that_fight_over_one_log_each_seq_goes_to_one(opened: Opened) -> None:
    both = [await opened(), await opened()]

    async def insist(stores: CqlStores, first: int) -> list[int]:
        head, mine = 0, []
        for number in range(first, first + 15):
            while True:
                match await stores.log.append(DIRECT, head, [entry(head + 1, number=number)]):
                    case Appended(seq):
                        head = seq
                        mine.append(seq)
                        break
                    case Behind(missed):
                        assert [each.seq for each in missed] == list(range(head + 1, head + 1 + len(missed)))
                        head = missed[-1].seq
        return mine

    one, other = await asyncio.gather(insist(both[0], 100), insist(both[1], 200))
    assert sorted([*one, *other]) == list(range(1, 31))
    found = await both[0].log.entries(DIRECT, 0, 100)
    assert [each.seq for each in found] == list(range(1, 31)) and len({each.header.envelope_id for each in found}) == 30


async def test_a_log_goes_on_over_the_edges_of_its_buckets(opened: Opened) -> None:
    stores = await opened()
    await fill(stores, 1_100)
    fresh = await opened()  # it knows no bucket and finds no snapshot: it probes
    assert (await fresh.log.heads([DIRECT]))[DIRECT] == Head(1_100, 0, 0, NOW)
    assert [each.seq for each in await fresh.log.entries(DIRECT, 500, 600)] == list(range(501, 1_101))
    behind = await fresh.log.append(DIRECT, 511, [entry(512, number=9_999)])
    assert isinstance(behind, Behind) and [each.seq for each in behind.entries] == list(range(512, 1_101))
    assert await fresh.log.append(DIRECT, 2_047, [entry(2_048)]) == Reload(), "a head that this log never had"
    await stores.log.save_snapshot(DIRECT, Snapshot(1_023, b"fold"))
    found = await opened()
    before = found.cql.usage.requests
    assert (await found.log.heads([DIRECT]))[DIRECT].seq == 1_100
    assert found.cql.usage.requests - before == 3, "the conversation, the snapshot's bucket, which is full, and the next"


async def test_a1_the_head_stays_when_every_row_is_gone(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened()
    await fill(stores, 600)
    await stores.log.drop_headers(DIRECT, 600)
    assert keyspace.session.execute("SELECT seq FROM log WHERE bucket = 0 AND conversation_id = %s", (DIRECT,)).one()[0] is None
    fresh = await opened()
    assert (await fresh.log.heads([DIRECT]))[DIRECT] == Head(600, 600, 600, NOW)
    assert await fresh.log.append(DIRECT, 10, [entry(11, number=9_999)]) == Reload()
    assert await fresh.log.append(DIRECT, 600, [entry(601)]) == Appended(601)


async def test_rows_that_a_crash_left_below_the_floor_go_with_the_next_call(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened()
    await fill(stores, 600)
    raised = "UPDATE conversations USING TIMESTAMP 550 SET floor = 550 WHERE conversation_id = %s"
    keyspace.session.execute(raised, (DIRECT,))
    assert [each.seq for each in await stores.log.entries(DIRECT, 0, 2)] == [551, 552]
    await stores.log.drop_headers(DIRECT, 551)
    for bucket in (0, 1):
        rows = keyspace.session.execute("SELECT seq FROM log WHERE conversation_id = %s AND bucket = %s", (DIRECT, bucket))
        assert all(row[0] is None or row[0] > 551 for row in rows)


async def test_b14_a_body_deleted_for_everyone_is_gone_whatever_the_clocks_say(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened()
    await fill(stores, 3)
    ahead = "UPDATE log USING TIMESTAMP 99999999999999999 SET body = 0x01 WHERE conversation_id = %s AND bucket = 0 AND seq = 2"
    keyspace.session.execute(ahead, (DIRECT,))
    await stores.log.delete_body(DIRECT, 2)
    await stores.log.empty_bodies(DIRECT, 3)
    assert [each.body for each in await stores.log.entries(DIRECT, 0, 3)] == [None, DELETED, None]
    rows = keyspace.session.execute("SELECT body FROM log WHERE conversation_id = %s AND bucket = 0", (DIRECT,))
    assert [row[0] for row in rows] == [None, None, None], "nothing of the bodies is left"


async def test_a_deletion_that_comes_after_its_row_is_gone_brings_nothing_back(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened()
    await fill(stores, 3)
    keyspace.session.execute("UPDATE log SET deleted = true WHERE conversation_id = %s AND bucket = 0 AND seq = 7", (DIRECT,))
    await stores.log.delete_body(DIRECT, 9)
    assert [each.seq for each in await stores.log.entries(DIRECT, 0, 100)] == [1, 2, 3]


async def test_a_body_that_expires_goes_by_its_ttl_and_its_header_stays(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened()
    short = entry(1)._replace(header=entry(1).header._replace(expires_at_ms=NOW + 90_500))
    change = membership(3)
    await stores.log.append(DIRECT, 0, [short, entry(2), change])
    rows = keyspace.session.execute("SELECT ttl(body), ttl(kind) FROM log WHERE conversation_id = %s AND bucket = 0", (DIRECT,))
    bodies, headers = zip(*rows)
    assert 85 <= bodies[0] <= 91 and 86_300 <= bodies[1] <= 86_400 and bodies[2] is None
    assert headers == (None, None, None)


async def test_b6_what_is_missing_for_no_reason_is_read_again_at_serial(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened(FixedClock(NOW + 1_000))
    await fill(stores, 5)

    async def requests(after: int) -> int:
        before = stores.cql.usage.requests
        await stores.log.entries(DIRECT, after, 10)
        return stores.cql.usage.requests - before

    assert await requests(0) == 2, "the conversation and its rows"
    keyspace.session.execute("DELETE body FROM log WHERE conversation_id = %s AND bucket = 0 AND seq = 2", (DIRECT,))
    keyspace.session.execute("DELETE FROM log WHERE conversation_id = %s AND bucket = 0 AND seq = 4", (DIRECT,))
    assert await requests(1) == 3, "a body"
    assert await requests(2) == 3, "a row"
    assert await requests(4) == 2, "nothing is missing"
    await stores.log.empty_bodies(DIRECT, 3)
    assert await requests(1) == 3 and await requests(4) == 2
    expired = await opened(FixedClock(NOW + 86_400_001))
    before = expired.cql.usage.requests
    await expired.log.entries(DIRECT, 0, 3)
    assert expired.cql.usage.requests - before == 2, "bodies may have expired by now"


async def test_a_late_write_of_a_smaller_position_loses_and_ranges_of_two_nodes_add_up(opened: Opened) -> None:
    one, other = await opened(), await opened()
    await one.positions.raise_to([PositionRow(GROUP, ALICE, "a", 9, 7, ((1, 3),))])
    await asyncio.gather(
        one.positions.raise_to([PositionRow(GROUP, ALICE, "a", 5, 8, ((1, 2), (8, 8)))]),
        other.positions.raise_to([PositionRow(GROUP, ALICE, "a", 7, 0, ((4, 4), (6, 6)))]),
        other.positions.raise_to([PositionRow(GROUP, BOB, "b", 0, 0, ())]),
    )
    mine = PositionRow(GROUP, ALICE, "a", 9, 8, ((1, 4), (6, 6), (8, 8)))
    assert list(await other.positions.of_conversation(GROUP)) == [mine, PositionRow(GROUP, BOB, "b", 0, 0, ())]
    assert list(await other.positions.of_device("a")) == [mine]


async def test_a9_who_comes_back_is_not_shadowed_by_what_was_forgotten(opened: Opened) -> None:
    stores = await opened()
    await stores.memberships.join([BOB], GROUP, 0)
    await stores.memberships.read(BOB, {GROUP: 9})
    await stores.memberships.leave([BOB], GROUP, 12)
    await stores.memberships.forget(BOB, GROUP, 12)
    await stores.memberships.leave([BOB], GROUP, 12)
    assert list(await stores.memberships.of_account(BOB)) == [], "the mark that came late"
    await stores.memberships.join([BOB], GROUP, 12)
    await stores.memberships.read(BOB, {GROUP: 13})
    assert [tuple(hint) for hint in await stores.memberships.of_account(BOB)] == [(GROUP, 0, 13)]


async def test_an_append_is_one_request_and_its_rows_are_one_per_envelope(opened: Opened) -> None:
    stores = await opened()
    usage = stores.cql.usage
    await stores.log.append(GROUP, 0, [created(*(f"m{number}" for number in range(256)))])
    for conversation_id, head in ((GROUP, 1), (DIRECT, 0)):
        await stores.log.append(conversation_id, head, [entry(head + 1)])
        before = (usage.requests, usage.conditional, usage.statements)
        await stores.log.append(conversation_id, head + 1, [entry(head + 2)])
        assert (usage.requests - before[0], usage.conditional - before[1], usage.statements - before[2]) == (1, 1, 3), (
            "one conditional batch: the head, a header, a body; for two people and for 256"
        )
    before = (usage.requests, usage.conditional, usage.statements)
    await stores.log.append(DIRECT, 2, [entry(seq) for seq in range(3, 67)])
    assert (usage.requests - before[0], usage.conditional - before[1], usage.statements - before[2]) == (1, 1, 129)
