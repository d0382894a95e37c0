"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--cuts N`: how many connections the ledger cuts."""
    parser.addoption("--cuts", type=int, default=200, help="connections that the ledger cuts")
