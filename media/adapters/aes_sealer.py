"""The port `Sealer` with AES-256-GCM, and the file of the deployment's keys."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.domain import sealed
from media.domain.sealed import BLOCK, TOGETHER
from media.ports.keys import Damaged, WrappedKey

_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyFileError(Exception):
    """The file of keys cannot be used; one sentence."""


class AesSealer:
    """Seals with the newest of the deployment's keys, opens with any of them."""

    def __init__(self, keys: Mapping[str, bytes], key_id: str) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self._key_id = key_id

    @property
    def key_id(self) -> str:
        """See `Sealer.key_id`."""
        return self._key_id

    async def seal(self, source: Path, target: Path) -> WrappedKey:
        """See `Sealer.seal`."""
        key = secrets.token_bytes(_KEY_BYTES)
        await asyncio.to_thread(_seal, AESGCM(key), source, target)
        return self._wrap(key)

    async def open(
        self, key: WrappedKey, size: int, offset: int, length: int, stored: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """See `Sealer.open`."""
        cipher, wanted = AESGCM(self._unwrap(key)), sealed.covering(size, offset, length)
        index, skip, last = wanted.first, wanted.skip, sealed.chunks(size) - 1

        async def opened(block: bytes, first: int) -> bytes:
            return await asyncio.to_thread(_open, cipher, block, first, last)

        async with aclosing(_ahead(_blocks(stored), opened, index)) as blocks:
            async for block in blocks:
                plain = block[skip : skip + length]
                skip, length = 0, length - len(plain)
                yield plain
        if length:
            raise Damaged("the stored file is shorter than it was")

    def rewrap(self, key: WrappedKey) -> WrappedKey:
        """See `Sealer.rewrap`."""
        return self._wrap(self._unwrap(key))

    def _wrap(self, key: bytes) -> WrappedKey:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return WrappedKey(nonce + self._keys[self._key_id].encrypt(nonce, key, self._key_id.encode()), self._key_id)

    def _unwrap(self, key: WrappedKey) -> bytes:
        wrapping = self._keys.get(key.key_id)
        if wrapping is None:
            raise Damaged(f"the key {key.key_id} is not in the file of keys")
        try:
            return wrapping.decrypt(key.key[:_NONCE_BYTES], key.key[_NONCE_BYTES:], key.key_id.encode())
        except InvalidTag as error:
            raise Damaged(f"a key wrapped by {key.key_id} is not authentic") from error


async def _blocks(stored: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Stored bytes in blocks; the last may be shorter. A piece that is one is not copied."""
    buffer = bytearray()
    async for piece in stored:
        if not buffer and len(piece) == BLOCK:
            yield piece
            continue
        buffer += piece
        while len(buffer) >= BLOCK:
            yield bytes(memoryview(buffer)[:BLOCK])
            del buffer[:BLOCK]
    if buffer:
        yield bytes(buffer)


async def _ahead(
    blocks: AsyncIterator[bytes], opened: Callable[[bytes, int], Awaitable[bytes]], index: int
) -> AsyncGenerator[bytes, None]:
    """Blocks opened; the next one is read and opened while whoever asked deals with the one before. `index`: of the first chunk."""

    async def after(index: int) -> bytes | None:
        block = await anext(blocks, None)
        return None if block is None else await opened(block, index)

    coming = asyncio.ensure_future(after(index))
    try:
        while (plain := await coming) is not None:
            index += TOGETHER
            coming = asyncio.ensure_future(after(index))
            yield plain
    finally:
        coming.cancel()
        await asyncio.wait([coming])
        if not coming.cancelled():
            coming.exception()  # of what nobody asked for any more


def _seal(cipher: AESGCM, source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        last = sealed.chunks(os.fstat(reading.fileno()).st_size) - 1
        for index in range(last + 1):
            writing.write(cipher.encrypt(sealed.nonce(index, index == last), reading.read(sealed.CHUNK), None))


def _open(cipher: AESGCM, stored: bytes, first: int, last: int) -> bytes:
    plain = []
    for number, start in enumerate(range(0, len(stored), sealed.STORED_CHUNK), first):
        chunk = stored[start : start + sealed.STORED_CHUNK]
        try:
            plain.append(cipher.decrypt(sealed.nonce(number, number == last), chunk, None))
        except InvalidTag as error:
            raise Damaged(f"chunk {number} of a stored file is not authentic") from error
    return b"".join(plain)


def load_keys(path: Path) -> AesSealer:
    """The keys of the file; it is made with a first key if it is not there.

    Raises:
        KeyFileError: it cannot be read or written, or is not such a file.
    """
    try:
        if not path.exists():
            _write(path, {"current": "k1", "keys": {"k1": secrets.token_hex(_KEY_BYTES)}})
        content = json.loads(path.read_text())
        keys = {name: bytes.fromhex(key) for name, key in content["keys"].items()}
        if content["current"] not in keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            raise ValueError("no current key of 32 bytes")
        return AesSealer(keys, content["current"])
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise KeyFileError(f"the file of keys {path} cannot be used: {error}") from error


def add_key(path: Path) -> str:
    """Put a new key into the file, and make it the one that wraps from the next start on; its id.

    Raises:
        KeyFileError: as `load_keys`.
    """
    load_keys(path)
    content = json.loads(path.read_text())
    name = f"k{1 + max(int(key.removeprefix('k')) for key in content['keys'])}"
    content["keys"][name] = secrets.token_hex(_KEY_BYTES)
    content["current"] = name
    _write(path, content)
    return name


def drop_keys(path: Path, kept: str) -> list[str]:
    """Remove the keys but `kept`, which nothing is wrapped by any more; their ids."""
    content = json.loads(path.read_text())
    gone = [name for name in content["keys"] if name != kept]
    content["keys"] = {kept: content["keys"][kept]}
    _write(path, content)
    return gone


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(path.name + ".part")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w") as writing:
        json.dump(content, writing, indent=1)
        writing.flush()
        os.fsync(writing.fileno())
    part.rename(path)
