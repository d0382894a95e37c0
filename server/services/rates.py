"""The node's rate limits, each with its refusal."""

from __future__ import annotations

from server.domain.limits import Limits
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused
from server.ports.cluster import Buckets


class Rates:
    """Commands per account and calls per address, on this node; registrations per address and codes per handle, in the deployment."""

    def __init__(self, limits: Limits, buckets: Buckets | None = None) -> None:
        """`buckets`: those that all nodes share; None: this node is alone."""
        self._buckets = buckets
        self._commands = Rate(limits.commands_per_s, limits.commands_burst)
        self._addresses = Rate(limits.address_commands_per_s, limits.address_commands_burst)
        self._services = Rate(limits.service_calls_per_s, limits.service_calls_burst)
        self._registrations = Rate(limits.registrations_per_address_hour / 3600, limits.registrations_per_address_hour)
        self._codes = Rate(limits.codes_per_handle_day / 86_400, limits.codes_per_handle_day)

    def command(self, account_id: str, now_ms: int) -> Refusal | None:
        """One command of an account."""
        return _refusal("commands_per_s", self._commands.allow(account_id, now_ms))

    def address(self, address: str, now_ms: int) -> Refusal | None:
        """One unary call from an address."""
        return _refusal("address_commands_per_s", self._addresses.allow(address, now_ms))

    def service(self, name: str, now_ms: int) -> Refusal | None:
        """One call of an internal service."""
        return _refusal("service_calls_per_s", self._services.allow(name, now_ms))

    async def registration(self, address: str, now_ms: int) -> Refusal | None:
        """One registration or login from an address."""
        return await self._shared("registrations_per_address_hour", self._registrations, address, now_ms)

    async def code(self, handle: str, now_ms: int) -> Refusal | None:
        """One code sent to a handle."""
        return await self._shared("codes_per_handle_day", self._codes, handle, now_ms)

    async def _shared(self, name: str, rate: Rate, key: str, now_ms: int) -> Refusal | None:
        """By the deployment's bucket; by this node's own while that is away, which lets through as much again on each node."""
        if self._buckets is not None:
            try:
                return _refusal(name, await self._buckets.allow(f"{name}:{key}", rate.per_s, rate.burst))
            except Refused:
                pass
        return _refusal(name, rate.allow(key, now_ms))


def _refusal(name: str, retry_after_ms: int | None) -> Refusal | None:
    if retry_after_ms is None:
        return None
    return Refusal(Reason.RATE_LIMITED, subject=name, retry_after_ms=retry_after_ms)
