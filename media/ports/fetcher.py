"""The way out to pages, for link previews alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class NoPage(Exception):
    """There is no page that may be shown: it was not there, or not one, or not public. Why is for the log, never for who asked."""


@dataclass(frozen=True, slots=True)
class Page:
    """The beginning of a page."""

    url: str
    """Where it was in the end."""
    body: bytes
    charset: str
    """As its header says; "": it does not."""


class Fetcher(Protocol):
    """Fetches one page or picture as nobody in particular: no cookies, no proxy, no address but of the public internet."""

    async def fetch(self, url: str) -> Page:
        """The page at `url`, after redirects.

        Raises:
            NoPage
        """
        ...

    async def image(self, url: str) -> bytes:
        """The picture at `url`, after redirects: whatever calls itself one.

        Raises:
            NoPage
        """
        ...
