"""Work that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn

from server.kit.refusal import Refused

log = logging.getLogger(__name__)


async def again_and_again(step: Callable[[], Awaitable[None]], every_s: float, wrong: str) -> NoReturn:
    """Do something for ever. What is refused is tried again in silence, and what goes wrong is logged as `wrong`."""
    while True:
        try:
            await step()
        except Refused:
            pass  # what it needs is away, which is said elsewhere
        except Exception:  # a task of the process's group: an exception would end the process, and all its calls
            log.exception(wrong)
        await asyncio.sleep(every_s)


class Beside:
    """So many pieces of work at once. What goes wrong with one is logged, and ends nothing else."""

    def __init__(self, tasks: asyncio.TaskGroup, at_once_max: int) -> None:
        self._tasks = tasks
        self._at_once_max = at_once_max
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def room(self) -> int:
        """How many pieces more may begin."""
        return self._at_once_max - len(self._under_way)

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Callers ask for `room` before. Whoever wants it to end before its time cancels the task."""
        task = self._tasks.create_task(_guarded(work), name=name)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def finish(self) -> None:
        """Wait until all of it is done."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def close(self) -> None:
        """End all of it."""
        for task in self._under_way:
            task.cancel()


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # a task of the process's group: an exception would end the process, and all its calls
        log.exception("something beside a call went wrong")
