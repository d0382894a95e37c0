"""The feed of a node, over real gRPC: people by the SDK, followers with filters, a slow one, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from tidewire import Message, Refused, Unreachable
from tidewire.events import NoticeReceived
from tidewire.internal import Services
from tidewire.internal.v1 import admin_pb2, feed_pb2, feed_pb2_grpc

from server.domain import ids
from server.domain.feed import AccountChange, AccountChanged, Filter
from server.kit.refusal import Reason
from server.services.feed import Follower
from tests.server.internal import World, internal_world, until
from tests.simulation.loop import Loop
from tests.support.raw import Raw, text
from tests.support.raw import World as RawWorld

ENVELOPE, ACCOUNT, RECEIPT = feed_pb2.FEED_KIND_ENVELOPE, feed_pb2.FEED_KIND_ACCOUNT, feed_pb2.FEED_KIND_RECEIPT
SENT = 640
Events = AsyncIterator[feed_pb2.FeedEvent]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with internal_world(tmp_path) as made:
        yield made


async def next_of(events: Events) -> feed_pb2.FeedEvent:
    """The next event."""
    async with asyncio.timeout(30):
        return await anext(events)


async def ended(events: Events) -> Exception:
    """How the stream ends, whatever comes before."""
    with pytest.raises((Refused, Unreachable)) as error:
        async with asyncio.timeout(30):
            while True:
                await anext(events)
    return error.value


def change(event: feed_pb2.FeedEvent) -> tuple[str, str]:
    """Whose account has changed, and how."""
    name = feed_pb2.AccountChangeKind.Name(event.account.kind)
    return event.account.account_id, name.removeprefix("ACCOUNT_CHANGE_KIND_")


async def test_two_followers_are_told_what_passes_their_filters_and_nothing_else(world: World) -> None:
    ann, ben, _ = [await world.person(name) for name in ("ann", "ben", "carl")]
    at_ben = ben.listen()
    with_ben, with_carl = await ann.direct("ben"), await ann.direct("carl")
    services = await world.services("audit", "feed")
    of_ann = await services.follow(kinds=[ENVELOPE], account_ids=[ann.account_id])
    of_direct = await services.follow(conversation_ids=[with_ben])
    await (await ann.send(with_carl, "good morning"))
    await (await ann.send(with_ben, "hello"))
    await until(at_ben, lambda event: isinstance(event, Message))
    await ben.block("nobody", False)
    await (await ben.send(with_ben, "hi"))
    await (await ann.send(with_ben, "bye"))
    told = [(await next_of(of_ann)).envelope for _ in range(3)]
    assert [(one.conversation_id, one.seq) for one in told] == [(with_carl, 1), (with_ben, 1), (with_ben, 3)]
    header = told[1].header
    assert (header.sender_account_id, header.sender_device_id) == (ann.account_id, ann.device_id)
    assert header.envelope_id and header.at_ms and header.kind == 1
    seqs, acked = [], 0
    while len(seqs) < 3 or acked < 3:
        event = await next_of(of_direct)
        which = event.WhichOneof("event")
        assert which in ("envelope", "receipt") and getattr(event, which).conversation_id == with_ben
        if which == "envelope":
            seqs.append(event.envelope.seq)
        elif event.receipt.account_id == ben.account_id:
            assert event.receipt.device_id == ben.device_id and event.receipt.acked_seq >= acked
            acked = event.receipt.acked_seq
            assert acked <= max(seqs)  # in order: what was acked was told before
    assert seqs == [1, 2, 3]


async def test_a_read_mark_is_told(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    at_ben = ben.listen()
    conversation_id = await ann.direct("ben")
    services = await world.services("audit", "feed")
    events = await services.follow(kinds=[RECEIPT], account_ids=[ben.account_id])
    await ann.send(conversation_id, "hello")
    await until(at_ben, lambda event: isinstance(event, Message))
    await ben.mark_read(conversation_id, 1)
    while (event := await next_of(events)).receipt.read_seq < 1:
        assert event.receipt.conversation_id == conversation_id
    assert (event.receipt.account_id, event.receipt.read_seq) == (ben.account_id, 1)


async def test_what_becomes_of_accounts_is_told(world: World) -> None:
    services = await world.services("audit", "feed", "admin")
    events = await services.follow(kinds=[ACCOUNT])
    ann = await world.person("ann")
    await ann.block("nobody", False)
    ann_id = ann.account_id
    for request in (
        admin_pb2.SuspendRequest(account_id=ann_id, reason="spam"),
        admin_pb2.UnsuspendRequest(account_id=ann_id),
        admin_pb2.SignOutRequest(account_id=ann_id),
        admin_pb2.DeleteAccountRequest(account_id=ann_id),
    ):
        await services.call(getattr(services.admin, type(request).__name__.removesuffix("Request")), request)
    told = [change(await next_of(events)) for _ in range(6)]
    steps = ["REGISTERED", "PROFILE", "SUSPENDED", "UNSUSPENDED", "DEVICES", "DELETED"]
    assert told == [(ann_id, step) for step in steps]


async def test_devices_that_come_and_go_are_told(world: World) -> None:
    ann = await world.device("ann")
    code = await ann.register_username("ann")
    services = await world.services("audit", "feed")
    events = await services.follow(kinds=[ACCOUNT])
    laptop = await world.device("laptop")
    await laptop.confirm_login(await laptop.start_login("ann"), recovery_code=code)
    assert change(await next_of(events)) == (ann.account_id, "DEVICES")
    await laptop.caught_up()  # only a device that is connected is told
    at_laptop = laptop.listen()
    await ann.rename_device(laptop.device_id, "kitchen")
    assert change(await next_of(events)) == (ann.account_id, "DEVICES")
    await until(at_laptop, lambda event: isinstance(event, NoticeReceived))
    assert {device.name for device in await laptop.devices() if device.device_id == laptop.device_id} == {"kitchen"}
    with pytest.raises(Refused, match="no such thing"):
        await ann.rename_device("nobody", "kitchen")
    await ann.remove_device(laptop.device_id)
    assert change(await next_of(events)) == (ann.account_id, "DEVICES")


# -- a slow follower ---------------------------------------------------------------------------------------------------


async def fill(raw: Raw, conversation_id: str, head: int, up_to: int) -> None:
    """Send, 64 a frame, until the log reaches from `head` to `up_to`."""
    for known in range(head, up_to, 64):
        commands = [text(conversation_id) for _ in range(known, min(known + 64, up_to))]
        for ref, command in enumerate(commands, 1):
            command.ref, command.send.known_seq = ref, known
        await raw.write(*commands)
        for seq in range(known + 1, known + 1 + len(commands)):
            assert (await raw.until(lambda event: event.HasField("send_result"))).send_result.sent.seq == seq


@asynccontextmanager
async def reader_of_nothing(
    tmp_path: Path, **settings: str
) -> AsyncIterator[tuple[World, Any, Callable[[int, int], Awaitable[None]]]]:
    """A node with a short queue; a follower's call over a narrow connection that reads what it is asked to alone; and what fills a log."""
    many = {"commands_per_s": "100000", "commands_burst": "100000", "feed_queue_max": "8", **settings}
    async with internal_world(tmp_path, **many) as world:
        address, token = f"127.0.0.1:{world.app.chat_port}", await world.token("audit", "feed")
        narrow = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1_024))
        async with (
            grpc.aio.insecure_channel(address) as to_devices,
            grpc.aio.insecure_channel(f"127.0.0.1:{world.app.internal_port}", options=narrow) as to_services,
        ):
            devices, feed = RawWorld(to_devices, address, 0), feed_pb2_grpc.FeedServiceStub(to_services)
            ann, ben = await devices.person("ann"), await devices.person("ben")
            conversation_id, raw = ids.direct_id(ann.account_id, ben.account_id), await devices.stream(ann.access_token)
            call = feed.Follow(feed_pb2.FollowRequest(kinds=[ENVELOPE]), metadata=(("authorization", f"Bearer {token}"),))
            assert not (await call.read()).events
            yield world, call, lambda head, up_to: fill(raw, conversation_id, head, up_to)
            call.cancel()


