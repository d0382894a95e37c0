"""What devices are told of calls through the node: nobody waits for it, whatever becomes of the node."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from calls.domain.messages import Outcome
from calls.ports.signalling import Directory
from calls.services.beside import Beside

AT_ONCE_MAX = 64
"""Accounts whose devices are told at once."""
WAITING_MAX = 10_000
"""Notices that wait for a node that answers slowly; further ones are dropped."""
log = logging.getLogger(__name__)
Notice = Callable[[], Coroutine[Any, Any, None]]


class Notices:
    """Best effort; for one account in order, so that no ring outlives its end."""

    def __init__(self, directory: Directory, tasks: asyncio.TaskGroup) -> None:
        self._directory = directory
        self._beside = Beside(tasks, AT_ONCE_MAX)
        self._waiting: dict[str, deque[Notice]] = {}
        self._told: set[str] = set()
        """Accounts whose devices are being told."""
        self._count = 0

    def ring(
        self,
        account_id: str,
        call_id: str,
        conversation_id: str,
        caller_account_id: str,
        video: bool,
        until_ms: int,
    ) -> None:
        """A call rings on all devices of the account. See `Directory.ring`."""
        asked = (account_id, call_id, conversation_id, caller_account_id, video, until_ms)
        self._put(account_id, partial(self._directory.ring, *asked))

    def stop_ringing(self, account_id: str, call_id: str, outcome: Outcome | None, except_device_id: str) -> None:
        """It does not ring any more. See `Directory.stop_ringing`."""
        self._put(account_id, partial(self._directory.stop_ringing, account_id, call_id, outcome, except_device_id))

    def close(self) -> None:
        """Tell nobody any more."""
        self._waiting.clear()
        self._beside.close()

    def _put(self, account_id: str, notice: Notice) -> None:
        if self._count >= WAITING_MAX:
            log.warning("devices are not told of a call: too many wait for the node", extra={"waiting_max": WAITING_MAX})
            return
        self._count += 1
        self._waiting.setdefault(account_id, deque()).append(notice)
        self._begin()

    def _begin(self) -> None:
        for account_id in list(self._waiting):
            if not self._beside.room:
                return
            if account_id not in self._told:
                self._told.add(account_id)
                self._beside.begin(self._tell(account_id), "notices of calls").add_done_callback(lambda _: self._begin())

    async def _tell(self, account_id: str) -> None:
        try:
            while notices := self._waiting.get(account_id):
                self._count -= 1
                await notices.popleft()()
        finally:
            self._told.discard(account_id)
            if not self._waiting.get(account_id):
                self._waiting.pop(account_id, None)
