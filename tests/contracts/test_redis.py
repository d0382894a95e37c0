"""What happens to a node when its Redis is wiped, killed, frozen, replaced, or refuses it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from server.adapters.redis import RedisCluster, open_redis
from server.kit.breaker import Breaker
from server.kit.refusal import Reason, Refused
from server.kit.system import SystemClock
from server.kit.world import Clock
from server.ports.cluster import Peer, Route
from tests.support.cast import ALICE, BOB
from tests.support.clock import HandClock
from tests.support.node import free_port
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process

HERE = Peer("here", "1", "127.0.0.1:1")
LEASE_MS = 60_000
OPEN_MS = 300
PATIENT_S = 10.0
"""Where a test is not about the timeout."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    await server.start()
    yield server
    await server.close()


@asynccontextmanager
async def opened(
    server: RedisServer, *, timeout_s: float = PATIENT_S, clock: Clock | None = None, **changes: str
) -> AsyncIterator[RedisCluster]:
    """A node's client, with a breaker that opens after three failures and stays so for `OPEN_MS`."""
    given = {"url": server.url, "password": server.password, "ca": server.ca, "prefix": "tw", **changes}
    redis = await open_redis(**given, clock=clock or SystemClock(), timeout_s=timeout_s, new_breaker=lambda: Breaker(3, OPEN_MS))
    try:
        yield redis
    finally:
        await redis.close()


