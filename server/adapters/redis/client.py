"""One client for all ports: short timeouts, no retries, a circuit breaker, and one kind of error.

redis-py by itself waits five seconds and tries ten times, and sends again what may have been done: a hung Redis would hold up
every stream for a minute, and count twice. Here a call has a quarter of a second in all, and one try.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import AuthenticationError, NoScriptError, RedisError

from server.adapters.redis.scripts import Command, in_full
from server.domain.breaker import Breaker, Pass
from server.domain.refusal import Refused, unavailable
from server.ports.world import Clock

log = logging.getLogger(__name__)

BATCH_MAX = 250
"""Commands that go out together and have one timeout."""


@dataclass(slots=True)
class Counters:
    """What became of the calls so far."""

    calls: int = 0
    failures: int = 0
    """Timeouts, lost connections, errors."""
    refused: int = 0
    """Not even tried, since Redis had been away."""


class Client:
    """A connection pool with a breaker. Every error is `Refused` with UNAVAILABLE."""

    def __init__(self, redis: Redis | RedisCluster, prefix: str, clock: Clock, timeout_s: float, breaker: Breaker) -> None:
        self.counters = Counters()
        self.redis = redis
        self._prefix = prefix
        self._clock = clock
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._away = False

    @property
    def degraded(self) -> bool:
        """Redis is away, as far as is known."""
        return self._breaker.is_open

    def key(self, tag: str, name: str) -> str:
        """A key; those of one tag lie in one slot of a cluster."""
        return f"{self._prefix}:{{{tag}}}:{name}"

    async def run(self, command: Command) -> Any:
        """One command's answer."""
        return (await self.run_all([command]))[0]

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """The answers of commands that are independent of one another, in their order."""
        answers: list[Any] = []
        for start in range(0, len(commands), BATCH_MAX):
            answers += await self._guarded(commands[start : start + BATCH_MAX])
        return answers

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()

    async def _guarded(self, commands: Sequence[Command]) -> list[Any]:
        passed = self._breaker.ask(self._clock.monotonic_ms())
        if passed is None:
            self.counters.refused += 1
            raise Refused(unavailable("Redis has been away", self._breaker.retry_after_ms(self._clock.monotonic_ms())))
        self.counters.calls += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self._answers(commands)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(passed, error)
            raise Refused(unavailable(sentence(error))) from error
        except BaseException:
            self._breaker.abandoned(passed)
            raise
        if self._breaker.succeeded(passed) or self._away:
            self._away = False
            log.info("Redis is back")
        return answers

    def _failed(self, passed: Pass, error: Exception) -> None:
        self.counters.failures += 1
        if self._breaker.failed(passed, self._clock.monotonic_ms()):
            self.say_away(sentence(error))

    def say_away(self, why: str) -> None:
        """Say so in the log, once until it is back."""
        if not self._away:
            self._away = True
            log.warning(
                "Redis is away: messages flow, presence and shared rates are this node's own until it is back",
                extra={"error": why},
            )

    async def _answers(self, commands: Sequence[Command]) -> list[Any]:
        answers = await self._sent(commands)
        forgotten = [n for n, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if forgotten:  # a Redis that was started anew; what it refused so was not run
            again = await self._sent([in_full(commands[n]) for n in forgotten])
            for n, answer in zip(forgotten, again, strict=True):
                answers[n] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _sent(self, commands: Sequence[Command]) -> list[Any]:
        pipeline: Any = self.redis.pipeline() if isinstance(self.redis, RedisCluster) else self.redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers


def sentence(error: Exception) -> str:
    """What is wrong, for the operator."""
    text = str(error)
    if isinstance(error, AuthenticationError) or text.startswith(("WRONGPASS", "NOAUTH", "invalid username-password")):
        return "Redis refused the password: set redis_password to the one that it has"
    if isinstance(error, TimeoutError):
        return "Redis did not answer in time"
    return f"Redis cannot be used now: {text or type(error).__name__}"
