"""Health, readiness and metrics by HTTP, on the listener of whatever else a process serves by HTTP."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


def operations(ready: Callable[[], bool], scrape: Callable[[], bytes]) -> list[web.RouteDef]:
    """/healthz (the process lives), /readyz (it takes devices) and /metrics."""

    async def health(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readiness(request: web.Request) -> web.Response:
        return web.Response(text="ready\n") if ready() else web.Response(text="draining\n", status=503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=scrape(), content_type="text/plain", charset="utf-8")

    return [web.get("/healthz", health), web.get("/readyz", readiness), web.get("/metrics", metrics)]


@asynccontextmanager
async def serving_http(
    listen: str, routes: Sequence[web.RouteDef], tls: ssl.SSLContext | None, middlewares: Sequence[Any] = ()
) -> AsyncIterator[int]:
    """Serve until the block ends; bodies of any size, as they come. Yields the port.

    Raises:
        OSError: the address is taken.
    """
    application = web.Application(middlewares=middlewares, client_max_size=0)
    application.add_routes(routes)
    runner = web.AppRunner(application, access_log=None, auto_decompress=False)
    await runner.setup()
    try:
        host, _, port = listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]"), int(port), ssl_context=tls)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
