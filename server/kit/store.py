"""What all stores have in common."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used; the message is one sentence for the operator."""


class StoreAway(StoreError):
    """The store is not there yet, or does not answer in time: it may if one waits."""
