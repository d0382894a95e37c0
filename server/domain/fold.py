"""The fold: the state that a log's entries add up to.

Rules that live here and nowhere else:
- A member is a list of intervals (joined, left]. The audience of seq s is members(s-1) and members(s) together, so that who joins
  sees the entry that added him and who leaves the one that removed him.
- A direct conversation's members follow from its id, from seq 1 on; a self conversation's likewise.
- Whether a conversation is sealed is fixed by its first entry.
- The newest value of each setting of a self conversation counts.
- Of each system sender (entries without a device) the 16 greatest envelope ids are kept with their places. Its ids grow, so that any
  other id is either greater than the least of the 16, and then was never appended, or below it, and then is refused (log-attacks B4).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from server.domain import ids, ranges
from server.domain.avatar import Avatar
from server.domain.envelope import VISIBLE_KINDS, Entry, Header, Kind, MemberAction, Role
from server.domain.ranges import Ranges

RULES_VERSION = 3
"""Of the rules that this code knows. A fold of a newer version is refused as UNAVAILABLE, never misread."""

SYSTEM_RULES_VERSION = 2
"""Of a fold that keeps ids of system senders, which an older node would forget. A fold that has none stays at 1."""

AVATAR_RULES_VERSION = 3
"""Of a fold that has had a picture, likewise."""

SYSTEM_IDS_MAX = 16
"""Envelope ids kept of one system sender: so many of its appends may be unanswered at a time."""

INTERVALS_MAX = 8
"""Intervals kept of one member; earlier ones are below any floor that matters."""

FORMAT = 1

_VISIBLE = frozenset(int(kind) for kind in VISIBLE_KINDS)


class Member(NamedTuple):
    """An account's place in a conversation."""

    role: Role
    """NONE: a former member."""
    intervals: tuple[tuple[int, int], ...]
    """(joined_seq, left_seq), ascending; left_seq 0: still in."""

    def is_in(self) -> bool:
        """Whether the account is a member now."""
        return self.role is not Role.NONE

    def entitled(self, seq: int) -> bool:
        """Whether the account belongs to the audience of `seq`."""
        return any(joined <= seq and (left == 0 or seq <= left) for joined, left in self.intervals)

    def seqs(self, head: int) -> Ranges:
        """The seqs up to `head` of whose audience the account is."""
        return ranges.normal((max(joined, 1), left or head) for joined, left in self.intervals)

    def joined_seq(self) -> int:
        """When it joined last; 0: from the beginning."""
        return self.intervals[-1][0]

    def left_seq(self) -> int:
        """When it left last; 0: it is in."""
        return self.intervals[-1][1]


class SystemEntry(NamedTuple):
    """An envelope of a system sender, and where it is."""

    envelope_id: str
    seq: int
    at_ms: int


