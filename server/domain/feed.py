"""The feed of a node: what passes a follower's filter, and the queue of one that is slow. Pure.

Rules that live here and nowhere else:
- A happening passes when it passes each part of the filter that is not empty. An account's change is in no conversation.
- What comes to a full queue is dropped and counted; the count, a `Gap`, stands where the dropped ones would have stood.
- Of a device's moves in one conversation only the latest waits, at the place of the latest. It takes no place of its own, but is dropped
  like anything else where the queue is full and its end was dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from server.domain.envelope import Header
from server.kit.refusal import Reason, Refusal


class FeedKind(IntEnum):
    """What sort of thing happened; the numbers are those of `tidewire.internal.v1.FeedKind`."""

    ENVELOPE = 1
    ACCOUNT = 2
    RECEIPT = 3


class AccountChange(IntEnum):
    """How an account has changed; the numbers are those of `tidewire.internal.v1.AccountChangeKind`."""

    REGISTERED = 1
    PROFILE = 2
    """Profile, privacy, contacts or blocks."""
    DEVICES = 3
    """One has come, gone or got another name, or its tokens are void."""
    SUSPENDED = 4
    UNSUSPENDED = 5
    DELETED = 6


class EnvelopeAppended(NamedTuple):
    """An envelope is in a log."""

    conversation_id: str
    seq: int
    header: Header


class AccountChanged(NamedTuple):
    """An account has changed."""

    account_id: str
    change: AccountChange


class PositionMoved(NamedTuple):
    """A device has acked or read."""

    conversation_id: str
    account_id: str
    device_id: str
    acked: int
    read: int


class Gap(NamedTuple):
    """So many did not fit into the queue."""

    dropped: int


Happening = EnvelopeAppended | AccountChanged | PositionMoved
Told = Happening | Gap


class Filter(NamedTuple):
    """What a follower wants. Empty: all."""

    kinds: frozenset[FeedKind] = frozenset()
    account_ids: frozenset[str] = frozenset()
    conversation_ids: frozenset[str] = frozenset()

    def passes(self, kind: FeedKind, account_id: str, conversation_id: str) -> bool:
        """Whether something of this kind passes: who sent, moved or changed, and in which conversation ("": in none)."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.account_ids or account_id in self.account_ids)
            and (not self.conversation_ids or conversation_id in self.conversation_ids)
        )


def check(kinds: Iterable[int], account_ids: Iterable[str], conversation_ids: Iterable[str]) -> Filter | Refusal:
    """The filter that a follower asked for, or why there is none."""
    known = {int(kind): kind for kind in FeedKind}
    wanted = set(kinds)
    unknown = sorted(wanted - set(known))
    if unknown:
        return Refusal(Reason.INVALID, f"{unknown[0]} is no kind that this node knows", "kinds")
    return Filter(frozenset(known[kind] for kind in wanted), frozenset(account_ids), frozenset(conversation_ids))


class FollowerQueue:
    """What waits for one follower: at most `places` happenings and gaps, and one gap more at the end."""

    __slots__ = ("_dropped", "_number", "_places", "_waiting")

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: dict[object, Told] = {}
        """In order. By device and conversation for moves, else by a number."""
        self._dropped = 0
        """Since the last that is waiting."""
        self._number = 0

    def put(self, happening: Happening) -> None:
        """It has happened."""
        waiting, key = self._waiting, self._key(happening)
        if self._dropped:
            if len(waiting) + 2 > self._places:
                self._dropped += 1
                return
            waiting[self._next()] = Gap(self._dropped)
            self._dropped = 0
        elif key not in waiting and len(waiting) >= self._places:
            self._dropped = 1
            return
        waiting.pop(key, None)
        waiting[key] = happening

    @property
    def is_full(self) -> bool:
        """Whether what comes next is dropped, however often it may replace what waits."""
        return len(self._waiting) + (2 if self._dropped else 1) > self._places

    def take(self, most: int) -> list[Told]:
        """What the follower is told next, at most so many, which are at least 1; a gap once everything before it was taken."""
        waiting = self._waiting
        if len(waiting) < most:
            out = list(waiting.values())
            waiting.clear()
            if self._dropped:
                out.append(Gap(self._dropped))
                self._dropped = 0
            return out
        return [waiting.pop(key) for key in list(waiting)[:most]]

    def _key(self, happening: Happening) -> object:
        if isinstance(happening, PositionMoved):
            return happening.conversation_id, happening.device_id
        return self._next()

    def _next(self) -> int:
        self._number += 1
        return self._number
