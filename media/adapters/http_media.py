"""Uploads and downloads by HTTP, under signed addresses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import aclosing
from urllib.parse import quote

from aiohttp import web
from tidewire.media_rules.kinds import Kind

from media.domain import byte_range
from media.domain.blob import Blob
from media.domain.upload import Stage
from media.domain.wish import Variant
from media.services.blobs import BlobService, Opened
from media.services.signed import BLOBS, UPLOADS, Signing
from media.services.uploads import Receiving, UploadService
from media.services.watching import Status
from server.kit.refusal import Reason, Refusal, Refused

log = logging.getLogger(__name__)

RESUME = 308
"""Not all bytes have come: `Range` says which are durable."""
CODES = {
    Reason.INVALID: 400,
    Reason.LIMIT_EXCEEDED: 413,
    Reason.UNAUTHENTICATED: 403,
    Reason.NOT_A_MEMBER: 403,
    Reason.NOT_ALLOWED: 403,
    Reason.NOT_FOUND: 404,
    Reason.OUT_OF_PLACE: 409,
    Reason.RATE_LIMITED: 429,
    Reason.UNAVAILABLE: 503,
}
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
}
"""On everything: whatever was uploaded, no browser runs it as a page of this address."""


class HttpMedia:
    """The handlers."""

    def __init__(
        self, uploads: UploadService, blobs: BlobService, signing: Signing, chunk_bytes_max: int, refused: Callable[[str], None]
    ) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._signing = signing
        self._chunk_bytes_max = chunk_bytes_max
        self._refused = refused

    def routes(self) -> list[web.RouteDef]:
        """Where what is."""
        return [web.put(UPLOADS + "{upload_id}", self.put), web.get(BLOBS + "{blob_id}/{variant}", self.get)]

    async def put(self, request: web.Request) -> web.StreamResponse:
        """Bytes of an upload. Without `Content-Range` all of them; with `bytes */SIZE` none, to ask how far it is."""
        device = self._signing.uploader(request.path, request.query)
        upload_id = request.match_info["upload_id"]
        status = await self._uploads.status(device, upload_id)
        piece = byte_range.Piece(0, status.upload.size_bytes, status.upload.size_bytes)
        if "Content-Range" in request.headers:
            said = byte_range.piece(request.headers["Content-Range"])
            if said is None:
                raise Refused(
                    Refusal(Reason.INVALID, "is not of the form `bytes FIRST-LAST/SIZE` or `bytes */SIZE`", "Content-Range")
                )
            if request.content_length not in (None, said.length):
                raise Refused(
                    Refusal(
                        Reason.INVALID, "another length than the body's", "Content-Range", request.content_length, said.length
                    )
                )
            piece = said
        if piece.size != status.upload.size_bytes:
            raise Refused(
                Refusal(Reason.INVALID, "another size than declared", "Content-Range", status.upload.size_bytes, piece.size)
            )
        if piece.offset is None or status.stage is not Stage.RECEIVING:
            return _progress(status)
        async with self._uploads.receiving(device, upload_id, piece.offset) as receiving:
            await self._receive(request, receiving, piece.length if "Content-Range" in request.headers else None)
        return _progress(await self._uploads.status(device, upload_id))

    async def _receive(self, request: web.Request, receiving: Receiving, length: int | None) -> None:
        while data := await receiving.next(request.content.read(self._chunk_bytes_max)):
            if length is not None and (length := length - len(data)) < 0:
                raise Refused(Refusal(Reason.INVALID, "the body is longer", "Content-Range"))
            await receiving.chunk(data)
            if receiving.upload.stage is not Stage.RECEIVING:
                return

    async def get(self, request: web.Request) -> web.StreamResponse:
        """A file of a blob, or a range of it."""
        blob_id, variant, view_token = self._signing.file(request.path, request.query)
        opened = await self._blobs.file(blob_id, variant, view_token)
        blob, item = opened
        etag = f'"{item.sha256.hex()}"'
        headers = {
            **SAFE,
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Cache-Control": "no-store" if view_token else "private, max-age=31536000, immutable",
            "Content-Disposition": _disposition(blob, opened),
            "Content-Type": item.content_type,
        }
        if etag in request.headers.get("If-None-Match", "") and not view_token:
            return web.Response(status=304, headers=headers)
        wanted = None
        if request.headers.get("If-Range", etag) == etag:
            try:
                wanted = byte_range.wanted(request.headers.get("Range", ""), item.size_bytes)
            except byte_range.Unsatisfiable:
                return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{item.size_bytes}"})
        offset, length = wanted or byte_range.ByteRange(0, item.size_bytes)
        response = web.StreamResponse(status=200 if wanted is None else 206, headers=headers)
        response.content_length = length
        if wanted is not None:
            response.headers["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{item.size_bytes}"
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            async with aclosing(self._blobs.read(item, offset, length)) as pieces:
                async for piece in pieces:
                    await response.write(piece)
        except Refused as refused:  # too late for a status: what was sent must not look whole
            self._refused(refused.refusal.reason.name)
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        if view_token and variant is Variant.MAIN and offset + length == item.size_bytes:
            await self._blobs.viewed(blob_id, view_token)
        return response

    @web.middleware
    async def guarded(self, request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
        """Refusals become answers, and bugs become 500 without a word."""
        try:
            return await handler(request)  # type: ignore[misc,no-any-return]
        except Refused as refused:
            refusal = refused.refusal
            self._refused(refusal.reason.name)
            headers = dict(SAFE)
            if refusal.retry_after_ms is not None:
                headers["Retry-After"] = str(max(1, refusal.retry_after_ms // 1000))
            body = {"reason": refusal.reason.name, "detail": refusal.sentence(), "limit": refusal.limit, "actual": refusal.actual}
            return web.json_response(
                {name: value for name, value in body.items() if value is not None},
                status=CODES.get(refusal.reason, 500),
                headers=headers,
            )


def _progress(status: Status) -> web.Response:
    upload = status.upload
    body: dict[str, object] = {"stage": status.stage.value, "received_bytes": upload.received_bytes, "percent": status.percent}
    headers = dict(SAFE)
    if upload.rejection is not None:
        rejection = upload.rejection
        body["rejection"] = {"reason": rejection.reason.name, "limit": rejection.limit, "actual": rejection.actual}
        return web.json_response(body, status=422, headers=headers)
    if status.stage is not Stage.RECEIVING:
        return web.json_response(body, headers=headers)
    if upload.received_bytes:
        headers["Range"] = f"bytes=0-{upload.received_bytes - 1}"
    return web.json_response(body, status=RESUME, headers=headers)


def _disposition(blob: Blob, opened: Opened) -> str:
    """Documents are saved, never shown; the rest is shown where the page wants it."""
    kind = "attachment" if blob.kind is Kind.DOCUMENT else "inline"
    name = blob.name or blob.kind.value
    if opened.item.content_type != blob.content_type:
        name = f"{opened.item.variant.value} of {name}"
    plain = "".join(
        character if character.isascii() and character.isprintable() and character not in '"\\' else "_" for character in name
    )
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
