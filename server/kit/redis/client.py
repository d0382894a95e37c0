"""One client for all ports: short timeouts, no retries, a circuit breaker, and one kind of error.

redis-py by itself waits five seconds and tries ten times, and sends again what may have been done: a hung Redis would hold up
every stream for a minute, and count twice. Here a call has a quarter of a second in all, and one try.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import AuthenticationError, NoScriptError, RedisClusterException, RedisError

from server.kit.breaker import Breaker, Pass
from server.kit.redis.scripts import Command, in_full
from server.kit.refusal import Refused, unavailable
from server.kit.world import Clock

log = logging.getLogger(__name__)

FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)
"""Everything that redis-py raises when it cannot do what it was asked to."""
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
    """A connection pool with a breaker for each primary. Every error is `Refused` with UNAVAILABLE."""

    def __init__(
        self,
        redis: Redis | RedisCluster,
        prefix: str,
        clock: Clock,
        timeout_s: float,
        new_breaker: Callable[[], Breaker],
        away: str,
    ) -> None:
        """`away`: what the log says when Redis is."""
        self.counters = Counters()
        self.redis = redis
        self._prefix = prefix
        self._clock = clock
        self._timeout_s = timeout_s
        self._breakers: defaultdict[str, Breaker] = defaultdict(new_breaker)
        self._away = False
        self._away_sentence = away

    @property
    def degraded(self) -> bool:
        """Redis, or a primary of a Redis Cluster, is away, as far as is known."""
        return any(breaker.is_open for breaker in self._breakers.values())

    def key(self, tag: str, name: str) -> str:
        """A key; those of one tag lie in one slot of a cluster."""
        return f"{self._prefix}:{{{tag}}}:{name}"

    async def run(self, command: Command) -> Any:
        """One command's answer."""
        return (await self.run_all([command]))[0]

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """The answers of commands that are independent of one another, in their order."""
        shards: dict[str, list[int]] = {}
        for n, command in enumerate(commands):
            shards.setdefault(self._shard(command), []).append(n)
        answers: list[Any] = [None] * len(commands)
        for shard, numbers in shards.items():
            for start in range(0, len(numbers), BATCH_MAX):
                some = numbers[start : start + BATCH_MAX]
                for n, answer in zip(some, await self._guarded(shard, [commands[n] for n in some]), strict=True):
                    answers[n] = answer
        return answers

    def _shard(self, command: Command) -> str:
        """The primary that has the command's key; "" where there is one Redis, or where it is not known yet."""
        if not isinstance(self.redis, RedisCluster):
            return ""
        key = command[3] if command[0] == "EVALSHA" else command[1]
        try:
            node = self.redis.get_node_from_key(str(key))
        except RedisClusterException:
            return ""
        return "" if node is None else str(node.name)

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()

    async def _guarded(self, shard: str, commands: Sequence[Command]) -> list[Any]:
        breaker = self._breakers[shard]
        passed = breaker.ask(self._clock.monotonic_ms())
        if passed is None:
            self.counters.refused += 1
            raise Refused(unavailable("Redis has been away", breaker.retry_after_ms(self._clock.monotonic_ms())))
        self.counters.calls += 1
        cancelled = _cancelled()
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self._answers(commands)
            if _cancelled() > cancelled:
                raise asyncio.CancelledError  # redis-py's `asyncio.wait_for` has taken it for its own (Python 3.11)
        except FAILURES as error:
            self._failed(breaker, passed, error)
            if _cancelled() > cancelled:
                raise asyncio.CancelledError from error
            raise Refused(unavailable(sentence(error))) from error
        except BaseException:
            breaker.abandoned(passed)
            raise
        if breaker.succeeded(passed) or (self._away and not self.degraded):
            self._away = False
            log.info("Redis is back")
        return answers

    def _failed(self, breaker: Breaker, passed: Pass, error: Exception) -> None:
        self.counters.failures += 1
        if breaker.failed(passed, self._clock.monotonic_ms()):
            self.say_away(sentence(error))

    def say_away(self, why: str) -> None:
        """Say so in the log, once until it is back."""
        if not self._away:
            self._away = True
            log.warning(
                self._away_sentence,
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


def _cancelled() -> int:
    """How often somebody has asked this task to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def sentence(error: Exception) -> str:
    """What is wrong, for the operator."""
    text = str(error)
    if isinstance(error, AuthenticationError) or text.startswith(("WRONGPASS", "NOAUTH", "invalid username-password")):
        return "Redis refused the password: set redis_password to the one that it has"
    if isinstance(error, TimeoutError):
        return "Redis did not answer in time"
    return f"Redis cannot be used now: {text or type(error).__name__}"
