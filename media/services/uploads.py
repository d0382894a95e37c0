"""Uploads: announced, received, given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Rejected

from media.domain import upload as rules
from media.domain.limits import Limits
from media.domain.upload import Stage, Upload, Usage
from media.domain.wish import Wish
from media.ports.catalogue import Blobs, Uploads
from media.ports.node import Device, Memberships, Notices
from media.ports.spool import Spool, Writing
from media.services.watching import Status, Watching
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock, Random

T = TypeVar("T")
NOT_FOUND = Refused(Refusal(Reason.NOT_FOUND, "this account has no such upload", "upload_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a device announces."""

    upload_key: str
    wish: Wish
    size_bytes: int
    sha256: bytes
    name: str
    conversation_id: str


class Receiving:
    """One stream of an upload. Made by `Uploads.receiving`."""

    def __init__(self, owner: UploadService, upload: Upload, writing: Writing, offset: int) -> None:
        self._owner = owner
        self._writing = writing
        self._written = self._synced = offset
        self._waiting: asyncio.Timeout | None = None
        self._over: Refusal | None = None
        self.upload = upload

    def end(self, why: str) -> None:
        """Take no more bytes, and wait for none: the stream is refused with OUT_OF_PLACE."""
        self._over = Refusal(Reason.OUT_OF_PLACE, why, "upload_id")
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def next(self, coming: Awaitable[T]) -> T:
        """What comes next.

        Raises:
            Refused: UNAVAILABLE: nothing came for `upload_idle_s`; OUT_OF_PLACE: the stream was ended.
        """
        try:
            async with asyncio.timeout(self._owner.limits.upload_idle_s) as self._waiting:
                return await coming
        except TimeoutError:
            raise Refused(self._over or idle(self._owner.limits)) from None
        finally:
            self._waiting = None

    async def chunk(self, data: bytes) -> bool:
        """Take the next bytes. True: `upload` has something new to tell.

        Raises:
            Refused: UNAVAILABLE; OUT_OF_PLACE: the stream was ended.
        """
        if self._over is not None:
            raise Refused(self._over)
        excess = rules.excess(self.upload, self._written + len(data))
        if excess is not None:
            await self._owner.settle(self, rules.rejected(self.upload, excess))
            return True
        await self._writing.write(data)
        self._written += len(data)
        if self._written == self.upload.size_bytes:
            await self.finish()
        elif self._written - self._synced >= self._owner.limits.upload_sync_bytes:
            await self.sync()
        else:
            return False
        return True

    async def sync(self) -> None:
        """Make what came durable.

        Raises:
            Refused: UNAVAILABLE.
        """
        durable = await self._writing.sync()
        if durable > self.upload.received_bytes and not self.upload.done:
            self._synced = durable
            await self._owner.settle(self, rules.received(self.upload, durable, self._owner.clock.now_ms()))

    async def finish(self) -> None:
        """No more bytes come.

        Raises:
            Refused: UNAVAILABLE.
        """
        await self.sync()
        await self._owner.settle(self, rules.complete(self.upload, self._writing.digest()))


