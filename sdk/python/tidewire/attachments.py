"""Photos, videos, voice notes and documents: the client's side of media."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidewire import events, upload_store
from tidewire.conversations import Conversations
from tidewire.domain.outbox import Item
from tidewire.errors import MediaRejected, Refused, TidewireError, Unreachable
from tidewire.media import Media, MediaUsage, Stage, UploadMoved
from tidewire.media_cache import MediaCache
from tidewire.media_rules.judge import judge_format, judge_size, kind_of
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.sniff import HEAD_BYTES, sniff
from tidewire.process_transport import ProcessTransport
from tidewire.store import Store
from tidewire.transport import Transport, new_envelope_id, sleep_jittered
from tidewire.upload_store import StoredUpload
from tidewire.uploading import Uploading
from tidewire.v1 import media_pb2, media_pb2_grpc

Progress = Callable[[UploadMoved], None]
VARIANTS = {
    "main": media_pb2.MEDIA_VARIANT_MAIN,
    "poster": media_pb2.MEDIA_VARIANT_POSTER,
    "thumbnail": media_pb2.MEDIA_VARIANT_THUMBNAIL,
}
TRIES = 8
"""Of a download, each going on where the one before broke off."""


class UploadingMessage:
    """A message whose file is on its way. Await it for the server's word, as of any other."""

    def __init__(self, upload: StoredUpload, done: asyncio.Future[events.Sent]) -> None:
        self.conversation_id = upload.conversation_id
        self.envelope_id = upload.envelope_id
        self._done = done

    @property
    def done(self) -> bool:
        """The server's word has come."""
        return self._done.done()

    def __await__(self) -> Any:
        """The `Sent` event, across restarts of server and worker.

        Raises:
            MediaRejected, Refused: it was refused for good.
        """
        return asyncio.shield(self._done).__await__()


