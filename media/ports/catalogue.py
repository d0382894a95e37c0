"""What is known of uploads, blobs and who holds them. Every method may raise `Refused` with UNAVAILABLE; every write is durable on return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from media.domain.blob import Blob, Claim
from media.domain.upload import Upload, Usage
from media.domain.wish import Wish


class Uploads(Protocol):
    """Uploads, by id."""

    async def add(self, upload: Upload) -> Upload:
        """Store a new one, unless the account has one with this key: then that one. Atomic."""
        ...

    async def get(self, upload_id: str) -> Upload | None:
        """One of them."""
        ...

    async def by_key(self, account_id: str, upload_key: str) -> Upload | None:
        """The one that the account announced with this key."""
        ...

    async def save(self, upload: Upload) -> bool:
        """Store what it has become. False, and nothing stored, when it is done already. Atomic."""
        ...

    async def unfinished(self) -> Sequence[Upload]:
        """All that are not done, oldest first."""
        ...

    async def usage(self, account_id: str) -> Usage:
        """What an account has, blobs included."""
        ...

    async def forget(self, before_ms: int) -> int:
        """Remove those that were done and untouched since `before_ms`; how many."""
        ...


class Objects(Protocol):
    """Names in the object store, written down before anything is stored under them, so that a crash leaves nothing unknown."""

    async def intend(self, names: Sequence[str], now_ms: int) -> None:
        """These names are about to be stored."""
        ...

    async def orphans(self, before_ms: int, count: int) -> Sequence[str]:
        """Names that were intended before, and belong to no blob."""
        ...

    async def removed(self, names: Sequence[str]) -> None:
        """Nothing is stored under these names any more."""
        ...

    async def known(self, names: Sequence[str]) -> set[str]:
        """Those that are intended, or belong to a blob."""
        ...

    async def keys(self, other_than: str, count: int) -> Sequence[tuple[str, bytes, str]]:
        """(name, wrapped key, key id) of objects whose key was wrapped by another key than this."""
        ...

    async def rewrap(self, keys: Sequence[tuple[str, bytes, str]]) -> None:
        """Store wrapped keys anew."""
        ...


class Blobs(Protocol):
    """Blobs, by id."""

    async def finish(self, upload: Upload, blob: Blob) -> bool:
        """Store the blob, its objects' names being intended before, and that its upload is READY. False, and nothing stored, when the
        upload is done already. Atomic."""
        ...

    async def get(self, blob_id: str) -> Blob | None:
        """One of them."""
        ...

    async def same(self, account_id: str, wish: Wish, sha256: bytes) -> Blob | None:
        """The account's blob that was made of these bytes by the same wish."""
        ...

    async def unheld(self, before_ms: int, count: int) -> Sequence[Blob]:
        """Blobs without a claim since `before_ms`."""
        ...

    async def remove(self, blob_id: str, now_ms: int) -> bool:
        """Remove a blob that has no claim, and its upload, so that the same announcement begins anew; leave the names of its objects as
        orphans. False: it has a claim. Atomic."""
        ...

    async def of_account(self, account_id: str) -> Sequence[str]:
        """The ids of an account's blobs."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """Who opened a view-once blob."""

    account_id: str
    device_id: str
    token_hash: str
    until_ms: int
    """When its token ends."""


class Claims(Protocol):
    """Which envelopes and profiles hold which blobs."""

    async def hold(self, claim: Claim) -> bool:
        """Store a claim, or the same claim again with its later end. False, and nothing stored, when there is no such blob. Atomic with
        `Blobs.remove`."""
        ...

    async def of_blob(self, blob_id: str) -> Sequence[Claim]:
        """All of a blob, those that have ended included."""
        ...

    async def release(self, conversation_id: str, account_id: str, envelope_id: str, now_ms: int) -> Sequence[str]:
        """End an envelope's claims; the blobs that it held. `envelope_id` "": all that the account holds there."""
        ...

    async def expire(self, now_ms: int) -> int:
        """Remove the claims that have ended; how many. Those of pictures stay."""
        ...

    async def avatars(self, until_ms: int, count: int) -> Sequence[Claim]:
        """Claims of pictures that end before, those that end first first."""
        ...


class Views(Protocol):
    """Who has opened which view-once blobs."""

    async def open(self, blob_id: str, view: View) -> bool:
        """Note that an account opens a blob. False, and nothing stored, when it has done so before. Atomic."""
        ...

    async def holds(self, blob_id: str, token_hash: str, now_ms: int) -> bool:
        """Whether a token may download: it is of this blob, not used up, and has not ended."""
        ...

    async def use_up(self, blob_id: str, token_hash: str) -> None:
        """A download by this token is complete: there is no other one."""
        ...

    async def viewers(self, blob_id: str) -> Sequence[str]:
        """The accounts that have opened it."""
        ...

    async def under_way(self, blob_id: str, now_ms: int) -> bool:
        """Whether a token of the blob may still download."""
        ...

    async def over(self, now_ms: int) -> Sequence[str]:
        """Blobs that were opened and whose tokens have all ended or are used up."""
        ...
