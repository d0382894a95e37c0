"""The workshop: looks at bytes, and makes what is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Accepted, Rejected

from media.domain.wish import Variant as Variant
from media.domain.wish import Wish as Wish


class WorkshopUnavailable(Exception):
    """The deployment's fault, never the file's: no ffmpeg, no sandbox, no room on the disk. One sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What recipients are told of MAIN before they load it. 0, "" and b"" when it has none."""

    content_type: str
    width: int = 0
    height: int = 0
    """As seen: with the orientation applied."""
    duration_ms: int = 0
    blurhash: str = ""
    waveform: bytes = b""
    """64 peaks of equal length in time, 0..255, the loudest 255."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One file that is ready to be stored; width and height are 0 for what is not a picture or video."""

    variant: Variant
    path: Path
    content_type: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """All that one upload becomes: MAIN first, then what there is of the others."""

    facts: Facts
    files: tuple[MadeFile, ...]


class Workshop(Protocol):
    """Its methods answer Rejected, or nothing, for whatever a file does to them, and leave no process and no file behind.

    They raise WorkshopUnavailable for what is the deployment's fault, and may be cancelled at any moment. How many run
    at once is the caller's to bound.
    """

    @property
    def sandbox(self) -> str:
        """What stands between the worker and the programs that read files: bubblewrap, or limits."""
        ...

    async def inspect(self, source: Path, wish: Wish, limits: MediaLimits) -> Accepted | Rejected:
        """The verdict on the bytes in `source`, which is not changed. A document is not opened by any decoder."""
        ...

    async def make(
        self, source: Path, accepted: Accepted, wish: Wish, out: Path, progress: Callable[[int], None]
    ) -> Made | Rejected:
        """Make what is stored of `source`, into the folder `out`, which exists and is the caller's to remove.

        `accepted` is the verdict of `inspect` on these bytes and this wish. `progress` is called with 0..100, never less
        than before, and ends with 100 when something was made. Nothing is in `out` after Rejected or an exception.
        """
        ...

    async def thumbnail(self, picture: bytes, bytes_max: int) -> bytes:
        """A small JPEG of at most so many bytes of whatever claims to be a picture, without its metadata; b"": it is none."""
        ...