async def refusal(work: Awaitable[object]) -> str:
    with pytest.raises(Refused) as refused:
        await work
    assert refused.value.refusal.reason is Reason.UNAVAILABLE and refused.value.refusal.retry_after_ms
    return str(refused.value)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def losing_answers(server: RedisServer) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A way to Redis; once the event is set, the next answer cuts the connection that it comes on."""
    lossy = asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        while data := await reader.read(65_536):
            if answers and lossy.is_set():
                lossy.clear()
                break
            writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", server.port)
        with suppress(ConnectionError):
            await asyncio.gather(pump(reader, up_writer, False), pump(up_reader, writer, True))

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listener:
        yield f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0", lossy


async def serves(redis: RedisCluster, clock: HandClock | None = None) -> bool:
    try:
        await redis.cluster.leases.peers()
    except Refused:
        if clock is not None:
            clock.pass_ms(OPEN_MS)
        return False
    return True


async def test_a_wipe_is_another_epoch_and_a_lease_taken_anew(server: RedisServer) -> None:
    async with opened(server) as redis:
        before = await redis.cluster.leases.renew(HERE, LEASE_MS)
        await server.wipe()
        after = await redis.cluster.leases.renew(HERE, LEASE_MS)
        assert not after.held and after.epoch != before.epoch
        assert await redis.cluster.leases.renew(HERE, LEASE_MS) == (True, after.epoch)


async def test_a_restart_is_another_epoch_even_where_the_data_survived_it(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", settings={"appendonly": "yes", "appendfsync": "always"})
    await server.start()
    try:
        async with opened(server) as redis:
            before = await redis.cluster.leases.renew(HERE, LEASE_MS)
            await server.restart()
            await until(lambda: serves(redis))
            after = await redis.cluster.leases.renew(HERE, LEASE_MS)
            assert after.held, "the lease itself is still there"
            assert after.epoch != before.epoch
    finally:
        await server.close()


async def test_scripts_that_a_restarted_redis_does_not_know_are_sent_again(server: RedisServer) -> None:
    async with opened(server) as redis:
        await redis.cluster.routes.claim(ALICE, "phone", "here", "c1")
        await server.restart()
        await until(lambda: serves(redis))
        route, before = await redis.cluster.routes.claim(ALICE, "phone", "here", "c1")
        assert before is None and await redis.cluster.routes.of_accounts([ALICE]) == {ALICE: [route]}


async def test_after_a_wipe_ten_thousand_routes_are_written_again_but_for_those_claimed_since(server: RedisServer) -> None:
    async with opened(server) as redis:
        routes = redis.cluster.routes
        mine = [(f"account{n}", (await routes.claim(f"account{n}", "phone", "here", f"c{n}"))[0]) for n in range(100)]
        mine += [(account_id, mine[0][1]._replace(device_id=f"d{n}")) for account_id, _ in mine for n in range(99)]
        await server.wipe()
        later, before = await routes.claim("account7", "phone", "there", "elsewhere")
        assert before is None and later.since > mine[7][1].since, "since grows over a wipe"
        written = await routes.reclaim(mine)
        assert len(written) == 10_000 and [n for n, done in enumerate(written) if not done] == [7]
        found = await routes.of_accounts([f"account{n}" for n in range(100)])
        assert sum(len(of_account) for of_account in found.values()) == 10_000 and later in found["account7"]


async def test_two_nodes_that_fight_over_a_device_leave_one_owner_and_no_stale_release_takes_it_away(server: RedisServer) -> None:
    async with opened(server) as one, opened(server) as other:

        async def fight(redis: RedisCluster, node_id: str) -> list[Route]:
            routes = []
            for n in range(500):
                route, _ = await redis.cluster.routes.claim(ALICE, "phone", node_id, f"{node_id}{n}")
                routes.append(route)
                if n % 2:
                    await redis.cluster.routes.release(ALICE, routes[n - 1])
            return routes

        mine, theirs = await asyncio.gather(fight(one, "here"), fight(other, "there"))
        for routes in (mine, theirs):
            assert all(earlier.since < later.since for earlier, later in zip(routes, routes[1:], strict=False))
        everything = sorted(mine + theirs, key=lambda route: route.since)
        assert len({route.since for route in everything}) == 1_000
        last = everything[-1]
        for route in everything[:-1]:
            await one.cluster.routes.release(ALICE, route)
        assert await other.cluster.routes.of_accounts([ALICE]) == {ALICE: [last]}


async def test_a_frozen_redis_costs_one_timeout_a_call_then_nothing_until_one_probe_finds_it_thawed(server: RedisServer) -> None:
    clock = HandClock()
    async with opened(server, timeout_s=0.25, clock=clock) as redis:
        leases = redis.cluster.leases
        server.freeze()
        for _ in range(3):
            assert not redis.degraded and "in time" in await refusal(leases.renew(HERE, LEASE_MS))
        assert redis.degraded
        asked = redis.counters.calls
        for _ in range(1_000):
            assert await refusal(redis.cluster.board.online([ALICE])) == "Redis has been away"
        assert (redis.counters.calls, redis.counters.refused) == (asked, 1_000), "those were refused without asking"
        clock.pass_ms(OPEN_MS)
        answers = await asyncio.gather(*(refusal(leases.peers()) for _ in range(20)))
        assert sum("in time" in answer for answer in answers) == 1, "one of twenty was the probe"
        server.thaw()
        await refusal(leases.peers())
        clock.pass_ms(OPEN_MS)
        await until(lambda: serves(redis, clock))
        assert not redis.degraded and (await leases.renew(HERE, LEASE_MS)).epoch


async def test_a_call_to_a_frozen_redis_is_refused_also_when_it_has_to_connect(server: RedisServer) -> None:
    server.freeze()
    async with asyncio.timeout(30):  # redis-py's own settings would wait for a minute
        async with opened(server, timeout_s=0.25) as redis:
            assert "in time" in await refusal(redis.cluster.routes.claim(ALICE, "phone", "here", "c1"))
    server.thaw()


async def test_a_rate_whose_answer_was_lost_is_not_counted_twice(server: RedisServer) -> None:
    async with losing_answers(server) as (url, lossy), opened(server, url=url) as far, opened(server) as near:
        assert await far.cluster.buckets.allow("a", 1 / 3600, 3) is None
        lossy.set()
        await refusal(far.cluster.buckets.allow("a", 1 / 3600, 3))
        assert [await near.cluster.buckets.allow("a", 1 / 3600, 3) is None for _ in range(2)] == [True, False]


async def test_a_rate_that_timed_out_is_counted_once_at_most(server: RedisServer) -> None:
    async with opened(server, timeout_s=0.25) as redis:
        await until(lambda: serves(redis))
        server.freeze()
        await refusal(redis.cluster.buckets.allow("a", 1 / 3600, 2))
        server.thaw()

        async def allowed() -> bool:
            try:
                return await redis.cluster.buckets.allow("a", 1 / 3600, 2) is None
            except Refused:
                return False

        await until(allowed)


async def test_a_redis_that_is_away_does_not_keep_a_node_from_starting_and_is_said_once(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    await server.kill()
    with caplog.at_level(logging.INFO, "server.kit.redis"):
        async with opened(server) as redis:
            for _ in range(10):
                await refusal(redis.cluster.leases.renew(HERE, LEASE_MS))
            await server.start()
            await until(lambda: serves(redis))
    said = [record.getMessage() for record in caplog.records]
    assert [message.split(":")[0] for message in said] == ["Redis is away", "Redis is back"]


async def test_password_and_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer(tmp_path / "redis", password="a secret", tls=True)
    await server.start()
    try:
        async with opened(server) as redis:
            assert not (await redis.cluster.leases.renew(HERE, LEASE_MS)).held
        for password in ("wrong", ""):
            caplog.clear()
            async with opened(server, password=password) as redis:
                sentence = "Redis refused the password: set redis_password to the one that it has"
                assert await refusal(redis.cluster.leases.peers()) == sentence
            assert [getattr(record, "error", "") for record in caplog.records] == [sentence]
        async with opened(server, ca="") as redis:
            assert "certificate" in (await refusal(redis.cluster.leases.peers())).lower()
        async with opened(server, url=server.url.replace("rediss", "redis")) as redis:
            await refusal(redis.cluster.leases.peers())
    finally:
        await server.close()


@pytest.mark.parametrize("url", ["", "http://localhost", "127.0.0.1:6379", "redis://127.0.0.1:nothing/0"])
async def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(ValueError, match="redis_url is no address of a Redis such as redis://host:6379/0"):
        await open_redis(url, "", "", "tw", SystemClock())


async def test_a_file_without_an_authority_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(ValueError, match=f"redis_ca: .*{name} cannot be used"):
            await open_redis(f"rediss://127.0.0.1:{free_port()}/0", "", str(tmp_path / name), "tw", SystemClock())


async def test_two_deployments_share_a_redis_by_their_prefixes_and_no_key_stays_for_ever(server: RedisServer) -> None:
    async with opened(server, prefix="one") as one, opened(server, prefix="two") as two:
        for redis in (one, two):
            await redis.cluster.leases.renew(HERE, LEASE_MS)
            route, _ = await redis.cluster.routes.claim(ALICE, "phone", "here", "c1")
            await redis.cluster.routes.reclaim([(BOB, route)])
            await redis.cluster.board.put(ALICE, HERE.place, True, LEASE_MS)
            await redis.cluster.board.watch("here", [ALICE], LEASE_MS)
            await redis.cluster.board.save_last_seen(ALICE, 5)
            await redis.cluster.buckets.allow("phone:+358401234567", 1, 1)
        await one.cluster.routes.release(ALICE, route)
        await two.cluster.routes.release(ALICE, route)
        assert await one.cluster.routes.of_accounts([ALICE]) == {}
    keys = await server.command("KEYS", "*")
    assert len(keys) == 16 and {key.split(":")[0] for key in keys} == {"one", "two"}
    assert not any("+358" in key for key in keys), "a phone number does not lie in Redis"
    for key in keys:
        assert 0 < await server.command("PTTL", key) <= 86_400_000, key


async def test_whoever_is_to_end_in_the_middle_of_a_call_ends_wherever_it_was(server: RedisServer) -> None:
    async with opened(server) as redis:
        await redis.cluster.leases.renew(HERE, LEASE_MS)
        for turns in range(200):
            going_on = asyncio.Event()

            async def call(going_on: asyncio.Event = going_on) -> None:
                await redis.cluster.leases.renew(HERE, LEASE_MS)
                going_on.set()

            task = asyncio.create_task(call())
            for _ in range(turns):
                await asyncio.sleep(0)
            was_over = task.done()
            task.cancel()
            await asyncio.wait([task])
            assert was_over or not going_on.is_set(), f"cancelled after {turns} turns of the loop"
        assert (await redis.cluster.leases.renew(HERE, LEASE_MS)).held, "and the connections are in order"
