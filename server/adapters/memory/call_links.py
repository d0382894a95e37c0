"""Links into calls in memory."""

from __future__ import annotations

from collections.abc import Sequence

from server.domain.call_links import CallLink


class MemoryCallLinks:
    """The port `CallLinks`."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], CallLink] = {}

    async def add(self, link: CallLink) -> None:
        """See `CallLinks.add`."""
        self._links[link.maker_id, link.link_id] = link

    async def of_maker(self, maker_id: str) -> Sequence[CallLink]:
        """See `CallLinks.of_maker`."""
        own = [link for link in self._links.values() if link.maker_id == maker_id]
        return sorted(own, key=lambda link: (link.created_at_ms, link.link_id))

    async def get(self, token_hash: str) -> CallLink | None:
        """See `CallLinks.get`."""
        return next((link for link in self._links.values() if link.token_hash == token_hash), None)

    async def put(self, link: CallLink) -> bool:
        """See `CallLinks.put`."""
        there = (link.maker_id, link.link_id) in self._links
        if there:
            self._links[link.maker_id, link.link_id] = link
        return there

    async def remove(self, maker_id: str, link_id: str) -> bool:
        """See `CallLinks.remove`."""
        return self._links.pop((maker_id, link_id), None) is not None
