"""A node that tells *delivered* as soon as an envelope is in the log."""

from __future__ import annotations

import sys

from server.__main__ import main
from server.domain import ranges
from server.domain.fold import Fold
from server.domain.ranges import Ranges
from server.domain.receipts import ReceiptBook
from tests.ledger.planted import plant


def _ticks(self: ReceiptBook, fold: Fold, author_id: str, *, read: bool) -> Ranges:
    return ranges.NONE if read else ranges.up_to(fold.seq)


plant(ReceiptBook, "ticks", _ticks)

if __name__ == "__main__":
    sys.exit(main())
