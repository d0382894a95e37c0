"""Lives of group calls that are cut off by the death of their process: each has one record."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from tidewire.internal.v1 import call_peer_pb2, call_peer_pb2_grpc
from tidewire.v1 import call_pb2

from calls.adapters.file_lives import FileLives
from calls.adapters.peers import Channels
from calls.adapters.redis_lives import TOLD_EVERY, Lives
from calls.adapters.redis_whereabouts import Whereabouts
from calls.domain.life import Life
from calls.domain.messages import Outcome
from server.kit.redis.client import Client
from server.kit.redis.connecting import open_client
from server.kit.system import SystemClock
from tests.support.calls_processes import Process as ProcessOfCalls
from tests.support.calls_processes import Two, joins
from tests.support.calls_world import Device, World
from tests.support.node import free_port
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


def life(era_id: str, outcome: Outcome = Outcome.MISSED, talked_ms: int = 0) -> Life:
    return Life(era_id=era_id, conversation_id="g:a", starter_id="ann", video=False, outcome=outcome, talked_ms=talked_ms)


class Process:
    """A process of calls, as far as lives go, and what it had the node append."""

    def __init__(self, client: Client, name: str, address: str = "") -> None:
        self.here, self.written = list[Life](), list[Life]()
        self.node_is_away = False
        self.whereabouts = Whereabouts(client, SystemClock(), name, address or f"127.0.0.1:{free_port()}")
        self.channels = Channels("", None)
        self.lives = Lives(client, self.whereabouts, self.channels, lambda: self.here, self._write)

    async def _write(self, one: Life) -> bool:
        if not self.node_is_away:
            self.written.append(one)
        return not self.node_is_away


@pytest_asyncio.fixture(loop_scope="module")
async def client(redis: RedisServer) -> AsyncIterator[Client]:
    """As processes open it."""
    made = await open_client(redis.url, "", "", "tw", SystemClock(), "away")
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def pair(client: Client) -> AsyncIterator[tuple[Process, Process]]:
    """One that is dead once the test says so, and one that looks. Neither has a lease, as after Redis was away."""
    made = Process(client, "1"), Process(client, "2")
    yield made
    for one in made:
        await one.channels.close()


async def test_what_a_dead_process_had_told_is_written_once_with_what_was_told_last(pair: tuple[Process, Process]) -> None:
    one, other = pair
    one.here = [life("a"), life("b")]
    await one.lives.look()
    one.here = [life("a", Outcome.ANSWERED, 1), life("b")]
    await one.lives.look()
    for _ in range(2):
        await other.lives.record_those_of_the_dead()
        assert sorted(other.written, key=lambda written: written.era_id) == one.here


async def test_what_has_its_record_or_lives_is_nobody_elses(pair: tuple[Process, Process], client: Client) -> None:
    one, other = pair
    one.here = [life("a"), life("b")]
    await one.whereabouts.renew()
    await one.lives.look()
    await other.lives.record_those_of_the_dead()
    assert other.written == [], "its lease is there"
    one.here = [life("b")]
    await one.lives.look()
    await one.whereabouts.end()
    third = Process(client, "3")  # the other one may believe for a moment that the lease is there
    await third.lives.record_those_of_the_dead()
    assert third.written == one.here
    await third.channels.close()


async def test_a_process_that_answers_is_alive_though_its_lease_has_lapsed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.adapters.peers.HELD_S", 30.0)  # it answers however slow the machine is
    server, address = grpc.aio.server(), f"127.0.0.1:{free_port()}"
    call_peer_pb2_grpc.add_CallPeerServiceServicer_to_server(Answering(), server)
    server.add_insecure_port(address)
    await server.start()
    one, other = Process(client, "1", address), Process(client, "2")
    one.here = [life("a")]
    await one.lives.look()
    await other.lives.record_those_of_the_dead()
    assert other.written == []
    await server.stop(None)
    await other.lives.record_those_of_the_dead()
    assert other.written == one.here
    await other.channels.close()


class Answering(call_peer_pb2_grpc.CallPeerServiceServicer):
    """A process that has no call."""

    async def ListHeld(
        self, request: call_peer_pb2.ListHeldRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> call_peer_pb2.ListHeldResponse:
        """Here."""
        return call_peer_pb2.ListHeldResponse(process_id="1")


async def test_what_cannot_be_written_while_the_node_is_away_is_written_later(pair: tuple[Process, Process]) -> None:
    one, other = pair
    one.here = [life("a"), life("b")]
    await one.lives.look()
    other.node_is_away = True
    await other.lives.record_those_of_the_dead()
    other.node_is_away = False
    await other.lives.record_those_of_the_dead()
    assert sorted(written.era_id for written in other.written) == ["a", "b"]


async def test_what_another_release_told_is_given_up_and_the_rest_is_written(
    pair: tuple[Process, Process], client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = pair
    one.here = [life("a")]
    await one.lives.look()
    await client.run(("HSET", client.key("1", "calls-lives"), "b", '{"era_id": 1}'))
    await other.lives.record_those_of_the_dead()
    assert other.written == one.here and "no record" in caplog.text
    assert await client.run(("HLEN", client.key("1", "calls-lives"))) == 0


async def test_all_is_told_anew_some_time_after_redis_was_wiped(pair: tuple[Process, Process], redis: RedisServer) -> None:
    one, other = pair
    one.here = [life("a")]
    await one.lives.look()
    await redis.wipe()
    for _ in range(TOLD_EVERY):
        await one.lives.look()
    await other.lives.record_those_of_the_dead()
    assert other.written == one.here


async def told(redis: RedisServer, outcome: str) -> None:
    """Wait until the process of the call has told how it goes."""
    async with asyncio.timeout(30), redis.client() as client:
        while True:
            lives = [text for key in await client.keys("*:calls-lives") for text in await client.hvals(key)]
            if any(outcome in str(text) for text in lives):
                return
            await asyncio.sleep(0.05)


async def records(device: Device, group: str, count: int) -> list[tuple[str, str, str, int]]:
    """Once there are so many."""
    found: list[tuple[str, str, str, int]] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(40):
            while len(found := await device.records_in(group)) < count:
                await asyncio.sleep(0.1)
    return found


@pytest.mark.limits(group_empty_ms=1_000)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_call_whose_process_ends_has_a_record_for_each_of_its_lives(two: Two, redis: RedisServer, number: int) -> None:
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    await two.begins(group, 0)
    first = (await joins(ann, group)).joined
    await joins(ben, group)
    await ann.hears("roster", lambda told: len(told.participants) == 2)
    await told(redis, "answered")
    await two.processes[0].end(number)
    await ben.hears("move")
    second = (await joins(ben, group)).joined
    await ben.say(leave=call_pb2.LeaveGroupCall(conversation_id=group))
    found = {era_id: how for era_id, *how in await records(ben, group, 2)}
    expected = {first.era_id: ["ANSWERED", ann.account_id], second.era_id: ["MISSED", ben.account_id]}
    assert {era_id: how[:2] for era_id, how in found.items()} == expected


async def test_a_call_that_nobody_takes_up_after_its_process_died_has_its_record(two: Two, redis: RedisServer) -> None:
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    await two.begins(group, 0)
    era_id = (await joins(ann, group)).joined.era_id
    await told(redis, "missed")
    await two.processes[0].end(signal.SIGKILL)
    assert await records(ben, group, 1) == [(era_id, "MISSED", ann.account_id, 0)]


class Alone:
    """A process that is alone, as far as lives go, and what it had the node append."""

    def __init__(self, path: Path) -> None:
        self.here, self.written = list[Life](), list[Life]()
        self.node_is_away = False
        self.lives = FileLives(path, lambda: self.here, self._write)

    async def _write(self, one: Life) -> bool:
        if not self.node_is_away:
            self.written.append(one)
        return not self.node_is_away


async def test_a_process_that_is_alone_records_at_its_next_start_what_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "lives.json"
    first = Alone(path)
    first.here = [life("a", Outcome.ANSWERED, 1), life("b")]
    await first.lives.look()
    first.here = [life("a", Outcome.ANSWERED, 2)]
    await first.lives.look()
    second = Alone(path)
    second.node_is_away = True
    second.here = [life("c")]
    await second.lives.record_what_was_left()
    await second.lives.look()
    third = Alone(path)
    await third.lives.record_what_was_left()
    assert third.written == [life("a", Outcome.ANSWERED, 2), life("c")], "what could not be written yet is not lost"
    await third.lives.look()
    fourth = Alone(path)
    await fourth.lives.record_what_was_left()
    assert fourth.written == []


async def test_how_long_people_talk_is_kept_every_third_time(tmp_path: Path) -> None:
    one = Alone(tmp_path / "lives.json")
    kept = []
    for talked_ms in range(1, 2 * TOLD_EVERY + 1):
        one.here = [life("a", Outcome.ANSWERED, talked_ms)]
        await one.lives.look()
        kept.append(Alone(tmp_path / "lives.json").lives._left[0].talked_ms)
    assert kept == [1, 1, 3, 3, 3, 6]


async def test_a_file_that_cannot_be_understood_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "lives.json"
    path.write_text("[{]")
    one = Alone(path)
    await one.lives.record_what_was_left()
    assert one.written == [] and "no record" in caplog.text
    one.here = [life("a")]
    await one.lives.look()
    assert Alone(path).lives._left == one.here


async def test_the_call_of_a_process_that_was_killed_has_its_record_once_it_is_started_again(
    world: World, redis: RedisServer
) -> None:
    process = ProcessOfCalls(world, redis, "", rings="memory")
    await process.start()
    async with AsyncExitStack() as stack:
        two = Two(world, process, process, stack, redis, "")
        ann, ben = await two.device(0), await two.device(0)
        group = await ann.group(ben)
        era_id = (await joins(ann, group)).joined.era_id
        async with asyncio.timeout(30):
            while (
                not (kept := list(world.folder.glob(f"process{process.port}/lives.json"))) or era_id not in kept[-1].read_text()
            ):
                await asyncio.sleep(0.05)
        await process.end(signal.SIGKILL)
        await process.start()
        assert await records(ann, group, 1) == [(era_id, "MISSED", ann.account_id, 0)]
    await process.end(signal.SIGTERM)
