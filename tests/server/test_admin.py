"""What an operator does with accounts, over real gRPC, and what people and bots notice of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tidewire import Disconnected, Message, NotSignedIn, Refused, TidewireError
from tidewire.internal import Services, Stopped
from tidewire.internal.v1 import admin_pb2, token_pb2
from tidewire.v1 import account_pb2, refusal_pb2

from tests.server.internal import World, internal_world, until


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with internal_world(tmp_path) as made:
        yield made


def username(name: str) -> admin_pb2.LookUpRequest:
    return admin_pb2.LookUpRequest(handle=account_pb2.Handle(username=name))


async def look_up(admin: Services, name: str) -> admin_pb2.AccountRecord:
    record: admin_pb2.AccountRecord = (await admin.call(admin.admin.LookUp, username(name))).account
    return record


async def test_an_account_is_looked_up_by_handle_or_id_with_its_devices(world: World) -> None:
    ann = await world.person("ann")
    await ann.caught_up()
    admin = await world.services("desk", "admin")
    record = await look_up(admin, "ann")
    assert (record.account.account_id, record.account.username) == (ann.account_id, "ann")
    assert [device.device_id for device in record.devices] == [ann.device_id]
    assert record.connected and not record.bot and not record.suspended_at_ms
    by_id = await admin.call(admin.admin.LookUp, admin_pb2.LookUpRequest(account_id=ann.account_id))
    assert by_id.account.account == record.account
    await world.token("echo", "bot", account="echo")
    bot = await look_up(admin, "echo")
    assert bot.bot and not bot.connected and [device.name for device in bot.devices] == ["token echo"]


@pytest.mark.parametrize("method", ["Suspend", "Unsuspend", "SignOut", "DeleteAccount", "LookUp"])
async def test_an_account_that_is_not_there_is_not_found(world: World, method: str) -> None:
    admin = await world.services("desk", "admin")
    with pytest.raises(Refused) as error:
        await admin.call(getattr(admin.admin, method), getattr(admin_pb2, f"{method}Request")(account_id="nobody"))
    assert error.value.reason == "NOT_FOUND"


async def test_a_suspended_account_can_do_nothing_and_who_writes_to_it_is_not_told(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation_id = await ben.direct("ann")
    at_ann = ann.listen()
    await ann.caught_up()
    admin = await world.services("desk", "admin", "introspect")
    access = token_pb2.IntrospectRequest(access_token=ann._transport.token)
    await admin.call(admin.tokens.Introspect, access)
    await admin.call(admin.admin.Suspend, admin_pb2.SuspendRequest(account_id=ann.account_id, reason="spam"))
    gone = await until(at_ann, lambda event: isinstance(event, Disconnected))
    assert gone.retry_in_s is None and "suspended" in gone.reason
    with pytest.raises(Refused) as error:
        await admin.call(admin.tokens.Introspect, access)
    assert error.value.reason == "ACCOUNT_SUSPENDED"
    with pytest.raises(TidewireError):
        await ann.direct("ben")
    assert (await (await ben.send(conversation_id, "are you there?"))).seq == 1
    async with asyncio.timeout(30):  # its device hears of the end of the stream first
        while (record := await look_up(admin, "ann")).connected:
            await asyncio.sleep(0.01)
    assert record.suspended_at_ms and record.suspended_for == "spam"


async def test_a_suspended_account_neither_logs_in_nor_refreshes_until_that_is_over(world: World) -> None:
    ann = await world.device("ann")
    recovery = await ann.register_username("ann")
    admin = await world.services("desk", "admin")
    await admin.call(admin.admin.Suspend, admin_pb2.SuspendRequest(account_id=ann.account_id))
    laptop = await world.device("laptop")
    with pytest.raises(Refused) as error:
        await laptop.confirm_login(await laptop.start_login("ann"), recovery_code=recovery)
    assert error.value.reason == "ACCOUNT_SUSPENDED"
    with pytest.raises(TidewireError):
        await ann.refresh(ann._transport.token)
    await admin.call(admin.admin.Unsuspend, admin_pb2.UnsuspendRequest(account_id=ann.account_id))
    await ann.refresh(ann._transport.token)
    await laptop.confirm_login(await laptop.start_login("ann"), recovery_code=recovery)
    assert await laptop.direct("ann") and not (await look_up(admin, "ann")).suspended_at_ms


async def test_an_account_that_is_suspended_again_is_so_since_the_first_time(world: World) -> None:
    ann = await world.person("ann")
    admin = await world.services("desk", "admin")
    await admin.call(admin.admin.Suspend, admin_pb2.SuspendRequest(account_id=ann.account_id, reason="spam"))
    first = (await look_up(admin, "ann")).suspended_at_ms
    await admin.call(admin.admin.Suspend, admin_pb2.SuspendRequest(account_id=ann.account_id, reason="more spam"))
    record = await look_up(admin, "ann")
    assert (record.suspended_at_ms, record.suspended_for) == (first, "more spam")


async def test_signed_out_everywhere_means_to_log_in_again(world: World) -> None:
    ann = await world.device("ann")
    await ann.register_username("ann")
    at_ann = ann.listen()
    await ann.caught_up()
    admin = await world.services("desk", "admin")
    response = await admin.call(admin.admin.SignOut, admin_pb2.SignOutRequest(account_id=ann.account_id))
    assert response.devices == 1
    gone = await until(at_ann, lambda event: isinstance(event, Disconnected))
    assert gone.retry_in_s is None and "log in again" in gone.reason
    with pytest.raises(NotSignedIn):
        await ann.direct("ann")


async def test_a_deleted_account_frees_its_name(world: World) -> None:
    ann = await world.person("ann")
    at_ann = ann.listen()
    await ann.caught_up()
    admin = await world.services("desk", "admin")
    await admin.call(admin.admin.DeleteAccount, admin_pb2.DeleteAccountRequest(account_id=ann.account_id))
    gone = await until(at_ann, lambda event: isinstance(event, Disconnected))
    assert gone.retry_in_s is None and "deleted" in gone.reason
    with pytest.raises(Refused):
        await look_up(admin, "ann")
    other = await world.device("other")
    await other.register_username("ann")


async def test_refusals_are_listed_by_reason(world: World) -> None:
    admin = await world.services("desk", "admin")
    for _ in range(3):
        with pytest.raises(Refused):
            await admin.call(admin.tokens.Introspect, token_pb2.IntrospectRequest(access_token="x"))
    (denied,) = (await admin.call(admin.admin.ListRefusals, admin_pb2.ListRefusalsRequest())).refusals
    assert (denied.reason, denied.count, denied.total) == (refusal_pb2.REFUSAL_REASON_NOT_ALLOWED, 3, 3) and denied.last_at_ms


async def test_each_call_of_an_operator_is_a_line_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ann = await world.person("ann")
    admin, other = await world.services("desk", "admin"), await world.services("calls", "notify")
    with caplog.at_level(logging.INFO, "server.audit"):
        await admin.call(admin.admin.SignOut, admin_pb2.SignOutRequest(account_id=ann.account_id))
        with pytest.raises(Refused):
            await other.call(other.admin.DeleteAccount, admin_pb2.DeleteAccountRequest(account_id=ann.account_id))
    lines = [(r.getMessage(), r.method, r.about) for r in caplog.records if r.name == "server.audit"]  # type: ignore[attr-defined]
    assert lines == [("admin", "SignOut", ann.account_id), ("admin refused", "DeleteAccount", ann.account_id)]


# -- bots --------------------------------------------------------------------------------------------------------------


async def test_a_bot_reads_and_answers_in_a_group_too_and_stops_when_its_token_is_revoked(world: World) -> None:
    bot = await world.bot("echo")
    ann = await world.person("ann")
    at_ann = ann.listen()
    admin = await world.services("desk", "admin")
    echo_id = (await look_up(admin, "echo")).account.account_id
    group = await ann.create_group("Crew", ["echo"])
    await (await ann.send(group, "hello"))
    texts = bot.texts()
    async with asyncio.timeout(30):
        received = await anext(texts)
    assert (received.text, received.conversation_id, received.sender_id) == ("hello", group, ann.account_id)
    seq = await bot.answer(received, "hello yourself")
    assert await bot.answer(received, "hello yourself") == seq
    answer = await until(at_ann, lambda event: isinstance(event, Message) and not event.mine)
    assert (answer.text, answer.sender_id, answer.seq) == ("hello yourself", echo_id, seq)
    await world.revoke("echo")
    with pytest.raises(Stopped):
        async with asyncio.timeout(30):
            await anext(texts)


async def test_a_bot_that_is_suspended_or_has_not_the_scope_is_not_taken(world: World) -> None:
    bot = await world.bot("echo")
    admin = await world.services("desk", "admin")
    echo_id = (await look_up(admin, "echo")).account.account_id
    await admin.call(admin.admin.Suspend, admin_pb2.SuspendRequest(account_id=echo_id))
    with pytest.raises(Stopped, match="suspended"):
        await anext(bot.texts())
    other = type(bot)(f"127.0.0.1:{world.app.internal_port}", await world.token("codes", "append", account="codes"))
    async with other:
        with pytest.raises(Stopped, match="scope"):
            await anext(other.texts())


async def test_an_account_that_was_made_for_a_bot_cannot_be_logged_in_to(world: World) -> None:
    await world.bot("echo")
    laptop = await world.device("laptop")
    with pytest.raises(Refused):
        await laptop.confirm_login(await laptop.start_login("echo"), recovery_code="")
