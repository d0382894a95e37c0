"""Tokens of internal services in memory."""

from __future__ import annotations

from collections.abc import Sequence

from server.domain.service_tokens import ServiceToken


class MemoryServiceTokens:
    """The port `ServiceTokens`."""

    def __init__(self) -> None:
        self._tokens: dict[str, ServiceToken] = {}

    async def add(self, token: ServiceToken) -> bool:
        """See `ServiceTokens.add`."""
        return self._tokens.setdefault(token.name, token) is token

    async def get(self, name: str) -> ServiceToken | None:
        """See `ServiceTokens.get`."""
        return self._tokens.get(name)

    async def all(self) -> Sequence[ServiceToken]:
        """See `ServiceTokens.all`."""
        return [self._tokens[name] for name in sorted(self._tokens)]

    async def remove(self, name: str) -> ServiceToken | None:
        """See `ServiceTokens.remove`."""
        return self._tokens.pop(name, None)
