"""A process's lease, and the places of its group calls: kept while it runs, given up for good when it stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from calls.adapters.group_places import GroupPlaces
from calls.adapters.memory import LocalPost
from calls.adapters.peers import Channels, Peer, PeerPost, Silent
from calls.adapters.process_lease import ProcessLease
from calls.adapters.redis_whereabouts import Whereabouts
from calls.adapters.signal_stream import stream_id
from calls.domain.messages import Message, Party
from calls.ports.signalling import Stream
from server.kit.redis.client import Client
from server.kit.redis.connecting import open_client
from server.kit.refusal import Refused
from server.kit.system import SystemClock
from tests.support.proxy import Line
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
ANN = Party("ann", "phone")


@pytest_asyncio.fixture(loop_scope="module")
async def client(redis: RedisServer) -> AsyncIterator[Client]:
    """As processes open it."""
    made = await open_client(redis.url, "", "", "tw", SystemClock(), "away")
    yield made
    await made.close()


class Process:
    """What a process of calls has to do with the others, with the calls that a test says it has."""

    def __init__(self, client: Client, name: str, load: float = 0.0) -> None:
        self.local, self.live, self.lost = LocalPost(), list[str](), list[str]()
        self.whereabouts = Whereabouts(client, SystemClock(), name, f"127.0.0.1:{name}")
        self.lease = ProcessLease(self.whereabouts, self.local, SystemClock())
        channels = Channels("", None)
        self.post = PeerPost(self.local, self.whereabouts, channels)
        self.places = GroupPlaces(
            self.whereabouts, channels, self.local, self.lease, lambda: self.live, self._displaced, lambda: load
        )

    async def _displaced(self, conversation_id: str) -> None:
        self.lost.append(conversation_id)

    async def turn(self) -> None:
        """Renew."""
        await self.lease.turn(self.places.renew)

    async def leave(self) -> None:
        """Stop."""
        await self.lease.leave(self.places.leave)


def ignored(message: Message) -> None:
    """By a device that nobody looks at."""


async def test_a_process_that_stops_gives_up_its_lease_and_its_calls_and_takes_neither_again(client: Client) -> None:
    one, other = Process(client, "1"), Process(client, "2")
    one.live.append("g:a")
    await one.turn()
    assert await other.whereabouts.place("g:a") == "1" and await other.whereabouts.address("1")
    renewing = asyncio.ensure_future(one.turn())
    await one.leave()
    await renewing
    await one.turn()
    assert not await one.whereabouts.registered()
    assert await other.whereabouts.place("g:a") == "2"


async def test_a_process_that_stops_holds_nothing_for_the_others_and_takes_no_call(client: Client) -> None:
    one = Process(client, "1")
    one.live.append("g:a")
    await one.turn()
    assert one.places.held.among(["g:a", "g:b"]) == {"g:a"}
    await one.places.held.check("g:a")
    await one.leave()
    assert one.places.held.among(["g:a", "g:b"]) == set()
    with pytest.raises(Refused, match="going away"):
        await one.places.held.check("g:a")


async def test_a_call_begins_where_it_is_placed_and_nowhere_else(client: Client) -> None:
    one, other = Process(client, "1"), Process(client, "2")
    await one.whereabouts.place("g:a")
    await one.places.held.check("g:a")
    for conversation_id in ("g:a", "g:b"):
        with pytest.raises(Refused, match="another process"):
            await other.places.held.check(conversation_id)


async def test_a_call_of_a_dead_process_is_taken_over_once(client: Client) -> None:
    one, other = Process(client, "1"), Process(client, "2")
    await one.whereabouts.place("g:a")  # by a process whose lease is not there
    takers = [process.whereabouts.take_over("g:a", "0", process.whereabouts.process_id) for process in (one, other)]
    assert await asyncio.gather(*takers) == ["1", "1"], "who holds it now is told, not who held it"
    assert await other.whereabouts.take_over("g:a", "1", "2") == "2"
    assert await one.whereabouts.take_over("g:a", "1", "1") == "2"
    one.live.append("g:a")
    await one.turn()
    assert one.lost == ["g:a"]


async def test_the_routes_of_a_process_come_back_when_redis_has_lost_them_and_nobody_elses_are_taken(
    client: Client, redis: RedisServer
) -> None:
    one, other = Process(client, "1"), Process(client, "2")
    await one.turn()
    await other.turn()
    await one.local.attend(Stream(ANN, "1", ignored))  # the device has moved on, and its old stream does not know yet
    await other.local.attend(Stream(ANN, "2", ignored))
    for first, then in ((one, other), (other, one)):
        await redis.wipe()
        await first.turn()
        await then.turn()
        assert await one.whereabouts.of_account("ann") == {"phone": "2"}


async def test_the_route_of_a_process_that_is_gone_gives_way_to_the_devices_newer_stream(client: Client) -> None:
    gone, other = Process(client, "1"), Process(client, "2")
    await gone.whereabouts.take(ANN, "1")
    await other.local.attend(Stream(ANN, "2", ignored))
    await other.turn()
    assert await other.whereabouts.of_account("ann") == {"phone": "2"}


async def test_a_device_that_moved_while_redis_was_away_for_a_moment_is_found_where_it_is(
    client: Client, redis: RedisServer
) -> None:
    line = Line(redis.port)
    await line.start()
    cut_off = await open_client(f"redis://127.0.0.1:{line.port}/0", "", "", "tw", SystemClock(), "away")
    gone, other = Process(client, "1"), Process(cut_off, "2")
    await gone.whereabouts.take(ANN, "1")
    await other.turn()
    line.refusing = True
    line.cut()
    await other.post.attend(Stream(ANN, "2", ignored))
    assert await gone.whereabouts.of_account("ann") == {}
    line.refusing = False
    async with asyncio.timeout(30):
        while await gone.whereabouts.of_account("ann") != {"phone": "2"}:
            await other.turn()
    await cut_off.close()
    await line.close()


async def test_a_newer_stream_has_a_greater_id() -> None:
    ids = [stream_id(now_ms) for now_ms in (9, 10, 1_790_000_000_000, 1_790_000_000_001)]
    assert ids == sorted(ids) and len({stream_id(1) for _ in range(10)}) == 10


async def waits(process: Process) -> bool:
    """Whether nothing is placed for now."""
    try:
        await process.lease.check_settled()
    except Refused as refused:
        return 0 < refused.refusal.retry_after_ms <= 4_000
    return False


async def test_nothing_is_placed_anew_just_after_redis_has_lost_everything(client: Client, redis: RedisServer) -> None:
    noticing, renewing, fresh = (Process(client, name) for name in ("1", "2", "3"))
    for process in (noticing, renewing):
        await process.turn()
    assert [await waits(process) for process in (noticing, renewing, fresh)] == [False, False, False]
    await redis.wipe()
    await renewing.turn()
    assert [await waits(process) for process in (noticing, renewing, fresh)] == [True, True, False]


async def test_a_process_whose_redis_is_away_goes_on(client: Client, redis: RedisServer) -> None:
    one = Process(client, "1")
    await redis.kill()
    await one.turn()
    await one.leave()
    assert one.lease.left


async def test_a_process_says_how_loaded_it_is_until_it_stops(client: Client) -> None:
    one, other = Process(client, "1", 0.25), Process(client, "2", 0.5)
    await one.turn()
    await other.turn()
    assert await one.whereabouts.offered() == {"1": 0.25, "2": 0.5}
    await other.leave()
    assert await one.whereabouts.offered() == {"1": 0.25}
    await other.whereabouts.offer(0.75)
    await client.run(("HSET", client.key("units", "calls"), "2", "0.75 1"))  # its time is over
    assert await one.whereabouts.offered() == {"1": 0.25}


async def test_a_place_for_a_call_that_does_not_begin_is_given_up(client: Client) -> None:
    one, other = Process(client, "1"), Process(client, "2")
    await one.whereabouts.place("g:a")
    await one.places.held.check("g:a")
    await one.turn()
    assert await other.whereabouts.place("g:a") == "1", "it may be about to begin"
    await one.turn()
    assert await other.whereabouts.place("g:a") == "2"


async def test_a_call_whose_channel_is_dropped_is_a_process_that_does_not_answer() -> None:
    channels = Channels("", None)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        peer = Peer("1", f"127.0.0.1:{silent.getsockname()[1]}")
        asking = asyncio.ensure_future(channels.held(peer, ()))
        await asyncio.sleep(0)
        await channels.drop(peer.address)
        with pytest.raises(Silent):
            await asking
    await channels.close()


async def test_a_device_elsewhere_counts_as_present_while_redis_is_away_when_its_process_asked_for_it(
    client: Client, redis: RedisServer
) -> None:
    one = Process(client, "1")
    channels = Channels("", None)
    post = PeerPost(one.local, one.whereabouts, channels)
    assert await post.present("ann") == set()
    post.learn(ANN, Peer("2", "127.0.0.1:2"))
    assert await post.present("ann") == set(), "Redis says that it has no stream"
    await redis.kill()
    assert await post.present("ann") == {"phone"} and await post.present("ben") == set()
    await channels.close()
