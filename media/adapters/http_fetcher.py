"""The port `Fetcher` over aiohttp. Whatever a page, its redirects or its name server say, only public addresses are connected to.

The connector gets its addresses from `_Guard` alone, which has looked at each of them, so that there is no moment between the look and the
connection in which a name could come to mean something else.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from media.domain import link
from media.domain.limits import Limits
from media.ports.fetcher import NoPage, Page

log = logging.getLogger(__name__)

HEADERS = {
    "User-Agent": "Tidewire link preview",
    "Accept": "text/html,application/xhtml+xml,image/*",
    "Accept-Encoding": "identity",
}
T = TypeVar("T")
REDIRECTS = (301, 302, 303, 307, 308)


class _Guard(AbstractResolver):
    """Names to addresses, all of which are allowed; a name with one that is not has none."""

    def __init__(self, allowed: Callable[[link.Address], bool]) -> None:
        self._allowed = allowed

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        out: list[ResolveResult] = []
        for kind, _, protocol, _, address in found:
            known = link.literal(str(address[0]))
            if known is None or not self._allowed(known):
                raise NoPage(f"{host} is {address[0]}, which is not public")
            out.append(
                ResolveResult(
                    hostname=host,
                    host=str(known),
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return out

    async def close(self) -> None:
        """Nothing is held."""


class HttpFetcher:
    """Fetches pages. Each fetch has a connection of its own."""

    def __init__(
        self, limits: Limits, allowed: Callable[[link.Address], bool] = link.is_public, ports: frozenset[int] = link.PORTS
    ) -> None:
        """`allowed`, `ports`: whom to connect to; others than the default are for tests, whose pages are on this machine."""
        self._limits = limits
        self._allowed = allowed
        self._ports = ports

    async def fetch(self, url: str) -> Page:
        """See `Fetcher.fetch`."""
        return await self._fetched(url, self._page)

    async def image(self, url: str) -> bytes:
        """See `Fetcher.image`."""
        return await self._fetched(url, self._image)

    async def _fetched(self, url: str, read: Callable[[str, aiohttp.ClientResponse], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._limits.preview_timeout_ms / 1000), self._session() as session:
                for _ in range(self._limits.preview_redirects_max + 1):
                    self._look(url)
                    async with session.get(url, allow_redirects=False) as response:
                        if response.status not in REDIRECTS:
                            return await read(url, response)
                        url = link.redirected(url, response.headers.get("Location", ""))
        except TimeoutError as error:
            raise NoPage("it took too long") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoPage(str(error)) from error
        raise NoPage("too many redirects")

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(resolver=_Guard(self._allowed), use_dns_cache=False, force_close=True)
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=HEADERS, auto_decompress=False, trust_env=False
        )

    def _look(self, url: str) -> None:
        """An address that is given as such is not resolved, so that the guard does not see it."""
        wrong = link.wrong(url, self._ports)
        if wrong:
            raise NoPage(f"the address {wrong}")
        host = link.literal((urlsplit(url).hostname or "").strip("[]"))
        if host is not None and not self._allowed(host):
            raise NoPage(f"{host} is not public")

    async def _page(self, url: str, response: aiohttp.ClientResponse) -> Page:
        if response.status != 200 or response.content_type not in link.HTML:
            raise NoPage(f"{response.status}, {response.content_type}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise NoPage("it is compressed, though that was not asked for")
        return Page(url, await _beginning(response, self._limits.preview_bytes_max), response.charset or "")

    async def _image(self, url: str, response: aiohttp.ClientResponse) -> bytes:
        if response.status != 200 or not response.content_type.startswith("image/"):
            raise NoPage(f"{response.status}, {response.content_type}")
        most = self._limits.preview_image_bytes_max
        body = await _beginning(response, most + 1)
        if len(body) > most:
            raise NoPage(f"the picture has more than {most} bytes")
        return body


async def _beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    while len(body) < most:
        piece = await response.content.read(most - len(body))
        if not piece:
            break
        body += piece
    return bytes(body)
