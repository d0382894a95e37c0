"""Uploads in the background: each goes on where it was, across restarts of the device, of the network and of the worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, BinaryIO

from tidewire import upload_store
from tidewire.errors import MediaRejected, NotSignedIn, Refused, TidewireError, Unreachable
from tidewire.media import NUMBERS, Stage, UploadMoved
from tidewire.media_rules.kinds import Kind
from tidewire.process_transport import ProcessTransport
from tidewire.store import Store
from tidewire.transport import sleep_jittered
from tidewire.upload_store import StoredUpload
from tidewire.v1 import chat_pb2, envelope_pb2, media_pb2

CHUNK = 262_144
TRIES = 8
"""Of an upload that nobody goes on with later."""
AT_ONCE = 2
"""Uploads of one device at a time."""
STAGES = {
    media_pb2.UPLOAD_STAGE_RECEIVING: Stage.SENDING,
    media_pb2.UPLOAD_STAGE_WAITING: Stage.WAITING,
    media_pb2.UPLOAD_STAGE_PROBING: Stage.PROBING,
    media_pb2.UPLOAD_STAGE_TRANSCODING: Stage.TRANSCODING,
    media_pb2.UPLOAD_STAGE_STORING: Stage.STORING,
    media_pb2.UPLOAD_STAGE_READY: Stage.READY,
}
GONE = ("NOT_FOUND", "OUT_OF_PLACE")
"""The worker does not have the upload as this device believes: announce it again."""


class Uploading:
    """The uploads of one device."""

    def __init__(
        self,
        store: Store,
        transport: ProcessTransport,
        tasks: asyncio.TaskGroup,
        emit: Callable[[UploadMoved], None],
        call: Callable[[str, Any], Awaitable[Any]],
        ready: Callable[[StoredUpload, bytes], Awaitable[None]],
        retry_max_s: float,
    ) -> None:
        """`call`: a unary call of MediaService whose token is fresh; `ready`: puts the message into the outbox, and ends the upload."""
        self._store = store
        self._transport = transport
        self._tasks = tasks
        self._emit = emit
        self._call = call
        self._ready = ready
        self._retry_max_s = retry_max_s
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, bool] = {}
        """Uploads that have come further since they were tried last."""

    async def resume(self) -> None:
        """Go on with what the store knows."""
        for upload in await self._store.run(lambda: upload_store.all_of(self._store)):
            if not upload.reason:
                self.begin(upload)

    def begin(self, upload: StoredUpload) -> None:
        """Go on with one that is in the store."""
        task = self._tasks.create_task(self._run(upload), name=f"upload {upload.envelope_id}")
        self._running[upload.envelope_id] = task
        task.add_done_callback(lambda _: self._running.pop(upload.envelope_id, None))

    async def cancel(self, upload: StoredUpload) -> None:
        """Give one up; nothing of it is sent."""
        task = self._running.get(upload.envelope_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if not await self._store.run(lambda: upload_store.drop(self._store, upload.envelope_id)):
            return
        if upload.upload_id:
            try:
                await self._call("CancelUpload", media_pb2.CancelUploadRequest(upload_id=upload.upload_id))
            except TidewireError:
                return  # the worker gives it up by itself, after a day without bytes

    def stop(self) -> None:
        """End what is running; the store has it."""
        for task in self._running.values():
            task.cancel()

    async def _run(self, upload: StoredUpload) -> None:
        self._moved(upload, Stage.WAITING, 0)
        attempt = 0
        async with self._slots:
            while True:
                try:
                    await self._once(upload)
                    return
                except MediaRejected as error:
                    await self._failed(upload, error.reason, error.limit or 0, error.actual or 0)
                    return
                except Refused as error:
                    if not error.retryable and error.reason not in GONE:
                        await self._failed(upload, error.reason, error.limit or 0, error.actual or 0)
                        return
                except NotSignedIn:
                    return
                except TidewireError:
                    self._moved(upload, Stage.WAITING, 0)
                attempt = 0 if self._progress.pop(upload.envelope_id, False) else min(attempt + 1, 7)
                await sleep_jittered(0.5, attempt, self._retry_max_s)

    async def _once(self, upload: StoredUpload) -> None:
        """From where the upload is to its message in the outbox."""
        media = await self._stored(upload)
        await self._ready(upload, self._message(upload, media))
        self._moved(upload, Stage.READY, 100)

    async def blob(self, upload: StoredUpload) -> envelope_pb2.MediaRef:
        """Upload a file that becomes no message, and that nobody goes on with when this call is over.

        Raises:
            MediaRejected, Refused: for good. Unreachable: tried `TRIES` times.
        """
        async with self._slots:
            for attempt in range(TRIES):
                try:
                    media = await self._stored(upload)
                    self._moved(upload, Stage.READY, 100)
                    return media
                except TidewireError as error:
                    again = error.retryable or (isinstance(error, Refused) and error.reason in GONE)
                    if not again or attempt == TRIES - 1:
                        raise
                await sleep_jittered(0.5, attempt, self._retry_max_s)
        raise AssertionError("the last try returns or raises")

    async def _stored(self, upload: StoredUpload) -> envelope_pb2.MediaRef:
        """From where the upload is to its blob."""
        status = await self._announce(upload)
        try:
            status = await self._finished(upload, status)
        except Refused as error:
            if error.reason == "UNAUTHENTICATED":  # the token has ended meanwhile: the next announcement gets another one
                raise Unreachable(str(error)) from error
            raise
        if status.stage == media_pb2.UPLOAD_STAGE_REJECTED:
            raise rejected(status.rejection)
        if status.stage != media_pb2.UPLOAD_STAGE_READY:
            raise Refused("CANCELLED", "the upload was given up")
        return status.media

    async def _finished(self, upload: StoredUpload, status: media_pb2.UploadStatus) -> media_pb2.UploadStatus:
        """Send what is missing, and wait for the worker, which may have lost bytes and want them again."""
        while status.stage in STAGES and status.stage != media_pb2.UPLOAD_STAGE_READY:
            if status.stage != media_pb2.UPLOAD_STAGE_RECEIVING:
                status = await self._watched(upload, status)
                continue
            received = status.received_bytes
            status = await self._send(upload, status)
            if status.stage == media_pb2.UPLOAD_STAGE_RECEIVING and status.received_bytes == received:
                await asyncio.sleep(0.2)
        return status

    async def _watched(self, upload: StoredUpload, status: media_pb2.UploadStatus) -> media_pb2.UploadStatus:
        """Wait until the worker is done with it, or wants bytes."""
        request = media_pb2.WatchUploadRequest(upload_id=status.upload_id)
        async with aclosing(self._transport.stream("WatchUpload", request)) as responses:  # type: ignore[type-var]
            async for response in responses:
                status = response.status
                if status.stage in STAGES and status.stage != media_pb2.UPLOAD_STAGE_READY:  # said once it is in the outbox
                    self._moved(upload, STAGES[status.stage], status.percent)
                if status.stage == media_pb2.UPLOAD_STAGE_RECEIVING:
                    break
        return status

    async def _announce(self, upload: StoredUpload) -> media_pb2.UploadStatus:
        _same_file(upload).close()
        request = media_pb2.CreateUploadRequest(
            upload_key=upload.envelope_id,
            kind=NUMBERS[Kind(upload.kind)],
            size_bytes=upload.size_bytes,
            sha256=upload.sha256,
            name=upload.name,
            content_type=upload.content_type,
            conversation_id=upload.conversation_id,
            fit=upload.fit,
            view_once=upload.view_once,
            trim_start_ms=upload.trim_start_ms,
            trim_end_ms=upload.trim_end_ms,
        )
        response = await self._call("CreateUpload", request)
        if response.HasField("rejection"):
            raise rejected(response.rejection)
        status: media_pb2.UploadStatus = response.status
        await self._store.run(lambda: upload_store.announced(self._store, upload.envelope_id, status.upload_id))
        return status

    async def _send(self, upload: StoredUpload, status: media_pb2.UploadStatus) -> media_pb2.UploadStatus:
        with _same_file(upload) as file:
            requests = _pieces(file, status.upload_id, status.received_bytes)
            async with aclosing(self._transport.stream("Upload", requests)) as responses:  # type: ignore[type-var]
                async for response in responses:
                    status = response.status
                    if status.stage == media_pb2.UPLOAD_STAGE_RECEIVING:
                        self._moved(upload, Stage.SENDING, status.percent)
        return status

    @staticmethod
    def _message(upload: StoredUpload, media: envelope_pb2.MediaRef) -> bytes:
        """The Send, serialised."""
        ref = envelope_pb2.MediaRef()
        ref.CopyFrom(media)
        ref.caption, ref.view_once = upload.caption, upload.view_once
        ref.name = upload.name or ref.name
        send = chat_pb2.Send(
            conversation_id=upload.conversation_id,
            envelope_id=upload.envelope_id,
            body=envelope_pb2.Body(media=ref),
            expires_in_s=upload.expires_in_s,
        )
        return send.SerializeToString()

    async def _failed(self, upload: StoredUpload, reason: str, limit: int, actual: int) -> None:
        await self._store.run(lambda: upload_store.failed(self._store, upload.envelope_id, reason, limit, actual))
        self._emit(UploadMoved(upload.conversation_id, upload.envelope_id, Stage.FAILED, 0, reason, limit, actual))

    def _moved(self, upload: StoredUpload, stage: Stage, percent: int) -> None:
        if stage is not Stage.WAITING:
            self._progress[upload.envelope_id] = True
        self._emit(UploadMoved(upload.conversation_id, upload.envelope_id, stage, percent))


def rejected(rejection: media_pb2.MediaRejection) -> MediaRejected:
    """The worker's verdict, as an exception."""
    name = media_pb2.MediaRejectionReason.Name(rejection.reason).removeprefix("MEDIA_REJECTION_REASON_")
    return MediaRejected(
        name,
        rejection.detail,
        limit=rejection.limit if rejection.HasField("limit") else None,
        actual=rejection.actual if rejection.HasField("actual") else None,
    )


def _same_file(upload: StoredUpload) -> BinaryIO:
    """The file, open. Raises MediaRejected: it is gone, or is another one now."""
    try:
        file = open(upload.path, "rb")  # noqa: SIM115 -- the caller closes it
        status = os.fstat(file.fileno())
    except OSError as error:
        raise MediaRejected("FILE_CHANGED", f"{upload.path} cannot be read: {error.strerror}") from error
    if (status.st_size, status.st_mtime_ns) != (upload.size_bytes, upload.mtime_ns):
        file.close()
        raise MediaRejected("FILE_CHANGED", f"{upload.path} was changed since it was sent")
    return file


async def _pieces(file: BinaryIO, upload_id: str, offset: int) -> AsyncIterator[media_pb2.UploadRequest]:
    yield media_pb2.UploadRequest(start=media_pb2.UploadStart(upload_id=upload_id, offset_bytes=offset))
    file.seek(offset)
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield media_pb2.UploadRequest(chunk=chunk)
