"""The `Range` and `Content-Range` of HTTP (RFC 9110 §14), as far as one range of bytes. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")


class ByteRange(NamedTuple):
    """Bytes [offset, offset + length)."""

    offset: int
    length: int


class Unsatisfiable(Exception):
    """The range lies outside the file."""


def wanted(header: str, size: int) -> ByteRange | None:
    """What a `Range` asks for of a file of `size`; None: all of it, also when the header asks for several ranges or is no range of bytes.

    Raises:
        Unsatisfiable
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), size)
        if not length:
            raise Unsatisfiable
        return ByteRange(size - length, length)
    offset = int(first)
    if last and int(last) < offset:
        return None
    if offset >= size:
        raise Unsatisfiable
    return ByteRange(offset, (min(int(last), size - 1) if last else size - 1) - offset + 1)


class Piece(NamedTuple):
    """What a `Content-Range` says of the bytes that come."""

    offset: int | None
    """None: none come; it asks how far the upload is."""
    length: int
    size: int
    """Of the whole."""


def piece(header: str) -> Piece | None:
    """A `Content-Range` of an upload; None: it is malformed."""
    match = _CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        return None
    size = int(match[3])
    if match[1] is None:
        return Piece(None, 0, size)
    first, last = int(match[1]), int(match[2])
    return Piece(first, last - first + 1, size) if first <= last < size else None
