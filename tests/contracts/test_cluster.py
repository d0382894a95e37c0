"""What every store of what nodes know of one another must do: over memory and a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from server.adapters.memory.cluster import MemoryCluster
from server.adapters.redis import open_redis
from server.kit.system import SystemClock
from server.ports.cluster import Cluster, Peer, Route
from tests.support.cast import ALICE, BOB, CAROL, NOW
from tests.support.redis import RedisServer

HERE, THERE = Peer("here", "1", "127.0.0.1:1"), Peer("there", "1", "127.0.0.1:2")
LONG_MS = 60_000
SHORT_MS = 30
FAR_AHEAD = 8_000_000_000_000_000
"""Given by a store whose clock was wrong."""


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.process)])
async def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    if request.param == "memory":
        yield MemoryCluster(SystemClock()).cluster
        return
    server = RedisServer(tmp_path / "redis")
    await server.start()
    opened = await open_redis(server.url, "", "", "tw", SystemClock(), timeout_s=5)
    yield opened.cluster
    await opened.close()
    await server.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.005)


# -- leases ------------------------------------------------------------------------------------------------------------


async def test_a_node_that_renewed_is_a_peer_until_it_releases(cluster: Cluster) -> None:
    first = await cluster.leases.renew(HERE, LONG_MS)
    assert not first.held and first.epoch
    assert await cluster.leases.renew(HERE, LONG_MS) == (True, first.epoch)
    assert await cluster.leases.renew(THERE, LONG_MS) == (False, first.epoch)
    assert list(await cluster.leases.peers()) == [HERE, THERE]
    await cluster.leases.release(HERE)
    await cluster.leases.release(HERE)
    assert list(await cluster.leases.peers()) == [THERE]
    assert not (await cluster.leases.renew(HERE, LONG_MS)).held


async def test_a_lease_that_is_not_renewed_lapses_and_is_then_taken_anew(cluster: Cluster) -> None:
    await cluster.leases.renew(THERE, LONG_MS)
    await cluster.leases.renew(HERE, SHORT_MS)

    async def lapsed() -> bool:
        return list(await cluster.leases.peers()) == [THERE]

    await until(lapsed)
    assert not (await cluster.leases.renew(HERE, LONG_MS)).held
    assert list(await cluster.leases.peers()) == [HERE, THERE]


async def test_a_later_incarnation_takes_the_lease_and_an_earlier_one_does_not_release_it(cluster: Cluster) -> None:
    await cluster.leases.renew(HERE, LONG_MS)
    again = Peer("here", "2", "127.0.0.1:3")
    assert not (await cluster.leases.renew(again, LONG_MS)).held, "others may have skipped it meanwhile"
    await cluster.leases.release(HERE)
    assert list(await cluster.leases.peers()) == [again]
    moved = again._replace(relay="127.0.0.1:4")
    assert (await cluster.leases.renew(moved, LONG_MS)).held and list(await cluster.leases.peers()) == [moved]


# -- routes ------------------------------------------------------------------------------------------------------------


async def test_a_route_is_found_until_its_connection_releases_it(cluster: Cluster) -> None:
    route, before = await cluster.routes.claim(ALICE, "phone", "here", "c1")
    assert before is None and route == Route("phone", "here", "c1", route.since) and route.since > 0
    laptop, _ = await cluster.routes.claim(ALICE, "laptop", "there", "c2")
    bobs, _ = await cluster.routes.claim(BOB, "phone", "there", "c3")
    assert await cluster.routes.of_accounts([ALICE, CAROL, BOB]) == {ALICE: [laptop, route], BOB: [bobs]}
    await cluster.routes.release(ALICE, route)
    await cluster.routes.release(BOB, bobs)
    assert await cluster.routes.of_accounts([ALICE, BOB]) == {ALICE: [laptop]}
    assert await cluster.routes.of_accounts([]) == {}


async def test_the_newest_claim_wins_and_names_whom_it_took_the_place_of(cluster: Cluster) -> None:
    old, _ = await cluster.routes.claim(ALICE, "phone", "here", "c1")
    new, before = await cluster.routes.claim(ALICE, "phone", "there", "c2")
    assert before == old and new.since > old.since
    again, nobody = await cluster.routes.claim(ALICE, "phone", "there", "c2")
    assert nobody is None and again.since > new.since, "a connection does not take its own place"


async def test_a_late_claim_counts_from_when_its_stream_began(cluster: Cluster) -> None:
    old, _ = await cluster.routes.claim(ALICE, "phone", "here", "c1")
    assert await cluster.routes.claim_late(ALICE, "phone", "there", "c0", LONG_MS) == (None, old), "the device has gone on since"
    assert await cluster.routes.of_accounts([ALICE]) == {ALICE: [old]}
    await cluster.routes.release(ALICE, old)
    assert await cluster.routes.claim_late(ALICE, "phone", "there", "c0", LONG_MS) == (None, None), "it was there, and went"
    assert not await cluster.routes.of_accounts([ALICE])
    new, before = await cluster.routes.claim_late(BOB, "phone", "there", "c2", LONG_MS)
    assert new is not None and before is None and await cluster.routes.of_accounts([BOB]) == {BOB: [new]}
    later, displaced = await cluster.routes.claim_late(BOB, "phone", "here", "c3", LONG_MS // 2)
    assert later is not None and displaced == new and later.since > new.since


async def test_a_late_claim_that_had_been_carried_out_says_so(cluster: Cluster) -> None:
    unheard, _ = await cluster.routes.claim(ALICE, "phone", "here", "c1")
    again, own = await cluster.routes.claim_late(ALICE, "phone", "here", "c1", LONG_MS)
    assert own == unheard and again is not None and again.since > unheard.since
    assert await cluster.routes.of_accounts([ALICE]) == {ALICE: [again]}


async def test_a_stale_release_leaves_the_later_route(cluster: Cluster) -> None:
    old, _ = await cluster.routes.claim(ALICE, "phone", "here", "c1")
    new, _ = await cluster.routes.claim(ALICE, "phone", "here", "c2")
    await cluster.routes.release(ALICE, old)
    await cluster.routes.release(ALICE, new._replace(node_id="there"))
    assert await cluster.routes.of_accounts([ALICE]) == {ALICE: [new]}


async def test_after_a_release_the_next_claim_is_later_all_the_same(cluster: Cluster) -> None:
    old, _ = await cluster.routes.claim(ALICE, "phone", "here", "c1")
    await cluster.routes.release(ALICE, old)
    new, before = await cluster.routes.claim(ALICE, "phone", "here", "c2")
    assert before is None and new.since > old.since


async def test_reclaiming_writes_what_is_missing_and_never_over_a_later_claim_or_a_release(cluster: Cluster) -> None:
    old, _ = await cluster.routes.claim(ALICE, "phone", "here", "c1")
    gone, _ = await cluster.routes.claim(BOB, "phone", "here", "c2")
    new, _ = await cluster.routes.claim(ALICE, "phone", "there", "c3")
    await cluster.routes.release(BOB, gone)
    missing = Route("tablet", "here", "c4", FAR_AHEAD)
    routes = [
        (ALICE, old),
        (BOB, gone),
        (ALICE, new),
        (ALICE, missing),
        (CAROL, missing),
        (CAROL, missing._replace(since=FAR_AHEAD - 1)),
    ]
    assert await cluster.routes.reclaim(routes) == [False, False, True, True, True, False]
    assert await cluster.routes.of_accounts([ALICE, BOB, CAROL]) == {ALICE: [new, missing], CAROL: [missing]}
    claimed, before = await cluster.routes.claim(CAROL, "tablet", "there", "c5")
    assert before == missing and claimed.since > FAR_AHEAD
    assert await cluster.routes.reclaim([]) == []


async def test_one_device_claimed_from_two_nodes_at_once_has_one_owner_and_since_only_grows(cluster: Cluster) -> None:
    async def claims(node_id: str) -> list[tuple[Route, Route | None]]:
        return [await cluster.routes.claim(ALICE, "phone", node_id, f"{node_id}-{n}") for n in range(200)]

    both = [claim for made in await asyncio.gather(claims("here"), claims("there")) for claim in made]
    routes = sorted((route for route, _ in both), key=lambda route: route.since)
    assert len({route.since for route in routes}) == 400
    displaced = sorted((before for _, before in both if before is not None), key=lambda route: route.since)
    assert displaced == routes[:-1], "each but the last was told, once, that it is over"
    assert await cluster.routes.of_accounts([ALICE]) == {ALICE: [routes[-1]]}


# -- the board ---------------------------------------------------------------------------------------------------------


async def test_an_account_is_in_the_foreground_wherever_it_was_put(cluster: Cluster) -> None:
    for place in (HERE.place, THERE.place):
        await cluster.board.put(ALICE, place, True, LONG_MS)
    await cluster.board.put(BOB, HERE.place, True, LONG_MS)
    await cluster.board.put(ALICE, HERE.place, False, LONG_MS)
    await cluster.board.put(CAROL, HERE.place, False, LONG_MS)
    assert await cluster.board.online([ALICE, BOB, CAROL]) == {ALICE: {THERE.place}, BOB: {HERE.place}}
    assert await cluster.board.online([]) == {}


async def test_what_is_not_put_again_is_forgotten(cluster: Cluster) -> None:
    await cluster.board.put(ALICE, THERE.place, True, LONG_MS)
    await cluster.board.put(ALICE, HERE.place, True, SHORT_MS)

    async def forgotten() -> bool:
        return await cluster.board.online([ALICE]) == {ALICE: {THERE.place}}

    await until(forgotten)


async def test_the_nodes_that_watch_are_known_until_they_no_longer_say_so(cluster: Cluster) -> None:
    await cluster.board.watch("there", [ALICE, BOB, ALICE], LONG_MS)
    await cluster.board.watch("here", [ALICE], SHORT_MS)
    assert "there" in await cluster.board.watchers(BOB) and await cluster.board.watchers(CAROL) == frozenset()

    async def forgotten() -> bool:
        return await cluster.board.watchers(ALICE) == {"there"}

    await until(forgotten)
    await cluster.board.watch("here", [], LONG_MS)


async def test_last_seen_only_grows(cluster: Cluster) -> None:
    for at_ms in (NOW, NOW + 5, NOW + 1):
        await cluster.board.save_last_seen(ALICE, at_ms)
    assert await cluster.board.last_seen([ALICE, BOB]) == {ALICE: NOW + 5}
    assert await cluster.board.last_seen([]) == {}


# -- rates -------------------------------------------------------------------------------------------------------------


async def test_a_bucket_lets_a_burst_through_then_says_when_to_come_back(cluster: Cluster) -> None:
    assert [await cluster.buckets.allow("a", 1 / 3600, 3) for _ in range(3)] == [None] * 3
    wait_ms = await cluster.buckets.allow("a", 1 / 3600, 3)
    assert wait_ms is not None and 3_500_000 < wait_ms <= 3_600_000
    assert await cluster.buckets.allow("b", 1 / 3600, 3) is None, "each key has its own"


async def test_a_bucket_fills_again(cluster: Cluster) -> None:
    assert await cluster.buckets.allow("a", 50, 1) is None

    async def again() -> bool:
        return await cluster.buckets.allow("a", 50, 1) is None

    await until(again)


async def test_many_at_once_get_no_more_than_the_burst(cluster: Cluster) -> None:
    answers = await asyncio.gather(*(cluster.buckets.allow("a", 1 / 3600, 10) for _ in range(100)))
    assert answers.count(None) == 10
