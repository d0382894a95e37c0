"""What is stored about accounts. Every method may raise `Refused` with UNAVAILABLE; every write is durable on return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.domain.accounts import Account, Challenge, Device, Marks
from server.domain.avatar import Avatar


@dataclass(frozen=True, slots=True)
class Secrets:
    """A device's tokens as they are stored: hashes, and until when they hold (Unix ms)."""

    access_hash: str
    access_until_ms: int
    refresh_hash: str
    refresh_until_ms: int


class Accounts(Protocol):
    """Accounts and their handles ("username:…", "phone:…", "email:…")."""

    async def add(self, account: Account, recovery_hash: str) -> bool:
        """Store a new account with its handles and marks. False, and nothing stored, when a handle is taken."""
        ...

    async def update(self, account: Account) -> bool:
        """Replace display name, bio, privacy and handles; marks and picture stay. False, and nothing changed, when a handle is taken."""
        ...

    async def set_avatar(self, account_id: str, avatar: Avatar | None) -> Avatar | None:
        """Replace the picture; the one before, None: it had none, or there is no such account. Atomic: each picture that was replaced is
        returned to one caller."""
        ...

    async def get(self, account_ids: Sequence[str]) -> list[Account]:
        """Those of the accounts that exist, in the order asked for."""
        ...

    async def find(self, handle: str) -> Account | None:
        """The account with this handle."""
        ...

    async def recovery_hash(self, account_id: str) -> str:
        """The hash of the recovery code; "": there is none."""
        ...

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """Raise the time at which the account was last seen."""
        ...

    async def delete(self, account_id: str) -> None:
        """Free the handles, remove devices, contacts and blocks. The id stays taken for ever."""
        ...


class AccountMarks(Protocol):
    """What the operator says of accounts. Read with the account."""

    async def mark(self, account_id: str, marks: Marks) -> bool:
        """Replace the marks of an account. False: there is no such account."""
        ...


class Devices(Protocol):
    """Devices and their tokens."""

    async def add(self, device: Device, secrets: Secrets) -> None:
        """Store a new device."""
        ...

    async def of_account(self, account_id: str) -> list[Device]:
        """The account's devices, the primary one first, then in the order in which they were added."""
        ...

    async def rename(self, device_id: str, name: str) -> None:
        """Give a device another name."""
        ...

    async def remove(self, device_id: str) -> None:
        """Remove a device with its tokens."""
        ...

    async def by_access(self, access_hash: str, now_ms: int) -> Device | None:
        """The device of an access token that holds, with `access_until_ms`."""
        ...

    async def exchange(self, refresh_hash: str, secrets: Secrets, now_ms: int) -> Device | str | None:
        """Put new tokens in the place of the refresh token's. Returns the device; its id as text when the token was spent
        before; None when it is unknown or has expired. Atomic: of two that exchange one token, one finds it spent.

        The same exchange again, with the same new tokens, returns the device as long as it has these."""
        ...

    async def replace_secrets(self, device_id: str, secrets: Secrets) -> str:
        """Put other tokens in the place of a device's, so that those it has are void. Its account; "": no such device."""
        ...

    async def touch(self, device_id: str, at_ms: int) -> None:
        """The device was connected."""
        ...


class Challenges(Protocol):
    """Registrations and logins that wait for their proof."""

    async def put(self, challenge: Challenge) -> None:
        """Store or replace."""
        ...

    async def get(self, challenge_id: str) -> Challenge | None:
        """One of them."""
        ...

    async def count_try(self, challenge_id: str) -> int:
        """Count a try; the number so far. Atomic."""
        ...

    async def remove(self, challenge_id: str) -> bool:
        """Use it up. False: it was used before. Atomic."""
        ...

    async def waiting(self, account_id: str, since_ms: int) -> list[Challenge]:
        """Logins to an account that were asked for since then and not answered, oldest first."""
        ...


class Contacts(Protocol):
    """Contacts and blocks of an account."""

    async def put(self, account_id: str, other_id: str, name: str) -> None:
        """Add or rename a contact."""
        ...

    async def remove(self, account_id: str, other_id: str) -> None:
        """Remove a contact."""
        ...

    async def of_account(self, account_id: str) -> dict[str, str]:
        """The contacts: account id → name."""
        ...

    async def block(self, account_id: str, other_id: str, blocked: bool) -> None:
        """Block an account, or take the block back."""
        ...

    async def blocked(self, account_id: str) -> list[str]:
        """Whom the account blocks."""
        ...


class CodeSender(Protocol):
    """Brings a 6-digit code to a person."""

    async def send(self, handle: str, code: str) -> None:
        """Send `code` to "phone:…" or "email:…".

        Raises:
            Refused: UNAVAILABLE.
        """
        ...
