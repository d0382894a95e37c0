"""Where uploads are, for those who watch: what is stored, and what this worker is doing with it now."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import NamedTuple

from media.domain.blob import Blob
from media.domain.upload import Stage, Upload


class Status(NamedTuple):
    """Where an upload is."""

    upload: Upload
    stage: Stage
    """Of the upload as it is stored, or what is being done with it."""
    percent: int
    blob: Blob | None = None
    """When it is READY."""


class Watching:
    """Tells watchers of one upload; the newest word only, so that a slow one holds up nobody."""

    def __init__(self) -> None:
        self._doing: dict[str, tuple[Stage, int]] = {}
        self._changed: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def doing(self, upload_id: str, stage: Stage, percent: int) -> None:
        """The worker does this with it now."""
        if self._doing.get(upload_id) != (stage, percent):
            self._doing[upload_id] = (stage, percent)
            self.changed(upload_id)

    def changed(self, upload_id: str) -> None:
        """What is stored of it has changed."""
        for event in self._changed.get(upload_id, ()):
            event.set()

    def done(self, upload_id: str) -> None:
        """The worker does nothing with it any more."""
        self._doing.pop(upload_id, None)
        self.changed(upload_id)

    def stage(self, upload: Upload) -> tuple[Stage, int]:
        """Stage and per cent of an upload that is stored like this."""
        if upload.stage is Stage.RECEIVING:
            return upload.stage, 100 * upload.received_bytes // upload.size_bytes
        return (upload.stage, 100) if upload.done else self._doing.get(upload.upload_id, (upload.stage, 0))

    async def changes(self, upload_id: str) -> AsyncGenerator[None, None]:
        """One at once, then one after each change; changes that nobody has taken yet count as one."""
        event = asyncio.Event()
        self._changed[upload_id].add(event)
        try:
            while True:
                event.clear()
                yield
                await event.wait()
        finally:
            self._changed[upload_id].discard(event)
            if not self._changed[upload_id]:
                del self._changed[upload_id]
