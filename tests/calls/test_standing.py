"""Who is in a call, or follows one, and may not any more: by the wire, with a real node."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tidewire.internal import Services
from tidewire.internal.v1 import admin_pb2
from tidewire.v1 import call_pb2, envelope_pb2, refusal_pb2

from calls.domain.signalling_limits import SignallingLimits
from tests.support.calls_processes import Two, joins
from tests.support.calls_world import SCOPES, Calls, World
from tests.support.media import revoke_service_token, service_token
from tests.support.node import Node

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
OFTEN = SignallingLimits(commands_burst=1_000_000, calls_burst=1_000, members_checked_ms=100)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(world: World) -> AsyncIterator[Calls]:
    """Those that check often."""
    async with world.calls(world.settings(limits=OFTEN)) as running:
        yield running


async def suspend(world: World, account_id: str) -> None:
    """As an operator does."""
    token = await service_token(world.node.folder, f"desk{account_id}", "admin")
    async with Services(f"127.0.0.1:{world.node.internal_port}", token) as services:
        await services.call(services.admin.Suspend, admin_pb2.SuspendRequest(account_id=account_id))


async def test_a_guest_whose_account_is_suspended_is_out_and_the_others_stay(calls: Calls) -> None:
    ann, ben, eve = [(await calls.person())[0] for _ in range(3)]
    made = await ann.link()
    await joins(ann, link_token=made.token)
    for guest in (ben, eve):
        assert (await joins(guest, link_token=made.token)).WhichOneof("event") == "joined"
    await suspend(calls.world, ben.account_id)
    assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_REMOVED
    stay = [ann.account_id, eve.account_id]
    await ann.hears("roster", lambda told: [one.account_id for one in told.participants] == stay)


async def test_who_is_made_an_admin_in_a_call_is_shown_who_waits_and_lets_in(calls: Calls) -> None:
    ann, ben, eve = [(await calls.person())[0] for _ in range(3)]
    group = await ann.group(ben)
    made = await ann.link(group, approval=True)
    await joins(ben, group)
    assert (await joins(eve, link_token=made.token)).WhichOneof("event") == "waiting"
    await ann.rank(group, ben, envelope_pb2.ROLE_ADMIN)
    (guest,) = (await ben.hears("waiting_room")).waiting
    assert guest.account_id == eve.account_id
    await ann.rank(group, ben, envelope_pb2.ROLE_MEMBER)
    assert list((await ben.hears("waiting_room")).waiting) == []


async def test_who_was_removed_from_a_group_follows_its_call_no_more(calls: Calls) -> None:
    ann, ben = [(await calls.person())[0] for _ in range(2)]
    group = await ann.group(ben)
    await joins(ann, group)
    follow = call_pb2.PeekGroupCall(conversation_id=group, follow=True)
    assert len((await ben.say(peek=follow)).roster.participants) == 1
    await ben.leave_group(group)
    await ben.hears("roster", lambda told: not told.era_id)  # there is none for it to see


async def test_nobody_is_out_since_the_node_refuses_the_calls_process(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", address_commands_burst=1_000_000)
    token = await service_token(tmp_path / "node", "calls", *SCOPES)
    await node.start()
    world = World(node, token, tmp_path)
    try:
        async with world.calls(world.settings(limits=OFTEN)) as calls:
            ann, ben = [(await calls.person())[0] for _ in range(2)]
            group = await ann.group(ben)
            await joins(ann, group)
            await revoke_service_token(node.folder, "calls")
            async with asyncio.timeout(30):
                while (answer := await joins(ben, group)).WhichOneof("event") == "joined":
                    await ben.say(leave=call_pb2.LeaveGroupCall(conversation_id=group))
            assert answer.refusal.reason == refusal_pb2.REFUSAL_REASON_UNAVAILABLE
            refused: Any = None
            for _ in range(3):
                refused = (await joins(ben, group)).WhichOneof("event")
            said_of_ann = await ann.say(set_self=call_pb2.SetSelf(conversation_id=group, hand_raised=True))
            assert refused == "refusal" and said_of_ann.WhichOneof("event") == "done", "she is in"
    finally:
        await node.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_who_follows_or_waits_from_another_process_is_told_when_the_call_moves_or_its_process_dies(
    two: Two, number: int
) -> None:
    ann, ben, eve = await two.device(0), await two.device(1), await two.device(1)
    group = await ann.group(ben)
    await two.begins(group, 0)
    await joins(ann, group)
    assert (await joins(eve, link_token=(await ann.link(group, approval=True)).token)).WhichOneof("event") == "waiting"
    follow = call_pb2.PeekGroupCall(conversation_id=group, follow=True)
    assert len((await ben.say(peek=follow)).roster.participants) == 1
    ending = asyncio.ensure_future(two.processes[0].end(number))
    for device in (ben, eve):
        assert (await device.hears("move")).conversation_id == group
    await ending
