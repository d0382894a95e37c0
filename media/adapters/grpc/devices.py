"""MediaService: decode, call, encode."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Rejected
from tidewire.v1 import envelope_pb2, media_pb2, media_pb2_grpc

from media.adapters.grpc import codec
from media.domain.limits import Limits
from media.domain.wish import Variant, Wish
from media.ports.node import Device, Identities
from media.services.blobs import BlobService
from media.services.previews import PreviewService
from media.services.signed import Signing
from media.services.uploads import Declared, Receiving, UploadService, idle
from server.kit.edge import Unreadable, bearer_token
from server.kit.refusal import Reason, Refusal, Refused

CHUNK = 262_144
"""Bytes of a download in one message."""
DOWNLOAD_RETRY_MS = 1_000
Violation = Callable[[Any], Refusal | None]


class MediaServicer(media_pb2_grpc.MediaServiceServicer):
    """MediaService."""

    def __init__(
        self,
        uploads: UploadService,
        blobs: BlobService,
        signing: Signing,
        identities: Identities,
        violation: Violation,
        limits: Limits,
        rules: MediaLimits,
        sandbox: str,
        previews: PreviewService,
    ) -> None:
        """`sandbox`: the name of the one in force."""
        self._uploads = uploads
        self._blobs = blobs
        self._signing = signing
        self._identities = identities
        self._violation = violation
        self._limits = limits
        self._rules = rules
        self._downloading: Counter[str] = Counter()
        self._sandbox = sandbox
        self._previews = previews

    async def GetMediaLimits(self, request: media_pb2.GetMediaLimitsRequest, context: Any) -> media_pb2.GetMediaLimitsResponse:
        """What this worker takes."""
        return media_pb2.GetMediaLimitsResponse(limits=asdict(self._limits) | asdict(self._rules))

    async def CreateUpload(self, request: media_pb2.CreateUploadRequest, context: Any) -> media_pb2.CreateUploadResponse:
        """Announce an upload."""
        device = await self._device(context)
        wish = Wish(
            codec.kind(request.kind),
            request.fit,
            request.trim_start_ms,
            request.trim_end_ms,
            request.content_type,
            request.view_once,
        )
        declared = Declared(
            upload_key=request.upload_key,
            wish=wish,
            size_bytes=request.size_bytes,
            sha256=request.sha256,
            name=request.name,
            conversation_id=request.conversation_id,
        )
        outcome = await self._uploads.create(device, declared)
        if isinstance(outcome, Rejected):
            return media_pb2.CreateUploadResponse(rejection=codec.rejection(outcome))
        url = "" if outcome.upload.done else self._signing.upload_url(outcome.upload.upload_id, device)
        return media_pb2.CreateUploadResponse(status=codec.status(outcome), put_url=url)

    async def Upload(self, requests: AsyncIterator[Any], context: Any) -> None:
        """Take bytes."""
        device = await self._device(context)
        try:
            async with asyncio.timeout(self._limits.upload_idle_s):
                start = self._read(await anext(requests, None))
        except TimeoutError:
            raise Refused(idle(self._limits)) from None
        if start is None or start.WhichOneof("piece") != "start":
            raise Refused(Refusal(Reason.OUT_OF_PLACE, "the first message says which upload, and from where", "start"))
        upload_id, offset = start.start.upload_id, start.start.offset_bytes
        async with self._uploads.receiving(device, upload_id, offset) as receiving:
            await self._receive(receiving, requests, context)
        if receiving.upload.done or receiving.upload.received_bytes == receiving.upload.size_bytes:
            await self._tell(device, upload_id, context)

    async def _receive(self, receiving: Receiving, requests: AsyncIterator[Any], context: Any) -> None:
        upload = receiving.upload
        while not receiving.upload.done and receiving.upload.received_bytes < upload.size_bytes:
            request = self._read(await receiving.next(anext(requests, None)))
            which = None if request is None else request.WhichOneof("piece")
            if request is None or which == "finish":
                await (receiving.sync() if request is None else receiving.finish())
                return
            if which != "chunk":
                raise Refused(Refusal(Reason.OUT_OF_PLACE, "chunks come after the start", "piece"))
            if await receiving.chunk(request.chunk) and not receiving.upload.done:
                status = media_pb2.UploadStatus(
                    upload_id=upload.upload_id,
                    stage=media_pb2.UPLOAD_STAGE_RECEIVING,
                    received_bytes=receiving.upload.received_bytes,
                    size_bytes=upload.size_bytes,
                    percent=100 * receiving.upload.received_bytes // upload.size_bytes,
                )
                await context.write(media_pb2.UploadResponse(status=status))

    def _read(self, request: Any) -> Any:
        if isinstance(request, Unreadable):
            raise Refused(request.refusal)
        refusal = None if request is None else self._violation(request)
        if refusal is not None:
            raise Refused(refusal)
        return request

    async def _tell(self, device: Device, upload_id: str, context: Any) -> None:
        status = await self._uploads.status(device, upload_id)
        await context.write(media_pb2.UploadResponse(status=codec.status(status)))

    async def ResumeUpload(self, request: media_pb2.ResumeUploadRequest, context: Any) -> media_pb2.ResumeUploadResponse:
        """Where an upload is."""
        status = await self._uploads.status(await self._device(context), request.upload_id)
        return media_pb2.ResumeUploadResponse(status=codec.status(status))

    async def CancelUpload(self, request: media_pb2.CancelUploadRequest, context: Any) -> media_pb2.CancelUploadResponse:
        """Give an upload up."""
        status = await self._uploads.cancel(await self._device(context), request.upload_id)
        return media_pb2.CancelUploadResponse(status=codec.status(status))

    async def WatchUpload(self, request: media_pb2.WatchUploadRequest, context: Any) -> None:
        """How an upload goes on."""
        device = await self._device(context)
        async with aclosing(self._uploads.watch(device, request.upload_id)) as statuses:
            async for status in statuses:
                await context.write(media_pb2.WatchUploadResponse(status=codec.status(status)))

    async def GetBlob(self, request: media_pb2.GetBlobRequest, context: Any) -> media_pb2.GetBlobResponse:
        """A blob's facts."""
        blob = await self._blobs.get(await self._device(context), request.blob_id, request.conversation_id)
        return media_pb2.GetBlobResponse(media=codec.media(blob), variants=codec.variants(blob))

    async def Download(self, request: media_pb2.DownloadRequest, context: Any) -> None:
        """A blob's bytes."""
        device = await self._device(context)
        most = self._limits.downloads_per_account_max
        if self._downloading[device.account_id] >= most:
            raise Refused(Refusal(Reason.RATE_LIMITED, "", "downloads_per_account_max", most, most + 1, DOWNLOAD_RETRY_MS))
        self._downloading[device.account_id] += 1
        try:
            await self._download(device, request, context)
        finally:
            self._downloading[device.account_id] -= 1
            if not self._downloading[device.account_id]:
                del self._downloading[device.account_id]

    async def _download(self, device: Device, request: media_pb2.DownloadRequest, context: Any) -> None:
        which, offset = codec.variant(request.variant), request.offset_bytes
        blob, item = await self._blobs.opened(device, request.blob_id, request.conversation_id, which, request.view_token)
        if offset > item.size_bytes:
            raise Refused(Refusal(Reason.INVALID, "begins after the end", "offset_bytes", item.size_bytes, offset))
        length = min(request.length_bytes or item.size_bytes, item.size_bytes - offset)
        info = media_pb2.DownloadInfo(
            content_type=item.content_type,
            size_bytes=item.size_bytes,
            offset_bytes=offset,
            length_bytes=length,
            sha256=item.sha256,
        )
        await context.write(media_pb2.DownloadResponse(info=info))
        async with aclosing(self._blobs.read(item, offset, length)) as pieces:
            async for piece in pieces:
                for at in range(0, len(piece), CHUNK):
                    await context.write(media_pb2.DownloadResponse(chunk=piece[at : at + CHUNK]))
        if request.view_token and which is Variant.MAIN and offset + length == item.size_bytes:
            await self._blobs.viewed(blob.blob_id, request.view_token)

    async def GetDownloadUrl(self, request: media_pb2.GetDownloadUrlRequest, context: Any) -> media_pb2.GetDownloadUrlResponse:
        """A signed address."""
        device, which = await self._device(context), codec.variant(request.variant)
        blob, item = await self._blobs.opened(device, request.blob_id, request.conversation_id, which, request.view_token)
        url, until_ms = self._signing.download_url(blob.blob_id, item.variant, request.view_token)
        return media_pb2.GetDownloadUrlResponse(url=url, expires_at_ms=until_ms)

    async def OpenViewOnce(self, request: media_pb2.OpenViewOnceRequest, context: Any) -> media_pb2.OpenViewOnceResponse:
        """Open a view-once blob."""
        device = await self._device(context)
        token, until_ms = await self._blobs.open_once(device, request.blob_id, request.conversation_id)
        return media_pb2.OpenViewOnceResponse(view_token=token, expires_at_ms=until_ms)

    async def GetMediaUsage(self, request: media_pb2.GetMediaUsageRequest, context: Any) -> media_pb2.GetMediaUsageResponse:
        """What the account has stored."""
        usage = await self._uploads.usage(await self._device(context))
        return media_pb2.GetMediaUsageResponse(
            used_bytes=usage.stored_bytes + usage.open_bytes,
            quota_bytes=self._limits.quota_bytes,
            blobs=usage.blobs,
            sandbox=self._sandbox,
        )

    async def PreviewLink(self, request: media_pb2.PreviewLinkRequest, context: Any) -> media_pb2.PreviewLinkResponse:
        """What a page says of itself."""
        found = await self._previews.preview(await self._device(context), request.url)
        preview = envelope_pb2.LinkPreview(
            url=found.url, title=found.title, description=found.description, thumbnail=found.thumbnail
        )
        return media_pb2.PreviewLinkResponse(preview=preview)

    async def _device(self, context: Any) -> Device:
        return await self._identities.identify(bearer_token(context, "access token"))
