"""What is stored about internal services. Every method may raise `Refused` with UNAVAILABLE; every write is durable on return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from server.domain.service_tokens import ServiceToken


class ServiceTokens(Protocol):
    """The tokens of internal services, by name. There are few."""

    async def add(self, token: ServiceToken) -> bool:
        """Store a new one. False, and nothing stored, when the name is taken. Atomic."""
        ...

    async def get(self, name: str) -> ServiceToken | None:
        """One of them."""
        ...

    async def all(self) -> Sequence[ServiceToken]:
        """All of them, by name."""
        ...

    async def remove(self, name: str) -> ServiceToken | None:
        """Revoke one; the one that was there."""
        ...
