"""How a device's stream ends."""

from __future__ import annotations

import asyncio

import pytest
from tidewire.v1 import call_pb2

from calls.adapters.following import Following
from calls.adapters.frames import Frames
from calls.adapters.group_frames import GroupFrames
from calls.adapters.memory import MemoryRings
from calls.adapters.signal_stream import SignalStreams
from calls.adapters.webhook import NoWaker
from calls.domain.messages import Ice, Move, Party, Roster
from calls.domain.turn import Relays
from calls.services.direct_calls import DirectCalls
from calls.services.notices import Notices
from tests.calls.group_world import ALL, GroupWorld, group_world
from tests.calls.scripted import until

pytestmark = pytest.mark.timeout(30)
ANN = Party("ann", "phone")


def streams_of(world: GroupWorld, tasks: asyncio.TaskGroup) -> SignalStreams:
    """As the process makes them."""
    town, clock, limits = world.town, world.clock, world.limits
    given = (MemoryRings(clock, limits), world.post, town, Notices(town, tasks), NoWaker())
    direct = DirectCalls(*given, lambda: Relays((), (), ()), b"secret", clock, limits, lambda call: None, tasks)
    frames = Frames(direct, GroupFrames(world.calls, lambda era_id, party: Ice()))
    following = Following(frames.answer, world.begun)
    return SignalStreams(frames, world.post, town, following, lambda frame: None, lambda reason: None, clock, limits)


class Line:
    """A connection that takes one frame at a time, and holds the one that is named."""

    def __init__(self, holds: str) -> None:
        self.holds = holds
        self.written: list[str] = []
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self._frames = [call_pb2.SignalRequest(ref=1, hello=call_pb2.CallHello())]
        self._writing = False

    async def read(self) -> call_pb2.SignalRequest:
        """Hello, and then nothing."""
        if not self._frames:
            await asyncio.Event().wait()
        return self._frames.pop()

    async def write(self, response: call_pb2.SignalResponse) -> None:
        """Fails when it is called while it writes, as gRPC does."""
        assert not self._writing, "two at once"
        self._writing = True
        kind = str(response.WhichOneof("event"))
        if kind == self.holds:
            self.reached.set()
            await self.go.wait()
        self.written.append(kind)
        self._writing = False


@pytest.mark.parametrize("events_waiting_max", [1_000, 2])
async def test_a_stream_that_has_to_end_says_first_what_waits(events_waiting_max: int) -> None:
    async with group_world(events_waiting_max=events_waiting_max) as world, asyncio.TaskGroup() as tasks:
        streams, line = streams_of(world, tasks), Line("move")
        serving = tasks.create_task(streams.serve("here", "ann", line.read, line.write))
        await until(lambda: line.written)
        await world.post.deliver(ANN, Move(ALL, 1))
        await line.reached.wait()
        await world.post.deliver(ANN, Roster(ALL))
        streams.drain()
        for _ in range(10):
            await asyncio.sleep(0)  # it has noticed
        line.go.set()
        await serving
        lost = [] if events_waiting_max == 2 else ["roster"]
        assert line.written == ["welcome", "move", *lost, "closing"], "a device that is slow loses what waits"


async def test_a_device_that_does_not_read_holds_up_the_end_no_longer_than_a_second() -> None:
    async with group_world() as world, asyncio.TaskGroup() as tasks:
        streams, line = streams_of(world, tasks), Line("move")
        serving = tasks.create_task(streams.serve("here", "ann", line.read, line.write))
        await until(lambda: line.written)
        await world.post.deliver(ANN, Move(ALL, 1))
        await line.reached.wait()
        streams.drain()
        async with asyncio.timeout(5):
            await serving
        assert line.written == ["welcome"]