class Attachments(Conversations):
    """The media side of a client."""

    def __init__(
        self, store: Store, transport: Transport, meta: dict[str, str], tasks: asyncio.TaskGroup, retry_max_s: float
    ) -> None:
        super().__init__(store, transport, meta)
        self._media = ProcessTransport(transport, "media", media_pb2_grpc.MediaServiceStub)
        self._uploading = Uploading(store, self._media, tasks, self._upload_moved, self._media_call, self._uploaded, retry_max_s)
        self._upload_done: dict[str, asyncio.Future[events.Sent]] = {}
        self._upload_progress: dict[str, Progress] = {}
        self._media_limits: MediaLimits | None = None
        self.cache = MediaCache(store.path.with_suffix(".media"))
        """Files that were downloaded for showing."""

    def _emit(self, event: events.Event) -> None:
        raise AssertionError("Client emits")

    def _wrote(self, item: Item) -> asyncio.Future[events.Sent]:
        raise AssertionError("Client writes")

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send_photo(self, conversation_id: str, path: str | Path, **options: Any) -> UploadingMessage:
        """Send a picture. Options: see `send_file`."""
        return await self.send_file(conversation_id, path, Kind.IMAGE, **options)

    async def send_video(self, conversation_id: str, path: str | Path, **options: Any) -> UploadingMessage:
        """Send a video. Options: see `send_file`."""
        return await self.send_file(conversation_id, path, Kind.VIDEO, **options)

    async def send_voice(self, conversation_id: str, path: str | Path, **options: Any) -> UploadingMessage:
        """Send a voice note. Options: see `send_file`."""
        return await self.send_file(conversation_id, path, Kind.VOICE, **options)

    async def send_audio(self, conversation_id: str, path: str | Path, **options: Any) -> UploadingMessage:
        """Send music or another recording. Options: see `send_file`."""
        return await self.send_file(conversation_id, path, Kind.AUDIO, **options)

    async def send_document(self, conversation_id: str, path: str | Path, **options: Any) -> UploadingMessage:
        """Send any file. Options: see `send_file`."""
        return await self.send_file(conversation_id, path, Kind.DOCUMENT, **options)

    async def send_file(
        self,
        conversation_id: str,
        path: str | Path,
        kind: Kind | None = None,
        *,
        caption: str = "",
        view_once: bool = False,
        fit: bool = False,
        trim_ms: tuple[int, int] = (0, 0),
        expires_in_s: int = 0,
        progress: Progress | None = None,
    ) -> UploadingMessage:
        """Send a file. Returns when that is durable on this device; it is uploaded in the background, also after a restart.

        The file has to stay where it is, unchanged, until `UploadMoved` says READY.

        Args:
            kind: None: what its first bytes look like; a document where that is nothing to see or hear.
            view_once: each account opens it once, on one device.
            fit: a video over the limit in bytes is made to fit by the worker.
            trim_ms: of a video only this part is sent; an end of 0 is its end.
            progress: called with each `UploadMoved`, which also comes as an event.

        Raises:
            MediaRejected: it is over a limit, or of another kind, as far as this device can tell; nothing was sent.
            OSError: it cannot be read.
        """
        self._running_or_raise()
        limits = await self.media_limits()
        file = await asyncio.to_thread(checked, Path(path).expanduser().absolute(), kind, limits, fit or any(trim_ms))
        upload = replace(
            file,
            envelope_id=new_envelope_id(),
            conversation_id=conversation_id,
            caption=caption,
            view_once=view_once,
            fit=fit,
            trim_start_ms=trim_ms[0],
            trim_end_ms=trim_ms[1],
            expires_in_s=expires_in_s,
            at_ms=time.time_ns() // 1_000_000,
        )
        return await self._begin_upload(upload, progress)

    async def _begin_upload(self, upload: StoredUpload, progress: Progress | None) -> UploadingMessage:
        await self._store.run(lambda: upload_store.add(self._store, upload))
        done: asyncio.Future[events.Sent] = asyncio.get_running_loop().create_future()
        self._upload_done[upload.envelope_id] = done
        if progress is not None:
            self._upload_progress[upload.envelope_id] = progress
        self._uploading.begin(upload)
        return UploadingMessage(upload, done)

    async def uploads(self) -> list[StoredUpload]:
        """Files on their way, and those that failed (`reason`), oldest first."""
        return await self._store.run(lambda: upload_store.all_of(self._store))

    async def cancel_upload(self, envelope_id: str) -> None:
        """Give up a file that is on its way, or take one that failed off the list. What is in the outbox already stays there."""
        for upload in await self.uploads():
            if upload.envelope_id == envelope_id:
                await self._uploading.cancel(upload)
        self._upload_progress.pop(envelope_id, None)
        done = self._upload_done.pop(envelope_id, None)
        if done is not None and not done.done():
            done.cancel()

    async def media_limits(self) -> MediaLimits:
        """What the worker takes; while it cannot be asked, the usual limits.

        Raises:
            Refused: the deployment has no media worker.
        """
        if self._media_limits is None:
            try:
                response = await self._media.call("GetMediaLimits", media_pb2.GetMediaLimitsRequest())
            except Unreachable:
                return MediaLimits()
            names = MediaLimits.__dataclass_fields__
            known = {name: value for name, value in response.limits.items() if name in names}
            self._media_limits = MediaLimits(**known)
        return self._media_limits

    async def media_usage(self) -> MediaUsage:
        """What this account has stored, and what the worker that stores it is like.

        Raises:
            Refused, Unreachable
        """
        response = await self._media_call("GetMediaUsage", media_pb2.GetMediaUsageRequest())
        return MediaUsage(response.used_bytes, response.quota_bytes, response.blobs, response.sandbox)

    # -- receiving -----------------------------------------------------------------------------------------------------

    async def download(
        self,
        conversation_id: str,
        media: Media,
        to: str | Path,
        *,
        variant: str = "main",
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Load a file; what is there of it already is not loaded again. It appears at `to` when it is whole and its hash is right.

        Args:
            variant: main, poster (of a video) or thumbnail.
            progress: called with bytes loaded and bytes in all.

        Raises:
            Refused: it is gone, or not for this account. Unreachable: the worker does not answer. OSError: it cannot be written.
        """
        target = Path(to).expanduser()
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        token = await self._opened_once(conversation_id, media) if media.view_once else ""
        for attempt in range(TRIES):
            try:
                expected = await self._load(conversation_id, media, part, VARIANTS[variant], token, progress)
                break
            except Unreachable:
                if attempt == TRIES - 1:
                    raise
                await sleep_jittered(0.3, attempt)
        if await asyncio.to_thread(_sha256, part) != expected:
            part.unlink()
            raise Refused("INTERNAL", "what was downloaded is not what was stored", retry_after_s=1.0)
        part.replace(target)
        return target

    async def download_url(self, conversation_id: str, media: Media, variant: str = "main") -> str:
        """An HTTP address of a file for some minutes, with ranges: for a player or a browser.

        Raises:
            Refused: it is gone, or not for this account. Unreachable: the worker does not answer.
        """
        request = media_pb2.GetDownloadUrlRequest(
            blob_id=media.blob_id, conversation_id=conversation_id, variant=VARIANTS[variant]
        )
        response = await self._media_call("GetDownloadUrl", request)
        url: str = response.url
        return url

    async def media_file(self, conversation_id: str, media: Media, variant: str = "main") -> Path:
        """A file for showing, from the cache or loaded into it.

        Raises:
            As `download`; TidewireError: media to be viewed once is not kept.
        """
        if media.view_once:
            raise TidewireError("media to be viewed once is downloaded, not kept")
        kept = self.cache.find(media.blob_id, variant)
        if kept is None:
            kept = await self.download(conversation_id, media, self.cache.place(media.blob_id, variant), variant=variant)
            await asyncio.to_thread(self.cache.trim)
        return kept

    async def _opened_once(self, conversation_id: str, media: Media) -> str:
        request = media_pb2.OpenViewOnceRequest(blob_id=media.blob_id, conversation_id=conversation_id)
        response = await self._media_call("OpenViewOnce", request)
        token: str = response.view_token
        return token

    async def _load(
        self,
        conversation_id: str,
        media: Media,
        part: Path,
        variant: media_pb2.MediaVariant,
        token: str,
        progress: Callable[[int, int], None] | None,
    ) -> bytes:
        """Append to `part` what it lacks; the SHA-256 of the whole."""
        have = part.stat().st_size if part.exists() else 0
        request = media_pb2.DownloadRequest(
            blob_id=media.blob_id, conversation_id=conversation_id, variant=variant, offset_bytes=have, view_token=token
        )
        expected, whole = b"", 0
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            async with aclosing(self._media_stream("Download", request)) as responses:  # type: ignore[type-var]
                async for response in responses:
                    if response.HasField("info"):
                        expected, whole = response.info.sha256, response.info.size_bytes
                        continue
                    await asyncio.to_thread(file.write, response.chunk)
                    have += len(response.chunk)
                    if progress is not None:
                        progress(have, whole)
            file.flush()
            os.fsync(file.fileno())
        if have < whole:
            raise Unreachable("the download broke off")
        return expected

    async def _media_call(self, name: str, request: Any) -> Any:
        """A call of MediaService with a token that is refreshed when it has expired."""
        stale = self._transport.token
        try:
            return await self._media.call(name, request)
        except Refused as error:
            if error.reason != "UNAUTHENTICATED" or not stale:
                raise
        await self.refresh(stale)
        return await self._media.call(name, request)

    async def _media_stream(self, name: str, request: Any) -> AsyncIterator[Any]:
        stale = self._transport.token
        try:
            async for response in self._media.stream(name, request):
                yield response
            return
        except Refused as error:
            if error.reason != "UNAUTHENTICATED" or not stale:
                raise
        await self.refresh(stale)
        async for response in self._media.stream(name, request):
            yield response

    async def _uploaded(self, upload: StoredUpload, send: bytes) -> None:
        """The worker has stored it: in one step its message is in the outbox, and the upload is over."""

        def work() -> bool:
            if not upload_store.drop(self._store, upload.envelope_id):
                return False
            text = Media("", upload.kind, "", 0, b"", name=upload.name, caption=upload.caption, view_once=upload.view_once).line()
            self._store.add_to_outbox(upload.conversation_id, upload.envelope_id, upload.at_ms, text, send)
            return True

        if not await self._store.run(work):
            return
        done = self._wrote(Item(upload.conversation_id, upload.envelope_id))
        waiting = self._upload_done.pop(upload.envelope_id, None)
        if waiting is not None:
            done.add_done_callback(lambda sent: _pass_on(sent, waiting))

    def _upload_moved(self, event: UploadMoved) -> None:
        if event.stage is Stage.FAILED:
            done = self._upload_done.pop(event.envelope_id, None)
            if done is not None and not done.done():
                done.set_exception(MediaRejected(event.reason, "", limit=event.limit, actual=event.actual))
                done.exception()  # who does not await it has the event
        progress = self._upload_progress.get(event.envelope_id)
        if event.stage in (Stage.READY, Stage.FAILED):
            self._upload_progress.pop(event.envelope_id, None)
        if progress is not None:
            progress(event)
        self._emit(event)

    def _running_or_raise(self) -> None:
        raise AssertionError("Client knows")


def _pass_on(done: asyncio.Future[events.Sent], to: asyncio.Future[events.Sent]) -> None:
    if to.done():
        return
    if done.cancelled():
        to.cancel()
    elif (error := done.exception()) is not None:
        to.set_exception(error)
        to.exception()
    else:
        to.set_result(done.result())


def checked(path: Path, kind: Kind | None, limits: MediaLimits, fit: bool) -> StoredUpload:
    """What the device can tell of a file by itself. Raises MediaRejected, OSError."""
    with path.open("rb") as file:
        status, format = os.fstat(file.fileno()), sniff(file.read(HEAD_BYTES))
        kind = kind or kind_of(format)
        refused = judge_size(kind, status.st_size, limits, fit=fit and kind is Kind.VIDEO) or judge_format(kind, format)
        if refused is not None:
            raise MediaRejected(refused.reason.name, refused.detail, limit=refused.limit or None, actual=refused.actual or None)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").digest()
    return StoredUpload(
        envelope_id="",
        conversation_id="",
        path=str(path),
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256=sha256,
        kind=kind.value,
        name=path.name[:255],
        content_type=mimetypes.guess_type(path.name)[0] or "",
    )


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
