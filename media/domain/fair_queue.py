"""What waits for the worker, fair between accounts: each in turn gives one. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First come, first served within an account; the accounts take turns."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, account_id: str, item: T) -> None:
        """Append to the account's own."""
        self._queues.setdefault(account_id, deque()).append(item)
        self._count += 1

    def take(self) -> T | None:
        """The first of the account whose turn it is; None: nothing waits."""
        if not self._queues:
            return None
        account_id, queue = self._queues.popitem(last=False)
        item = queue.popleft()
        self._count -= 1
        if queue:
            self._queues[account_id] = queue
        return item

    def waiting(self, account_id: str) -> int:
        """How many of an account wait."""
        return len(self._queues.get(account_id, ()))
