"""Group calls of one process: what happens to a call while others wait to change it."""

from __future__ import annotations

import asyncio

import pytest

from calls.domain.messages import Move
from calls.services.live_call import Joined
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


async def test_who_follows_and_who_waits_is_sent_elsewhere_with_those_who_are_in() -> None:
    for stops in (True, False):
        async with group_world() as world:
            ann, ben, eve = await world.person("ann"), await world.person("ben"), await world.person("eve", member=False)
            await world.joins(ann)
            await world.calls.peek(ann.party, ALL, True)
            await world.calls.peek(ben.party, ALL, True)
            world.town.links["asks"] = True
            await world.joins(eve, "asks")
            await (world.calls.move_all() if stops else world.calls.displaced(ALL))
            assert [sum(isinstance(told, Move) for told in one.told) for one in (ann, ben, eve)] == [1, 1, 1]


async def test_a_guest_stays_by_a_link_that_opens_nothing_any_more_and_does_not_come_back_by_it() -> None:
    async with group_world() as world:
        ann, ben = await world.person("ann"), await world.person("ben", member=False)
        world.town.links["open"] = False
        await world.joins(ann)
        await world.joins(ben, "open")
        world.town.links.clear()
        stays = world.calls.stays(ben.party, ALL, "open")
        assert stays is not None and isinstance(await world.calls.join(ben.party, await world.joining(), stays), Joined)
        await world.calls.leave(ben.party, ALL)
        with pytest.raises(Refused, match="no such link"):
            await world.calls.join(ben.party, await world.joining(), stays)
        await world.calls.displaced(ALL)
        with pytest.raises(Refused, match="no such link"):
            await world.calls.join(ben.party, await world.joining(), stays)
        assert world.calls.live == []
