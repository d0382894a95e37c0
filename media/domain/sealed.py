"""How a file lies in the object store: AES-256-GCM in chunks, so that any range can be read, and nothing can be cut or moved.

Chunk i of 65,536 plain bytes becomes 65,552 bytes. Its nonce is i (8 bytes, big endian), then 1 for the last chunk and 0 for the others
(4 bytes); the key belongs to one object alone, so that no nonce is used twice. A chunk that was moved has another index, and a file
that was cut has no last chunk: both fail. An empty file is one empty last chunk. (The idea of STREAM, Hoang et al. 2015.)
"""

from __future__ import annotations

from dataclasses import dataclass

CHUNK = 65_536
TAG = 16
STORED_CHUNK = CHUNK + TAG
TOGETHER = 16
"""Chunks that are read and opened together."""
BLOCK = TOGETHER * STORED_CHUNK


def chunks(size: int) -> int:
    """How many chunks a file of `size` plain bytes has."""
    return max(1, -(-size // CHUNK))


def stored_size(size: int) -> int:
    """How many bytes lie in the object store for `size` plain bytes."""
    return size + TAG * chunks(size)


def nonce(index: int, last: bool) -> bytes:
    """The nonce of a chunk."""
    return index.to_bytes(8, "big") + int(last).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class Range:
    """What to read for a range of plain bytes."""

    first: int
    """The first chunk."""
    last: int
    """The last chunk, this one included."""
    offset: int
    """Where the first chunk begins in the store."""
    length: int
    """How many stored bytes to read."""
    skip: int
    """Plain bytes of the first chunk that are not wanted."""


def covering(size: int, offset: int, length: int) -> Range:
    """The stored bytes for plain bytes [offset, offset + length), which lie inside the file of `size`; `length` is at least 1."""
    first, last = offset // CHUNK, (offset + length - 1) // CHUNK
    start = first * STORED_CHUNK
    end = min((last + 1) * STORED_CHUNK, stored_size(size))
    return Range(first, last, start, end - start, offset - first * CHUNK)
