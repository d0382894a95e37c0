"""Internal services: tokens, introspection, appends of system senders, notices, presence; over real gRPC."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from tidewire import Message, NoticeReceived, Refused, Unreachable
from tidewire.internal import EnvelopeIds, Services
from tidewire.internal.v1 import notify_pb2, presence_pb2, system_pb2, token_pb2

from server.kit.refusal import Refused as Refusal
from tests.server.internal import World, internal_world, until


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with internal_world(tmp_path) as made:
        yield made


def introspect(token: str) -> token_pb2.IntrospectRequest:
    return token_pb2.IntrospectRequest(access_token=token)


async def refused(services: Services, method: object, request: object) -> tuple[str, str]:
    """Status and sentence of a call that is refused."""
    with pytest.raises(Refused) as error:
        await services.call(method, request)
    return error.value.reason, str(error.value)


async def eventually_refused(services: Services, request: token_pb2.IntrospectRequest) -> str:
    """The status with which the token is refused at last; each call asks the node anew."""
    async with asyncio.timeout(30):
        while True:
            try:
                await services.call(services.tokens.Introspect, request)
            except Refused as error:
                if error.reason == "UNAUTHENTICATED" and "service token" in str(error):
                    return error.reason


# -- tokens ------------------------------------------------------------------------------------------------------------


async def test_a_service_learns_whose_access_token_it_was_shown(world: World) -> None:
    ann = await world.person("ann")
    services = await world.services("media", "introspect")
    access = ann._transport.token
    owner = (await services.call(services.tokens.Introspect, introspect(access))).owner
    assert (owner.account_id, owner.device_id) == (ann.account_id, ann.device_id)
    ttl_ms = 1000 * world.settings.limits.access_token_ttl_s
    assert ttl_ms - 60_000 < owner.expires_at_ms - time_ms() <= ttl_ms
    with pytest.raises(Refused) as error:
        await services.call(services.tokens.Introspect, introspect("twa_guess"))
    assert error.value.reason == "UNAUTHENTICATED"


def time_ms() -> int:
    import time

    return time.time_ns() // 1_000_000


async def test_without_a_token_or_with_a_wrong_one_nothing_is_answered(world: World) -> None:
    good = await world.token("media", "introspect")
    for token in ("", "tws_media.guess", "tws_other.guess", good[:-1], good.removeprefix("tws_"), "twa_x"):
        services = await world.as_service(token)
        assert (await refused(services, services.tokens.Introspect, introspect("x")))[0] == "UNAUTHENTICATED"


async def test_a_token_without_the_scope_is_refused_by_name(world: World) -> None:
    services = await world.services("calls", "notify")
    status, sentence = await refused(services, services.tokens.Introspect, introspect("x"))
    assert status == "PERMISSION_DENIED" and "introspect" in sentence and "calls" in sentence


async def test_a_call_without_a_deadline_is_refused(world: World) -> None:
    services = await world.services("media", "introspect")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await services.tokens.Introspect(introspect("x"), metadata=services._metadata)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT and "deadline" in (error.value.details() or "")


async def test_fields_have_limits_here_too(world: World) -> None:
    services = await world.services("media", "introspect")
    assert (await refused(services, services.tokens.Introspect, introspect("x" * 300)))[0] == "INVALID_ARGUMENT"
    assert (await refused(services, services.tokens.Introspect, introspect("")))[0] == "INVALID_ARGUMENT"


async def test_a_running_node_notices_that_a_token_was_revoked(world: World) -> None:
    services = await world.services("media", "introspect")
    with pytest.raises(Refused):
        await services.call(services.tokens.Introspect, introspect("twa_guess"))
    await world.revoke("media")
    assert await eventually_refused(services, introspect("twa_guess")) == "UNAUTHENTICATED"
    again = await world.services("media", "introspect")
    assert "access token" in (await refused(again, again.tokens.Introspect, introspect("twa_guess")))[1]


async def test_a_token_that_makes_no_sense_is_not_made(world: World) -> None:
    await world.person("ann")
    await world.token("media", "introspect")
    for name, scopes, account, reason in [
        ("media", ["introspect"], "", "ALREADY_TAKEN"),
        ("x", ["root"], "", "INVALID"),
        ("x", ["append"], "ann", "NOT_ALLOWED"),
        ("x", ["append"], "", "INVALID"),
    ]:
        with pytest.raises(Refusal) as error:
            await world.token(name, *scopes, account=account)
        assert error.value.refusal.reason.name == reason
    with pytest.raises(Refusal) as error:
        await world.revoke("x")
    assert error.value.refusal.reason.name == "NOT_FOUND"


async def test_a_bot_has_as_many_devices_as_anybody(world: World) -> None:
    for number in range(5):
        await world.token(f"echo-{number}", "bot", account="echo")
    with pytest.raises(Refusal) as error:
        await world.token("echo-5", "bot", account="echo")
    assert error.value.refusal.reason.name == "TOO_MANY_DEVICES"
    await world.revoke("echo-0")
    await world.token("echo-5", "bot", account="echo")


# -- system senders ----------------------------------------------------------------------------------------------------


def text(envelope_id: str, words: str = "Your code is 123456", **to: str) -> system_pb2.AppendRequest:
    request = system_pb2.AppendRequest(envelope_id=envelope_id, **to)
    request.body.text.text = words
    return request


async def test_a_system_sender_reaches_a_person_once_however_often_it_is_said(world: World) -> None:
    ann = await world.person("ann")
    at_ann = ann.listen()
    services = await world.services("codes", "append", account="codes")
    request = text(EnvelopeIds().next(), username="ann")
    first = (await services.call(services.system.Append, request)).appended
    message = await until(at_ann, lambda event: isinstance(event, Message))
    assert (message.text, message.seq, message.conversation_id) == ("Your code is 123456", first.seq, first.conversation_id)
    again = (await services.call(services.system.Append, request)).appended
    assert (again.seq, again.at_ms, again.duplicate) == (first.seq, first.at_ms, True) and not first.duplicate
    request.ClearField("to")
    request.account_id = ann.account_id
    assert (await services.call(services.system.Append, request)).appended.seq == first.seq


async def test_of_forty_at_once_sixteen_are_taken_the_others_are_refused_and_can_be_repeated(world: World) -> None:
    ann = await world.person("ann")
    services = await world.services("codes", "append", account="codes")
    ids = EnvelopeIds()
    requests = [text(ids.next(), str(number), account_id=ann.account_id) for number in range(40)]
    with closing(sqlite3.connect(world.settings.data_dir / "tidewire.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # nothing is stored while they come
        calls = [asyncio.create_task(services.call(services.system.Append, request)) for request in requests]
        async with asyncio.timeout(4):
            while sum(call.done() for call in calls) < 24:
                await asyncio.wait([call for call in calls if not call.done()], return_when=asyncio.FIRST_COMPLETED)
        other.execute("ROLLBACK")
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [error.reason for error in outcomes if isinstance(error, Refused)] == ["RATE_LIMITED"] * 24
    seqs = [outcome.appended.seq for outcome in outcomes if isinstance(outcome, system_pb2.AppendResponse)]
    assert sorted(seqs) == list(range(1, 17))
    retried = await asyncio.gather(*(services.call(services.system.Append, request) for request in requests[-16:]))
    assert len({response.appended.seq for response in retried}) == 16


async def test_an_id_that_may_have_been_forgotten_is_too_old(world: World) -> None:
    ann = await world.person("ann")
    services = await world.services("codes", "append", account="codes")
    ids = EnvelopeIds()
    requests = [text(ids.next(), account_id=ann.account_id) for _ in range(17)]
    for request in requests:
        await services.call(services.system.Append, request)
    assert (await services.call(services.system.Append, requests[1])).appended.duplicate
    with pytest.raises(Refused) as error:
        await services.call(services.system.Append, requests[0])
    assert error.value.reason == "TOO_OLD"


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"username": "nobody"}, "NOT_FOUND"),
        ({"account_id": "nobody"}, "NOT_A_MEMBER"),
        ({"conversation_id": "g:others"}, "NOT_A_MEMBER"),
        ({"envelope_id": "00000000-0000-4000-8000-000000000000"}, "INVALID"),
    ],
)
async def test_an_append_that_cannot_be_is_refused_in_the_response(world: World, change: dict[str, str], reason: str) -> None:
    await world.person("ann")
    services = await world.services("codes", "append", account="codes")
    envelope_id = change.pop("envelope_id", EnvelopeIds().next())
    with pytest.raises(Refused) as error:
        await services.call(services.system.Append, text(envelope_id, **(change or {"username": "ann"})))
    assert error.value.reason == reason


async def test_a_setting_or_a_place_that_is_not_said_is_refused(world: World) -> None:
    services = await world.services("codes", "append", account="codes")
    request = text(EnvelopeIds().next())
    assert (await refused(services, services.system.Append, request))[0] == "INVALID_ARGUMENT"
    request.conversation_id = "s:x"
    request.body.setting.key = "k"
    with pytest.raises(Refused) as error:
        await services.call(services.system.Append, request)
    assert error.value.reason == "KIND_NOT_ENABLED"


async def test_a_system_notice_is_of_services_only(world: World) -> None:
    ann = await world.person("ann")
    at_ann = ann.listen()
    services = await world.services("news", "append", account="news")
    request = system_pb2.AppendRequest(envelope_id=EnvelopeIds().next(), account_id=ann.account_id)
    request.body.system_notice.code, request.body.system_notice.text = "news", "There is news"
    await services.call(services.system.Append, request)
    assert (await until(at_ann, lambda event: isinstance(event, Message))).text == "There is news"


async def test_ids_grow_also_within_a_millisecond() -> None:
    ids = EnvelopeIds()
    made = [ids.next() for _ in range(10_000)]
    assert made == sorted(set(made)) and all(one[14] == "7" and one[19] in "89ab" for one in made)


# -- notices and presence ----------------------------------------------------------------------------------------------


async def test_a_call_rings_on_every_device_or_on_one(world: World) -> None:
    ann = await world.person("ann")
    at_ann = ann.listen()
    await ann.caught_up()
    services = await world.services("calls", "notify")
    request = notify_pb2.NotifyRequest(account_id=ann.account_id)
    request.notice.call_ringing.call_id, request.notice.call_ringing.video = "call-1", True
    await services.call(services.notify.Notify, request)
    notice = await until(at_ann, lambda event: isinstance(event, NoticeReceived))
    assert (notice.kind, dict(notice.details)) == ("call_ringing", {"call_id": "call-1", "video": True})
    request.device_id = "another"
    await services.call(services.notify.Notify, request)
    request.device_id, request.notice.call_ringing.call_id = ann.device_id, "call-2"
    await services.call(services.notify.Notify, request)
    assert (await until(at_ann, lambda event: isinstance(event, NoticeReceived))).details["call_id"] == "call-2"


async def test_a_service_does_not_speak_for_the_node(world: World) -> None:
    services = await world.services("calls", "notify")
    request = notify_pb2.NotifyRequest(account_id="ann")
    request.notice.devices_changed.SetInParent()
    assert (await refused(services, services.notify.Notify, request))[0] == "PERMISSION_DENIED"
    request.notice.call_ringing.call_id = "NOT AN ID"
    assert (await refused(services, services.notify.Notify, request))[0] == "INVALID_ARGUMENT"


async def test_services_see_who_is_there(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    await ann.caught_up()
    ann.foreground(True)
    services = await world.services("push", "presence")
    asked = presence_pb2.GetPresenceRequest(account_ids=[ben.account_id, "nobody", ann.account_id])
    async with asyncio.timeout(30):
        while True:
            accounts = (await services.call(services.presence.GetPresence, asked)).accounts
            if accounts[1].online and accounts[1].last_seen_at_ms:
                break
    assert [account.account_id for account in accounts] == [ben.account_id, ann.account_id]


async def test_a_node_that_is_gone_is_unreachable(world: World) -> None:
    services = await world.stack.enter_async_context(Services("127.0.0.1:1", "tws_x.y"))
    with pytest.raises(Unreachable):
        await services.call(services.tokens.Introspect, introspect("x"), 5.0)
    with pytest.raises(Unreachable):
        await services.send_text("hi", username="ann", within_s=0)
