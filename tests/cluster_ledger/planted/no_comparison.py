"""A node that registers its routes again after a fault, and does not compare its streams with the log."""

from __future__ import annotations

import sys

from server.__main__ import main
from server.services.chat import Chat
from tests.cluster_ledger import points as points
from tests.ledger.planted import plant


async def _compare_all(self: Chat, spread_ms: int) -> None:
    return


plant(Chat, "compare_all", _compare_all)

if __name__ == "__main__":
    sys.exit(main())
