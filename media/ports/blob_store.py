"""Where bytes lie: files under names that cannot be guessed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class StoreUnavailable(Exception):
    """The store cannot do it now; the message is one sentence for the operator."""


class Missing(Exception):
    """There is no such file."""


class Stored(NamedTuple):
    """A file in the store."""

    name: str
    size_bytes: int
    modified_ms: int


class BlobStore(Protocol):
    """Files by name. A name is 1 to 96 characters of a-z, 0-9, '/' and '-'. Every method may raise `StoreUnavailable`."""

    async def put(self, name: str, source: Path, content_type: str) -> None:
        """Store a local file, durably and as a whole: nobody ever reads a part of it. The same name again replaces the file."""
        ...

    def read(self, name: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `offset` on, which lie inside the file, in pieces of any size.

        Raises:
            Missing: there is none.
        """
        ...

    async def size(self, name: str) -> int | None:
        """Its size in bytes; None: there is none."""
        ...

    async def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are not there are no error."""
        ...

    def all(self, prefix: str) -> AsyncIterator[Stored]:
        """Every file whose name begins with `prefix`, parts of files that were never finished included."""
        ...
