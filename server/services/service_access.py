"""Who an internal service is, and what it may do."""

from __future__ import annotations

from server.domain import service_tokens as rules
from server.domain.service_tokens import Scope, ServiceToken
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock
from server.ports.services import ServiceTokens
from server.services.rates import Rates

CACHE_MS = 2_000
"""A token is looked up again after this long: how soon a node notices that it was revoked."""


class ServiceAccess:
    """Checks tokens."""

    def __init__(self, tokens: ServiceTokens, rates: Rates, clock: Clock) -> None:
        self._tokens = tokens
        self._rates = rates
        self._clock = clock
        self._cache: dict[str, tuple[ServiceToken, int]] = {}
        """By name: names are checked before anything is kept, so that strangers cannot fill it."""

    async def authorise(self, token: str, scope: Scope) -> ServiceToken:
        """The service's token, which has the scope.

        Raises:
            Refused: UNAUTHENTICATED, NOT_ALLOWED, RATE_LIMITED, or UNAVAILABLE.
        """
        name, secret_hash = rules.read(token)
        stored = await self._stored(name) if name else None
        if stored is None or not rules.holds(stored, secret_hash):
            raise Refused(Refusal(Reason.UNAUTHENTICATED, "the service token is missing, unknown or revoked"))
        refusal = rules.permits(stored, scope) or self._rates.service(name, self._clock.monotonic_ms())
        if refusal is not None:
            raise Refused(refusal)
        return stored

    async def still_holds(self, token: ServiceToken) -> bool:
        """Whether a token that was shown before has not been revoked since. When the store is away it is believed."""
        try:
            return await self._stored(token.name) == token
        except Refused:
            return True

    async def _stored(self, name: str) -> ServiceToken | None:
        now_ms = self._clock.monotonic_ms()
        known = self._cache.get(name)
        if known is not None and known[1] > now_ms:
            return known[0]
        self._cache.pop(name, None)
        stored = await self._tokens.get(name)
        if stored is not None:
            self._cache[name] = (stored, now_ms + CACHE_MS)
        return stored
