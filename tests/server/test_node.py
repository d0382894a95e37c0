"""A whole node in this process, real gRPC, real SQLite, spoken to by the real SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tidewire import Client, Disconnected, Message, NotSignedIn, Refused, TicksMoved, TidewireError
from tidewire.events import ConversationChanged, Event, NoticeReceived, PresenceChanged, Typing
from tidewire.transport import new_envelope_id
from tidewire.v1 import account_pb2, refusal_pb2

from server.app import App, serving
from server.settings import load


@dataclass
class World:
    """A node and the devices on it."""

    app: App
    folder: Path
    stack: AsyncExitStack

    async def device(self, name: str) -> Client:
        """A device that nobody is signed in on."""
        return await self.stack.enter_async_context(Client.open(f"127.0.0.1:{self.app.chat_port}", self.folder / f"{name}.db"))

    async def person(self, name: str) -> tuple[Client, str]:
        """Somebody new, and the recovery code."""
        client = await self.device(f"{name}-phone")
        return client, await client.register_username(name)

    async def linked(self, name: str, number: int, recovery: str) -> Client:
        """A further device of somebody."""
        client = await self.device(f"{name}-{number}")
        await client.confirm_login(await client.start_login(name), recovery_code=recovery)
        return client


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    given = {
        "data_dir": str(tmp_path / "data"),
        "chat_listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "internal_listen": "127.0.0.1:0",
        "offline_delay_ms": "100",
        "group_receipt_delay_ms": "100",
        "drain_grace_s": "2",
    }
    async with serving(load(None, {}, given)) as app, AsyncExitStack() as stack:
        yield World(app, tmp_path, stack)


async def until(queue: asyncio.Queue[Event], wanted: Callable[[Any], bool]) -> Any:
    """The first event that is wanted."""
    async with asyncio.timeout(30):
        while not wanted(event := await queue.get()):
            pass
        return event


async def test_a_message_reaches_every_device_of_both_and_the_ticks_follow(world: World) -> None:
    ann, recovery = await world.person("ann")
    ben, _ = await world.person("ben")
    laptop = await world.linked("ann", 2, recovery)
    at_ben, at_laptop, at_ann = ben.listen(), laptop.listen(), ann.listen()
    conversation_id = await ann.direct("ben")
    sent = await (await ann.send(conversation_id, "hello"))
    message = await until(at_ben, lambda e: isinstance(e, Message))
    assert (message.text, message.seq, message.mine) == ("hello", sent.seq, False)
    assert (await until(at_laptop, lambda e: isinstance(e, Message))).mine
    await until(at_ann, lambda e: isinstance(e, TicksMoved))
    await ben.mark_read(conversation_id, 1)
    await until(at_ben, lambda e: isinstance(e, ConversationChanged))
    while (await ann.history(conversation_id))[0].tick != "read":
        await until(at_ann, lambda e: isinstance(e, TicksMoved))
    assert await ann.receipts(conversation_id, 1) == {ben.account_id: (True, True)}


async def test_a_device_that_was_away_hears_the_ticks_of_what_another_one_wrote(world: World) -> None:
    ann, recovery = await world.person("ann")
    ben, _ = await world.person("ben")
    conversation_id = await ann.direct("ben")
    store, server = world.folder / "ann-2.db", f"127.0.0.1:{world.app.chat_port}"
    async with Client.open(server, store) as laptop:
        await laptop.confirm_login(await laptop.start_login("ann"), recovery_code=recovery)
        await laptop.caught_up()
    at_ann = ann.listen()
    await (await ann.send(conversation_id, "hello"))
    await until(at_ann, lambda e: isinstance(e, TicksMoved))
    async with Client.open(server, store) as laptop:
        await until(laptop.listen(), lambda e: isinstance(e, TicksMoved))
        await laptop.caught_up()
        assert [message.tick for message in await laptop.history(conversation_id)] == ["delivered"]
    assert [message.tick for message in await ben.history(conversation_id)] == [""]


async def test_the_sixth_device_is_refused_with_the_list_and_one_may_be_replaced(world: World) -> None:
    ann, recovery = await world.person("ann")
    second = await world.linked("ann", 2, recovery)
    for number in (3, 4, 5):
        await world.linked("ann", number, recovery)
    sixth = await world.device("ann-6")
    challenge = await sixth.start_login("ann")
    with pytest.raises(Refused) as refused:
        await sixth.confirm_login(challenge, recovery_code=recovery)
    assert (refused.value.reason, refused.value.limit) == ("TOO_MANY_DEVICES", 5)
    assert second.device_id in str(refused.value)
    told = second.listen()
    await sixth.confirm_login(challenge, recovery_code=recovery, replace_device_id=second.device_id)
    gone = await until(told, lambda e: isinstance(e, Disconnected))
    assert gone.retry_in_s is None and "removed" in gone.reason
    assert len(await ann.devices()) == 5


async def test_a_login_by_approval_waits_for_an_own_device(world: World) -> None:
    ann, _ = await world.person("ann")
    await ann.caught_up()  # who is not there is told nothing
    told = ann.listen()
    laptop = await world.device("ann-2")
    challenge = await laptop.start_login("ann", "a laptop")
    with pytest.raises(Refused) as refused:
        await laptop.confirm_login(challenge)
    assert refused.value.reason == "APPROVAL_PENDING" and refused.value.retryable
    notice = await until(told, lambda e: isinstance(e, NoticeReceived))
    assert notice.device_name == "a laptop"
    assert await ann.login_requests() == [(notice.login_id, "a laptop")]
    await ann.answer_login(notice.login_id, True)
    await laptop.confirm_login(challenge)
    assert laptop.account_id == ann.account_id


async def test_a_wrong_recovery_code_has_five_tries(world: World) -> None:
    _, recovery = await world.person("ann")
    other = await world.device("thief")
    challenge = await other.start_login("ann")
    for tries in range(1, 6):
        with pytest.raises(Refused) as refused:
            await other.confirm_login(challenge, recovery_code="wrong")
        assert (refused.value.reason, refused.value.limit, refused.value.actual) == ("WRONG_CODE", 5, tries)
    with pytest.raises(Refused):
        await other.confirm_login(challenge, recovery_code=recovery)


async def test_a_store_belongs_to_one_device(world: World) -> None:
    ann, _ = await world.person("ann")
    with pytest.raises(TidewireError, match="already"):
        await ann.register_username("another")
    with pytest.raises(TidewireError, match="already"):
        await ann.start_login("ann")


async def test_a_refresh_token_used_twice_revokes_the_sign_in(world: World) -> None:
    ann, _ = await world.person("ann")
    await ann.caught_up()  # a stream that still connects would refresh the token, too
    told = ann.listen()
    stolen, token = ann._meta["refresh_token"], ann._transport.token
    await ann.refresh(token)
    ann._meta["refresh_token"] = stolen
    with pytest.raises(NotSignedIn):
        await ann.refresh(ann._transport.token)
    assert "revoked" in (await until(told, lambda e: isinstance(e, Disconnected) and e.retry_in_s is None)).reason


async def test_a_refresh_whose_answer_was_lost_is_repeated_and_only_the_device_can(world: World) -> None:
    ann, _ = await world.person("ann")
    await ann.caught_up()  # a stream that still connects would refresh the token, too
    accounts, spent, lost = ann._transport.accounts, ann._meta["refresh_token"], new_envelope_id()

    async def exchange(token: str, exchange_id: str) -> account_pb2.RefreshTokenResponse:
        request = account_pb2.RefreshTokenRequest(refresh_token=token, exchange_id=exchange_id)
        response: account_pb2.RefreshTokenResponse = await ann._transport.call(accounts.RefreshToken, request)
        return response

    first = (await exchange(spent, lost)).credentials
    assert (await exchange(spent, lost)).credentials == first
    ann._transport.token = first.access_token
    assert [device.current for device in await ann.devices()] == [True]
    assert (await exchange(spent, new_envelope_id())).refusal.reason == refusal_pb2.REFUSAL_REASON_TOKEN_REUSED
    assert (await exchange(first.refresh_token, lost)).HasField("refusal"), "the family is revoked"


async def test_a_device_that_never_saw_the_answer_of_its_refresh_stays_signed_in(world: World) -> None:
    ann, _ = await world.person("ann")
    await ann.caught_up()  # a stream that still connects would refresh the token, too
    ann._meta["exchange_id"] = new_envelope_id()  # stored before it asked; then the answer was lost
    request = account_pb2.RefreshTokenRequest(refresh_token=ann._meta["refresh_token"], exchange_id=ann._meta["exchange_id"])
    await ann._transport.call(ann._transport.accounts.RefreshToken, request)
    await ann.refresh(ann._transport.token)
    assert len(await ann.devices()) == 1
    assert not ann._meta["exchange_id"]


async def test_a_blocked_sender_sees_sent_for_ever_and_the_other_nothing(world: World) -> None:
    ann, _ = await world.person("ann")
    ben, _ = await world.person("ben")
    conversation_id = await ann.direct("ben")
    await ben.block(ann.account_id)
    await (await ann.send(conversation_id, "are you there?"))
    await ben.block(ann.account_id, False)
    at_ben, at_ann = ben.listen(), ann.listen()
    await (await ann.send(conversation_id, "and now?"))
    assert (await until(at_ben, lambda e: isinstance(e, Message))).text == "and now?"
    await until(at_ann, lambda e: isinstance(e, TicksMoved))
    assert [m.tick for m in await ann.history(conversation_id)] == ["sent", "delivered"]
    assert [m.text for m in await ben.history(conversation_id)] == ["and now?"]


async def test_a_group_from_creation_to_removal(world: World) -> None:
    ann, _ = await world.person("ann")
    ben, _ = await world.person("ben")
    cat, _ = await world.person("cat")
    at_ben = ben.listen()
    group = await ann.create_group("Crew", ["ben"])
    await until(at_ben, lambda e: isinstance(e, ConversationChanged) and e.conversation_id == group)
    assert await ann.add_members(group, ["ben", "cat"]) == {ben.account_id: "the account is in the group already"}
    with pytest.raises(Refused) as refused:
        await ben.remove_members(group, ["cat"])
    assert refused.value.reason == "NOT_ALLOWED"
    await ann.remove_members(group, ["ben"])
    with pytest.raises(Refused) as refused:
        await (await ben.send(group, "still here?"))
    assert refused.value.reason == "NOT_A_MEMBER"
    at_cat = cat.listen()
    await (await ann.send(group, "just us"))
    assert (await until(at_cat, lambda e: isinstance(e, Message) and e.kind == "text")).text == "just us"
    assert "just us" not in [m.text for m in await ben.log(group)]


async def test_edits_reactions_and_deletions_reach_the_others_store(world: World) -> None:
    ann, _ = await world.person("ann")
    ben, _ = await world.person("ben")
    conversation_id = await ann.direct("ben")
    at_ben = ben.listen()
    await (await ann.send(conversation_id, "helo"))
    await (await ann.send(conversation_id, "a secret"))
    await (await ann.edit(conversation_id, 1, "hello"))
    await (await ann.delete(conversation_id, 2))
    await until(at_ben, lambda e: isinstance(e, Message) and e.kind == "deletion")
    assert [(m.text, m.edited, m.deleted) for m in await ben.history(conversation_id)] == [
        ("hello", True, False),
        ("", False, True),
    ]
    assert await ben.search("secret") == [] and len(await ben.search("helo")) + len(await ben.search("hello")) <= 1
    with pytest.raises(Refused) as refused:
        await (await ben.edit(conversation_id, 1, "mine now"))
    assert refused.value.reason == "TARGET_NOT_FOUND"


async def test_typing_and_presence_reach_those_who_may_know(world: World) -> None:
    ann, _ = await world.person("ann")
    ben, _ = await world.person("ben")
    conversation_id = await ann.direct("ben")
    at_ben = ben.listen()
    for client in (ann, ben):
        await client.caught_up()  # who is not there is told nothing
    ann.typing(conversation_id, "voice")
    assert (await until(at_ben, lambda e: isinstance(e, Typing))).kind == "voice"
    ben.watch(ann.account_id)
    assert (await until(at_ben, lambda e: isinstance(e, PresenceChanged))).online
    ann.foreground(False)
    gone = await until(at_ben, lambda e: isinstance(e, PresenceChanged))
    assert not gone.online and gone.last_seen_at_ms > 0
    await ann.block(ben.account_id)
    ben.watch(ann.account_id)
    hidden = await until(at_ben, lambda e: isinstance(e, PresenceChanged))
    assert (hidden.online, hidden.last_seen_at_ms) == (False, 0)


async def test_a_deleted_account_leaves_its_groups_and_frees_its_name(world: World) -> None:
    ann, _ = await world.person("ann")
    ben, _ = await world.person("ben")
    at_ben = ben.listen()
    await ann.create_group("Crew", ["ben"])
    await ann.delete_account()
    left = await until(at_ben, lambda e: isinstance(e, Message) and "left" in e.text)
    assert f"{ben.account_id} role changed" in left.text, "the last owner's leaving promotes"
    with pytest.raises(Refused):
        await ben.find("ann")
    again = await world.device("ann-again")
    await again.register_username("ann")
    assert again.account_id != ann.account_id


async def test_a_drain_tells_the_devices_to_come_back(world: World) -> None:
    ann, _ = await world.person("ann")
    told = ann.listen()
    await ann.caught_up()
    await world.app.drain()
    gone = await until(told, lambda e: isinstance(e, Disconnected))
    assert gone.retry_in_s is not None
