"""A node that looks up where the devices are, then appends, then tells those."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from server.__main__ import main
from server.adapters.cql.log import CqlLog
from server.domain.envelope import Entry
from server.ports.log import AppendOutcome
from server.services.relaying import Relaying
from tests.cluster_ledger import points as points
from tests.ledger.planted import plant

_nodes: list[Relaying] = []
_looked_up: dict[str, dict[str, list[str]]] = {}


class Old:
    """The routes as they were."""

    def __init__(self, conversation_ids: Iterable[str]) -> None:
        self._there = [_looked_up.get(each, {}) for each in conversation_ids]

    async def others(self, account_ids: Iterable[str]) -> dict[str, list[str]]:
        """See `Routing.others`."""
        wanted = set(account_ids)
        return {node_id: [a for a in accounts if a in wanted] for there in self._there for node_id, accounts in there.items()}


def _init(self: Relaying, *arguments: Any, **named: Any) -> None:
    init(self, *arguments, **named)
    _nodes.append(self)


async def _append(self: CqlLog, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
    (relaying,) = _nodes
    live = relaying._conversations.peek(conversation_id)
    _looked_up[conversation_id] = await relaying._routing.others(list(live.fold.members)) if live is not None else {}
    return await append(self, conversation_id, expected_head, entries)  # type: ignore[no-any-return]


async def _nudge(self: Relaying, grown: dict[str, Any]) -> None:
    before = copy.copy(self)
    before._routing = Old(grown)  # type: ignore[assignment]
    await nudge(before, grown)


init = plant(Relaying, "__init__", _init)
nudge = plant(Relaying, "_nudge", _nudge)
append = plant(CqlLog, "append", _append)

if __name__ == "__main__":
    sys.exit(main())
