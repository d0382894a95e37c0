"""Group calls of one process: what happens to a call while others wait to change it."""

from __future__ import annotations

import asyncio

import pytest

from calls.domain.messages import Move
from server.kit.refusal import Refused
from tests.calls.group_world import ALL, group_world

pytestmark = pytest.mark.timeout(60)


async def test_who_joins_while_the_call_ends_is_in_the_next_one() -> None:
    async with group_world() as world:
        ann, ben = await world.person("ann"), await world.person("ben")
        await world.joins(ann)
        says = await world.joining()
        unit = world.hold_unit()
        leaving = asyncio.create_task(world.calls.leave(ann.party, ALL))
        await unit.reached.wait()
        world.clock.pass_ms(world.limits.group_empty_ms)
        ending = asyncio.create_task(world.calls.sweep())  # waits for ann
        joining = asyncio.create_task(world.calls.join(ben.party, says))  # waits for the end
        await asyncio.sleep(0)
        unit.go.set()
        await asyncio.gather(leaving, ending, joining)
        assert world.calls.live == [ALL] and await world.roster(ann) == ["ben"]
        await world.calls.leave(ben.party, ALL)


async def test_whoever_comes_in_while_another_process_takes_the_call_is_sent_there() -> None:
    async with group_world() as world:
        ann, ben = await world.person("ann"), await world.person("ben")
        await world.joins(ann)
        unit = world.hold_unit()
        joining = asyncio.create_task(world.joins(ben))
        await unit.reached.wait()
        moving = asyncio.create_task(world.calls.displaced(ALL))
        unit.go.set()
        await asyncio.gather(joining, moving)
        assert world.calls.live == [] and not world.unit.busy
        assert [isinstance(one.last(Move), Move) for one in (ann, ben)] == [True, True]
        with pytest.raises(Refused, match="no call"):
            await world.calls.leave(ben.party, ALL)
