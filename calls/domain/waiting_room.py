"""Who came by a link and waits to be let into a call: an event and a moment in, the room afterwards and commands out.

Rules that live here and nowhere else:
- Who waits learns nothing of the call. At most `waiting_max` wait, each for `waiting_ms`.
- An account waits with one device: its second one takes the place of the first.
- Who was let in comes back as it likes, and who was blocked does not, member or not, for the life of the call.
- Nobody waits at a link that was revoked.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from calls.domain.messages import End, Party
from calls.domain.signalling_limits import SignallingLimits
from server.kit.refusal import Reason, Refusal, limit_exceeded


class Waiting(msgspec.Struct, frozen=True):
    """Somebody who waits. `since_ms`: Unix ms."""

    waiting_id: str
    party: Party
    name: str
    since_ms: int


class WaitingRoom(msgspec.Struct, frozen=True):
    """That of one life of a call. Of those who are let in or blocked: their accounts."""

    waiting: tuple[Waiting, ...] = ()
    """In the order in which they came."""
    admitted: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()


class Answer(Enum):
    """What becomes of somebody who waits; the names are those of `tidewire.v1.WaitingAnswer`."""

    ADMIT = "admit"
    DENY = "deny"
    BLOCK = "block"


# -- events ------------------------------------------------------------------------------------------------------------


class Knocks(NamedTuple):
    """A device comes. `waiting_id`: what it is called when it does not wait yet."""

    party: Party
    waiting_id: str
    name: str


class Answers(NamedTuple):
    """An admin decides about some; () about all."""

    waiting_ids: tuple[str, ...]
    answer: Answer


class GivesUp(NamedTuple):
    """A device waits no more."""

    party: Party


class Blocks(NamedTuple):
    """Somebody who was in was put out for good."""

    account_id: str


class Revoked(NamedTuple):
    """The link by which these came opens nothing any more."""

    parties: tuple[Party, ...]


class Tick(NamedTuple):
    """Time has passed."""


Event = Knocks | Answers | GivesUp | Blocks | Revoked | Tick


# -- commands ----------------------------------------------------------------------------------------------------------


class TellAdmins(NamedTuple):
    """Who waits has changed."""


class TellAdmitted(NamedTuple):
    """A device was let in."""

    party: Party


class TellOver(NamedTuple):
    """A device waits no more, for a reason."""

    party: Party
    reason: End


Command = TellAdmins | TellAdmitted | TellOver
Step = tuple[WaitingRoom, tuple[Command, ...]]
BLOCKED = Refusal(Reason.NOT_ALLOWED, "an admin of this call has blocked the account", "conversation_id")
NOBODY = Refusal(Reason.NOT_FOUND, "nobody of these ids waits any more", "waiting_ids")


def step(room: WaitingRoom, event: Event, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    """What an event does to a waiting room; a refusal leaves it as it is."""
    match event:
        case Knocks():
            return _knocks(room, event, now_ms, limits)
        case Answers(waiting_ids, answer):
            return _answers(room, waiting_ids, answer)
        case GivesUp(party):
            return _without(room, [one for one in room.waiting if one.party == party], ())
        case Blocks(account_id):
            return msgspec.structs.replace(room, admitted=room.admitted - {account_id}, blocked=room.blocked | {account_id}), ()
        case Revoked(parties):
            turned = [one for one in room.waiting if one.party in parties]
            return _without(room, turned, tuple(TellOver(one.party, End.REVOKED) for one in turned))
        case _:
            late = [one for one in room.waiting if now_ms - one.since_ms >= limits.waiting_ms]
            return _without(room, late, tuple(TellOver(one.party, End.MISSED) for one in late))


def _knocks(room: WaitingRoom, event: Knocks, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    account_id = event.party.account_id
    if account_id in room.blocked:
        return BLOCKED
    known = next((one for one in room.waiting if one.party == event.party), None)
    if known is not None:
        return room, ()
    first = [one for one in room.waiting if one.party.account_id == account_id]
    others = tuple(one for one in room.waiting if one not in first)
    if len(others) >= limits.waiting_max:
        return limit_exceeded("waiting_max", limits.waiting_max, len(others) + 1)
    new = Waiting(event.waiting_id, event.party, event.name, now_ms)
    replaced = tuple(TellOver(one.party, End.REPLACED) for one in first)
    return msgspec.structs.replace(room, waiting=(*others, new)), (*replaced, TellAdmins())


def _answers(room: WaitingRoom, waiting_ids: tuple[str, ...], answer: Answer) -> Step | Refusal:
    meant = [one for one in room.waiting if not waiting_ids or one.waiting_id in waiting_ids]
    if waiting_ids and not meant:
        return NOBODY
    accounts = frozenset(one.party.account_id for one in meant)
    if answer is Answer.ADMIT:
        room = msgspec.structs.replace(room, admitted=room.admitted | accounts)
        return _without(room, meant, tuple(TellAdmitted(one.party) for one in meant))
    if answer is Answer.BLOCK:
        room = msgspec.structs.replace(room, blocked=room.blocked | accounts)
    return _without(room, meant, tuple(TellOver(one.party, End.DENIED) for one in meant))


def _without(room: WaitingRoom, gone: list[Waiting], told: tuple[Command, ...]) -> Step:
    if not gone:
        return room, ()
    rest = tuple(one for one in room.waiting if one not in gone)
    return msgspec.structs.replace(room, waiting=rest), (*told, TellAdmins())
