"""The port `Rings`, over memory and over a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tidewire.transport import new_envelope_id

from calls.adapters.memory import MemoryRings
from calls.adapters.redis_rings import RedisRings
from calls.domain.direct_call_events import DirectCall, State
from calls.domain.messages import Candidate, End, Party, Sdp
from calls.domain.signalling_limits import SignallingLimits
from calls.ports.signalling import Rings
from server.kit.redis.connecting import open_client
from server.kit.refusal import Reason, Refused
from server.kit.system import SystemClock
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process
LIMITS = SignallingLimits()
ANN, BEN = Party("ann", "phone"), Party("ben", "laptop")


@pytest.fixture(params=["memory", "redis"])
async def rings(request: pytest.FixtureRequest, redis: RedisServer) -> AsyncIterator[Rings]:
    if request.param == "memory":
        yield MemoryRings(SystemClock(), LIMITS)
        return
    client = await open_client(redis.url, "", "", f"tw{new_envelope_id()}", SystemClock(), "Redis is away", timeout_s=10)
    yield RedisRings(client, LIMITS)
    await client.close()


def call(caller: Party = ANN, callee: Party = BEN, **fields: Any) -> DirectCall:
    """A new one, of these two."""
    pair = ":".join(sorted((caller.account_id, callee.account_id)))
    given = {"call_id": new_envelope_id(), "conversation_id": f"d:{pair}", "video": True, "due_ms": 1_000} | fields
    return DirectCall(caller=caller, callee_id=callee.account_id, **given)  # type: ignore[arg-type]


def changed(before: DirectCall, **fields: Any) -> DirectCall:
    return msgspec.structs.replace(before, **fields)


async def test_a_call_is_stored_whole(rings: Rings) -> None:
    new = call(offer=Sdp(1, "v=0", b"\x00\xff"), candidates=(Candidate("candidate:1", "0", 1),), devices=("a", "b"))
    assert (await rings.begin(new)).call == new
    stored = await rings.get(new.call_id)
    assert stored is not None and stored.call == new
    assert await rings.get(new_envelope_id()) is None


async def test_a_call_that_is_begun_again_is_as_it_is_now(rings: Rings) -> None:
    stored = await rings.begin(call())
    assert await rings.replace(stored, changed(stored.call, shown=True))
    again = await rings.begin(changed(stored.call))
    assert again.call.shown and again.version != stored.version


async def test_two_people_have_one_live_call_whoever_began_it(rings: Rings) -> None:
    first = await rings.begin(call())
    other = call(BEN, ANN)
    assert (await rings.begin(other)).call == first.call
    assert await rings.get(other.call_id) is None
    assert await rings.replace(first, changed(first.call, state=State.ENDED, end=End.HANGUP))
    assert (await rings.begin(other)).call == other


async def test_two_who_begin_at_once_are_in_one_call(rings: Rings) -> None:
    for n in range(20):
        ann, ben = Party(f"ann{n}", "phone"), Party(f"ben{n}", "phone")
        outcomes = await asyncio.gather(rings.begin(call(ann, ben)), rings.begin(call(ben, ann)))
        assert outcomes[0].call.call_id == outcomes[1].call.call_id


async def test_of_two_changes_of_one_state_the_second_is_refused(rings: Rings) -> None:
    for _ in range(50):
        new = call(Party(new_envelope_id(), "phone"))
        stored = await rings.begin(new)
        takers = [changed(new, state=State.CONNECTING, taken_by=name) for name in ("phone", "laptop", "tablet")]
        done = await asyncio.gather(*(rings.replace(stored, taken) for taken in takers))
        assert sorted(done) == [False, False, True]
        now = await rings.get(new.call_id)
        assert now is not None and now.call == takers[done.index(True)]


async def test_an_account_finds_its_live_calls_on_either_side(rings: Rings) -> None:
    stored = await rings.begin(call())
    assert [found.call_id for found in await rings.of_account("ann")] == [stored.call.call_id]
    assert await rings.of_account("ben") == [stored.call]
    assert await rings.of_account("eve") == []
    await rings.replace(stored, changed(stored.call, state=State.ENDED, end=End.MISSED))
    assert await rings.of_account("ben") == []
    ended = await rings.get(stored.call.call_id)
    assert ended is not None and ended.call.end is End.MISSED


async def test_calls_are_due_when_they_say_so(rings: Rings) -> None:
    stored = await rings.begin(call(due_ms=1_000))
    assert await rings.due(999) == []
    assert await rings.due(1_000) == [stored.call.call_id]
    later = changed(stored.call, due_ms=5_000)
    assert await rings.replace(stored, later)
    assert (await rings.due(1_000), await rings.due(4_999)) == ([], [])
    assert await rings.due(5_000) == [stored.call.call_id]
    now = await rings.get(stored.call.call_id)
    assert now is not None and await rings.replace(now, changed(later, due_ms=2_000))
    assert await rings.due(2_000) == [stored.call.call_id]
    now = await rings.get(stored.call.call_id)
    assert now is not None and await rings.replace(now, changed(later, due_ms=0))
    assert await rings.due(1 << 50) == []


async def test_a_redis_that_is_away_is_a_typed_refusal_and_one_that_was_wiped_has_no_calls(redis: RedisServer) -> None:
    prefix = f"tw{new_envelope_id()}"
    patient = await open_client(redis.url, "", "", prefix, SystemClock(), "Redis is away", timeout_s=10)
    client = await open_client(redis.url, "", "", prefix, SystemClock(), "Redis is away", timeout_s=0.25)
    new = call()
    await RedisRings(patient, LIMITS).begin(new)
    await patient.close()
    redis.freeze()
    try:
        with pytest.raises(Refused) as refused:
            await RedisRings(client, LIMITS).get(new.call_id)
        assert refused.value.refusal.reason is Reason.UNAVAILABLE
    finally:
        redis.thaw()
        await client.close()
    other = await open_client(redis.url, "", "", f"tw{new_envelope_id()}", SystemClock(), "Redis is away", timeout_s=10)
    assert await RedisRings(other, LIMITS).get(new.call_id) is None
    await other.close()
