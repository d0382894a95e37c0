"""What is stored about links into calls. Every method may raise `Refused` with UNAVAILABLE; every write is durable on return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from server.domain.call_links import CallLink


class CallLinks(Protocol):
    """Links, by their maker and by the hash of what opens them."""

    async def add(self, link: CallLink) -> None:
        """Store a new one."""
        ...

    async def of_maker(self, maker_id: str) -> Sequence[CallLink]:
        """An account's links, the oldest first."""
        ...

    async def find(self, maker_id: str, link_id: str) -> CallLink | None:
        """A link by its maker and id; None: there is none (any more)."""
        ...

    async def get(self, token_hash: str) -> CallLink | None:
        """The link that a token opens; None: there is none (any more)."""
        ...

    async def set_approval(self, maker_id: str, link_id: str, approval: bool) -> CallLink | None:
        """Store a link's `approval` alone; the link afterwards. None, and nothing stored, when it was removed. Atomic."""
        ...

    async def touch(self, maker_id: str, link_id: str, used_at_ms: int) -> bool:
        """Store that a link was used, and nothing else of it; the latest use remains. False, and nothing stored, when it was removed.
        Atomic: whatever is changed or removed meanwhile is as if the touch had not been."""
        ...

    async def remove(self, maker_id: str, link_id: str) -> bool:
        """Remove a link of the account; whether it was there. From then on nobody finds it, and nothing brings it back."""
        ...
