"""A node that takes an append without an outcome for one that has not landed, and refuses it for good."""

from __future__ import annotations

import sys

from server.__main__ import main
from server.domain.append import AppendCommand, AppendRound
from server.domain.groups import NOT_A_MEMBER
from tests.cluster_ledger import points as points
from tests.ledger.planted import plant


def _unknown(self: AppendRound) -> list[AppendCommand]:
    return self.failed(NOT_A_MEMBER)


plant(AppendRound, "unknown", _unknown)

if __name__ == "__main__":
    sys.exit(main())
