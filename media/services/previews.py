"""Link previews: asked for by a sender, fetched by the worker, so that the page sees neither sender nor recipients."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from media.domain import link
from media.domain.limits import Limits
from media.domain.link import Preview
from media.ports.fetcher import Fetcher, NoPage
from media.ports.node import Device
from media.ports.workshop import Workshop, WorkshopUnavailable
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock

log = logging.getLogger(__name__)

PICTURES_AT_ONCE = 2
"""Pictures of pages that are made small at a time; uploads have their own programs."""
PICTURE_S = 8.0
"""A preview waits no longer for its picture, the fetch included."""


class PreviewService:
    """Previews for all accounts."""

    def __init__(self, fetcher: Fetcher | None, workshop: Workshop, clock: Clock, limits: Limits) -> None:
        """`fetcher`: None: this deployment fetches no pages."""
        self._fetcher = fetcher
        self._workshop = workshop
        self._drawing = asyncio.Semaphore(PICTURES_AT_ONCE)
        self._clock = clock
        self._rate = Rate(limits.previews_per_hour / 3600, limits.previews_burst)

    async def preview(self, device: Device, url: str) -> Preview:
        """What the page at `url` says of itself.

        Raises:
            Refused: KIND_NOT_ENABLED, RATE_LIMITED; NOT_FOUND, which never says why.
        """
        if self._fetcher is None:
            raise Refused(Refusal(Reason.KIND_NOT_ENABLED, "this deployment fetches no pages", "previews"))
        retry_after_ms = self._rate.allow(device.account_id, self._clock.monotonic_ms())
        if retry_after_ms is not None:
            raise Refused(Refusal(Reason.RATE_LIMITED, subject="previews_per_hour", retry_after_ms=retry_after_ms))
        try:
            page = await self._fetcher.fetch(url)
        except NoPage as error:
            log.info("no preview", extra={"why": str(error)})
            raise Refused(Refusal(Reason.NOT_FOUND, "there is no page that can be shown", "url")) from error
        found = link.preview(page.url[: link.URL_CHARS_MAX], page.body, page.charset)
        if not found.title:
            raise Refused(Refusal(Reason.NOT_FOUND, "there is no page that can be shown", "url"))
        return replace(found, thumbnail=await self._thumbnail(self._fetcher, found.image))

    async def _thumbnail(self, fetcher: Fetcher, image: str) -> bytes:
        """The page's picture, small; b"": it has none, or none that can be shown in time. A preview does without."""
        if not image:
            return b""
        try:
            async with asyncio.timeout(PICTURE_S):
                picture = await fetcher.image(image)
                async with self._drawing:
                    return await self._workshop.thumbnail(picture, link.THUMBNAIL_BYTES_MAX)
        except TimeoutError:
            log.info("a preview has no picture", extra={"why": "it took too long"})
        except (NoPage, WorkshopUnavailable, OSError) as error:
            log.info("a preview has no picture", extra={"why": str(error)})
        return b""
