"""A device whose position jumps over what has not come yet."""

from __future__ import annotations

import asyncio

from tidewire.domain.position import Position

from tests.ledger.device import main
from tests.ledger.planted import plant


def _took(self: Position, seq: int) -> bool:
    new = seq > self.seq
    self.seq = max(self.seq, seq)
    self.head = max(self.head, seq)
    return new


plant(Position, "took", _took)

if __name__ == "__main__":
    asyncio.run(main())
