"""The port `BlobStore` over a folder: the embedded default."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from media.domain.sealed import BLOCK
from media.ports.blob_store import Missing, Stored, StoreUnavailable

_PIECE = BLOCK
"""What is opened together is read together: one turn of a thread each."""
_PART = ".part-"


class FolderStore:
    """Files in a folder; a name's '/' are folders. A file appears by a rename, after its bytes are on the disk."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError: the folder cannot be made."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put(self, name: str, source: Path, content_type: str) -> None:
        """See `BlobStore.put`."""
        try:
            await asyncio.to_thread(self._put, name, source)
        except OSError as error:
            raise _unavailable(error) from error

    def _put(self, name: str, source: Path) -> None:
        path = self._folder / name
        part = path.with_name(f"{_PART}{secrets.token_hex(8)}")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with source.open("rb") as reading, part.open("xb") as writing:
                shutil.copyfileobj(reading, writing, _PIECE)
                writing.flush()
                os.fsync(writing.fileno())
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    async def read(self, name: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        try:
            file = await asyncio.to_thread((self._folder / name).open, "rb", 0)
        except FileNotFoundError as error:
            raise Missing(name) from error
        except OSError as error:
            raise _unavailable(error) from error
        with file:
            while length:
                piece = await asyncio.to_thread(os.pread, file.fileno(), min(length, _PIECE), offset)
                if not piece:
                    raise StoreUnavailable(f"{name} is shorter than it should be")
                offset, length = offset + len(piece), length - len(piece)
                yield piece

    async def size(self, name: str) -> int | None:
        """See `BlobStore.size`."""
        try:
            return (self._folder / name).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(error) from error

    async def remove(self, names: Sequence[str]) -> None:
        """See `BlobStore.remove`."""

        def work() -> None:
            for name in names:
                (self._folder / name).unlink(missing_ok=True)

        try:
            await asyncio.to_thread(work)
        except OSError as error:
            raise _unavailable(error) from error

    async def all(self, prefix: str) -> AsyncIterator[Stored]:
        """See `BlobStore.all`."""

        def work() -> list[Stored]:
            found = []
            for path in self._folder.rglob("*"):
                name = path.relative_to(self._folder).as_posix()
                if name.startswith(prefix) and path.is_file():
                    status = path.stat()
                    found.append(Stored(name, status.st_size, int(status.st_mtime * 1000)))
            return found

        try:
            found = await asyncio.to_thread(work)
        except OSError as error:
            raise _unavailable(error) from error
        for one in found:
            yield one


def _unavailable(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"the folder of blobs cannot be used now: {error.strerror or error}")
