"""The deployment's keys, and the sealing of files with keys that they wrap."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple, Protocol


class WrappedKey(NamedTuple):
    """A file's key, as it is stored."""

    key: bytes
    key_id: str
    """Of the deployment's key that wrapped it."""


class Damaged(Exception):
    """Stored bytes are not those that were stored, or their key is unknown."""


class Sealer(Protocol):
    """Makes stored files unreadable without the deployment's keys (`media.domain.sealed` says how they lie)."""

    @property
    def key_id(self) -> str:
        """Of the key that wraps now."""
        ...

    async def seal(self, source: Path, target: Path) -> WrappedKey:
        """Write `source`, sealed with a new key, to `target`. Raises OSError."""
        ...

    def open(self, key: WrappedKey, size: int, offset: int, length: int, stored: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Plain bytes [offset, offset + length) of a file of `size`, from the stored bytes that `sealed.covering` names.

        Raises:
            Damaged: nothing that is not authentic is ever yielded.
        """
        ...

    def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same key, wrapped by the key of now.

        Raises:
            Damaged: it cannot be unwrapped.
        """
        ...
