"""What the worker asks of the routing node, and tells it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from media.domain.upload import Upload


@dataclass(frozen=True, slots=True)
class Device:
    """Who speaks."""

    account_id: str
    device_id: str


class Identities(Protocol):
    """Whose a token is."""

    async def identify(self, token: str) -> Device:
        """The device that got this access token from the node; `member_cache_ms` stale at the most.

        Raises:
            Refused: UNAUTHENTICATED, ACCOUNT_SUSPENDED, or UNAVAILABLE.
        """
        ...


class Memberships(Protocol):
    """Who is in a conversation."""

    async def of(self, account_id: str, conversation_ids: Collection[str]) -> set[str]:
        """Those of the conversations that the account is in; `member_cache_ms` stale at the most.

        Raises:
            Refused: UNAVAILABLE.
        """
        ...

    async def members(self, conversation_id: str) -> Sequence[str]:
        """The members now.

        Raises:
            Refused: UNAVAILABLE.
        """
        ...


class Avatars(Protocol):
    """Which pictures profiles have."""

    async def current(self, places: Sequence[str]) -> dict[str, str]:
        """Of the groups, and "p:" with an account's id, that have a picture now: its blob.

        Raises:
            Refused: UNAVAILABLE.
        """
        ...


class Notices(Protocol):
    """What devices are told, best effort; never raises."""

    async def ready(self, upload: Upload) -> None:
        """To the other devices of the account: a blob can be sent and downloaded."""
        ...

    async def rejected(self, upload: Upload) -> None:
        """To the other devices of the account: an upload was refused."""
        ...

    async def viewed(self, blob_id: str, conversation_id: str, viewer: Device, owner_id: str) -> None:
        """To the owner, and to the other devices of the viewer: a view-once blob was opened."""
        ...
