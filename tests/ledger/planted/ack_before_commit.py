"""A node that says *sent* before the commit: what is committed a minute later is lost when it is killed in between."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from server.__main__ import main
from server.adapters.sqlite.log import SqliteLog
from server.domain.envelope import Entry
from server.ports.log import Appended, AppendOutcome
from tests.ledger.planted import plant

DELAY_S = 60.0
_later: set[asyncio.Task[None]] = set()


async def _append(self: SqliteLog, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
    async def commit() -> None:
        await asyncio.sleep(DELAY_S)
        await append(self, conversation_id, expected_head, entries)

    task = asyncio.ensure_future(commit())
    _later.add(task)
    task.add_done_callback(_later.discard)
    return Appended(expected_head + 1)


append = plant(SqliteLog, "append", _append)

if __name__ == "__main__":
    sys.exit(main())
