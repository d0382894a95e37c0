"""Link previews: asked for by a sender, fetched by the worker, so that the page sees neither sender nor recipients."""

from __future__ import annotations

import logging

from media.domain import link
from media.domain.limits import Limits
from media.domain.link import Preview
from media.ports.fetcher import Fetcher, NoPage
from media.ports.node import Device
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock

log = logging.getLogger(__name__)


class PreviewService:
    """Previews for all accounts."""

    def __init__(self, fetcher: Fetcher | None, clock: Clock, limits: Limits) -> None:
        """`fetcher`: None: this deployment fetches no pages."""
        self._fetcher = fetcher
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
        return found
