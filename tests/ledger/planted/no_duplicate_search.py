"""A node that takes every transmission for a new envelope."""

from __future__ import annotations

import sys

from server.__main__ import main
from server.domain.append import AppendRound, Ticket
from tests.ledger.planted import plant


def _twin(self: AppendRound, ticket: Ticket, key: tuple[str, str]) -> None:
    return None


plant(AppendRound, "_twin", _twin)

if __name__ == "__main__":
    sys.exit(main())
