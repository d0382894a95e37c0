"""Who follows a group call from outside: told of changes, not too often."""

from __future__ import annotations

from calls.domain import messages
from calls.domain.messages import Party
from calls.domain.signalling_limits import SignallingLimits
from calls.ports.signalling import Post
from calls.services.group_ringing import roster
from calls.services.live_call import LiveCall
from server.kit.world import Clock


class Followers:
    """Those of this process's calls."""

    def __init__(self, post: Post, clock: Clock, limits: SignallingLimits) -> None:
        self._post = post
        self._clock = clock
        self._limits = limits

    def set(self, live: LiveCall, party: Party, follows: bool) -> None:
        """A device follows, or does not any more. It knows how things are now."""
        if follows:
            live.followers[party] = self._clock.monotonic_ms()
        else:
            live.followers.pop(party, None)

    async def drop(self, live: LiveCall, party: Party, since_ms: int, *, shut_out: bool) -> None:
        """A device follows no more. `shut_out`: it may not, and is told that it sees nobody; otherwise it has no stream, unless it has
        begun anew, or was told something, since."""
        if party in live.followers and (shut_out or live.followers[party] == since_ms):
            del live.followers[party]
            if shut_out:
                await self._post.deliver(party, messages.Roster(live.call.conversation_id))

    async def tell(self, live: LiveCall) -> None:
        """Tell those who are not in of the newest change, each once in `peek_interval_ms`."""
        now_ms, waiting = self._clock.monotonic_ms(), False
        if not live.stale:
            return
        for party, told_ms in list(live.followers.items()):
            if live.call.of(party) is not None:
                continue
            if now_ms - told_ms < self._limits.peek_interval_ms:
                waiting = True
                continue
            live.followers[party] = now_ms
            await self._post.deliver(party, roster(live.call))
        live.stale = waiting
