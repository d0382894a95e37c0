"""What may be done to a group, by whom, and what follows: one pure function over the fold.

Rules that live here and nowhere else:
- Admins and the owner add, remove, promote and change the profile. Only the owner removes or demotes an admin; nobody removes
  the owner. There is exactly one owner; he may hand the group over.
- Everyone may leave. When the owner leaves, the oldest admin, else the oldest member, becomes the owner.
- A command that names several accounts changes those that it can and names the others with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from server.domain.avatar import Avatar
from server.domain.envelope import Change, MemberAction, MemberChange, Role
from server.domain.fold import Fold
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Create:
    """Makes the group; the sender becomes its owner."""

    title: str
    description: str
    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """Adds members."""

    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes members."""

    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """The sender leaves."""


@dataclass(frozen=True, slots=True)
class SetRole:
    """Promotes, demotes, or hands the group over (OWNER)."""

    account_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Changes title, description or picture; None: unchanged."""

    title: str | None
    description: str | None
    avatar: Avatar | None = None


Command = Create | Add | Remove | Leave | SetRole | SetProfile


class Decision(NamedTuple):
    """What a command changes, and which of the accounts it names it cannot change."""

    change: Change
    refused: tuple[tuple[str, Refusal], ...] = ()


NOT_A_MEMBER = Refusal(Reason.NOT_A_MEMBER)


def decide(fold: Fold, actor: str, command: Command, limits: Limits) -> Decision | Refusal:
    """What `command` of `actor` does to the group as of `fold`."""
    if isinstance(command, Create):
        return _create(fold, actor, command, limits)
    if not fold.is_member(actor):
        return NOT_A_MEMBER
    match command:
        case Add(account_ids):
            return _add(fold, actor, account_ids, limits)
        case Remove(account_ids):
            return _remove(fold, actor, account_ids)
        case Leave():
            return Decision(Change(members=_leave(fold, actor)))
        case SetRole(account_id, role):
            return _set_role(fold, actor, account_id, role)
        case _:
            if fold.role(actor) < Role.ADMIN:
                return _needs(Role.ADMIN)
            return Decision(Change(title=command.title, description=command.description, avatar=command.avatar))


def _needs(role: Role) -> Refusal:
    return Refusal(Reason.NOT_ALLOWED, detail=f"needs the role {role.name.lower()}", subject="role", limit=int(role))


def _create(fold: Fold, actor: str, command: Create, limits: Limits) -> Decision | Refusal:
    if fold.seq:
        return Refusal(Reason.ALREADY_TAKEN, detail="there is such a group already", subject="conversation_id")
    others = [account for account in dict.fromkeys(command.account_ids) if account != actor]
    room = limits.group_members_max - 1
    refused = tuple((account, _full(limits, len(others) + 1)) for account in others[room:])
    members = [MemberChange(actor, MemberAction.CREATED, Role.OWNER)]
    members += [MemberChange(account, MemberAction.CREATED, Role.MEMBER) for account in others[:room]]
    return Decision(Change(tuple(members), command.title, command.description), refused)


def _full(limits: Limits, current: int) -> Refusal:
    return Refusal(Reason.GROUP_FULL, subject="group_members_max", limit=limits.group_members_max, actual=current)


def _add(fold: Fold, actor: str, account_ids: tuple[str, ...], limits: Limits) -> Decision | Refusal:
    if fold.role(actor) < Role.ADMIN:
        return _needs(Role.ADMIN)
    count = len(fold.current())
    changes: list[MemberChange] = []
    refused: list[tuple[str, Refusal]] = []
    for account in dict.fromkeys(account_ids):
        if fold.is_member(account):
            refused.append((account, Refusal(Reason.ALREADY_A_MEMBER)))
        elif count + len(changes) >= limits.group_members_max:
            refused.append((account, _full(limits, count + len(changes))))
        else:
            changes.append(MemberChange(account, MemberAction.ADDED, Role.MEMBER))
    return _some(changes, refused)


def _remove(fold: Fold, actor: str, account_ids: tuple[str, ...]) -> Decision | Refusal:
    rank = fold.role(actor)
    if rank < Role.ADMIN:
        return _needs(Role.ADMIN)
    changes: list[MemberChange] = []
    refused: list[tuple[str, Refusal]] = []
    for account in dict.fromkeys(account_ids):
        role = fold.role(account)
        if role is Role.NONE:
            refused.append((account, Refusal(Reason.NOT_FOUND, detail="is not a member")))
        elif role is Role.OWNER or (role is Role.ADMIN and rank < Role.OWNER):
            refused.append((account, _needs(Role.OWNER)))
        else:
            changes.append(MemberChange(account, MemberAction.REMOVED, Role.NONE))
    return _some(changes, refused)


def _some(changes: list[MemberChange], refused: list[tuple[str, Refusal]]) -> Decision | Refusal:
    """A command that changes nobody is refused, with the reason of the first account; it appends nothing."""
    if not changes:
        return refused[0][1] if refused else Refusal(Reason.INVALID, detail="names no account", subject="account_ids")
    return Decision(Change(members=tuple(changes)), tuple(refused))


def _leave(fold: Fold, actor: str) -> tuple[MemberChange, ...]:
    left = MemberChange(actor, MemberAction.LEFT, Role.NONE)
    if fold.role(actor) is not Role.OWNER:
        return (left,)
    heirs = fold.of_role(Role.ADMIN) or fold.of_role(Role.MEMBER)
    if not heirs:
        return (left,)
    return (left, MemberChange(heirs[0], MemberAction.ROLE_CHANGED, Role.OWNER))


def _set_role(fold: Fold, actor: str, account_id: str, role: Role) -> Decision | Refusal:
    rank, present = fold.role(actor), fold.role(account_id)
    if present is Role.NONE:
        return Refusal(Reason.NOT_FOUND, detail="is not a member", subject="account_id")
    if role is Role.NONE:
        return Refusal(Reason.INVALID, detail="remove the member instead", subject="role")
    if rank < Role.ADMIN:
        return _needs(Role.ADMIN)
    if present >= Role.ADMIN and rank < Role.OWNER or role is Role.OWNER and rank < Role.OWNER:
        return _needs(Role.OWNER)
    if present is Role.OWNER:
        return Refusal(Reason.NOT_ALLOWED, detail="the owner hands the group over to somebody else first", subject="role")
    changes = [MemberChange(account_id, MemberAction.ROLE_CHANGED, role)]
    if role is Role.OWNER:
        changes.append(MemberChange(actor, MemberAction.ROLE_CHANGED, Role.ADMIN))
    return Decision(Change(members=tuple(changes)))
