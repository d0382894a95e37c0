"""What the chat asks about accounts. All of it is outside the fold: up to `outside_rules_ttl_ms` stale."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from server.domain.notice import ClosingReason, Notice


class Standing(NamedTuple):
    """What decides whether a direct message reaches an account."""

    exists: bool
    """The account exists and is not deleted."""
    blocks: bool
    """It blocks the other one."""
    suspended: bool = False
    """It may not send."""


class Acquaintance(NamedTuple):
    """What decides whether and how a call rings."""

    unreachable: bool
    """The account blocks the caller, is suspended, or is gone."""
    stranger: bool
    """The caller is not in its contacts."""
    silent: bool
    """The caller is a stranger, and the account wants no sound of strangers."""


class People(Protocol):
    """Facts about accounts that rules outside the fold need. Answers come from memory where they can."""

    async def existing(self, account_ids: list[str]) -> set[str]:
        """Those of `account_ids` that exist and are not deleted."""
        ...

    def at_once(self, account_id: str, other_id: str) -> Standing | None:
        """How `account_id` stands to `other_id`, when that is in memory; None: ask `standing`. Runs for every direct message."""
        ...

    async def standing(self, account_id: str, other_id: str) -> Standing:
        """How `account_id` stands to `other_id`."""
        ...

    async def blocks(self, account_id: str, other_id: str) -> bool:
        """Whether `account_id` blocks `other_id`."""
        ...

    async def may_add(self, adder_id: str, account_id: str) -> bool:
        """Whether `adder_id` may add `account_id` to a group, by that account's privacy and blocks."""
        ...

    async def acquaintance(self, account_id: str, caller_id: str) -> Acquaintance:
        """How `account_id` stands to somebody who calls."""
        ...

    async def read_receipts(self, account_id: str) -> bool:
        """Whether the account has read receipts on."""
        ...

    async def devices(self, account_id: str) -> dict[str, int]:
        """The account's devices, each with the Unix ms at which it was last active. Read from the store, not from memory."""
        ...


class Streams(Protocol):
    """What account services ask of the open streams, wherever they are."""

    async def close_device(self, account_id: str, device_id: str, reason: ClosingReason) -> None:
        """Close the device's stream, if it has one, with `reason`. Idempotent."""
        ...

    async def connected_devices(self, account_id: str) -> set[str]:
        """The account's devices that have a stream now, as far as is known."""
        ...

    async def notify(self, account_id: str, notice: Notice, except_device_id: str = "", only_device_id: str = "") -> None:
        """Tell the account's connected devices, or one of them. Best effort."""
        ...


class Groups(Protocol):
    """What account services ask of the groups."""

    async def leave_all(self, account_id: str) -> None:
        """Leave every group by entries in their logs. Repeatable.

        Raises:
            Refused: UNAVAILABLE; call it again.
        """
        ...

    async def start_device(self, account_id: str, device_id: str) -> None:
        """Give a linked device its start: a position row at the head of each conversation, everything before it skipped.

        Called once the device is listed and before it can come: a listed device without a row holds up trimming.
        """
        ...