class Fold:
    """The state of one conversation as of `seq`. `members` and `settings` are replaced, never changed, so that a copy is cheap."""

    __slots__ = (
        "at_ms",
        "avatar",
        "conversation_id",
        "description",
        "members",
        "rules_version",
        "sealed",
        "seq",
        "settings",
        "systems",
        "title",
        "visible_count",
        "withheld",
    )

    def __init__(self, conversation_id: str) -> None:
        """The state before the first entry."""
        self.conversation_id = conversation_id
        self.seq = 0
        self.at_ms = 0
        self.visible_count = 0
        self.sealed = False
        self.title = ""
        self.description = ""
        self.avatar: Avatar | None = None
        self.rules_version = 1
        self.members: Mapping[str, Member] = {
            account: Member(Role.MEMBER, ((0, 0),)) for account in ids.accounts_of(conversation_id)
        }
        self.settings: Mapping[str, bytes] = {}
        self.withheld: Mapping[str, Ranges] = {}
        """By account: the seqs that are withheld from it (direct conversations)."""
        self.systems: Mapping[str, tuple[SystemEntry, ...]] = {}
        """By system sender: its entries with the greatest ids, ascending by id."""

    def copy(self) -> Fold:
        """An independent fold with the same state."""
        twin = Fold.__new__(Fold)
        twin.conversation_id, twin.rules_version, twin.sealed = self.conversation_id, self.rules_version, self.sealed
        twin.seq, twin.at_ms, twin.visible_count = self.seq, self.at_ms, self.visible_count
        twin.title, twin.description, twin.avatar = self.title, self.description, self.avatar
        twin.members, twin.settings, twin.withheld, twin.systems = self.members, self.settings, self.withheld, self.systems
        return twin

    def apply(self, entry: Entry) -> None:
        """Add the next entry.

        Raises:
            ValueError: it is not the next one.
        """
        seq, header, _ = entry
        if seq != self.seq + 1:
            raise ValueError(f"{self.conversation_id}: entry {seq} does not follow {self.seq}")
        if seq == 1:
            self.sealed = header.sealed
        self.seq = seq
        self.at_ms = header.at_ms
        if is_visible(header.kind):
            self.visible_count += 1
        if header.withheld_from:
            account = header.withheld_from
            self.withheld = {**self.withheld, account: ranges.add(self.withheld.get(account, ()), seq)}
        if header.change is not None:
            self._change(seq, header)
        elif not header.device_id:
            kept = (*self.systems.get(header.sender_id, ()), SystemEntry(header.envelope_id, seq, header.at_ms))
            self.systems = {**self.systems, header.sender_id: tuple(sorted(kept)[-SYSTEM_IDS_MAX:])}
            self.rules_version = max(self.rules_version, SYSTEM_RULES_VERSION)

    def _change(self, seq: int, header: Header) -> None:
        change = header.change
        assert change is not None, "the header has one"
        if change.members:
            members = dict(self.members)
            for account, action, role in change.members:
                members[account] = _changed(members.get(account), seq, action, role)
            self.members = members
        if change.title is not None:
            self.title = change.title
        if change.description is not None:
            self.description = change.description
        if change.avatar is not None:
            blob_id, blurhash, *_ = change.avatar
            self.avatar = Avatar(blob_id, blurhash, header.sender_id, header.envelope_id) if blob_id else None
            self.rules_version = max(self.rules_version, AVATAR_RULES_VERSION)
        if change.setting is not None:
            key, value = change.setting
            settings = {k: v for k, v in self.settings.items() if k != key}
            if value:
                settings[key] = value
            self.settings = settings

    def system_entry(self, sender_id: str, envelope_id: str) -> SystemEntry | None:
        """The system sender's entry with this id, if it is one of those that are kept."""
        return next((entry for entry in self.systems.get(sender_id, ()) if entry.envelope_id == envelope_id), None)

    def may_have_forgotten(self, sender_id: str, envelope_id: str) -> bool:
        """Whether the system sender's id, which is not kept, may be in the log all the same."""
        kept = self.systems.get(sender_id, ())
        return len(kept) == SYSTEM_IDS_MAX and envelope_id < kept[0].envelope_id

    def is_member(self, account_id: str) -> bool:
        """Whether the account is a member now."""
        member = self.members.get(account_id)
        return member is not None and member.role is not Role.NONE

    def role(self, account_id: str) -> Role:
        """The account's role; NONE: not a member."""
        member = self.members.get(account_id)
        return Role.NONE if member is None else member.role

    def entitled(self, account_id: str, seq: int) -> bool:
        """Whether the account belongs to the audience of `seq`."""
        member = self.members.get(account_id)
        return member is not None and member.entitled(seq)

    def entitled_to(self, account_id: str, seq: int) -> int:
        """The last seq up to the head of the run of seqs around `seq` of whose audience the account is; 0: not of that of `seq`."""
        member = self.members.get(account_id)
        if member is None:
            return 0
        joined, left = member.intervals[-1]
        if left == 0 and joined <= seq <= self.seq:  # almost always
            return self.seq
        for first, last in member.seqs(self.seq):
            if first <= seq <= last:
                return min(last, self.seq)
        return 0

    def next_entitled(self, account_id: str, seq: int) -> int | None:
        """The least seq from `seq` up to the head of whose audience the account is; None: there is none."""
        member = self.members.get(account_id)
        if member is None:
            return None
        for first, last in member.seqs(self.seq):
            if last >= seq and first <= self.seq:
                return max(first, seq)
        return None

    def last_entitled(self, account_id: str) -> int:
        """The greatest seq of whose audience the account is; 0: none."""
        member = self.members.get(account_id)
        return 0 if member is None else (member.left_seq() or self.seq)

    def current(self) -> list[str]:
        """The accounts that are members now."""
        return [account for account, member in self.members.items() if member.role is not Role.NONE]

    def audience(self, entry: Entry) -> Iterable[str]:
        """Who gets `entry`, which has just been applied: the members, and whom it removed."""
        change = entry.header.change
        if change is None or not change.members:
            return [account for account, member in self.members.items() if member.role is not Role.NONE]
        return [account for account, member in self.members.items() if member.entitled(entry.seq)]

    def of_role(self, role: Role) -> list[str]:
        """The members with exactly this role, the one who joined first first."""
        found = [(member.joined_seq(), account) for account, member in self.members.items() if member.role is role]
        return [account for _, account in sorted(found)]

    def dump(self) -> bytes:
        """The fold as it is stored in a snapshot."""
        return json.dumps(
            {
                "format": FORMAT,
                "seq": self.seq,
                "at_ms": self.at_ms,
                "visible": self.visible_count,
                "sealed": self.sealed,
                "title": self.title,
                "description": self.description,
                "rules": self.rules_version,
                "members": {account: [int(m.role), m.intervals] for account, m in self.members.items()},
                "settings": {key: base64.b64encode(value).decode() for key, value in self.settings.items()},
                "withheld": {account: runs for account, runs in self.withheld.items()},
                "systems": self.systems,
                "avatar": self.avatar,
            },
            separators=(",", ":"),
        ).encode()

    @classmethod
    def load(cls, conversation_id: str, stored: bytes) -> Fold:
        """The reverse of `dump`.

        Raises:
            ValueError: it is of a newer format or newer rules than this code knows.
        """
        data = json.loads(stored)
        if data["format"] > FORMAT or data["rules"] > RULES_VERSION:
            raise ValueError(f"{conversation_id}: snapshot of a newer node (rules {data['rules']})")
        fold = cls(conversation_id)
        fold.seq = data["seq"]
        fold.at_ms = data["at_ms"]
        fold.visible_count = data["visible"]
        fold.sealed = data["sealed"]
        fold.title = data["title"]
        fold.description = data["description"]
        fold.rules_version = data["rules"]
        fold.members = {
            account: Member(Role(role), tuple((joined, left) for joined, left in intervals))
            for account, (role, intervals) in data["members"].items()
        }
        fold.settings = {key: base64.b64decode(value) for key, value in data["settings"].items()}
        fold.withheld = {account: tuple((first, last) for first, last in runs) for account, runs in data["withheld"].items()}
        avatar = data.get("avatar")  # snapshots of rules 1 and 2 have none
        fold.avatar = None if avatar is None else Avatar(*avatar)
        stored_systems = data.get("systems", {})  # snapshots of rules 1 have none
        fold.systems = {account: tuple(SystemEntry(*entry) for entry in kept) for account, kept in stored_systems.items()}
        return fold


def _changed(member: Member | None, seq: int, action: MemberAction, role: Role) -> Member:
    intervals = () if member is None else member.intervals
    if action in (MemberAction.CREATED, MemberAction.ADDED):
        return Member(role, (*intervals, (seq, 0))[-INTERVALS_MAX:])
    if action is MemberAction.ROLE_CHANGED:
        return Member(role, intervals)
    return Member(Role.NONE, (*intervals[:-1], (intervals[-1][0], seq)))


def is_visible(kind: int) -> bool:
    """Whether a person sees an envelope of this kind as a line of the chat. Unknown kinds count: "update to see this"."""
    return kind in _VISIBLE or kind > max(Kind)
