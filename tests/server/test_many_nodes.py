"""Three nodes in this process over one store and a real Redis, spoken to by the real SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from tidewire import Client, Disconnected, Message, TicksMoved
from tidewire.events import ConversationChanged, Event, NoticeReceived, Typing
from tidewire.internal import Services
from tidewire.internal.v1 import feed_pb2, relay_pb2, relay_pb2_grpc
from tidewire.v1 import chat_pb2, chat_pb2_grpc, conversation_pb2, conversation_pb2_grpc, refusal_pb2

from server import token_command
from server.adapters.memory.accounts import MemoryAccounts, MemoryChallenges, MemoryContacts, MemoryDevices
from server.adapters.memory.call_links import MemoryCallLinks
from server.adapters.memory.log import MemoryLog, MemoryMemberships, MemoryPositions
from server.adapters.memory.services import MemoryServiceTokens
from server.app import App, serving
from server.settings import Settings, load
from server.stores import Stores
from tests.support.raw import World
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process
SECRET = "a secret of at least thirty-two characters"


def memory_stores() -> Stores:
    """Stores that nodes of one process can share."""
    log, contacts, devices, challenges = MemoryLog(), MemoryContacts(), MemoryDevices(), MemoryChallenges()
    accounts = MemoryAccounts(contacts, devices, challenges)
    return Stores(
        log,
        log,
        MemoryMemberships(),
        MemoryPositions(),
        accounts,
        accounts,
        contacts,
        devices,
        challenges,
        MemoryServiceTokens(),
        MemoryCallLinks(),
    )


@dataclass
class Cluster:
    """Three nodes and the devices on them."""

    nodes: list[App]
    stores: Stores
    redis: RedisServer
    folder: Path
    stack: AsyncExitStack

    async def device(self, name: str, node: int) -> Client:
        """A device that is nobody's yet, on one of the nodes."""
        return await self.stack.enter_async_context(
            Client.open(f"127.0.0.1:{self.nodes[node].chat_port}", self.folder / f"{name}.db")
        )

    def raw(self, node: int) -> World:
        """One of the nodes without an SDK."""
        address = f"127.0.0.1:{self.nodes[node].chat_port}"
        return World(grpc.aio.insecure_channel(address), address, self.nodes[node].http_port)

    async def person(self, name: str, node: int) -> tuple[Client, str]:
        """Somebody new, and the recovery code."""
        client = await self.device(f"{name}-phone", node)
        return client, await client.register_username(name)

    async def linked(self, name: str, number: int, recovery: str, node: int) -> Client:
        """A further device of somebody."""
        client = await self.device(f"{name}-{number}", node)
        await client.confirm_login(await client.start_login(name), recovery_code=recovery)
        return client


def settings(folder: Path, redis: RedisServer, number: int) -> Settings:
    """Of one node."""
    return load(
        None,
        {},
        {
            "data_dir": str(folder / f"node-{number}"),
            "node_id": f"node-{number}",
            "store": "cql",
            "routes": "redis",
            "redis_url": redis.url,
            "pepper": SECRET,
            "cluster_token": SECRET,
            "chat_listen": "127.0.0.1:0",
            "http_listen": "127.0.0.1:0",
            "internal_listen": "127.0.0.1:0",
            "group_receipt_delay_ms": "100",
            "drain_grace_s": "2",
            "lease_ms": "1500",
            "comparison_spread_ms": "300",
            "told_wait_ms": "30000",
        },
    )


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        redis = RedisServer(tmp_path / "redis")
        await redis.start()
        stack.push_async_callback(redis.close)
        stores = memory_stores()
        nodes = [await stack.enter_async_context(serving(settings(tmp_path, redis, n), stores)) for n in (1, 2, 3)]
        async with asyncio.timeout(30):
            while any(node.links() < 2 for node in nodes):
                await asyncio.sleep(0.01)
        async with AsyncExitStack() as devices:
            yield Cluster(nodes, stores, redis, tmp_path, devices)


async def until(queue: asyncio.Queue[Event], wanted: Callable[[Any], bool]) -> Any:
    """The first event that is wanted."""
    async with asyncio.timeout(30):
        while not wanted(event := await queue.get()):
            pass
        return event


def says(text: str) -> Callable[[Any], bool]:
    """Whether an event is this message."""
    return lambda event: isinstance(event, Message) and event.text == text


