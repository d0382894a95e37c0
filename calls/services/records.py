"""Records of group calls, as the node appends them: nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from calls.domain.life import Life
from calls.ports.signalling import Directory
from calls.services.beside import Beside
from server.kit.refusal import Reason, Refused

log = logging.getLogger(__name__)

AT_ONCE_MAX = 128
TRIES = 20
RETRY_S = 3.0


class Records:
    """Those of lives that are over. Each has one record, however often it is written: it is known by the life's id."""

    def __init__(self, directory: Directory, tasks: asyncio.TaskGroup) -> None:
        self._directory = directory
        # Without a maximum: a call that was has a record, and is tried for a minute at most.
        self._beside = Beside(tasks, AT_ONCE_MAX)
        self._waiting: dict[str, Life] = {}
        self._closing = asyncio.Event()

    @property
    def waiting(self) -> list[Life]:
        """Those that are being written."""
        return list(self._waiting.values())

    def begin(self, life: Life) -> None:
        """Have it written, and tried again while the node is away."""
        if life.era_id not in self._waiting:
            self._waiting[life.era_id] = life
            self._beside.begin(self._written(life), "record of a call")

    async def write(self, life: Life) -> bool:
        """Write it. False: the node is away. True: it is written, or can never be, which is logged."""
        told = (life.starter_id, life.conversation_id, life.era_id, life.video, life.outcome, life.talked_ms)
        try:
            await self._directory.record(*told)
        except Refused as refused:
            if refused.refusal.reason is Reason.UNAVAILABLE:
                return False
            log.warning("a group call has no record", extra={"era": life.era_id, "why": refused.refusal.sentence()})
        return True

    def close(self) -> None:
        """The process stops: what is tried again is tried once more, at once."""
        self._closing.set()

    async def _written(self, life: Life) -> None:
        try:
            for _ in range(TRIES):
                if await self.write(life):
                    return
                if self._closing.is_set():
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), RETRY_S)
            log.warning("a group call has no record: the node is away", extra={"era": life.era_id})
        finally:
            del self._waiting[life.era_id]