async def test_a_slow_follower_is_told_how_much_it_has_missed_and_goes_on(tmp_path: Path) -> None:
    async with reader_of_nothing(tmp_path) as (_, call, fill):
        await fill(0, SENT)  # nothing is read meanwhile
        seq, gaps = 0, 0
        while seq < SENT:
            async with asyncio.timeout(30):
                frame = await call.read()
            for event in frame.events:
                if event.HasField("gap"):
                    assert event.gap.dropped > 0
                    seq, gaps = seq + event.gap.dropped, gaps + 1
                else:
                    assert event.envelope.seq == seq + 1, "each is told, or counted where it is missing"
                    seq += 1
        assert gaps and seq == SENT
        await fill(SENT, SENT + 1)
        (event,) = (await call.read()).events
        assert event.envelope.seq == SENT + 1


async def test_a_follower_that_reads_nothing_loses_its_place_to_another(tmp_path: Path) -> None:
    async with reader_of_nothing(tmp_path, feed_stalled_s="1", feed_followers_max="1") as (world, call, fill):
        services = await world.services("other", "feed")
        assert "feed_followers_max: 1, actual: 2" in (await refusal(services))[1]
        await fill(0, SENT)
        other = await followed(services, kinds=[ENVELOPE])  # nothing is read at the first one meanwhile
        await fill(SENT, SENT + 1)
        assert (await next_of(other)).envelope.seq == SENT + 1
        with pytest.raises(grpc.aio.AioRpcError) as error:
            async with asyncio.timeout(30):
                while await call.read() is not grpc.aio.EOF:  # type: ignore[attr-defined]
                    pass
                raise AssertionError("it ended without a word")
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and "feed_stalled_s" in str(error.value.details())


