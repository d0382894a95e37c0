"""What any call is to an app: a state that can be waited for, and events that can be followed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tidewire.v1 import call_pb2

if TYPE_CHECKING:
    from tidewire.calls.peer import Peer


log = logging.getLogger("tidewire")


class CallState(StrEnum):
    """Where a call is."""

    RINGING = "ringing"
    WAITING = "waiting"
    """To be let in."""
    CONNECTING = "connecting"
    ACTIVE = "active"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The call is in another state."""

    state: CallState


def ended_by(number: int) -> str:
    """The name of a `CallEnd`, in lower case; of one of a later release: "over"."""
    try:
        return call_pb2.CallEnd.Name(number).removeprefix("CALL_END_").lower()  # type: ignore[arg-type]
    except ValueError:
        return "over"


def runs(task: asyncio.Task[None] | None) -> bool:
    """There is one, and it has not ended."""
    return task is not None and not task.done()


def cancel(task: asyncio.Task[None] | None) -> None:
    """End it, unless it is who asks."""
    if task is not None and task is not asyncio.current_task():
        task.cancel()


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # a task of the client's group: an exception would end the client, and all its calls
        log.exception("something of a call went wrong")


E = TypeVar("E")


class Followed(Generic[E]):
    """A call. `E`: its events beside `StateChanged`."""

    def __init__(self, tasks: asyncio.TaskGroup, state: CallState) -> None:
        self.state = state
        self.reason = ""
        """Once it has ended: why, by the names of `CallEnd`, in lower case."""
        self._tasks = tasks
        self._listeners: list[asyncio.Queue[E | StateChanged | None]] = []
        self._changed = asyncio.Condition()

    async def events(self) -> AsyncIterator[E | StateChanged]:
        """What happens from the first `anext` on, until the call has ended, or this side is out."""
        queue: asyncio.Queue[E | StateChanged | None] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            if self.state is CallState.ENDED:
                return
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.remove(queue)

    async def becomes(self, *states: CallState) -> CallState:
        """Wait until it is in one of these states, or has ended; the state."""
        await self._until(lambda: self.state in (*states, CallState.ENDED))
        return self.state

    def _beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside. Whatever goes wrong with it ends nothing else."""
        return self._tasks.create_task(_guarded(work), name="tidewire call")

    @property
    def _over(self) -> bool:
        return self.state is CallState.ENDED

    def _become(self, state: CallState) -> None:
        self.state = state
        self._say(StateChanged(state))
        if state is CallState.ENDED:
            for queue in self._listeners:
                queue.put_nowait(None)
        self._beside(self._notify())

    def _say(self, event: E | StateChanged) -> None:
        for queue in self._listeners:
            queue.put_nowait(event)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, true: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(true)

    async def _close(self, *peers: Peer | None) -> None:
        """End connections, whatever becomes of who ended the call: a decoder is a thread."""
        for peer in peers:
            if peer is not None:
                await asyncio.shield(self._beside(peer.close()))
