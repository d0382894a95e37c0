"""Ticks: which envelopes are delivered to, and read by, everybody they were for. Derived from positions; only ever grow.

Rules that live here and nowhere else (DESIGN §4 Delivered and read, log-attacks A5):
- A seq is delivered to an account when one of its devices acked it and it is neither skipped for that device nor withheld from
  the account. It is read when one such device's own read mark has passed it.
- A tick needs every member at that seq who has not left since, but the sender, and at least one of them.
- Who is told: the author alone. Ranges add up; nothing told is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from server.domain import ranges
from server.domain.fold import Fold
from server.domain.ranges import Ranges


@dataclass(slots=True)
class DevicePosition:
    """How far one device is. Every value only grows."""

    account_id: str
    acked: int = 0
    read: int = 0
    skipped: Ranges = ()

    def has(self) -> Ranges:
        """What the device stored."""
        return ranges.difference(ranges.up_to(self.acked), self.skipped)

    def has_read(self) -> Ranges:
        """What a person saw on the device."""
        return ranges.difference(ranges.up_to(min(self.acked, self.read)), self.skipped)


@dataclass(slots=True)
class ReceiptBook:
    """The positions of all devices in one conversation, as far as this node knows them."""

    devices: dict[str, DevicePosition] = field(default_factory=dict)

    def raise_to(self, device_id: str, account_id: str, acked: int, read: int, skipped: Ranges) -> bool:
        """Take a position in. Says whether anything grew."""
        known = self.devices.get(device_id)
        if known is None:
            known = self.devices[device_id] = DevicePosition(account_id)
        before = (known.acked, known.read, known.skipped)
        known.acked = max(known.acked, acked)
        known.read = max(known.read, read)
        known.skipped = ranges.union(known.skipped, skipped)
        return before != (known.acked, known.read, known.skipped)

    def forget(self, device_id: str) -> None:
        """A device was removed; what it had still counts as delivered where it was told."""
        self.devices.pop(device_id, None)

    def account_read(self, account_id: str) -> int:
        """The account's read position: the greatest of its devices'; for badges."""
        return max((d.read for d in self.devices.values() if d.account_id == account_id), default=0)

    def delivered_to(self, fold: Fold, account_id: str) -> Ranges:
        """What is delivered to one account."""
        return self._covered(fold, account_id, read=False)

    def read_by(self, fold: Fold, account_id: str) -> Ranges:
        """What one account has read."""
        return self._covered(fold, account_id, read=True)

    def _covered(self, fold: Fold, account_id: str, *, read: bool) -> Ranges:
        out = ranges.NONE
        for device in self.devices.values():
            if device.account_id == account_id:
                out = ranges.union(out, device.has_read() if read else device.has())
        member = fold.members.get(account_id)
        if member is None:
            return ranges.NONE
        out = ranges.intersection(out, member.seqs(fold.seq))
        return ranges.difference(out, fold.withheld.get(account_id, ()))

    def ticks(self, fold: Fold, author_id: str, *, read: bool) -> Ranges:
        """The seqs at which an envelope of `author_id` is delivered to all (or read by all) whom it was for."""
        covered: dict[str, Ranges] = {}
        if read and not any(device.read for device in self.devices.values()):
            return ranges.NONE
        for device in self.devices.values():
            account = device.account_id
            if account != author_id:
                runs = device.has_read() if read else device.has()
                covered[account] = ranges.union(covered.get(account, ()), runs)
        all_of = ranges.up_to(fold.seq)
        some_of = ranges.NONE
        for account, member in fold.members.items():
            if account == author_id or not member.is_in():
                continue
            theirs = ((max(member.joined_seq(), 1), fold.seq),)  # what was before he left and came back holds up nothing
            had = ranges.difference(covered.get(account, ()), fold.withheld.get(account, ()))
            all_of = ranges.difference(all_of, ranges.difference(theirs, had))
            if not all_of:
                return ranges.NONE
            some_of = ranges.union(some_of, ranges.intersection(theirs, had))
        return ranges.intersection(all_of, some_of)