async def test_devices_on_three_nodes_see_one_conversation_and_its_ticks(cluster: Cluster) -> None:
    ann, recovery = await cluster.person("ann", 0)
    ben, _ = await cluster.person("ben", 1)
    laptop = await cluster.linked("ann", 2, recovery, 2)
    for device in (ann, ben, laptop):
        await device.caught_up()
    at_ben, at_laptop, at_ann = ben.listen(), laptop.listen(), ann.listen()
    conversation_id = await ann.direct("ben")
    await (await ann.send(conversation_id, "hello"))
    await until(at_ben, says("hello"))
    assert (await until(at_laptop, says("hello"))).mine
    await until(at_ann, lambda e: isinstance(e, TicksMoved))
    await ben.mark_read(conversation_id, 1)
    await until(at_ben, lambda e: isinstance(e, ConversationChanged))
    while (await ann.history(conversation_id))[0].tick != "read":
        await until(at_ann, lambda e: isinstance(e, TicksMoved))
    while (await laptop.history(conversation_id))[0].tick != "read":
        await until(at_laptop, lambda e: isinstance(e, TicksMoved))
    await (await ben.send(conversation_id, "and back"))
    await until(at_ann, says("and back"))
    await until(at_laptop, says("and back"))


async def test_who_types_is_seen_on_another_node(cluster: Cluster) -> None:
    ann, _ = await cluster.person("ann", 0)
    ben, _ = await cluster.person("ben", 1)
    conversation_id = await ann.direct("ben")
    at_ben = ben.listen()
    await (await ann.send(conversation_id, "hello"))
    await until(at_ben, says("hello"))
    seen = asyncio.ensure_future(until(at_ben, lambda e: isinstance(e, Typing)))
    while not seen.done():  # it is best effort: a route that was just read as missing is read again within a second
        ann.typing(conversation_id)
        await asyncio.wait([seen], timeout=0.5)
    assert seen.result().conversation_id == conversation_id


async def test_a_device_that_comes_to_another_node_leaves_the_first(cluster: Cluster) -> None:
    ann = await cluster.raw(0).person("ann")
    first = await cluster.raw(0).stream(ann.access_token)
    second = await cluster.raw(1).stream(ann.access_token)
    closing = (await first.until(lambda event: event.HasField("closing"))).closing
    assert closing.reason == chat_pb2.CLOSING_REASON_REPLACED
    await second.lives()


async def test_a_removed_device_is_out_wherever_it_is(cluster: Cluster) -> None:
    ann, recovery = await cluster.person("ann", 0)
    laptop = await cluster.linked("ann", 2, recovery, 2)
    await laptop.caught_up()
    told, at_ann = laptop.listen(), ann.listen()
    await ann.remove_device(laptop.device_id)
    gone = await until(told, lambda e: isinstance(e, Disconnected))
    assert gone.retry_in_s is None and "removed" in gone.reason
    await until(at_ann, lambda e: isinstance(e, NoticeReceived))


async def test_without_redis_messages_flow_and_with_it_devices_are_found_again(cluster: Cluster) -> None:
    ann, _ = await cluster.person("ann", 0)
    ben, _ = await cluster.person("ben", 1)
    conversation_id = await ann.direct("ben")
    at_ben = ben.listen()
    await (await ann.send(conversation_id, "before"))
    await until(at_ben, says("before"))
    await cluster.redis.kill()
    await (await ann.send(conversation_id, "without"))
    await until(at_ben, says("without"))
    cat, _ = await cluster.person("cat", 2)
    at_cat = cat.listen()
    with_cat = await ann.direct("cat")
    await (await ann.send(with_cat, "you came meanwhile"))
    await until(at_cat, says("you came meanwhile"))
    await cluster.redis.start()
    for number in range(3):
        await (await ann.send(with_cat, f"after {number}"))
        await until(at_cat, says(f"after {number}"))


async def test_a_device_that_came_while_redis_did_not_answer_is_found_once_it_does(cluster: Cluster) -> None:
    store = cluster.folder / "ann.db"
    async with Client.open(f"127.0.0.1:{cluster.nodes[0].chat_port}", store) as ann:
        await ann.register_username("ann")
    cluster.redis.freeze()
    again = await cluster.stack.enter_async_context(Client.open(f"127.0.0.1:{cluster.nodes[2].chat_port}", store))
    await again.caught_up()
    cluster.redis.thaw()
    async with asyncio.timeout(30):
        while "|node-3" not in str(await routes(cluster.redis, again.account_id)):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("breaks", ["frozen", "killed"])
