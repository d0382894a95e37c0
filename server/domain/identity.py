"""Who speaks: the account and the device behind an access token."""

from __future__ import annotations

from typing import NamedTuple


class Identity(NamedTuple):
    """A device that has proved who it is."""

    account_id: str
    device_id: str
