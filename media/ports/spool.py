"""Bytes of uploads that are not done, on this worker's own disk."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Writing(Protocol):
    """An upload's file, open for more bytes."""

    async def write(self, chunk: bytes) -> None:
        """Append.

        Raises:
            Refused: UNAVAILABLE: the disk is full or broken. What was durable stays so.
        """
        ...

    async def sync(self) -> int:
        """Make what was written durable; how many bytes the file has.

        Raises:
            Refused: UNAVAILABLE.
        """
        ...

    def digest(self) -> bytes:
        """SHA-256 of all bytes from the first."""
        ...

    async def close(self) -> None:
        """Let the file go; it stays."""
        ...


class Spool(Protocol):
    """Files of uploads, by their ids."""

    async def open(self, upload_id: str, offset: int) -> Writing:
        """The file, cut to `offset` durable bytes; made if it is not there and `offset` is 0.

        Raises:
            Refused: UNAVAILABLE; it has fewer bytes than that.
        """
        ...

    async def size(self, upload_id: str) -> int:
        """How many bytes of the upload are on the disk; 0: none.

        Raises:
            Refused: UNAVAILABLE.
        """
        ...

    def path(self, upload_id: str) -> Path:
        """Where it lies."""
        ...

    def workplace(self, upload_id: str) -> Path:
        """An empty folder for what is made of it."""
        ...

    async def clear(self, upload_id: str) -> None:
        """Remove the workplace, if there is one: what was made there is made again."""
        ...

    async def remove(self, upload_id: str) -> None:
        """Remove the file and the workplace, if they are there."""
        ...

    async def all(self) -> list[str]:
        """The uploads that there is a file or a workplace of."""
        ...
