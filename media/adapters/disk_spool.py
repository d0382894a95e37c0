"""The port `Spool` over a folder of this machine: `<upload>/bytes` and `<upload>/work`."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

from server.kit.refusal import Refused, unavailable

_READ = 1 << 20


def _refused(error: OSError) -> Refused:
    return Refused(unavailable(f"the worker cannot keep the bytes now: {error.strerror}", retry_after_ms=5_000))


class _Writing:
    """See `Writing`."""

    def __init__(self, file: int, sha256: hashlib._Hash, size: int) -> None:
        self._file = file
        self._sha256 = sha256
        self._size = size

    async def write(self, chunk: bytes) -> None:
        """See `Writing.write`."""
        await asyncio.to_thread(self._write, chunk)

    def _write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise _refused(error) from error
        self._sha256.update(chunk)
        self._size += len(chunk)

    async def sync(self) -> int:
        """See `Writing.sync`."""
        try:
            await asyncio.to_thread(os.fdatasync, self._file)
        except OSError as error:
            raise _refused(error) from error
        return self._size

    def digest(self) -> bytes:
        """See `Writing.digest`."""
        return self._sha256.digest()

    async def close(self) -> None:
        """See `Writing.close`."""
        os.close(self._file)


class DiskSpool:
    """Uploads under way, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError: the folder cannot be made."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def open(self, upload_id: str, offset: int) -> _Writing:
        """See `Spool.open`."""
        return await asyncio.to_thread(self._open, upload_id, offset)

    def _open(self, upload_id: str, offset: int) -> _Writing:
        path, sha256 = self.path(upload_id), hashlib.sha256()
        file = -1
        try:
            path.parent.mkdir(exist_ok=True, mode=0o700)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.fstat(file).st_size < offset:
                raise Refused(unavailable("bytes of this upload are gone from the worker's disk: begin another one"))
            os.ftruncate(file, offset)
            while piece := os.read(file, _READ):
                sha256.update(piece)
            _sync_folder(path.parent)
            return _Writing(file, sha256, offset)
        except (OSError, Refused) as error:
            if file >= 0:
                os.close(file)
            raise (_refused(error) if isinstance(error, OSError) else error) from error

    async def size(self, upload_id: str) -> int:
        """See `Spool.size`."""

        def work() -> int:
            try:
                return self.path(upload_id).stat().st_size
            except FileNotFoundError:
                return 0
            except OSError as error:
                raise _refused(error) from error

        return await asyncio.to_thread(work)

    def path(self, upload_id: str) -> Path:
        """See `Spool.path`."""
        return self._folder / upload_id / "bytes"

    def workplace(self, upload_id: str) -> Path:
        """See `Spool.workplace`."""
        place = self._folder / upload_id / "work"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, mode=0o700)
        return place

    async def clear(self, upload_id: str) -> None:
        """See `Spool.clear`."""
        await asyncio.to_thread(shutil.rmtree, self._folder / upload_id / "work", ignore_errors=True)

    async def remove(self, upload_id: str) -> None:
        """See `Spool.remove`."""
        await asyncio.to_thread(shutil.rmtree, self._folder / upload_id, ignore_errors=True)

    async def all(self) -> list[str]:
        """See `Spool.all`."""
        return await asyncio.to_thread(os.listdir, self._folder)


def _sync_folder(folder: Path) -> None:
    for place in (folder, folder.parent):
        file = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
