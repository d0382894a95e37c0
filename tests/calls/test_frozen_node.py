"""Calls while the node stands still: nothing that is asked of it holds up what a call does by the clock."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tidewire.v1 import call_pb2, refusal_pb2

from calls.adapters import node as node_adapter
from calls.domain.signalling_limits import SignallingLimits
from calls.services import checks
from tests.support.calls_processes import joins
from tests.support.calls_world import World, record
from tests.support.node import Node

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
RING_MS = 3_000


@contextmanager
def frozen(node: Node) -> Iterator[None]:
    """Its connections stay, and it answers nobody."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid, signal.SIGCONT)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waited for the node would wait for a minute: so much longer than a slow machine takes that the two are not mistaken."""
    monkeypatch.setattr(node_adapter, "DEADLINE_S", 60)
    monkeypatch.setattr(checks, "QUESTION_S", 60)


@pytest.mark.usefixtures("patient")
async def test_calls_stop_ringing_in_time_while_the_node_stands_still(world: World) -> None:
    limits = SignallingLimits(calls_burst=1_000, ring_ms=RING_MS, members_checked_ms=100, links_checked_ms=100)
    async with world.calls(world.settings(limits=limits)) as calls:
        ann, ben, eve, joe = [(await calls.person())[0] for _ in range(4)]
        group = await ann.group(ben)
        made = await ann.link(group, approval=True)
        for guest in (eve, joe):
            assert (await joins(guest, link_token=made.token)).WhichOneof("event") == "waiting"
        loop = asyncio.get_running_loop()
        placed_s = loop.time()
        await joe.place(eve)
        await eve.hears("incoming")
        rung_s = loop.time()
        assert (await joins(ann, group, ring=True)).WhichOneof("event") == "joined"
        await ben.hears("group_rings")
        with frozen(world.node):
            assert (await eve.hears("over")).reason == call_pb2.CALL_END_MISSED
            assert RING_MS / 1_000 <= loop.time() - placed_s < RING_MS / 1_000 + 25
            assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_MISSED
            assert RING_MS / 1_000 <= loop.time() - rung_s < RING_MS / 1_000 + 25
        assert (await record(joe, eve))[0] == "MISSED"


async def test_a_process_stops_while_the_node_stands_still(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = SignallingLimits(calls_burst=1_000, members_checked_ms=1)
    made = world.calls(world.settings(limits=limits))
    calls = await made.__aenter__()
    ann, ben = [(await calls.person())[0] for _ in range(2)]
    group = await ann.group(ben)
    for device in (ann, ben):
        await joins(device, group)
    peek = call_pb2.PeekGroupCall(conversation_id=group)
    with frozen(world.node):
        asked = await ben.say(peek=peek)  # all this time they are asked after, too
        assert asked.refusal.reason == refusal_pb2.REFUSAL_REASON_UNAVAILABLE
        monkeypatch.setattr(node_adapter, "DEADLINE_S", 60)
        monkeypatch.setattr(checks, "QUESTION_S", 60)
        asking = asyncio.ensure_future(ben.say(peek=peek))
        assert (await ann.say(set_self=call_pb2.SetSelf(conversation_id=group, hand_raised=True))).WhichOneof("event") == "done"
        async with asyncio.timeout(30):
            await made.__aexit__(None, None, None)
        asking.cancel()
