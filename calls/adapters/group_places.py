"""Which process has a group's call: commands are passed on to it, and who depends on it is told when it is gone.

Redis places calls, and nothing else: who is in a call of another process reaches it, and learns of its end, while Redis is away.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable

from tidewire.internal.v1 import call_peer_pb2
from tidewire.v1 import call_pb2

from calls.adapters.memory import LocalPost
from calls.adapters.peers import Channels, Held, Peer, Silent
from calls.adapters.process_lease import ProcessLease
from calls.adapters.redis_whereabouts import Whereabouts
from calls.domain.messages import Move, Party
from calls.domain.placement import chosen
from server.kit.refusal import Refused, unavailable

ABSENT_MAX = 60
"""Looks at which a device had no stream here, in a row, after which another process looks after it, or nobody."""
LOOKED_MAX = 5_000
"""Conversations that Redis is asked after at once, for those who follow them."""
MOVE_MS = 1_000
WATCH_S = 1.0
SILENT_MAX = 2
"""Looks at which a process did not answer, in a row, after which it counts as gone."""
OF_PARTICIPANTS = frozenset({"answer_down", "restart_down", "watch", "set_self", "ring_members"})
"""Commands that are done for nobody but participants."""
LEAVING = "this process is going away"
ELSEWHERE = "the call is in another process"


class GroupPlaces:
    """The group calls of this process, and those of others that its devices are in."""

    def __init__(
        self,
        whereabouts: Whereabouts,
        channels: Channels,
        local: LocalPost,
        lease: ProcessLease,
        live: Callable[[], list[str]],
        displaced: Callable[[str], Awaitable[None]],
        load: Callable[[], float] | None,
    ) -> None:
        """`live`: the conversations whose calls this process has. `displaced`: another process has one of them now. `load`: the share of a
        core that is planned for them; None: this process takes none."""
        self._whereabouts = whereabouts
        self._channels = channels
        self._local = local
        self._lease = lease
        self._live = live
        self._displaced = displaced
        self._load = load
        self._elsewhere: dict[tuple[str, Party], Peer] = {}
        """Devices of this process in calls of others, waiting to be let in, or following them."""
        self._placed: set[str] = set()
        """Calls that this process had, or had been given, when it last renewed their places."""
        self._given: set[str] = set()
        """Calls that it has been given since: they are about to begin."""
        self._looked_at = 0
        self._silent: Counter[Peer] = Counter()
        self._absent: Counter[tuple[str, Party]] = Counter()
        self.held = Held(whereabouts.process_id, self._among, self._check)

    # -- commands ------------------------------------------------------------------------------------------------------

    async def forwarded(self, party: Party, which: str, request: call_pb2.SignalRequest) -> call_pb2.SignalResponse | None:
        """The answer of the process that has the call; None: it is this one's to give.

        Raises:
            Refused: UNAVAILABLE.
        """
        conversation_id = getattr(request, which).conversation_id
        if which == "join":
            return await self._join(party, conversation_id, request)
        if conversation_id in self._live():
            return None
        key = (conversation_id, party)
        peer = self._elsewhere.get(key) or await self._holder(conversation_id)
        if peer is None:
            return None
        response = await self._do(peer, party, request)
        if response is None:
            return None
        if which == "leave":
            self._forget(key)
        elif (which in OF_PARTICIPANTS and response.WhichOneof("event") != "refusal") or _follows(request, response):
            self._elsewhere[key] = peer
        return response

    async def _join(self, party: Party, conversation_id: str, request: call_pb2.SignalRequest) -> call_pb2.SignalResponse | None:
        if self._lease.left:
            raise Refused(unavailable(LEAVING, MOVE_MS))
        if conversation_id in self._live():
            return None
        peer = await self._place(party, conversation_id)
        if peer is None:
            return None
        response = await self._do(peer, party, request)
        if response is None:
            other = await self._choose(but=peer.process_id)
            if await self._whereabouts.take_over(conversation_id, peer.process_id, other) == self._whereabouts.process_id:
                return None
            raise Refused(unavailable(ELSEWHERE, MOVE_MS))  # the device asks again, and is passed on there
        if response.WhichOneof("event") in ("joined", "waiting"):
            self._elsewhere[conversation_id, party] = peer
        return response

    async def _place(self, party: Party, conversation_id: str) -> Peer | None:
        """Who has the call; None: this process, from now on."""
        try:
            holder = await self._whereabouts.holder(conversation_id)
            if not holder:
                await self._lease.check_settled()
                holder = await self._whereabouts.place(conversation_id, await self._choose())
            address = await self._whereabouts.address(holder)
            if not address and holder != self._whereabouts.process_id:  # its lease has lapsed
                holder = await self._whereabouts.take_over(conversation_id, holder, await self._choose(but=holder))
                address = await self._whereabouts.address(holder)
        except Refused:
            known = self._elsewhere.get((conversation_id, party))
            if known is None:
                raise
            return known
        if holder == self._whereabouts.process_id:
            self._given.add(conversation_id)
            return None
        return Peer(holder, address)

    async def _choose(self, but: str = "") -> str:
        """A process for a call that is in none, or in `but`, which does not answer.

        Raises:
            Refused: UNAVAILABLE: no process takes calls of groups.
        """
        loads = {one: load for one, load in (await self._whereabouts.offered()).items() if one != but}
        if self._load is not None:
            loads[self._whereabouts.process_id] = self._load()
        found = chosen(loads, self._whereabouts.process_id, random.SystemRandom().sample)
        if not found:
            raise Refused(unavailable("no process forwards media now", MOVE_MS))
        return found

    async def _holder(self, conversation_id: str) -> Peer | None:
        holder = await self._whereabouts.holder(conversation_id)
        if not holder or holder == self._whereabouts.process_id:
            return None
        address = await self._whereabouts.address(holder)
        return Peer(holder, address) if address else None

    async def _do(self, peer: Peer, party: Party, request: call_pb2.SignalRequest) -> call_pb2.SignalResponse | None:
        """The process's answer; None: it is gone.

        Raises:
            Refused: it is there, and could not be asked.
        """
        asked = call_peer_pb2.DoCommandRequest(
            account_id=party.account_id,
            device_id=party.device_id,
            request=request,
            process_id=self._whereabouts.process_id,
            address=self._whereabouts.own_address,
            meant_process_id=peer.process_id,
        )
        try:
            response: call_pb2.SignalResponse = (await self._channels.call(peer.address, "DoCommand", asked)).response
        except Refused:
            if await self._channels.answers(peer):
                raise
            return None
        return response

    def _forget(self, key: tuple[str, Party]) -> None:
        self._elsewhere.pop(key, None)
        self._absent.pop(key, None)

    # -- what the others ask -------------------------------------------------------------------------------------------

    def _among(self, conversation_ids: Iterable[str]) -> set[str]:
        return set() if self._lease.left else set(conversation_ids).intersection(self._live())

    async def _check(self, conversation_id: str) -> None:
        if self._lease.left:
            raise Refused(unavailable(LEAVING, MOVE_MS))
        if conversation_id in self._live():
            return
        if await self._whereabouts.holder(conversation_id) != self._whereabouts.process_id:
            raise Refused(unavailable(ELSEWHERE, MOVE_MS))
        self._given.add(conversation_id)

    async def begun(self, conversation_ids: set[str]) -> set[str]:
        """Those of the conversations whose calls are here or, as far as Redis can say, in another process. Of many it is asked for
        `LOOKED_MAX`, others each time."""
        here = conversation_ids.intersection(self._live())
        asked = sorted(conversation_ids - here)
        if len(asked) > LOOKED_MAX:
            self._looked_at %= len(asked)
            asked = (asked[self._looked_at :] + asked)[:LOOKED_MAX]
            self._looked_at += LOOKED_MAX
        try:
            holders = await self._whereabouts.holders(asked)
        except Refused:
            return here
        return here.union(one for one, holder in zip(asked, holders, strict=True) if holder)

    # -- by themselves -------------------------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Renew the places of this process's calls, and give up those that are over.

        Raises:
            Refused: UNAVAILABLE.
        """
        if self._load is not None:
            await self._whereabouts.offer(self._load())
        live = set(self._live())
        for conversation_id in live:
            if await self._whereabouts.place(conversation_id) != self._whereabouts.process_id:
                await self._displaced(conversation_id)
        for conversation_id in self._placed - live:
            await self._whereabouts.give_up(conversation_id)
        self._placed, self._given = live | self._given, set()

    async def leave(self) -> None:
        """The process stops: its calls may begin anew elsewhere.

        Raises:
            Refused: UNAVAILABLE.
        """
        await self._whereabouts.withdraw()
        for conversation_id in self._placed.union(self._given, self._live()):
            await self._whereabouts.give_up(conversation_id)

    async def run(self) -> None:
        """Look after the processes that this one's devices depend on, for ever."""
        while True:
            await self.watch()
            await asyncio.sleep(WATCH_S)

    async def watch(self) -> None:
        """Tell devices whose call is in no process any more to join again."""
        asked: defaultdict[Peer, set[str]] = defaultdict(set)
        seen = dict(self._elsewhere)
        for (conversation_id, _), peer in seen.items():
            asked[peer].add(conversation_id)
        found = await asyncio.gather(*(self._held_by(peer, ids) for peer, ids in asked.items()))
        held = dict(zip(asked, found, strict=True))
        for key, peer in seen.items():
            if self._elsewhere.get(key) != peer:
                continue  # it has left, or joined elsewhere, meanwhile
            conversation_id, party = key
            self._absent[key] = 0 if self._local.has(party) else self._absent[key] + 1
            if conversation_id not in held[peer]:
                self._forget(key)
                await self._local.deliver(party, Move(conversation_id, MOVE_MS))
            elif self._absent[key] > ABSENT_MAX:
                self._forget(key)

    async def _held_by(self, peer: Peer, conversation_ids: set[str]) -> set[str]:
        """Which of the calls the process still has, as far as is known."""
        try:
            found = await self._channels.held(peer, conversation_ids) or set()
        except Silent:
            self._silent[peer] += 1
            if self._silent[peer] < SILENT_MAX:
                return conversation_ids
            found = set()
            await self._channels.drop(peer.address)
        except Refused:
            return conversation_ids
        self._silent.pop(peer, None)
        return found


def _follows(request: call_pb2.SignalRequest, response: call_pb2.SignalResponse) -> bool:
    return request.peek.follow and response.roster.era_id != ""
