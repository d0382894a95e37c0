"""What an operator does with accounts. Each step is durable before the streams learn of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from server.domain.accounts import Account, Device
from server.domain.feed import AccountChange
from server.domain.notice import ClosingReason
from server.domain.tally import Tallied
from server.kit.refusal import Reason, Refusal
from server.kit.world import Clock
from server.ports.accounts import AccountMarks, Accounts, Devices
from server.ports.people import Streams
from server.services.people import KnownPeople
from server.services.signing_in import SigningIn, Tokens

UNKNOWN = Refusal(Reason.NOT_FOUND, subject="account_id")


@dataclass(frozen=True, slots=True)
class Found:
    """An account that was looked up."""

    account: Account
    devices: list[Device]
    connected: bool


class Administration:
    """AdminService's use cases."""

    def __init__(
        self,
        accounts: Accounts,
        marks: AccountMarks,
        devices: Devices,
        signing_in: SigningIn,
        tokens: Tokens,
        people: KnownPeople,
        streams: Streams,
        is_connected: Callable[[str], bool],
        refusals: Callable[[int, int], list[Tallied]],
        clock: Clock,
    ) -> None:
        """`refusals`: what was refused in so many minutes before a Unix ms."""
        self._accounts = accounts
        self._marks = marks
        self._devices = devices
        self._signing_in = signing_in
        self._tokens = tokens
        self._people = people
        self._streams = streams
        self._is_connected = is_connected
        self._refusals = refusals
        self._clock = clock

    async def look_up(self, account_id: str, handle: str) -> Found | Refusal:
        """An account by its id, or else by its handle ("kind:value")."""
        account = await self._account(account_id) if account_id else await self._accounts.find(handle)
        if account is None:
            return UNKNOWN if account_id else Refusal(Reason.NOT_FOUND, subject="handle")
        devices = await self._devices.of_account(account.account_id)
        return Found(account, devices, self._is_connected(account.account_id))

    async def suspend(self, account_id: str, reason: str) -> Refusal | None:
        """Suspend an account and close its streams. One that is suspended already gets the new reason only."""
        account = await self._account(account_id)
        if account is None:
            return UNKNOWN
        since_ms = account.marks.suspended_at_ms or self._clock.now_ms()
        marks = dataclasses.replace(account.marks, suspended_at_ms=since_ms, suspended_for=reason)
        if not await self._marks.mark(account_id, marks):
            return UNKNOWN
        for device in await self._devices.of_account(account_id):
            self._tokens.forget(device.device_id)
            await self._streams.close_device(account_id, device.device_id, ClosingReason.SUSPENDED)
        await self._people.changed(account_id, AccountChange.SUSPENDED)
        return None

    async def unsuspend(self, account_id: str) -> Refusal | None:
        """End a suspension."""
        account = await self._account(account_id)
        if account is None:
            return UNKNOWN
        marks = dataclasses.replace(account.marks, suspended_at_ms=0, suspended_for="")
        if not await self._marks.mark(account_id, marks):
            return UNKNOWN
        await self._people.changed(account_id, AccountChange.UNSUSPENDED)
        return None

    async def sign_out(self, account_id: str) -> int | Refusal:
        """Void the tokens of all devices; how many there are."""
        return UNKNOWN if await self._account(account_id) is None else await self._signing_in.sign_out(account_id)

    async def delete(self, account_id: str) -> Refusal | None:
        """Delete an account as its owner would."""
        if await self._account(account_id) is None:
            return UNKNOWN
        await self._signing_in.delete_account(account_id)
        await self._people.changed(account_id, AccountChange.DELETED)
        return None

    def refusals(self, minutes: int) -> list[Tallied]:
        """What this node has refused lately."""
        return self._refusals(minutes, self._clock.now_ms())

    async def _account(self, account_id: str) -> Account | None:
        return next(iter(await self._accounts.get([account_id])), None)
