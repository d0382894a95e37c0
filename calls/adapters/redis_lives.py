"""Lives of group calls that have no record yet, in Redis: so that one which is cut off by the death of its process is recorded by another.

Each process tells how the calls that it has went so far. One is dead whose lease has lapsed and that does not answer: whoever sees it
writes the records, perhaps several at once, of which the node appends one. While Redis is away, or has lost everything, a life may stay
without a record only if its process dies meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec

from calls.adapters.peers import Channels, Peer
from calls.adapters.redis_whereabouts import Whereabouts
from calls.domain.life import Life
from calls.services.beside import again_and_again
from server.kit.redis.client import Client

log = logging.getLogger(__name__)

LOOK_S = 1.0
TOLD_EVERY = 3
"""Looks after which all is told anew: so much a record may lack of how long people talked, and so soon it is back after a wipe."""
KEPT_MS = 604_800_000
"""Where no process of calls comes for so long, nobody asks any more: a week."""
DECODER = msgspec.json.Decoder(Life)


class Lives:
    """Those of this process, and those that the dead left."""

    def __init__(
        self,
        client: Client,
        whereabouts: Whereabouts,
        channels: Channels,
        here: Callable[[], list[Life]],
        write: Callable[[Life], Awaitable[bool]],
    ) -> None:
        """`here`: those of this process that have no record yet. `write`: has the node append one; False: it is away."""
        self._client = client
        self._whereabouts = whereabouts
        self._channels = channels
        self._here = here
        self._write = write
        self._told: dict[str, Life] = {}
        self._looks = 0

    async def tell(self) -> None:
        """Tell of this process's, for ever."""
        await again_and_again(self.look, LOOK_S, "lives of calls could not be told")

    async def adopt(self) -> None:
        """Record what the dead left, for ever."""
        wrong = "records of calls that were cut off have to wait"
        await again_and_again(self.record_those_of_the_dead, LOOK_S * TOLD_EVERY, wrong)

    async def look(self) -> None:
        """Tell what is new, or all of it when it is time.

        Raises:
            Refused: UNAVAILABLE.
        """
        lives = {one.era_id: one for one in self._here()}
        self._looks += 1
        everything = self._looks % TOLD_EVERY == 0
        told = [one for one in lives.values() if everything or _differs(self._told.get(one.era_id), one)]
        over = self._told.keys() - lives.keys()
        own, index = self._of(self._whereabouts.process_id), self._index()
        if told:
            # Where the process is comes first: what is told of no process is found by nobody.
            pairs = [text for one in told for text in (one.era_id, msgspec.json.encode(one).decode())]
            await self._client.run(("HSET", index, self._whereabouts.process_id, self._whereabouts.own_address))
            await self._client.run(("HSET", own, *pairs))
            await self._client.run_all([("PEXPIRE", key, KEPT_MS) for key in (index, own)])
        if over:
            await self._client.run(("HDEL", own, *over))
        self._told = lives

    async def record_those_of_the_dead(self) -> None:
        """Look who is dead, and write what it left.

        Raises:
            Refused: UNAVAILABLE.
        """
        for process_id, address in (await self._client.run(("HGETALL", self._index()))).items():
            if process_id != self._whereabouts.process_id and not await self._lives(Peer(str(process_id), str(address))):
                await self._record(str(process_id))

    async def _lives(self, peer: Peer) -> bool:
        # Its lease alone says little: while Redis was away those of all have lapsed.
        return bool(await self._whereabouts.address(peer.process_id)) or await self._channels.answers(peer)

    async def _record(self, process_id: str) -> None:
        left = await self._client.run(("HGETALL", self._of(process_id)))
        for era_id, text in left.items():
            try:
                done = await self._write(DECODER.decode(text))
            except msgspec.MsgspecError as error:
                log.warning("a group call has no record", extra={"era": era_id, "why": f"another release told of it: {error}"})
                done = True
            if not done:
                return  # the node is away: once more when it is looked again
            await self._client.run(("HDEL", self._of(process_id), era_id))
        await self._client.run(("HDEL", self._index(), process_id))

    def _of(self, process_id: str) -> str:
        return self._client.key(process_id, "calls-lives")

    def _index(self) -> str:
        return self._client.key("processes", "calls-with-lives")


def _differs(told: Life | None, now: Life) -> bool:
    return told is None or (told.outcome, told.video) != (now.outcome, now.video)
