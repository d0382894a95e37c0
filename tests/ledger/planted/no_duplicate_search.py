"""A node that takes every transmission for a new envelope."""

from __future__ import annotations

import sys

from server.__main__ import main
from server.domain.append import AppendRound
from tests.ledger.planted import plant


def _find(self: AppendRound, key: tuple[str, str], known_seq: int) -> None:
    return None


plant(AppendRound, "_find", _find)

if __name__ == "__main__":
    sys.exit(main())
