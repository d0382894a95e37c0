"""Links into calls in memory."""

from __future__ import annotations

import dataclasses
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

    async def find(self, maker_id: str, link_id: str) -> CallLink | None:
        """See `CallLinks.find`."""
        return self._links.get((maker_id, link_id))

    async def get(self, token_hash: str) -> CallLink | None:
        """See `CallLinks.get`."""
        return next((link for link in self._links.values() if link.token_hash == token_hash), None)

    async def set_approval(self, maker_id: str, link_id: str, approval: bool) -> CallLink | None:
        """See `CallLinks.set_approval`."""
        link = self._links.get((maker_id, link_id))
        if link is None:
            return None
        self._links[maker_id, link_id] = dataclasses.replace(link, approval=approval)
        return self._links[maker_id, link_id]

    async def touch(self, maker_id: str, link_id: str, used_at_ms: int) -> bool:
        """See `CallLinks.touch`."""
        link = self._links.get((maker_id, link_id))
        if link is None:
            return False
        self._links[maker_id, link_id] = dataclasses.replace(link, used_at_ms=max(link.used_at_ms, used_at_ms))
        return True

    async def remove(self, maker_id: str, link_id: str) -> bool:
        """See `CallLinks.remove`."""
        return self._links.pop((maker_id, link_id), None) is not None
