"""Whatever a client does wrong: a typed refusal with limit and actual value, and the stream lives on, unless it is a flood."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tidewire.v1 import account_pb2, chat_pb2, conversation_pb2, conversation_pb2_grpc, refusal_pb2

from server.app import serving
from server.settings import load
from tests.support.raw import CONNECT, HELLO, SUBMIT, Raw, World, text


@asynccontextmanager
async def node(folder: Path, **given: str) -> AsyncIterator[World]:
    """A node with these settings."""
    listen = {
        "data_dir": str(folder),
        "chat_listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "internal_listen": "127.0.0.1:0",
        "drain_grace_s": "1",
    }
    async with (
        serving(load(None, {}, {**listen, **given})) as app,
        grpc.aio.insecure_channel(f"127.0.0.1:{app.chat_port}") as channel,
    ):
        yield World(channel, f"127.0.0.1:{app.chat_port}", app.http_port)


def reason(error: grpc.RpcError) -> tuple[str, dict[str, str]]:
    """The machine's reason of a status, and what it says beside it."""
    status = rpc_status.from_call(error)
    assert status is not None, error
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info.reason, dict(info.metadata)


# -- malformed, oversized, mistyped ------------------------------------------------------------------------------------


async def test_a_frame_of_garbage_is_refused_and_the_stream_lives(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        raw = await world.stream((await world.person("ann")).access_token)
        await raw.call.write(b"\xff\xff\xff")
        assert (await raw.refusal()).reason == refusal_pb2.REFUSAL_REASON_INVALID
        await raw.lives()


async def test_a_frame_over_the_limit_is_refused_with_limit_and_size(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        raw = await world.stream((await world.person("ann")).access_token)
        await raw.call.write(b"\x00" * 65_537)
        refusal = await raw.refusal()
        assert refusal.reason == refusal_pb2.REFUSAL_REASON_LIMIT_EXCEEDED
        assert (refusal.subject, refusal.limit, refusal.actual) == ("frame_bytes_max", 65_536, 65_537)
        await raw.lives()


async def test_what_the_transport_will_not_take_ends_the_call_with_a_status(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        raw = await world.stream((await world.person("ann")).access_token)
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it is refused while it is on its way
            await raw.call.write(b"\x00" * 300_000)
        assert await raw.call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_first_frame_that_is_no_hello_closes_with_its_reason(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        token = (await world.person("ann")).access_token
        for frame in (b"\xff\xff\xff", chat_pb2.ConnectRequest(commands=[text("g:x")]).SerializeToString(), b""):
            raw = Raw(world.channel, token)
            await raw.call.write(frame)
            closing = (await raw.until(lambda event: event.HasField("closing"))).closing
            assert closing.reason == chat_pb2.CLOSING_REASON_NO_HELLO and closing.detail


async def test_a_command_without_content_or_with_an_impossible_target_is_refused_by_its_reference(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        me = await world.person("ann")
        raw = await world.stream(me.access_token)
        await raw.write(chat_pb2.Command(ref=7))
        assert ((refusal := await raw.refusal()).ref, refusal.reason) == (7, refusal_pb2.REFUSAL_REASON_INVALID)
        await raw.write(HELLO)
        assert (await raw.refusal()).reason == refusal_pb2.REFUSAL_REASON_OUT_OF_PLACE
        edit = text(f"s:{me.account_id}").send
        edit.body.edit.text.text, edit.target_seq = "new", 2**63
        await raw.write(chat_pb2.Command(send=edit))
        result = (await raw.until(lambda event: event.HasField("send_result"))).send_result
        assert result.target_not_found.target_seq == 2**63
        await raw.write(chat_pb2.Command(ack=chat_pb2.Ack(conversation_id=f"s:{me.account_id}", up_to_seq=2**63)))
        await raw.lives()


async def test_a_text_over_the_limit_is_refused_with_limit_and_length(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        me = await world.person("ann")
        raw = await world.stream(me.access_token)
        await raw.write(text(f"s:{me.account_id}", "x" * 8_193))
        refusal = await raw.refusal()
        assert (refusal.ref, refusal.subject) == (1, "send.body.text.text.chars_max")
        assert (refusal.limit, refusal.actual) == (8_192, 8_193)
        async with aiohttp.ClientSession() as session:
            scraped = await (await session.get(world.metrics)).text()
        assert 'tidewire_refusal_total{reason="LIMIT_EXCEEDED"} 1.0' in scraped


async def test_a_unary_request_of_garbage_is_refused_like_any_other(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        token = (await world.person("ann")).access_token
        submit = world.channel.unary_unary(SUBMIT, request_serializer=bytes, response_deserializer=bytes)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await submit(b"\xff\xff\xff", metadata=(("authorization", f"Bearer {token}"),))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT and reason(refused.value)[0] == "INVALID"


# -- unauthenticated, expired, replayed --------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer nothing"),), (("authorization", "Basic x"),)])
async def test_without_a_token_nothing_is_told(tmp_path: Path, metadata: tuple[tuple[str, str], ...]) -> None:
    async with node(tmp_path) as world:
        stub = conversation_pb2_grpc.ConversationServiceStub(world.channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListConversations(conversation_pb2.ListConversationsRequest(), metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED and reason(refused.value)[0] == "UNAUTHENTICATED"
        call = world.channel.stream_stream(CONNECT, request_serializer=bytes)(metadata=metadata)
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_an_expired_token_is_refused(tmp_path: Path) -> None:
    async with node(tmp_path, access_token_ttl_s="1") as world:
        me = await world.person("ann")
        stub = conversation_pb2_grpc.ConversationServiceStub(world.channel)

        async def refused() -> str:
            while True:
                try:
                    request = conversation_pb2.ListConversationsRequest()
                    await stub.ListConversations(request, metadata=(("authorization", f"Bearer {me.access_token}"),))
                except grpc.aio.AioRpcError as error:
                    return reason(error)[0]

        assert await asyncio.wait_for(refused(), 30) == "UNAUTHENTICATED"


async def test_a_replayed_send_is_one_envelope(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        me = await world.person("ann")
        again = text(f"s:{me.account_id}")
        seen = []
        for _ in range(2):
            raw = await world.stream(me.access_token)
            await raw.write(again, again)
            for _ in range(2):
                seen.append((await raw.until(lambda event: event.HasField("send_result"))).send_result.sent)
        assert {sent.seq for sent in seen} == {1} and [sent.duplicate for sent in seen] == [False, True, True, True]


async def test_a_used_challenge_cannot_be_used_again(tmp_path: Path) -> None:
    async with node(tmp_path) as world:
        made = await world.accounts.RegisterUsername(account_pb2.RegisterUsernameRequest(username="ann"))
        login = account_pb2.StartLoginRequest(handle=account_pb2.Handle(username="ann"))
        challenge = (await world.accounts.StartLogin(login)).challenge
        confirm = account_pb2.ConfirmLoginRequest(challenge_id=challenge.challenge_id, recovery_code=made.recovery_code)
        assert (await world.accounts.ConfirmLogin(confirm)).HasField("credentials")
        assert (await world.accounts.ConfirmLogin(confirm)).refusal.reason == refusal_pb2.REFUSAL_REASON_CODE_EXPIRED


# -- flooded -----------------------------------------------------------------------------------------------------------


async def test_too_many_commands_are_refused_for_now_and_the_stream_lives(tmp_path: Path) -> None:
    async with node(tmp_path, commands_per_s="1", commands_burst="3") as world:
        me = await world.person("ann")
        raw = await world.stream(me.access_token)
        await raw.write(*(text(f"s:{me.account_id}") for _ in range(4)))
        outcomes = [(await raw.until(lambda event: event.HasField("send_result"))).send_result for _ in range(4)]
        (limited,) = [outcome for outcome in outcomes if not outcome.HasField("sent")]
        assert 0 < limited.rate_limited.retry_after_ms <= 1_000
        await raw.write(chat_pb2.Command(ack=chat_pb2.Ack(conversation_id=f"s:{me.account_id}", up_to_seq=3)))


async def test_a_flood_of_bad_frames_closes_the_stream_with_its_reason(tmp_path: Path) -> None:
    async with node(tmp_path, bad_commands_burst="5") as world:
        raw = await world.stream((await world.person("ann")).access_token)
        flooding = asyncio.ensure_future(flood(raw))
        closing = (await raw.until(lambda event: event.HasField("closing"))).closing
        assert closing.reason == chat_pb2.CLOSING_REASON_FLOOD and closing.retry_after_ms > 0
        flooding.cancel()


async def flood(raw: Raw) -> None:
    """Bad frames until the stream ends."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        while True:
            await raw.call.write(b"\xff")


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with node(tmp_path, address_commands_per_s="1", address_commands_burst="5") as world:
        request = chat_pb2.GetLimitsRequest()
        limits = world.channel.unary_unary(
            "/tidewire.v1.ChatService/GetLimits",
            request_serializer=chat_pb2.GetLimitsRequest.SerializeToString,
            response_deserializer=chat_pb2.GetLimitsResponse.FromString,
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            for _ in range(20):
                await limits(request)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and reason(refused.value)[0] == "RATE_LIMITED"


async def test_a_device_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    async with node(tmp_path, slow_timeout_ms="400", commands_burst="10000") as world:
        ann, ben = await world.person("ann"), await world.person("ben")
        sender = await world.stream(ann.access_token)
        await world.stream(ben.access_token, narrow=True)  # and never reads again
        both = ":".join(["d", *sorted((ann.account_id, ben.account_id))])
        for _ in range(200):
            await sender.write(text(both, "x" * 8_000))
            await sender.until(lambda event: event.HasField("send_result"))
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while "tidewire_stream_open 1.0" not in await (await session.get(world.metrics)).text():
                await sender.lives()


# -- anything at all ---------------------------------------------------------------------------------------------------


def mutants(seed: int, account_id: str) -> list[bytes]:
    """Frames that are nearly right, and frames that are not at all."""
    chance = random.Random(seed)
    good = [
        chat_pb2.ConnectRequest(commands=[text(f"s:{account_id}"), text("g:nowhere")]),
        chat_pb2.ConnectRequest(commands=[chat_pb2.Command(ack=chat_pb2.Ack(conversation_id="g:x", up_to_seq=1))]),
        chat_pb2.ConnectRequest(commands=[chat_pb2.Command(watch_presence=chat_pb2.WatchPresence(account_ids=[account_id]))]),
        chat_pb2.ConnectRequest(commands=[chat_pb2.Command(typing=chat_pb2.Typing(conversation_id="g:x", kind=1))]),
        chat_pb2.ConnectRequest(commands=[HELLO]),
    ]
    out = []
    for _ in range(400):
        data = bytearray(chance.choice(good).SerializeToString())
        for _ in range(chance.randrange(4)):
            match chance.randrange(3):
                case 0:
                    data[chance.randrange(len(data))] = chance.randrange(256)
                case 1:
                    del data[chance.randrange(len(data)) :]
                    data += b"\x00"
                case _:
                    data[chance.randrange(len(data)) :] = chance.randbytes(chance.randrange(1, 40))
        out.append(bytes(data))
    return out


@pytest.mark.parametrize("seed", range(3))
async def test_no_frame_kills_the_stream(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    raised = dict.fromkeys(("bad_commands_burst", "commands_per_s", "commands_burst"), "1000000")
    async with node(tmp_path, **raised) as world:
        me = await world.person("ann")
        raw = await world.stream(me.access_token)
        for number, frame in enumerate(mutants(seed, me.account_id)):
            await raw.call.write(frame)
            if number % 20 == 19:
                await raw.lives()
        bugs: list[Any] = [
            record for record in caplog.records if record.levelname == "ERROR" and record.name.startswith("server")
        ]
        assert not bugs, bugs[0].getMessage()
