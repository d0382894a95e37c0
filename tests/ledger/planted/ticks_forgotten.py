"""A device that keeps only the ticks that it was told last."""

from __future__ import annotations

import asyncio

from tidewire.domain import position
from tidewire.store import Store

from tests.ledger.device import main
from tests.ledger.planted import plant


def _ticks(self: Store, conversation_id: str, delivered: position.Ranges, read: position.Ranges) -> None:
    self.db.execute(
        "UPDATE conversations SET delivered=?, read_by=? WHERE id=?",
        (position.to_text(position.union(delivered, read)), position.to_text(read), conversation_id),
    )


plant(Store, "ticks", _ticks)

if __name__ == "__main__":
    asyncio.run(main())
