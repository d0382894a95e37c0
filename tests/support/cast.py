"""The cast: people and devices with names, and short ways to say what they write."""

from __future__ import annotations

from server.domain import ids
from server.domain.envelope import Change, Entry, Header, Kind, MemberAction, MemberChange, Role
from server.domain.fold import Fold
from server.domain.groups import Command
from server.domain.identity import Identity
from server.domain.rules import Proposal

ALICE, BOB, CAROL, DAVE = "alice", "bob", "carol", "dave"
PHONE = Identity(ALICE, "alice-phone")
LAPTOP = Identity(ALICE, "alice-laptop")
BOBS = Identity(BOB, "bob-phone")
CAROLS = Identity(CAROL, "carol-phone")
DIRECT = ids.direct_id(ALICE, BOB)
GROUP = "g:crew"
NOW = 1_000_000_000_000


def uuid(number: int) -> str:
    """The `number`-th envelope id."""
    return f"00000000-0000-7000-8000-{number:012d}"


def text(number: int, sender: Identity = PHONE, *, known: int = 0, body: bytes = b"hi") -> Proposal:
    """A text that somebody wants to send."""
    return Proposal(sender, uuid(number), known, int(Kind.TEXT), body)


def change(number: int, sender: Identity, command: Command, *, known: int = 0) -> Proposal:
    """A change of a group that somebody wants to make."""
    return Proposal(sender, uuid(number), known, int(Kind.MEMBERSHIP), command=command)


def entry(seq: int, sender: Identity = PHONE, *, number: int = 0, body: bytes | None = b"hi", at_ms: int = NOW) -> Entry:
    """A text that is in the log."""
    return Entry(
        seq, Header(uuid(number or seq), sender.account_id, sender.device_id, int(Kind.TEXT), at_ms, visible_count=seq), body
    )


def membership(seq: int, *changes: tuple[str, MemberAction, Role], sender: Identity = PHONE) -> Entry:
    """A change of members that is in the log."""
    members = tuple(MemberChange(*item) for item in changes)
    header = Header(uuid(seq), sender.account_id, sender.device_id, int(Kind.MEMBERSHIP), NOW, change=Change(members=members))
    return Entry(seq, header, None)


def created(*accounts: str) -> Entry:
    """The first entry of a group; the first account owns it."""
    roles = [Role.OWNER] + [Role.MEMBER] * (len(accounts) - 1)
    return membership(1, *((account, MemberAction.CREATED, role) for account, role in zip(accounts, roles, strict=True)))


def folded(conversation_id: str, *entries: Entry) -> Fold:
    """The fold of these entries."""
    fold = Fold(conversation_id)
    for item in entries:
        fold.apply(item)
    return fold