async def test_a_stream_that_began_while_redis_was_away_ends_the_one_that_its_device_left_elsewhere(
    cluster: Cluster, breaks: str
) -> None:
    before, after = cluster.raw(0), cluster.raw(1)
    ann = await before.person("ann")
    left = await before.stream(ann.access_token)
    if breaks == "frozen":
        cluster.redis.freeze()
    else:
        await cluster.redis.kill()
    came = await after.stream(ann.access_token)
    if breaks == "frozen":
        cluster.redis.thaw()
    else:
        await cluster.redis.start()
    await left.until(lambda event: event.HasField("closing"))
    await came.lives()


async def test_a_stream_that_redis_learns_of_after_a_later_one_ends_but_its_device_may_come_back(cluster: Cluster) -> None:
    before, after = cluster.raw(0), cluster.raw(1)
    ann = await before.person("ann")
    await cluster.redis.kill()
    left = await before.stream(ann.access_token)
    await cluster.redis.start()
    came = await after.stream(ann.access_token)
    closing = (await left.until(lambda event: event.HasField("closing"))).closing
    if closing.reason != chat_pb2.CLOSING_REASON_REPLACED:  # the first node claimed before the device had gone on
        assert closing.reason == chat_pb2.CLOSING_REASON_INTERNAL and closing.retry_after_ms > 0
    await came.lives()


async def routes(redis: RedisServer, account_id: str) -> object:
    """What Redis holds of an account's devices."""
    return await redis.command("HGETALL", f"tw:{{{account_id}}}:routes")


async def test_a_wiped_redis_loses_nothing(cluster: Cluster) -> None:
    ann, _ = await cluster.person("ann", 0)
    ben, _ = await cluster.person("ben", 1)
    conversation_id = await ann.direct("ben")
    at_ben = ben.listen()
    await (await ann.send(conversation_id, "before"))
    await until(at_ben, says("before"))
    await cluster.redis.wipe()
    await (await ann.send(conversation_id, "after"))
    await until(at_ben, says("after"))


async def test_what_was_told_in_vain_is_looked_up_again_with_the_comparison(cluster: Cluster) -> None:
    ann, _ = await cluster.person("ann", 0)
    ben, _ = await cluster.person("ben", 1)
    conversation_id = await ann.direct("ben")
    await (await ann.send(conversation_id, "hello"))
    await cluster.stores.contacts.block(ben.account_id, ann.account_id, True)  # nobody hears of it
    seq = (await (await ann.send(conversation_id, "not yet"))).seq
    (entry,) = await cluster.stores.log.entries(conversation_id, seq - 1, 1)
    assert not entry.header.withheld_from, "what is kept of ben is believed"
    await cluster.redis.wipe()
    async with asyncio.timeout(30):  # half of outside_rules_ttl_ms
        while not entry.header.withheld_from:
            await (await ann.send(conversation_id, "and now?"))
            seq += 1
            (entry,) = await cluster.stores.log.entries(conversation_id, seq - 1, 1)
            await asyncio.sleep(0.05)


async def test_what_is_submitted_elsewhere_is_done_where_the_stream_is(cluster: Cluster) -> None:
    ann, _ = await cluster.person("ann", 0)
    ben = await cluster.raw(1).person("ben")
    stream = await cluster.raw(1).stream(ben.access_token)
    conversation_id = await ann.direct("ben")
    at_ann = ann.listen()
    await (await ann.send(conversation_id, "hello"))
    await stream.until(lambda event: event.HasField("envelope"))
    mark = chat_pb2.Command(ref=7, mark_read=chat_pb2.MarkRead(conversation_id=conversation_id, up_to_seq=1))
    ack = chat_pb2.Command(ref=8, ack=chat_pb2.Ack(conversation_id=conversation_id, up_to_seq=1))
    elsewhere = chat_pb2_grpc.ChatServiceStub(cluster.raw(2).channel)
    metadata = (("authorization", f"Bearer {ben.access_token}"),)
    assert not (await elsewhere.Submit(chat_pb2.SubmitRequest(commands=[ack, mark]), metadata=metadata)).events
    while (await ann.history(conversation_id))[0].tick != "read":
        await until(at_ann, lambda e: isinstance(e, TicksMoved))
    stream.call.cancel()
    async with asyncio.timeout(30):  # until its route is gone
        while not (events := (await elsewhere.Submit(chat_pb2.SubmitRequest(commands=[mark]), metadata=metadata)).events):
            await asyncio.sleep(0.05)
    assert events[0].refusal.reason == refusal_pb2.REFUSAL_REASON_OUT_OF_PLACE and events[0].refusal.ref == 7


