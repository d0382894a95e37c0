"""What the worker does with an upload whose bytes are all there: look at it, make what is stored, store it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Reason, Rejected

from media.domain import upload as rules
from media.domain.blob import Blob, StoredObject
from media.domain.fair_queue import FairQueue
from media.domain.limits import Limits
from media.domain.upload import Stage, Upload
from media.ports.blob_store import StoreUnavailable
from media.ports.catalogue import Blobs, Uploads
from media.ports.node import Notices
from media.ports.spool import Spool
from media.ports.workshop import Facts, Workshop, WorkshopUnavailable
from media.services.storing import Storing
from media.services.watching import Watching
from server.kit.refusal import Refusal, Refused, unavailable
from server.kit.world import Clock

log = logging.getLogger(__name__)

RETRY_S, RETRY_MAX_S = 1.0, 60.0
"""What failed by a fault of the deployment is tried again after this: first, and at the most."""
BUGS_MAX = 3
"""An upload at which the worker fails by a bug so often is refused, so that one file never stops the others."""


class Processing:
    """The worker's own work: so many uploads at a time, fair between accounts."""

    def __init__(
        self,
        uploads: Uploads,
        blobs: Blobs,
        spool: Spool,
        workshop: Workshop,
        storing: Storing,
        notices: Notices,
        watching: Watching,
        clock: Clock,
        limits: Limits,
        media_limits: MediaLimits,
        finished: Callable[[str, str], None],
    ) -> None:
        """`finished`: told kind and outcome of each upload, for the metrics."""
        self._uploads = uploads
        self._blobs = blobs
        self._spool = spool
        self._workshop = workshop
        self._storing = storing
        self._notices = notices
        self._watching = watching
        self._clock = clock
        self._limits = limits
        self._media_limits = media_limits
        self._finished = finished
        self._queue: FairQueue[Upload] = FairQueue()
        self._wake = asyncio.Event()
        self._taken: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._bugs: Counter[str] = Counter()
        self._working: dict[str, asyncio.Timeout] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, upload: Upload) -> None:
        """One more waits. The same one again changes nothing."""
        if upload.upload_id not in self._taken:
            self._taken.add(upload.upload_id)
            self._queue.put(upload.account_id, upload)
            self._wake.set()

    def has_room(self, account_id: str) -> Refusal | None:
        """Whether one more of the account could wait."""
        if (
            len(self._queue) >= self._limits.waiting_max
            or self._queue.waiting(account_id) >= self._limits.waiting_per_account_max
        ):
            return unavailable("so many uploads wait for the worker", retry_after_ms=10_000)
        return None

    async def resume(self) -> None:
        """Go on with what waited when the worker stopped.

        Raises:
            Refused: UNAVAILABLE.
        """
        for upload in await self._uploads.unfinished():
            if upload.stage is Stage.WAITING:
                self.add(upload)

    async def run(self) -> None:
        """Work, for ever. Run as many at once as the machine may spend cores."""
        while True:
            upload = self._queue.take()
            if upload is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            working = asyncio.timeout(None)
            try:
                async with working:
                    await self._wanted(upload, working)
                self._forget(upload.upload_id)
            except Exception as error:  # noqa: BLE001 -- whatever a file does, the others go on
                await self._broken_off(upload, error, given_up=working.expired())
            finally:
                self._watching.done(upload.upload_id)

    def give_up(self, upload_id: str) -> None:
        """What is being done with an upload that nobody wants any more ends now."""
        working = self._working.get(upload_id)
        if working is not None and not working.expired():
            working.reschedule(asyncio.get_running_loop().time())

    async def _wanted(self, upload: Upload, working: asyncio.Timeout) -> None:
        self._working[upload.upload_id] = working
        try:
            await self._work(upload)
        finally:
            del self._working[upload.upload_id]

    async def _broken_off(self, upload: Upload, error: Exception, *, given_up: bool) -> None:
        upload_id = upload.upload_id
        if given_up:
            self._forget(upload_id)
            await self._spool.remove(upload_id)
            return
        if isinstance(error, (StoreUnavailable, WorkshopUnavailable, Refused, OSError)):
            log.warning("an upload has to wait", extra={"upload": upload_id, "why": str(error)})
        else:
            log.error("a bug", exc_info=error, extra={"upload": upload_id})
            self._bugs[upload_id] += 1
        self._finished(upload.wish.kind.value, "postponed")
        await self._spool.clear(upload_id)  # its room is for others meanwhile
        delay_s = min(RETRY_MAX_S, RETRY_S * 2 ** min(self._tries[upload_id], 10))
        self._tries[upload_id] += 1
        asyncio.get_running_loop().call_later(delay_s, self._again, upload)

    def _forget(self, upload_id: str) -> None:
        self._taken.discard(upload_id)
        for counts in (self._tries, self._bugs):
            counts.pop(upload_id, None)

    def _again(self, upload: Upload) -> None:
        self._taken.discard(upload.upload_id)
        self.add(upload)

    async def _work(self, upload: Upload) -> None:
        current = await self._uploads.get(upload.upload_id)
        if current is None or current.stage is not Stage.WAITING:
            return
        lost = rules.lost(current, await self._spool.size(upload.upload_id), self._clock.now_ms())
        if lost is not None:
            log.warning("the disk has lost bytes of an upload, which are to be sent again", extra={"upload": upload.upload_id})
            await self._uploads.save(lost)
            return
        failed = self._bugs[upload.upload_id] >= BUGS_MAX
        outcome = Rejected(Reason.CORRUPT, detail="the worker fails at it") if failed else await self._made(upload)
        done = rules.rejected(upload, outcome) if isinstance(outcome, Rejected) else rules.ready(upload)
        if isinstance(outcome, Rejected):
            saved = await self._uploads.save(done)
        else:
            saved = await self._blobs.finish(done, outcome)
        await self._spool.remove(upload.upload_id)
        if not saved:
            return  # it was given up meanwhile; what was stored is an orphan, and goes away
        self._finished(upload.wish.kind.value, done.stage.value)
        self._watching.done(upload.upload_id)
        await (self._notices.rejected(done) if isinstance(outcome, Rejected) else self._notices.ready(done))

    async def _made(self, upload: Upload) -> Blob | Rejected:
        def doing(stage: Stage) -> Callable[[int], None]:
            self._watching.doing(upload.upload_id, stage, 0)
            return lambda percent: self._watching.doing(upload.upload_id, stage, percent)

        source, wish = self._spool.path(upload.upload_id), upload.wish
        doing(Stage.PROBING)
        accepted = await self._workshop.inspect(source, wish, self._media_limits)
        if isinstance(accepted, Rejected):
            return accepted
        await self._storing.ready()
        workplace = self._spool.workplace(upload.upload_id)
        made = await self._workshop.make(source, accepted, wish, workplace, doing(Stage.TRANSCODING))
        if isinstance(made, Rejected):
            return made
        objects = await self._storing.put(made.files, workplace, doing(Stage.STORING))
        return _blob(upload, made.facts, objects, self._clock.now_ms())


def _blob(upload: Upload, facts: Facts, objects: tuple[StoredObject, ...], now_ms: int) -> Blob:
    return Blob(
        blob_id=upload.upload_id,
        account_id=upload.account_id,
        kind=upload.wish.kind,
        name=upload.name,
        content_type=facts.content_type,
        width=facts.width,
        height=facts.height,
        duration_ms=facts.duration_ms,
        blurhash=facts.blurhash,
        waveform=facts.waveform,
        created_ms=now_ms,
        objects=objects,
    )
