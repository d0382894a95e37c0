"""Whether those who are in a call still may be there: asked of a node that answers at once, late, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from calls.domain.messages import End, GroupOver, Roster, WaitingList, WaitingSeen
from calls.services import checks
from calls.services.live_call import Joined, Waits
from tests.calls.group_world import ALL, GroupWorld, Person, group_world
from tests.calls.scripted import until

pytestmark = pytest.mark.timeout(60)


async def all_in(world: GroupWorld, *names: str) -> list[Person]:
    """Members, who have joined."""
    made = [await world.person(name) for name in names]
    for one in made:
        assert isinstance(await world.joins(one), Joined)
    await sweeps(world)  # they are seen
    return made


async def sweeps(world: GroupWorld) -> None:
    """Whatever the node does, it is over at once."""
    async with asyncio.timeout(30):  # it would be for ever
        await world.calls.sweep()


async def out(world: GroupWorld, one: Person) -> None:
    """Sweep until somebody was put out."""

    async def over() -> bool:
        await sweeps(world)
        await asyncio.sleep(0)
        return one.last(GroupOver) is not None

    async with asyncio.timeout(30):
        while not await over():
            pass
    assert one.last(GroupOver) == GroupOver(ALL, End.REMOVED)


async def test_who_is_no_member_any_more_is_out_at_the_next_check_and_not_before() -> None:
    async with group_world(members_checked_ms=1_000) as world:
        ann, ben = await all_in(world, "ann", "ben")
        del world.town.members["ben"]
        world.clock.pass_ms(999)
        world.town.asked.clear()
        await sweeps(world)
        await asyncio.sleep(0)
        assert world.town.asked == []
        world.clock.pass_ms(1)
        await out(world, ben)
        assert await world.roster(ann) == ["ann"] and ann.last(GroupOver) is None


async def test_a_node_that_does_not_answer_is_asked_so_much_at_once_and_everybody_is_asked_after_in_turn() -> None:
    async with group_world(members_checked_ms=1_000, checks_max=2) as world:
        people = await all_in(world, "ann", "ben", "eve", "joe", "dan")
        gone = people[-1]
        del world.town.members[gone.party.account_id]
        world.town.awake.clear()
        world.clock.pass_ms(1_000)
        for _ in range(3):
            await sweeps(world)
            await until(lambda: world.town.asking == 2)
        world.town.awake.set()
        await out(world, gone)


async def test_a_question_that_is_not_answered_makes_room_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "QUESTION_S", 0.01)
    async with group_world(members_checked_ms=1_000, checks_max=1) as world:
        ann, _, _ = await all_in(world, "ann", "ben", "eve")
        world.town.awake.clear()
        world.clock.pass_ms(1_000)
        world.town.asked.clear()
        async with asyncio.timeout(30):
            while len(world.town.asked) < 3:
                await sweeps(world)
                await asyncio.sleep(0)
        assert world.town.asked == ["ann", "ben", "eve"]
        world.town.awake.set()
        assert await world.roster(ann) == ["ann", "ben", "eve"], "nobody is out for want of an answer"


async def test_nothing_more_is_asked_for_a_call_that_is_over() -> None:
    async with group_world(members_checked_ms=1_000) as world:
        await all_in(world, "ann", "ben")
        world.town.awake.clear()
        world.clock.pass_ms(1_000)
        await sweeps(world)
        await until(lambda: world.town.asking == 2)
        await world.calls.displaced(ALL)
        await until(lambda: world.town.asking == 0)


async def test_a_guest_whose_account_was_suspended_is_out_and_others_who_are_no_members_stay() -> None:
    async with group_world(members_checked_ms=1_000) as world:
        (ann,) = await all_in(world, "ann")
        world.town.links["open"] = False
        ben, eve = [await world.person(name, member=False) for name in ("ben", "eve")]
        for guest in (ben, eve):
            assert isinstance(await world.joins(guest, "open"), Joined)
        await sweeps(world)
        world.town.suspended.add("ben")
        world.clock.pass_ms(1_000)
        await out(world, ben)
        assert await world.roster(ann) == ["ann", "eve"] and eve.last(GroupOver) is None


async def test_who_becomes_an_admin_is_shown_who_waits_and_who_is_none_any_more_sees_nobody() -> None:
    async with group_world(members_checked_ms=1_000) as world:
        ann, ben = await all_in(world, "ann", "ben")
        world.town.links["asks"] = True
        assert isinstance(await world.joins(await world.person("eve", member=False), "asks"), Waits)
        assert ben.last(WaitingList) is None
        for admin, shown in ((True, ["eve"]), (False, [])):
            world.town.members["ben"] = admin
            world.clock.pass_ms(1_000)
            await sweeps(world)
            await until(lambda shown=shown: [one.account_id for one in _waiting(ben)] == shown and ben.last(WaitingList))
        assert isinstance(await world.joins(await world.person("joe", member=False), "asks"), Waits)
        assert _waiting(ben) == () and ann.last(WaitingList) is None, "neither may let in"


def _waiting(one: Person) -> tuple[WaitingSeen, ...]:
    told: WaitingList | None = one.last(WaitingList)
    return () if told is None else told.waiting


async def test_who_follows_and_is_no_member_any_more_sees_nobody_and_is_told_nothing_more() -> None:
    async with group_world(members_checked_ms=1_000) as world:
        (ann,) = await all_in(world, "ann")
        ben, eve = [await world.person(name) for name in ("ben", "eve")]
        for one in (ben, eve):
            await world.calls.peek(one.party, ALL, True)
        await sweeps(world)
        del world.town.members["ben"]
        world.clock.pass_ms(1_000)
        await sweeps(world)
        await until(lambda: ben.last(Roster) == Roster(ALL))
        ben.told.clear()
        await world.calls.set_self(ann.party, ALL, True, None, None)
        world.clock.pass_ms(1_000)
        await sweeps(world)
        assert [one.muted for one in eve.last(Roster).participants] == [True] and ben.told == []


async def test_who_may_follow_no_more_does_not_although_it_is_told_something_while_the_node_thinks() -> None:
    async with group_world(members_checked_ms=1_000) as world:
        (ann,) = await all_in(world, "ann")
        ben = await world.person("ben")
        await world.calls.peek(ben.party, ALL, True)
        await sweeps(world)
        del world.town.members["ben"]
        world.town.awake.clear()
        world.clock.pass_ms(1_000)
        await sweeps(world)
        await until(lambda: world.town.asking == 2)
        await world.calls.set_self(ann.party, ALL, True, None, None)
        await sweeps(world)
        assert ben.last(Roster).participants
        world.town.awake.set()
        await until(lambda: ben.last(Roster) == Roster(ALL))


async def test_who_follows_is_forgotten_once_its_stream_is_gone() -> None:
    async with group_world(members_checked_ms=1_000) as world:
        (ann,) = await all_in(world, "ann")
        ben = await world.person("ben")
        await world.calls.peek(ben.party, ALL, True)
        await sweeps(world)
        await world.post.leave(ben.stream)
        world.town.asked.clear()
        world.clock.pass_ms(1_000)
        await sweeps(world)
        await until(lambda: world.town.asked == ["ann"])  # after whom is asked next to ben
        await world.post.attend(ben.stream)
        await world.calls.set_self(ann.party, ALL, True, None, None)
        world.clock.pass_ms(1_000)
        await sweeps(world)
        assert ben.told == []
