"""A node as it is, with named points that a scenario can stop it at: `python -m tests.cluster_ledger.points`.

They are files in its data folder. While `hold` is there, the node stands still before each append of its log, and says so by `held`.
`unknown` is there once an append had no outcome.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from server.__main__ import main
from server.adapters.cql.log import CqlLog
from server.domain.envelope import Entry
from server.ports.log import AppendOutcome, Unknown
from tests.ledger.planted import plant

POLL_S = 0.02


def folder() -> Path:
    """The data folder of this process's node."""
    path = Path(next(each.partition("=")[2] for each in sys.argv if each.startswith("data_dir=")))
    path.mkdir(parents=True, exist_ok=True)
    return path


async def _append(self: CqlLog, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
    while (folder() / "hold").exists():
        (folder() / "held").touch()
        await asyncio.sleep(POLL_S)
    outcome = await append(self, conversation_id, expected_head, entries)
    if isinstance(outcome, Unknown):
        (folder() / "unknown").touch()
    return outcome  # type: ignore[no-any-return]


append = plant(CqlLog, "append", _append)

if __name__ == "__main__":
    sys.exit(main())
