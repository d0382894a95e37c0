"""The product with one bug each, started as `python -m tests.ledger.planted.<bug>`: the judge must find every one of them."""

from __future__ import annotations

from typing import Any


def plant(owner: type, name: str, bug: Any) -> Any:
    """Put a bug in the place of a method. Returns what was there.

    Raises:
        AttributeError: there is no such method any more: the bug has to be planted elsewhere.
    """
    healthy = getattr(owner, name)
    setattr(owner, name, bug)
    return healthy
