"""Accounts, contacts, devices and challenges in memory: the same guarantees, but for durability."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from server.domain.accounts import Account, Challenge, Device, Marks
from server.domain.avatar import Avatar
from server.ports.accounts import Secrets


class MemoryAccounts:
    """The ports `Accounts` and `AccountMarks`. Deleting an account reaches into the other three, as one transaction does elsewhere."""

    def __init__(self, contacts: MemoryContacts, devices: MemoryDevices, challenges: MemoryChallenges) -> None:
        self._contacts = contacts
        self._devices = devices
        self._challenges = challenges
        self._accounts: dict[str, tuple[Account, str]] = {}
        self._handles: dict[str, str] = {}

    async def add(self, account: Account, recovery_hash: str) -> bool:
        """See `Accounts.add`."""
        if not self._take(account):
            return False
        self._accounts[account.account_id] = (account, recovery_hash)
        return True

    async def update(self, account: Account) -> bool:
        """See `Accounts.update`."""
        known, recovery_hash = self._accounts[account.account_id]
        if not self._take(account):
            return False
        kept = dataclasses.replace(
            account,
            created_at_ms=known.created_at_ms,
            last_seen_ms=known.last_seen_ms,
            marks=known.marks,
            avatar=known.avatar,
        )
        self._accounts[account.account_id] = (kept, recovery_hash)
        return True

    async def set_avatar(self, account_id: str, avatar: Avatar | None) -> Avatar | None:
        """See `Accounts.set_avatar`."""
        if account_id not in self._accounts:
            return None
        account, recovery_hash = self._accounts[account_id]
        self._accounts[account_id] = (dataclasses.replace(account, avatar=avatar), recovery_hash)
        return account.avatar

    def _take(self, account: Account) -> bool:
        handles = [f"{kind}:{value}" for kind, value in account.handles.items()]
        if any(self._handles.get(handle, account.account_id) != account.account_id for handle in handles):
            return False
        self._free(account.account_id)
        self._handles.update(dict.fromkeys(handles, account.account_id))
        return True

    def _free(self, account_id: str) -> None:
        self._handles = {handle: owner for handle, owner in self._handles.items() if owner != account_id}

    async def get(self, account_ids: Sequence[str]) -> list[Account]:
        """See `Accounts.get`."""
        return [self._accounts[account_id][0] for account_id in account_ids if account_id in self._accounts]

    async def find(self, handle: str) -> Account | None:
        """See `Accounts.find`."""
        account_id = self._handles.get(handle)
        return None if account_id is None else self._accounts[account_id][0]

    async def recovery_hash(self, account_id: str) -> str:
        """See `Accounts.recovery_hash`."""
        return self._accounts[account_id][1] if account_id in self._accounts else ""

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """See `Accounts.save_last_seen`."""
        if account_id in self._accounts:
            account, recovery_hash = self._accounts[account_id]
            seen = dataclasses.replace(account, last_seen_ms=max(account.last_seen_ms, at_ms))
            self._accounts[account_id] = (seen, recovery_hash)

    async def mark(self, account_id: str, marks: Marks) -> bool:
        """See `AccountMarks.mark`."""
        if account_id not in self._accounts:
            return False
        account, recovery_hash = self._accounts[account_id]
        self._accounts[account_id] = (dataclasses.replace(account, marks=marks), recovery_hash)
        return True

    async def delete(self, account_id: str) -> None:
        """See `Accounts.delete`."""
        self._accounts.pop(account_id, None)
        self._free(account_id)
        self._contacts.forget(account_id)
        self._devices.forget(account_id)
        self._challenges.forget(account_id)


class MemoryContacts:
    """The port `Contacts`."""

    def __init__(self) -> None:
        self._contacts: dict[str, dict[str, str]] = {}
        self._blocks: dict[str, set[str]] = {}

    async def put(self, account_id: str, other_id: str, name: str) -> None:
        """See `Contacts.put`."""
        self._contacts.setdefault(account_id, {})[other_id] = name

    async def remove(self, account_id: str, other_id: str) -> None:
        """See `Contacts.remove`."""
        self._contacts.get(account_id, {}).pop(other_id, None)

    async def of_account(self, account_id: str) -> dict[str, str]:
        """See `Contacts.of_account`."""
        return dict(sorted(self._contacts.get(account_id, {}).items()))

    async def block(self, account_id: str, other_id: str, blocked: bool) -> None:
        """See `Contacts.block`."""
        blocks = self._blocks.setdefault(account_id, set())
        (blocks.add if blocked else blocks.discard)(other_id)

    async def blocked(self, account_id: str) -> list[str]:
        """See `Contacts.blocked`."""
        return sorted(self._blocks.get(account_id, ()))

    def forget(self, account_id: str) -> None:
        """The account is deleted."""
        self._contacts.pop(account_id, None)
        self._blocks.pop(account_id, None)


class MemoryDevices:
    """The port `Devices`."""

    def __init__(self) -> None:
        self._devices: dict[str, tuple[Device, Secrets]] = {}
        self._spent: dict[str, str] = {}

    async def add(self, device: Device, secrets: Secrets) -> None:
        """See `Devices.add`."""
        self._devices[device.device_id] = (device, secrets)

    async def of_account(self, account_id: str) -> list[Device]:
        """See `Devices.of_account`."""
        found = [device for device, _ in self._devices.values() if device.account_id == account_id]
        return sorted(found, key=lambda device: (not device.primary, device.created_at_ms, device.device_id))

    async def rename(self, device_id: str, name: str) -> None:
        """See `Devices.rename`."""
        self._change(device_id, name=name)

    async def remove(self, device_id: str) -> None:
        """See `Devices.remove`."""
        self._devices.pop(device_id, None)

    async def by_access(self, access_hash: str, now_ms: int) -> Device | None:
        """See `Devices.by_access`."""
        for device, secrets in self._devices.values():
            if secrets.access_hash == access_hash and secrets.access_until_ms > now_ms:
                return dataclasses.replace(device, access_until_ms=secrets.access_until_ms)
        return None

    async def exchange(self, refresh_hash: str, secrets: Secrets, now_ms: int) -> Device | str | None:
        """See `Devices.exchange`."""
        for device, known in self._devices.values():
            if known.refresh_hash == refresh_hash and known.refresh_until_ms > now_ms:
                self._spent[refresh_hash] = device.device_id
                self._devices[device.device_id] = (device, secrets)
                return device
        spent = self._spent.get(refresh_hash)
        again = self._devices.get(spent or "")
        if again is not None and self._same(again[1], secrets):
            return again[0]
        return spent

    @staticmethod
    def _same(one: Secrets, other: Secrets) -> bool:
        return (one.access_hash, one.refresh_hash) == (other.access_hash, other.refresh_hash)

    async def replace_secrets(self, device_id: str, secrets: Secrets) -> str:
        """See `Devices.replace_secrets`."""
        if device_id not in self._devices:
            return ""
        device, _ = self._devices[device_id]
        self._devices[device_id] = (device, secrets)
        return device.account_id

    async def touch(self, device_id: str, at_ms: int) -> None:
        """See `Devices.touch`."""
        if device_id in self._devices:
            self._change(device_id, active_at_ms=max(at_ms, self._devices[device_id][0].active_at_ms))

    def _change(self, device_id: str, **changes: str | int) -> None:
        if device_id in self._devices:
            device, secrets = self._devices[device_id]
            self._devices[device_id] = (dataclasses.replace(device, **changes), secrets)  # type: ignore[arg-type]

    def forget(self, account_id: str) -> None:
        """The account is deleted."""
        self._devices = {key: kept for key, kept in self._devices.items() if kept[0].account_id != account_id}


class MemoryChallenges:
    """The port `Challenges`."""

    def __init__(self) -> None:
        self._challenges: dict[str, Challenge] = {}

    async def put(self, challenge: Challenge) -> None:
        """See `Challenges.put`."""
        self._challenges[challenge.challenge_id] = challenge

    async def get(self, challenge_id: str) -> Challenge | None:
        """See `Challenges.get`."""
        return self._challenges.get(challenge_id)

    async def count_try(self, challenge_id: str) -> int:
        """See `Challenges.count_try`."""
        challenge = self._challenges.get(challenge_id)
        if challenge is None:
            return 0
        self._challenges[challenge_id] = dataclasses.replace(challenge, tries=challenge.tries + 1)
        return challenge.tries + 1

    async def remove(self, challenge_id: str) -> bool:
        """See `Challenges.remove`."""
        return self._challenges.pop(challenge_id, None) is not None

    async def waiting(self, account_id: str, since_ms: int) -> list[Challenge]:
        """See `Challenges.waiting`."""
        found = [
            challenge
            for challenge in self._challenges.values()
            if (challenge.account_id, challenge.purpose, challenge.approval) == (account_id, "login", "")
            and challenge.created_at_ms >= since_ms
        ]
        return sorted(found, key=lambda challenge: challenge.created_at_ms)

    def forget(self, account_id: str) -> None:
        """The account is deleted."""
        self._challenges = {key: kept for key, kept in self._challenges.items() if kept.account_id != account_id}