async def test_a_block_holds_on_every_node_at_once(cluster: Cluster) -> None:
    ann, _ = await cluster.person("ann", 0)
    ben, _ = await cluster.person("ben", 1)
    conversation_id = await ann.direct("ben")
    at_ben = ben.listen()
    await (await ann.send(conversation_id, "hello"))
    await until(at_ben, says("hello"))
    await ben.block(ann.account_id)
    await (await ann.send(conversation_id, "can you hear me"))
    await ben.block(ann.account_id, False)
    await (await ann.send(conversation_id, "now"))
    await until(at_ben, says("now"))
    assert [message.text for message in await ben.history(conversation_id)] == ["hello", "now"]


async def test_nodes_with_another_token_are_no_nodes(cluster: Cluster) -> None:
    stub = relay_pb2_grpc.RelayServiceStub(grpc.aio.insecure_channel(f"127.0.0.1:{cluster.nodes[0].internal_port}"))
    for metadata in ((), (("authorization", "Cluster wrong"),)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Forward(relay_pb2.ForwardRequest(account_id="a", device_id="b"), metadata=metadata, timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        call = stub.Link(metadata=metadata)
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it may be refused before the first word
            await call.write(relay_pb2.LinkRequest(hello=relay_pb2.LinkHello(node_id="x", incarnation="y")))
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED


async def fed(events: AsyncIterator[feed_pb2.FeedEvent]) -> list[feed_pb2.FeedEvent]:
    """What a node told up to a change of a profile."""
    told: list[feed_pb2.FeedEvent] = []
    async with asyncio.timeout(30):
        while not told or told[-1].account.kind != feed_pb2.ACCOUNT_CHANGE_KIND_PROFILE:
            told.append(await anext(events))
    return told


async def test_each_node_feeds_what_it_does_itself_and_nothing_that_it_learns(cluster: Cluster) -> None:
    token = await token_command.create(cluster.stores, settings(cluster.folder, cluster.redis, 1), "audit", ["feed"], "")
    feeds = []
    for node in cluster.nodes[:2]:
        services = await cluster.stack.enter_async_context(Services(f"127.0.0.1:{node.internal_port}", token))
        feeds.append(await services.follow())
    ann, _ = await cluster.person("ann", 0)
    ben, _ = await cluster.person("ben", 1)
    at_ann, at_ben = ann.listen(), ben.listen()
    conversation_id = await ann.direct("ben")
    await (await ann.send(conversation_id, "hello"))
    await until(at_ben, says("hello"))
    while (await ann.history(conversation_id))[0].tick != "delivered":
        await until(at_ann, lambda e: isinstance(e, TicksMoved))
    for person in (ann, ben):
        await person.block("nobody", False)
    for person, events in ((ann, feeds[0]), (ben, feeds[1])):
        told = await fed(events)
        assert {event.account.account_id for event in told if event.HasField("account")} == {person.account_id}
        assert {event.receipt.account_id for event in told if event.HasField("receipt")} <= {person.account_id}
        seqs = [event.envelope.seq for event in told if event.HasField("envelope")]
        assert seqs == ([1] if person is ann else [])
        assert person is ann or any(event.receipt.acked_seq == 1 for event in told)


async def test_a_node_where_nobody_is_answers_with_what_the_log_holds_now(cluster: Cluster) -> None:
    ann = await cluster.raw(0).person("ann")
    ben, _ = await cluster.person("ben", 1)
    stub = conversation_pb2_grpc.ConversationServiceStub(cluster.raw(2).channel)
    metadata = (("authorization", f"Bearer {ann.access_token}"),)
    conversation_id = await ben.direct("ann")
    for number in (1, 2):
        await (await ben.send(conversation_id, f"text {number}"))
        request = conversation_pb2.ListEnvelopesRequest(conversation_id=conversation_id)
        page = await stub.ListEnvelopes(request, metadata=metadata)
        assert [envelope.body.text.text for envelope in page.envelopes] == ["text 1", "text 2"][:number]
