"""An event loop of one process in the simulation: it runs only when the scheduler says so, and its clock is the world's.

Nodes and devices have one each, so that one of them can freeze (its loop is not run), or die (its loop is thrown away), while the
others go on. Within a loop everything runs in the order in which it became ready, as in a real one.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


class Loop(asyncio.AbstractEventLoop):
    """As much of an event loop as services and SDK use."""

    def __init__(self, now_s: Callable[[], float], blocking: Callable[[Callable[[], Any]], asyncio.Future[Any]]) -> None:
        """`blocking` does what would run in a thread, some time, and settles the future."""
        self._now_s = now_s
        self._blocking = blocking
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._number = 0
        self.dead = False
        self.tasks: list[asyncio.Task[Any]] = []
        self.crashed: list[str] = []
        """What ended a task that nobody waits for: a bug, which would have ended the process."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """This loop is the running one."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    # -- what the scheduler does ---------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until nothing is ready."""
        if self.dead:
            return
        now_s = self._now_s()
        timers = self._timers
        while timers and timers[0][0] <= now_s:
            handle = heapq.heappop(timers)[2]
            if not handle.cancelled():
                self._ready.append(handle)
        if not self._ready:
            return
        with self.running():
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()

    def is_due(self) -> bool:
        """Whether `run` would do anything."""
        return bool(self._ready) or bool(self._timers) and self._timers[0][0] <= self._now_s()

    def next_timer_s(self) -> float | None:
        """When the next timer is due."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def die(self) -> None:
        """The process is gone. Its coroutines are kept, so that they never run their `finally` while the schedule goes on."""
        self.dead = True
        self._ready.clear()
        self._timers.clear()

    def bury(self) -> None:
        """The schedule is over: let whatever still waits end in order, with nobody looking."""
        self.dead = False
        for _ in range(3):
            for task in self.tasks:
                if not task.done():
                    task.cancel()
            self._timers.clear()
            self.run()
        self.dead = True

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Begin a task from outside; whatever it raises ends the process."""
        return Tasks(self).create_task(work, name=name)

    # -- what services use ---------------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._now_s()

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self.dead:
            self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        return self.call_at(self._now_s() + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        if not self.dead:
            heapq.heappush(self._timers, (when, self._number, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # a dead process leaves them pending
        self.tasks.append(task)
        if len(self.tasks) > 512:
            self.tasks = [task for task in self.tasks if not task.done()]
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        return self._blocking(lambda: func(*args))

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self.dead

    def is_closed(self) -> bool:
        return self.dead

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not self.dead:
            self.crashed.append(f"{context.get('message')}: {error!r}")


class Tasks:
    """What services take for a TaskGroup: whatever a task raises would have ended the process."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str = "") -> asyncio.Task[Any]:
        task = self._loop.create_task(coro, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            import traceback

            where = traceback.extract_tb(error.__traceback__)[-1]
            self._loop.crashed.append(f"{task.get_name()}: {error!r} at {where.filename.rpartition('/')[2]}:{where.lineno}")
