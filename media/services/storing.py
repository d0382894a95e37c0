"""Puts what was made of an upload into the object store, sealed, and reads it back."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from media.domain import sealed
from media.domain.blob import StoredObject
from media.ports.blob_store import BlobStore, Missing, StoreUnavailable
from media.ports.catalogue import Objects
from media.ports.keys import Damaged, Sealer, WrappedKey
from media.ports.workshop import MadeFile
from server.kit.world import Clock

FOLDER = "m/"
"""What the names of all files begin with."""


class Storing:
    """Sealed files, by their objects."""

    def __init__(self, store: BlobStore, sealer: Sealer, objects: Objects, clock: Clock, new_name: Callable[[], str]) -> None:
        self._store = store
        self._sealer = sealer
        self._objects = objects
        self._clock = clock
        self._new_name = new_name

    async def ready(self) -> None:
        """Whether the store answers: nothing is made for one that does not.

        Raises:
            StoreUnavailable
        """
        await self._store.size(f"{FOLDER}{self._new_name()}")

    async def put(self, files: Sequence[MadeFile], workplace: Path, progress: Callable[[int], None]) -> tuple[StoredObject, ...]:
        """Store the files under new names, and read each back. Their names are intended before, so that a crash leaves no file unknown.

        Raises:
            StoreUnavailable: the store cannot do it now, or gave back other bytes. OSError: the workplace is full.
        """
        names = [f"{FOLDER}{self._new_name()}" for _ in files]
        await self._objects.intend(names, self._clock.now_ms())
        stored = []
        for done, (name, file) in enumerate(zip(names, files, strict=True)):
            progress(100 * done // len(files))
            stored.append(await self._put(name, file, workplace / "sealed"))
        return tuple(stored)

    async def _put(self, name: str, file: MadeFile, target: Path) -> StoredObject:
        key = await self._sealer.seal(file.path, target)
        size, sha256 = await asyncio.to_thread(_measured, file.path)
        await self._store.put(name, target, "application/octet-stream")
        target.unlink()
        one = StoredObject(file.variant, name, file.content_type, size, sha256, file.width, file.height, key.key, key.key_id)
        found = hashlib.sha256()
        try:
            async for piece in self.read(one, 0, size):
                found.update(piece)
        except (Damaged, Missing) as error:
            raise StoreUnavailable(f"what was stored cannot be read back: {error}") from error
        if found.digest() != sha256:
            raise StoreUnavailable("what was stored is read back as other bytes")
        return one

    async def read(self, item: StoredObject, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Plain bytes [offset, offset + length), which lie inside the file.

        Raises:
            StoreUnavailable, Missing, Damaged
        """
        if not length:
            return
        wanted = sealed.covering(item.size_bytes, offset, length)
        stored = self._store.read(item.name, wanted.offset, wanted.length)
        async for piece in self._sealer.open(WrappedKey(item.key, item.key_id), item.size_bytes, offset, length, stored):
            yield piece

    async def rewrap(self, batch: int = 500) -> int:
        """Wrap every key by the deployment's key of now; how many were not."""
        count = 0
        while rows := await self._objects.keys(self._sealer.key_id, batch):
            rewrapped = [(name, *self._sealer.rewrap(WrappedKey(key, key_id))) for name, key, key_id in rows]
            await self._objects.rewrap(rewrapped)
            count += len(rows)
        return count

    async def remove(self, names: Sequence[str]) -> None:
        """Remove files that belong to no blob.

        Raises:
            StoreUnavailable: they stay orphans, and are removed later.
        """
        await self._store.remove(names)
        await self._objects.removed(names)

    async def remove_unknown(self, before_ms: int, batch: int = 500) -> int:
        """Remove files of ours that the catalogue knows nothing of, and that are older than `before_ms`; how many.

        Raises:
            StoreUnavailable
        """
        removed, names = 0, list[str]()

        async def remove() -> int:
            known = await self._objects.known(names)
            unknown = [name for name in names if name not in known]
            await self._store.remove(unknown)
            names.clear()
            return len(unknown)

        async for file in self._store.all(FOLDER):
            if file.modified_ms < before_ms:
                names.append(file.name)
            if len(names) == batch:
                removed += await remove()
        return removed + await remove()


def _measured(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
        return file.tell(), sha256
