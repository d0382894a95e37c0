"""What happens on this node, told to whoever follows it. Without followers it costs one look at an empty list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from server.domain.connection import Moved
from server.domain.envelope import Entry
from server.domain.feed import (
    AccountChange,
    AccountChanged,
    EnvelopeAppended,
    FeedKind,
    Filter,
    FollowerQueue,
    Happening,
    PositionMoved,
    Told,
)
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal, Refused, limit_exceeded, unavailable

TOLD_MAX = 512
"""Of one `Follower.next`: a frame of so many stays well below the transport's maximum."""


class Follower:
    """One who follows. Whoever takes nothing while the queue stands full loses the place, which another may need."""

    def __init__(self, wanted: Filter, places: int, stalled_s: float) -> None:
        """`stalled_s`: how long the queue may stand full while nothing is taken from it."""
        self.wanted = wanted
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[Refusal] = self._loop.create_future()
        """Done when the stream has to end, and why."""
        self._queue = FollowerQueue(places)
        self._ready = asyncio.Event()
        self._stalled_s = stalled_s
        self._stalls: asyncio.TimerHandle | None = None
        """Ends it, unless something is taken before."""

    def put(self, happening: Happening) -> None:
        """It has happened, and passes the filter. Never waits."""
        self._queue.put(happening)
        self._ready.set()
        if self._stalls is None and self._queue.is_full:
            self._stalls = self._loop.call_later(self._stalled_s, self.close, stalled(self._stalled_s))

    async def next(self) -> list[Told]:
        """What has happened since, once something has; [] when it is over and all was told."""
        while not (told := self._queue.take(TOLD_MAX)) and not self.over.done():
            self._ready.clear()
            await self._ready.wait()
        self._moves()
        return told

    def close(self, why: Refusal) -> None:
        """It is over. What waits may still be told."""
        self._moves()
        if not self.over.done():
            self.over.set_result(why)
        self._ready.set()

    def _moves(self) -> None:
        if self._stalls is not None:
            self._stalls.cancel()
            self._stalls = None


def stalled(seconds: float) -> Refusal:
    """The end of a follower that reads nothing."""
    detail = f"nothing was read while the queue stood full for {seconds:g} s (feed_stalled_s): follow again"
    return Refusal(Reason.RATE_LIMITED, detail)


class NodeFeed:
    """All followers of this node."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._followers: list[Follower] = []
        self._draining = False

    @contextmanager
    def followed(self, wanted: Filter) -> Iterator[Follower]:
        """Somebody follows, until the block ends.

        Raises:
            Refused: LIMIT_EXCEEDED; as many follow as may. UNAVAILABLE; the node is stopping.
        """
        followers, most = self._followers, self._limits.feed_followers_max
        if self._draining:
            raise Refused(unavailable("the node is stopping"))
        if len(followers) >= most:
            raise Refused(limit_exceeded("feed_followers_max", most, len(followers) + 1))
        follower = Follower(wanted, self._limits.feed_queue_max, self._limits.feed_stalled_s)
        followers.append(follower)
        try:
            yield follower
        finally:
            followers.remove(follower)
            follower.close(unavailable("the stream is over"))

    def drain(self) -> None:
        """Let all followers go, and take no new ones."""
        self._draining = True
        for follower in self._followers:
            follower.close(unavailable("the node is stopping"))

    # -- what happens --------------------------------------------------------------------------------------------------

    def appended(self, conversation_id: str, entries: Sequence[Entry]) -> None:
        """This node has appended these."""
        for follower in self._followers:
            for entry in entries:
                if follower.wanted.passes(FeedKind.ENVELOPE, entry.header.sender_id, conversation_id):
                    follower.put(EnvelopeAppended(conversation_id, entry.seq, entry.header))

    def account_changed(self, account_id: str, change: AccountChange) -> None:
        """An account has changed here."""
        for follower in self._followers:
            if follower.wanted.passes(FeedKind.ACCOUNT, account_id, ""):
                follower.put(AccountChanged(account_id, change))

    def moved(self, identity: Identity, moved: Moved) -> None:
        """A device here has acked or read."""
        account_id, device_id = identity
        for follower in self._followers:
            if follower.wanted.passes(FeedKind.RECEIPT, account_id, moved.conversation_id):
                follower.put(PositionMoved(moved.conversation_id, account_id, device_id, moved.acked, moved.read))
