"""In which order the database's nodes are asked.

The driver notices after four seconds that a node stands still, since its connections stay. Until then every third request would wait
half a second for a second try, and a conditional one, which is sent once, until it is over. What one request has found out, the next
ones need not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from cassandra.policies import WrapperPolicy

SILENT_S = 2.0
"""How long a node that left a request without an answer is asked last. By then it has answered, is asked once more, or the driver has
noticed."""


class AnsweringFirst(WrapperPolicy):  # type: ignore[misc]
    """The order of another policy, but for nodes that have just left a request without an answer: they are asked when no other can be.

    Used by the driver's threads, too: each entry is replaced as a whole.
    """

    def __init__(self, child: Any) -> None:
        """`child`: says in which order."""
        super().__init__(child)
        self._silent: dict[Any, float] = {}
        """Host → until when, by `time.monotonic`."""

    def over(self, asked: Sequence[Any], answered: Any) -> None:
        """A request is over that was sent to some nodes, of which one has answered; None: none has."""
        until = time.monotonic() + SILENT_S
        for host in list(asked):
            if host != answered:
                self._silent[host] = until
        self._silent.pop(answered, None)

    def silent(self) -> list[Any]:
        """The nodes that are asked last now."""
        now = time.monotonic()
        return [host for host, until in self._silent.copy().items() if until > now]

    def make_query_plan(self, working_keyspace: Any = None, query: Any = None) -> Iterator[Any]:
        """See `LoadBalancingPolicy`."""
        now, last = time.monotonic(), []
        for host in self._child_policy.make_query_plan(working_keyspace, query):
            if self._silent.get(host, 0.0) > now:
                last.append(host)
            else:
                yield host
        yield from last
