"""A call that ends while somebody waits to change it."""

from __future__ import annotations

import asyncio

import pytest

from calls.domain.group_call import GroupCall
from calls.services.live_call import LiveCall, LiveCalls
from server.kit.refusal import Refused

ROOM = "g:all"


def begun(era_id: str) -> LiveCall:
    return LiveCall(GroupCall(conversation_id=ROOM, era_id=era_id, starter_id="ann", began_ms=1))


async def era_of_next(calls: LiveCalls, first: str = "") -> str:
    """The era of the call that one is given who waits now; `first`: of the one that it begins otherwise."""
    async with calls.held(ROOM, (lambda: begun(first)) if first else None) as live:
        return live.call.era_id


async def test_who_waits_for_a_call_that_ends_gets_the_one_after_it() -> None:
    calls = LiveCalls()
    async with calls.held(ROOM, lambda: begun("first")) as first:
        waiting = asyncio.ensure_future(era_of_next(calls, "unused"))
        late = asyncio.ensure_future(era_of_next(calls))
        await asyncio.sleep(0)  # both wait
        calls.end(first)
        async with calls.held(ROOM, lambda: begun("second")):
            calls.end(first)  # once more: it is another one now
            assert [live.call.era_id for live in calls.all()] == ["second"]
    assert await asyncio.gather(waiting, late) == ["second", "second"]


async def test_who_waits_for_a_call_that_ends_begins_one_or_is_told_that_there_is_none() -> None:
    calls = LiveCalls()
    async with calls.held(ROOM, lambda: begun("first")) as first:
        late = asyncio.ensure_future(era_of_next(calls))
        await asyncio.sleep(0)
        calls.end(first)
    with pytest.raises(Refused, match="no call"):
        await late
    assert await era_of_next(calls, "second") == "second"
    async with calls.still(first) as there:
        assert not there