class Stalls:
    """A follower with room for two, and a clock that goes when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.loop = Loop(lambda: self.now_s, lambda work: pytest.fail("nothing blocks"))
        with self.loop.running():
            self.follower = Follower(Filter(), 2, 60)

    def put(self, happenings: int) -> None:
        """So much happens."""
        for _ in range(happenings):
            self.follower.put(AccountChanged("a", AccountChange.PROFILE))

    def take(self) -> int:
        """Read once: how much."""
        task = self.loop.start(self.follower.next(), "next")
        self.loop.run()
        return len(task.result())

    def pass_s(self, seconds: float) -> bool:
        """Time passes: is it over?"""
        self.now_s += seconds
        self.loop.run()
        return self.follower.over.done()


def test_it_is_over_when_the_queue_has_stood_full_for_so_long() -> None:
    world = Stalls()
    world.put(1)
    assert not world.pass_s(1_000), "one more fits"
    world.put(1)
    assert not world.pass_s(59)
    world.put(5)
    assert world.pass_s(1)
    assert world.follower.over.result().reason is Reason.RATE_LIMITED


def test_whoever_reads_now_and_then_keeps_the_place() -> None:
    world = Stalls()
    for _ in range(3):
        world.put(9)
        assert not world.pass_s(59)
        assert world.take() == 3, "two, and a gap"
    assert not world.pass_s(1_000), "nothing waits"
    world.put(2)
    assert not world.pass_s(59) and world.pass_s(1)


# -- who may follow, and how it ends -----------------------------------------------------------------------------------


async def followed(services: Services, **filters: Any) -> Events:
    """Follow as soon as there is a place: the node hears soon of one that is free."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await services.follow(**filters)
            except Refused as refused:
                assert "feed_followers_max" in str(refused)


async def refusal(services: Services, **filters: list[str] | list[int]) -> tuple[str, str]:
    """Status and sentence with which following is refused."""
    with pytest.raises(Refused) as error:
        await services.follow(**filters)  # type: ignore[arg-type]
    return error.value.reason, str(error.value)


async def test_without_the_scope_nobody_follows(world: World) -> None:
    services = await world.services("media", "introspect")
    status, sentence = await refusal(services)
    assert status == "PERMISSION_DENIED" and "feed" in sentence and "media" in sentence
    assert (await refusal(await world.as_service("tws_guess.x")))[0] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "filters, word",
    [
        ({"kinds": [0]}, "kind"),
        ({"kinds": [ENVELOPE, 99]}, "99"),
        ({"kinds": [1, 2, 3, 1]}, "kinds"),
        ({"account_ids": ["NOT AN ID"]}, "account_ids"),
        ({"account_ids": [""]}, "account_ids"),
        ({"conversation_ids": ["c"] * 1_025}, "conversation_ids"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(world: World, filters: dict[str, list[str]], word: str) -> None:
    status, sentence = await refusal(await world.services("audit", "feed"), **filters)
    assert status in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE") and word in sentence


async def test_only_so_many_follow_at_once(tmp_path: Path) -> None:
    async with internal_world(tmp_path, feed_followers_max="2") as world:
        services = await world.services("audit", "feed")
        first, _ = await services.follow(), await services.follow()
        assert "feed_followers_max: 2, actual: 3" in (await refusal(services))[1]
        ann = await world.person("ann")
        assert change(await next_of(first)) == (ann.account_id, "REGISTERED")
        await first.aclose()  # type: ignore[attr-defined]
        third = await followed(services)
        await ann.block("nobody", False)
        assert change(await next_of(third)) == (ann.account_id, "PROFILE")


async def test_the_stream_ends_soon_after_the_token_was_revoked(world: World) -> None:
    services = await world.services("audit", "feed")
    other = await (await world.services("other", "feed")).follow()
    events = await services.follow()
    await world.revoke("audit")
    error = await ended(events)
    assert isinstance(error, Refused) and error.reason == "UNAUTHENTICATED" and "revoked" in str(error)
    ann = await world.person("ann")
    assert change(await next_of(other)) == (ann.account_id, "REGISTERED")


async def test_a_draining_node_lets_its_followers_go_when_it_has_told_all(world: World) -> None:
    ann = await world.person("ann")
    services = await world.services("audit", "feed")
    events = await services.follow()
    await ann.block("nobody", False)
    await world.app.drain()
    assert change(await next_of(events)) == (ann.account_id, "PROFILE")
    error = await ended(events)
    assert isinstance(error, Unreachable) and "stopping" in str(error)
    with pytest.raises(Unreachable):
        await services.follow()
