"""Who follows a conversation in which there is no call is told when one begins, here or on another process, as long as its stream lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from tidewire.v1 import call_pb2

from calls.adapters import group_places
from calls.adapters.following import Followed, Following
from calls.domain.messages import Party
from calls.domain.signalling_limits import SignallingLimits
from server.kit import grpc_refusals as refusals
from server.kit.redis.connecting import open_client
from server.kit.refusal import Reason, Refused, unavailable
from server.kit.system import SystemClock
from tests.calls.test_process_lease import Process
from tests.support.calls_processes import Two, joins
from tests.support.calls_world import Calls, Device, World
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
LIMITS = SignallingLimits(calls_burst=1_000, group_empty_ms=200, followed_max=2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(world: World) -> AsyncIterator[Calls]:
    """Those in which a call is over soon."""
    async with world.calls(world.settings(limits=LIMITS)) as running:
        yield running


async def follows(device: Device, group: str, follow: bool = True) -> call_pb2.SignalResponse:
    return await device.say(peek=call_pb2.PeekGroupCall(conversation_id=group, follow=follow))


async def leaves(device: Device, group: str) -> None:
    await device.say(leave=call_pb2.LeaveGroupCall(conversation_id=group))


async def test_who_follows_is_told_of_every_call_that_begins(calls: Calls) -> None:
    ann, ben = [(await calls.person())[0] for _ in range(2)]
    group = await ann.group(ben)
    assert not (await follows(ben, group)).roster.era_id
    eras = set[str]()
    for _ in range(3):
        era_id = (await joins(ann, group)).joined.era_id
        told = await ben.hears("roster", lambda told, era_id=era_id: told.era_id == era_id)
        assert [one.account_id for one in told.participants] == [ann.account_id]
        eras.add(era_id)
        await leaves(ann, group)
        await ben.hears("roster", lambda told: not told.era_id)
    assert len(eras) == 3


async def test_who_says_no_or_is_no_member_any_more_is_not_told_of_a_call_that_begins(calls: Calls) -> None:
    ann, ben, eve, joe = [(await calls.person())[0] for _ in range(4)]
    group = await ann.group(ben, eve, joe)
    for device in (ben, eve, joe):
        await follows(device, group)
    await follows(ben, group, follow=False)
    await eve.leave_group(group)
    await joins(ann, group)
    await joe.hears("roster", lambda told: told.era_id)
    assert [told for device in (ben, eve) for told in device.told if told.WhichOneof("event") == "roster" and not told.ref] == []
    await leaves(ann, group)


async def test_a_device_follows_so_many_conversations_and_no_more(calls: Calls) -> None:
    ann = (await calls.person())[0]
    groups = [await ann.group() for _ in range(3)]
    for group in groups[:2]:
        assert (await follows(ann, group)).WhichOneof("event") == "roster"
    refused = refusals.refusal((await follows(ann, groups[2])).refusal)
    assert (refused.reason, refused.subject, refused.limit, refused.actual) == (Reason.LIMIT_EXCEEDED, "followed_max", 2, 3)
    assert (await follows(ann, groups[0])).WhichOneof("event") == "roster", "it does already"
    await follows(ann, groups[0], follow=False)
    assert (await follows(ann, groups[2])).WhichOneof("event") == "roster"
    told = (await ann.stub.GetCallLimits(call_pb2.GetCallLimitsRequest())).limits
    assert told["followed_max"] == 2


async def test_who_follows_is_told_of_a_call_that_begins_on_another_process(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    assert not (await follows(ben, group)).roster.era_id
    await two.begins(group, 0)
    era_id = (await joins(ann, group)).joined.era_id
    assert (await ben.hears("roster")).era_id == era_id
    await ann.say(set_self=call_pb2.SetSelf(conversation_id=group, hand_raised=True))
    await ben.hears("roster", lambda told: told.participants[0].hand_raised)


async def test_of_many_conversations_redis_is_asked_after_some_each_time(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_places, "LOOKED_MAX", 2)
    client = await open_client(redis.url, "", "", "tw", SystemClock(), "away")
    one, other = Process(client, "1"), Process(client, "2")
    one.live.append("g:0")
    for number in range(1, 6):
        await other.whereabouts.place(f"g:{number}")
    wanted = {f"g:{number}" for number in range(7)}
    looks = [await one.places.begun(wanted) for _ in range(3)]
    assert all(len(found) <= 3 and "g:0" in found for found in looks)
    assert looks[0] | looks[1] | looks[2] == wanted - {"g:6"}
    await redis.kill()
    assert await one.places.begun(wanted) == {"g:0"}, "what is here is known without Redis"
    await client.close()


class Asked:
    """What answers peeks, and begins calls as a test says."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self.away = False
        self.asked: list[Party] = []
        self.follow: list[bool] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while it is answered."""

    async def begun(self, conversation_ids: set[str]) -> set[str]:
        """All of them: none but has a place."""
        return conversation_ids

    async def answer(self, party: Party, request: call_pb2.SignalRequest) -> call_pb2.SignalResponse:
        """As a process does."""
        self.asked.append(party)
        self.follow.append(request.peek.follow)
        self.meanwhile()
        if self.away:
            raise Refused(unavailable("the node is away"))
        conversation_id = request.peek.conversation_id
        era_id = "era" if conversation_id in self.calls else ""
        return call_pb2.SignalResponse(roster=call_pb2.GroupCallRoster(conversation_id=conversation_id, era_id=era_id))


async def test_one_is_asked_for_all_while_there_is_none_and_what_cannot_be_answered_is_asked_again() -> None:
    asked, told = Asked(), list[call_pb2.SignalResponse]()
    following = Following(asked.answer, asked.begun)
    peek = call_pb2.SignalRequest(peek=call_pb2.PeekGroupCall(conversation_id="g:a", follow=True))
    devices = [Followed(Party(name, "phone"), 1, told.append) for name in ("ann", "ben", "eve")]
    for one in devices:
        one.answered(peek, await asked.answer(one.party, peek))
        following.opened(one)
    for away in (False, True):
        asked.asked.clear()
        asked.away = away
        await following.look()
        assert len(asked.asked) == 1 and told == []
    asked.away = False
    asked.calls.add("g:a")
    following.closed(devices[0])
    await following.look()
    assert len(told) == 2
    asked.asked.clear()
    await following.look()
    assert asked.asked == [], "all know"


async def test_who_says_no_while_it_is_asked_for_is_followed_no_more() -> None:
    asked, told = Asked(), list[call_pb2.SignalResponse]()
    following, ann = Following(asked.answer, asked.begun), Followed(Party("ann", "phone"), 1, told.append)
    peek, no = [call_pb2.SignalRequest(peek=call_pb2.PeekGroupCall(conversation_id="g:a", follow=one)) for one in (True, False)]
    ann.answered(peek, await asked.answer(ann.party, peek))
    following.opened(ann)
    asked.calls.add("g:a")
    asked.follow.clear()
    asked.meanwhile = lambda: ann.answered(no, call_pb2.SignalResponse())
    await following.look()
    assert asked.follow == [True, False] and told == []