class UploadService:
    """Uploads of all accounts on this worker."""

    def __init__(
        self,
        uploads: Uploads,
        blobs: Blobs,
        spool: Spool,
        memberships: Memberships,
        notices: Notices,
        watching: Watching,
        clock: Clock,
        chance: Random,
        limits: Limits,
        media_limits: MediaLimits,
        complete: Callable[[Upload], None],
        has_room: Callable[[str], Refusal | None],
        given_up: Callable[[str], None],
    ) -> None:
        """`complete`: told of every upload that waits for the worker from now on; `has_room`: whether one more of an account could wait;
        `given_up`: told of every upload that was."""
        self.limits = limits
        self.clock = clock
        self._uploads = uploads
        self._blobs = blobs
        self._spool = spool
        self._memberships = memberships
        self._notices = notices
        self._watching = watching
        self._chance = chance
        self._media_limits = media_limits
        self._complete = complete
        self._has_room = has_room
        self._given_up = given_up
        self._rate = Rate(limits.uploads_per_hour / 3600, limits.uploads_per_hour)
        self._receiving: dict[str, Receiving] = {}
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def create(self, device: Device, declared: Declared) -> Status | Rejected:
        """Announce an upload, or find the one that was announced with this key, or the blob that these bytes became.

        Raises:
            Refused: INVALID, LIMIT_EXCEEDED, RATE_LIMITED, NOT_A_MEMBER, UNAVAILABLE.
        """
        announced = await self._uploads.by_key(device.account_id, declared.upload_key)
        if announced is not None:  # it is counted already
            return await self._status(announced)
        retry_after_ms = self._rate.allow(device.account_id, self.clock.monotonic_ms())
        if retry_after_ms is not None:
            raise Refused(Refusal(Reason.RATE_LIMITED, subject="uploads_per_hour", retry_after_ms=retry_after_ms))
        if declared.conversation_id and not await self._memberships.of(device.account_id, [declared.conversation_id]):
            raise Refused(Refusal(Reason.NOT_A_MEMBER, subject="conversation_id"))
        blob = None
        if not declared.wish.view_once:
            blob = await self._blobs.same(device.account_id, declared.wish, declared.sha256)
        known = await self._uploads.get(blob.blob_id) if blob is not None else None
        if blob is not None and known is not None:
            return Status(known, Stage.READY, 100, blob)
        return await self._begin(self._new(device, declared))

    async def _begin(self, upload: Upload) -> Status | Rejected:
        refused = rules.declare(upload, await self._uploads.usage(upload.account_id), self.limits, self._media_limits)
        refused = refused or self._has_room(upload.account_id)
        if isinstance(refused, Rejected):
            await self._notices.rejected(rules.rejected(upload, refused))
            return refused
        if refused is not None:
            raise Refused(refused)
        return await self._status(await self._uploads.add(upload))

    def _new(self, device: Device, declared: Declared) -> Upload:
        now_ms = self.clock.now_ms()
        return Upload(
            upload_id=self._chance.new_id(),
            account_id=device.account_id,
            device_id=device.device_id,
            upload_key=declared.upload_key,
            wish=declared.wish,
            size_bytes=declared.size_bytes,
            sha256=declared.sha256,
            name=declared.name,
            created_ms=now_ms,
            touched_ms=now_ms,
        )

    async def status(self, device: Device, upload_id: str) -> Status:
        """Where an upload is.

        Raises:
            Refused: NOT_FOUND, UNAVAILABLE.
        """
        return await self._status(await self._own(device, upload_id))

    async def usage(self, device: Device) -> Usage:
        """What the account has.

        Raises:
            Refused: UNAVAILABLE.
        """
        return await self._uploads.usage(device.account_id)

    async def watch(self, device: Device, upload_id: str) -> AsyncGenerator[Status, None]:
        """Where an upload is, after each change, until it is done.

        Raises:
            Refused: NOT_FOUND, UNAVAILABLE.
        """
        async with aclosing(self._watching.changes(upload_id)) as changes:
            async for _ in changes:
                status = await self.status(device, upload_id)
                yield status
                if status.upload.done:
                    return

    async def cancel(self, device: Device, upload_id: str) -> Status:
        """Give an upload up; one that is done stays what it is.

        Raises:
            Refused: NOT_FOUND, UNAVAILABLE.
        """
        upload = await self._own(device, upload_id)
        if not upload.done:
            await self._give_up(upload)
        return await self.status(device, upload_id)

    @asynccontextmanager
    async def receiving(self, device: Device, upload_id: str, offset: int) -> AsyncIterator[Receiving]:
        """Take bytes of an upload from `offset` on; what came is durable when the block ends. The newest stream has it.

        Raises:
            Refused: NOT_FOUND, OUT_OF_PLACE, UNAVAILABLE.
        """
        before = self._receiving.get(upload_id)
        if before is not None:
            before.end("another stream of this upload has begun")
        async with self._alone(upload_id):
            upload = await self._kept(await self._own(device, upload_id))
            refusal = rules.begin(upload, offset)
            if refusal is not None:
                raise Refused(refusal)
            writing = await self._spool.open(upload_id, offset)
            receiving = self._receiving[upload_id] = Receiving(self, upload, writing, offset)
            try:
                if offset == upload.size_bytes:
                    await receiving.finish()  # every byte was durable, and the word of it was lost
                yield receiving
            finally:
                await self._end(receiving, writing)

    async def _kept(self, upload: Upload) -> Upload:
        """The upload as the disk has it."""
        if upload.stage is not Stage.RECEIVING or not upload.received_bytes:
            return upload
        lost = rules.lost(upload, await self._spool.size(upload.upload_id), self.clock.now_ms())
        if lost is not None:
            await self._save(lost)
        return lost or upload

    async def _end(self, receiving: Receiving, writing: Writing) -> None:
        upload_id = receiving.upload.upload_id
        try:
            if receiving.upload.stage is Stage.RECEIVING:
                await receiving.sync()
        finally:
            self._receiving.pop(upload_id, None)
            await writing.close()
            if receiving.upload.done:
                await self._spool.remove(upload_id)

    @asynccontextmanager
    async def _alone(self, upload_id: str) -> AsyncIterator[None]:
        """One stream of an upload at a time; nothing is remembered of uploads that have none."""
        lock, waiting = self._locks.get(upload_id, (asyncio.Lock(), 0))
        self._locks[upload_id] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._locks.pop(upload_id)
            if waiting > 1:
                self._locks[upload_id] = lock, waiting - 1

    async def settle(self, receiving: Receiving, upload: Upload) -> None:
        """Store what an upload has become while bytes came.

        Raises:
            Refused: UNAVAILABLE; OUT_OF_PLACE: it was given up meanwhile.
        """
        if not await self._save(upload):
            receiving.upload = await self._uploads.get(upload.upload_id) or rules.cancelled(upload)
            raise Refused(Refusal(Reason.OUT_OF_PLACE, "the upload was given up", "upload_id"))
        receiving.upload = upload
        if upload.stage is Stage.WAITING:
            self._complete(upload)

    async def sweep(self) -> None:
        """Give up what nobody sends any more, forget what is long done, and remove bytes of what is done.

        Raises:
            Refused: UNAVAILABLE.
        """
        now_ms = self.clock.now_ms()
        stale_ms = rules.stale_before_ms(now_ms, self.limits)
        unfinished = await self._uploads.unfinished()
        for upload in unfinished:
            if upload.stage is Stage.RECEIVING and upload.touched_ms < stale_ms and upload.upload_id not in self._receiving:
                await self._give_up(upload)
        await self._uploads.forget(now_ms - 1000 * self.limits.upload_memory_s)
        for upload_id in await self._spool.all():
            known = await self._uploads.get(upload_id)
            if (known is None or known.done) and upload_id not in self._receiving:
                await self._spool.remove(upload_id)

    async def _give_up(self, upload: Upload) -> None:
        if not await self._save(rules.cancelled(upload)):
            return
        receiving = self._receiving.get(upload.upload_id)
        if receiving is not None:
            receiving.upload = rules.cancelled(receiving.upload)
            receiving.end("the upload was given up")
        self._given_up(upload.upload_id)

    async def _save(self, upload: Upload) -> bool:
        saved = await self._uploads.save(upload)
        self._watching.changed(upload.upload_id)
        if saved and upload.stage is Stage.REJECTED:
            await self._notices.rejected(upload)
        if saved and upload.done and upload.upload_id not in self._receiving:
            await self._spool.remove(upload.upload_id)
        return saved

    async def _own(self, device: Device, upload_id: str) -> Upload:
        upload = await self._uploads.get(upload_id)
        if upload is None or upload.account_id != device.account_id:
            raise NOT_FOUND
        return upload

    async def _status(self, upload: Upload) -> Status:
        blob = await self._blobs.get(upload.upload_id) if upload.stage is Stage.READY else None
        if upload.stage is Stage.READY and blob is None:
            raise Refused(Refusal(Reason.NOT_FOUND, "the blob is gone: nothing referred to it", "upload_id"))
        return Status(upload, *self._watching.stage(upload), blob)


def idle(limits: Limits) -> Refusal:
    """A stream of an upload on which nothing comes."""
    return Refusal(
        Reason.UNAVAILABLE, "no bytes came for too long: resume", "upload_idle_s", limits.upload_idle_s, retry_after_ms=1
    )
