"""What lies between the processes: time, chance, and operations that are under way to a store.

An operation lands (its effect happens) and is answered at two moments that the scheduler chooses. A node that gave up waiting, froze
or died in between changes nothing about that: what is on the wire may still land.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.kit.refusal import Refused, unavailable
from tests.simulation.loop import Loop

EPOCH_MS = 1_000_000_000_000


@dataclass(eq=False)
class Operation:
    """One request of one process to a store."""

    who: str
    text: str
    loop: Loop
    effect: Callable[[], Any]
    future: asyncio.Future[Any]
    gave_up: Any = None
    """What the process takes for the answer when it does not want to wait any longer; None: it waits for ever."""
    durable: bool = True
    """It survives the process that asked."""
    landed: bool = False
    result: Any = None
    error: BaseException | None = None

    def land(self) -> None:
        """The effect."""
        self.landed = True
        try:
            self.result = self.effect()
        except Refused as refused:
            self.error = refused

    def answer(self) -> None:
        """The process hears."""
        if self.loop.dead or self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class World:
    """Time, chance, the wire, and the record of what happened."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.now_ms = EPOCH_MS
        self.operations: list[Operation] = []
        self.loops: list[Loop] = []
        """Of every process that ever ran."""
        self.steps = 0
        self._trace = trace
        self._numbers = 100

    def now_s(self) -> float:
        """The world's clock."""
        return self.now_ms / 1000

    def say(self, who: str, text: str) -> None:
        """A line of the schedule that a person reads."""
        if self._trace is not None:
            self._trace(f"{self.steps:5} {(self.now_ms - EPOCH_MS) / 1000:8.3f}s  {who:10} {text}")

    @property
    def tracing(self) -> bool:
        """Whether anybody reads the schedule."""
        return self._trace is not None

    def number(self) -> int:
        """The next number that nobody else has."""
        self._numbers += 1
        return self._numbers

    def process(self, blocking: Callable[[Callable[[], Any]], asyncio.Future[Any]]) -> Loop:
        """The loop of a new process."""
        loop = Loop(self.now_s, blocking)
        self.loops.append(loop)
        return loop

    # -- operations ----------------------------------------------------------------------------------------------------

    def ask(
        self, who: str, loop: Loop, text: str, effect: Callable[[], Any], *, gave_up: Any = None, durable: bool = True
    ) -> asyncio.Future[Any]:
        """Send an operation to a store. The future is its answer."""
        operation = Operation(who, text, loop, effect, loop.create_future(), gave_up, durable)
        if not loop.dead:
            self.operations.append(operation)
        return operation.future

    def advance(self, operation: Operation) -> None:
        """Let an operation land, or be answered; often both at once."""
        if not operation.landed:
            self.say(operation.who, f"lands: {operation.text}")
            operation.land()
            if self.chance.random() < 0.3:
                return
        self.operations.remove(operation)
        operation.answer()

    def give_up(self, operation: Operation) -> None:
        """The process waits no longer. A write without an outcome is unknown; anything else is a store that is away."""
        operation_answer = operation.gave_up
        self.say(operation.who, f"gives up waiting: {operation.text}")
        if operation.landed or self.chance.random() < 0.3:  # lost on the way, or only its answer
            self.operations.remove(operation)
        if operation.loop.dead or operation.future.done():
            return
        if operation_answer is not None:
            operation.future.set_result(operation_answer)
        else:
            operation.future.set_exception(Refused(unavailable("the store does not answer", 200)))

    def died(self, loop: Loop) -> None:
        """A process died. What it had sent to a store that is not its own may still land."""
        self.operations = [one for one in self.operations if one.loop is not loop or one.durable and not one.landed]


class WorldClock:
    """The port `Clock` of a node."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now_ms(self) -> int:
        """See `Clock.now_ms`."""
        return self._world.now_ms

    def monotonic_ms(self) -> int:
        """See `Clock.monotonic_ms`."""
        return self._world.now_ms
