"""Lives of group calls that have no record yet, in a file: for a process that is alone, whose next start records what its death cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from calls.domain.life import Life
from calls.services.beside import again_and_again

log = logging.getLogger(__name__)

LOOK_S = 1.0
TOLD_EVERY = 3
"""Looks after which it is written anew how long people have talked: so much a record may lack."""
DECODER = msgspec.json.Decoder(list[Life])


class FileLives:
    """Those of this process, and those that the one before it left."""

    def __init__(self, path: Path, here: Callable[[], list[Life]], write: Callable[[Life], Awaitable[bool]]) -> None:
        """`here`: those of this process that have no record yet. `write`: has the node append one; False: it is away.

        Raises:
            OSError: the file cannot be read.
        """
        self._path = path
        self._here = here
        self._write = write
        self._left = _read(path)
        self._kept = list(self._left)
        self._looks = 0

    async def tell(self) -> None:
        """Keep this process's, for ever."""
        await again_and_again(self.look, LOOK_S, "lives of calls could not be kept")

    async def adopt(self) -> None:
        """Record what was left, and what can be only later, for ever."""
        await again_and_again(self.record_what_was_left, LOOK_S * TOLD_EVERY, "records of calls that were cut off have to wait")

    async def look(self) -> None:
        """Keep what is new, or all of it when it is time."""
        lives = [*self._left, *self._here()]
        self._looks += 1
        if _names(lives) != _names(self._kept) or (lives != self._kept and self._looks % TOLD_EVERY == 0):
            await asyncio.to_thread(self._replace, msgspec.json.encode(lives))
            self._kept = lives

    async def record_what_was_left(self) -> None:
        """Write the records, unless the node is away."""
        while self._left and await self._write(self._left[0]):
            del self._left[0]

    def _replace(self, text: bytes) -> None:
        new = self._path.with_suffix(".new")
        new.write_bytes(text)
        new.replace(self._path)


def _read(path: Path) -> list[Life]:
    try:
        return DECODER.decode(path.read_bytes())
    except FileNotFoundError:
        return []
    except msgspec.MsgspecError as error:
        log.warning("group calls that were cut off have no record", extra={"file": str(path), "why": str(error)})
        return []


def _names(lives: list[Life]) -> list[tuple[str, str, bool]]:
    """What is kept at once when it changes."""
    return [(one.era_id, one.outcome.value, one.video) for one in lives]
