"""Group calls of one process: what happens to a call while others wait to change it."""

from __future__ import annotations

import asyncio

import pytest

from calls.domain.messages import End, GroupOver, GroupRings, Move
from calls.ports.signalling import Wake
from calls.services import records
from calls.services.live_call import Joined
from server.kit.refusal import Reason, Refused
from tests.calls.group_world import ALL, Person, group_world
from tests.calls.scripted import until

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


async def test_devices_ring_that_come_while_the_account_rings_and_those_that_sleep_are_woken() -> None:
    async with group_world() as world:
        ann, ben, eve = [await world.person(name) for name in ("ann", "ben", "eve")]
        await world.joins(ann)
        await world.joins(ben)
        await world.calls.ring(ben.party, ALL, ("eve",))
        rings = eve.last(GroupRings)
        assert rings.caller_account_id == "ben", "who has her rung, whoever began the call"
        await until(lambda: world.woken)
        assert world.woken == [Wake("eve", ("tablet",), rings.era_id, ALL, "ben", False, rings.rings_until_ms)]
        tablet, late = Person("eve", "tablet"), Person("ben", "tablet")
        for one in (tablet, late):
            await world.post.attend(one.stream)
        world.clock.pass_ms(1_000)
        await world.calls.sweep()
        await until(lambda: tablet.told == [rings])
        assert late.told == [] and eve.told == [rings], "ben does not ring, and eve's phone does already"
        await world.calls.leave(eve.party, ALL)
        again = Person("eve", "laptop")
        await world.post.attend(again.stream)
        world.clock.pass_ms(1_000)
        await world.calls.sweep()
        await asyncio.sleep(0)
        assert tablet.last(GroupOver) == GroupOver(ALL, End.DECLINED_ELSEWHERE) and again.told == []


async def test_nobody_has_others_rung_too_often_and_everybody_joins_all_the_same() -> None:
    async with group_world(calls_burst=1) as world:
        ann, ben = [await world.person(name) for name in ("ann", "ben")]
        await world.joins(ann, ring=True)
        with pytest.raises(Refused) as error:
            await world.calls.ring(ann.party, ALL, ("ben",))
        refusal = error.value.refusal
        assert (refusal.reason, refusal.subject) == (Reason.RATE_LIMITED, "calls_per_hour") and refusal.retry_after_ms
        assert sum(isinstance(told, GroupRings) for told in ben.told) == 1
        await world.calls.leave(ann.party, ALL)
        with pytest.raises(Refused) as error:
            await world.joins(ann, ring=True)
        assert error.value.refusal.reason is Reason.RATE_LIMITED
        assert isinstance(await world.joins(ann), Joined)


async def test_where_there_are_too_many_to_ring_one_joins_all_the_same_and_is_told_so_when_it_rings_all() -> None:
    async with group_world(group_ring_max=1) as world:
        ann, ben, _ = [await world.person(name) for name in ("ann", "ben", "eve")]
        assert isinstance(await world.joins(ann, ring=True), Joined)
        with pytest.raises(Refused) as error:
            await world.calls.ring(ann.party, ALL, ())
        refusal = error.value.refusal
        assert (refusal.subject, refusal.limit, refusal.actual) == ("group_ring_max", 1, 2)
        assert ben.told == []
        await world.calls.ring(ann.party, ALL, ("ben",))
        assert ben.last(GroupRings) is not None


async def test_who_wants_no_sound_of_strangers_is_not_rung_by_one_in_a_group_either() -> None:
    async with group_world() as world:
        ann, ben, eve = [await world.person(name) for name in ("ann", "ben", "eve")]
        world.town.silent.add("ben")
        await world.joins(ann, ring=True)
        assert eve.last(GroupRings) is not None
        await world.calls.ring(ann.party, ALL, ("ben",))
        assert ben.told == []


async def test_a_process_that_stops_tries_a_record_once_more_and_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RETRY_S", 600)
    async with asyncio.timeout(30), group_world() as world:
        world.town.takes_no_records = True
        ann = await world.person("ann")
        await world.joins(ann)
        await world.calls.leave(ann.party, ALL)
        world.clock.pass_ms(31_000)
        await world.calls.sweep()
        await until(lambda: world.town.record_tries == 1)
        world.calls.close()
    assert world.town.record_tries == 2


async def test_a_record_that_goes_wrong_ends_no_other_call() -> None:
    async with group_world() as world:
        world.town.breaks_on_records = True
        ann = await world.person("ann")
        await world.joins(ann)
        await world.calls.leave(ann.party, ALL)
        world.clock.pass_ms(31_000)
        await world.calls.sweep()
        await until(lambda: world.town.record_tries == 1)
        assert isinstance(await world.joins(ann), Joined)


async def test_a_life_that_goes_on_elsewhere_has_its_record_here() -> None:
    for stops in (True, False):
        async with group_world() as world:
            ann = await world.person("ann")
            joined = await world.joins(ann)
            assert isinstance(joined, Joined) and [one.era_id for one in world.calls.unrecorded] == [joined.era_id]
            await (world.calls.move_all() if stops else world.calls.displaced(ALL))
            await until(lambda joined=joined: world.town.recorded == [joined.era_id])


async def test_a_life_whose_record_is_being_written_has_none_yet() -> None:
    async with group_world() as world:
        ann = await world.person("ann")
        joined = await world.joins(ann)
        assert isinstance(joined, Joined)
        world.town.awake.clear()
        await world.calls.displaced(ALL)
        assert world.calls.live == [] and [one.era_id for one in world.calls.unrecorded] == [joined.era_id]
        world.town.awake.set()
        await until(lambda: world.calls.unrecorded == [])


async def test_a_member_who_is_put_out_comes_back_and_one_who_is_blocked_does_not_in_this_life_of_the_call() -> None:
    async with group_world() as world:
        ann, ben = await world.person("ann", admin=True), await world.person("ben")
        world.town.links["open"] = False
        await world.joins(ann)
        for block in (False, True):
            joined = await world.joins(ben)
            assert isinstance(joined, Joined)
            await world.calls.moderate(ann.party, ALL, joined.participant_id, True, block)
            assert ben.last(GroupOver) == GroupOver(ALL, End.REMOVED)
        ben.told.clear()
        laptop = Person("ben", "laptop")
        for device, token in ((ben, ""), (laptop, ""), (ben, "open")):
            with pytest.raises(Refused) as error:
                await world.joins(device, token)
            assert error.value.refusal.reason is Reason.NOT_ALLOWED
        await world.calls.ring(ann.party, ALL, ("ben",))
        assert await world.roster(ann) == ["ann"] and ben.told == []
        await world.calls.leave(ann.party, ALL)
        world.clock.pass_ms(world.limits.group_empty_ms)
        await world.calls.sweep()
        assert isinstance(await world.joins(ben), Joined), "it is another life"


async def test_who_may_put_others_out_is_not_kept_out() -> None:
    async with group_world() as world:
        ann, ben = await world.person("ann", admin=True), await world.person("ben", admin=True)
        await world.joins(ann)
        joined = await world.joins(ben)
        assert isinstance(joined, Joined)
        with pytest.raises(Refused, match="not for good") as error:
            await world.calls.moderate(ann.party, ALL, joined.participant_id, True, True)
        assert error.value.refusal.reason is Reason.NOT_ALLOWED
        assert await world.roster(ann) == ["ann", "ben"], "nobody is put out by what is refused"
        await world.calls.moderate(ann.party, ALL, joined.participant_id, True, False)
        assert await world.roster(ann) == ["ann"]
