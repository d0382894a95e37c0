"""Health, readiness and metrics by HTTP."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving_http(
    listen: str, ready: Callable[[], bool], scrape: Callable[[], bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve /healthz (the process lives), /readyz (it takes devices) and /metrics. Yields the port.

    Raises:
        OSError: the address is taken.
    """

    async def health(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readiness(request: web.Request) -> web.Response:
        return web.Response(text="ready\n") if ready() else web.Response(text="draining\n", status=503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=scrape(), content_type="text/plain", charset="utf-8")

    application = web.Application()
    application.add_routes([web.get("/healthz", health), web.get("/readyz", readiness), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        host, _, port = listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]"), int(port), ssl_context=tls)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
