"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--cuts N`, `--seed N`: how many connections the ledger cuts, and from what its plan follows."""
    parser.addoption("--cuts", type=int, default=200, help="connections that the ledger cuts")
    parser.addoption("--seed", type=int, default=1, help="of the ledger's plan")
