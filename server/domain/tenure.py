"""A node's place in its cluster: when to register again, and when to compare with the logs. Pure: events in, commands out.

Rules that live here and nowhere else (log-attacks A6, DESIGN §4 "A lost nudge loses nothing"):
- A lease that had lapsed, a store that was wiped or replaced, or a pause of this process longer than the lease: others may have
  skipped this node, or cannot find its devices any more. All routes are registered again, then every stream is compared.
- Another node's lease lapsed, or a link was made anew: nudges may be lost. Everything is compared, spread over half a minute.
- While the store is away the nodes that were last known count as alive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Register:
    """Register every route again, then compare every stream with the log."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare every stream with the log, spread."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The other nodes are these now."""

    node_ids: frozenset[str]


Command = Register | Compare | Nodes


class Tenure:
    """One node's."""

    def __init__(self, node_id: str, lease_ms: int, now_ms: int) -> None:
        self._node_id = node_id
        self._lease_ms = lease_ms
        self._renewed_ms = now_ms
        self._epoch: str | None = None
        self._nodes: frozenset[str] = frozenset()

    def renewed(self, held: bool, epoch: str, now_ms: int) -> list[Command]:
        """The lease was renewed, at a moment of the monotonic clock."""
        first = self._epoch is None
        late = now_ms - self._renewed_ms > self._lease_ms
        again = not first and (not held or late or epoch != self._epoch)
        self._epoch, self._renewed_ms = epoch, now_ms
        return [Register()] if again else []

    def seen(self, node_ids: Iterable[str]) -> list[Command]:
        """The nodes whose leases are live."""
        nodes = frozenset(node_ids) - {self._node_id}
        gone = self._nodes - nodes
        if nodes == self._nodes:
            return []
        self._nodes = nodes
        return [Nodes(nodes), *([Compare()] if gone else [])]

    def linked(self, first: bool) -> list[Command]:
        """A link to another node was made, for the first time or anew."""
        return [] if first else [Compare()]
