"""What this node tells the others, and what becomes of what they tell it.

All of it may be lost: whatever correctness needs is found again by the comparison with the log. Routes are looked up after the
append that is told of.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence

from server.domain import ids
from server.domain.connection import Moved
from server.domain.envelope import Entry
from server.domain.events import NoticeTold, Positions, Told
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.notice import ClosingReason, Notice
from server.domain.relayed import (
    AccountChanged,
    AccountsTold,
    DeviceClosed,
    DeviceMoved,
    Grown,
    PresenceChanged,
    Relayed,
)
from server.kit.refusal import Refused
from server.ports.cluster import Relay
from server.ports.wire import Wire
from server.services.conversations import Conversations, Live
from server.services.hub import Hub
from server.services.receipts import Receipts
from server.services.routing import Routing

log = logging.getLogger(__name__)

ENTRY_BYTES_MAX = 65_536
"""Entries of one frame; where there are more, the other node reads them."""
GROUP_TURNS = 10
"""Positions in groups are told once in so many turns."""

Forget = Callable[[str], None]
Present = Callable[[PresenceChanged], None]


class Relaying:
    """One node's voice and ear in its cluster. Also the port `Streams`."""

    def __init__(
        self,
        hub: Hub,
        conversations: Conversations,
        receipts: Receipts,
        routing: Routing,
        relay: Relay,
        wire: Wire,
        limits: Limits,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._hub = hub
        self._conversations = conversations
        self._receipts = receipts
        self._routing = routing
        self._relay = relay
        self._wire = wire
        self._limits = limits
        self._tasks = tasks
        self._grown: dict[str, tuple[Live, int, tuple[Entry, ...]]] = {}
        self._moved: dict[tuple[str, str], tuple[Identity, Moved]] = {}
        self._forget: Forget = lambda account_id: None
        self._present: Present = lambda changed: None

    def on_learned(self, forget: Forget, present: Present) -> None:
        """What to do when an account has changed, and when somebody has come or gone, on another node."""
        self._forget = forget
        self._present = present

    # -- what happens here ---------------------------------------------------------------------------------------------

    def grown(self, conversation_id: str, live: Live, entries: tuple[Entry, ...], since: int) -> None:
        """This node has appended, or has met a duplicate whose nudge may have been lost."""
        known = self._grown.get(conversation_id)
        if known is not None and known[2] and entries and known[2][-1].seq + 1 == entries[0].seq:
            since, entries = known[1], known[2] + entries
        elif known is not None:
            self._tell_grown()
        if not self._grown:
            asyncio.get_running_loop().call_soon(self._tell_grown)
        self._grown[conversation_id] = (live, since, entries)

    def _tell_grown(self) -> None:
        grown, self._grown = self._grown, {}
        if grown:
            self._spawn(self._nudge(grown))

    async def _nudge(self, grown: dict[str, tuple[Live, int, tuple[Entry, ...]]]) -> None:
        """One frame for each node and conversation, however many of its devices are concerned."""
        audiences: dict[str, list[str]] = {}
        for conversation_id, (live, since, _) in grown.items():
            members = live.fold.members.items()
            audiences[conversation_id] = [a for a, m in members if m.is_in() or m.left_seq() > since]
        nodes = await self._routing.others(dict.fromkeys(a for audience in audiences.values() for a in audience))
        for node_id, there in nodes.items():
            accounts = frozenset(there)
            for conversation_id, (_, since, entries) in grown.items():
                concerned = tuple(account for account in audiences[conversation_id] if account in accounts)
                if concerned:
                    told = Grown(conversation_id, since, entries[-1].seq, _that_fit(entries), concerned)
                    self._relay.send((node_id,), told)

    def moved(self, identity: Identity, moved: Moved) -> None:
        """A device here has acked or read, or what it acked is durable now: authors may be elsewhere. Told with others' soon."""
        self._moved[moved.conversation_id, identity.device_id] = (identity, moved)

    async def run(self) -> None:
        """Tell positions, for ever."""
        turn = 0
        while True:
            await asyncio.sleep(self._limits.receipt_delay_ms / 1000)
            turn += 1
            await self.tell_moved(groups=turn % GROUP_TURNS == 0)

    async def tell_moved(self, *, groups: bool = True) -> None:
        """Tell what has moved, in groups too or in direct conversations only."""
        due = {key: moved for key, moved in self._moved.items() if groups or not ids.is_group(key[0])}
        for key in due:
            del self._moved[key]
        by_conversation: dict[str, list[DeviceMoved]] = {}
        for (conversation_id, _), (identity, moved) in due.items():
            by_conversation.setdefault(conversation_id, []).append(DeviceMoved(identity, moved))
        for conversation_id, those in by_conversation.items():
            try:
                fold = (await self._conversations.open(conversation_id)).fold
            except Refused:
                continue
            nodes = await self._routing.others(fold.members)
            for told in those:
                self._relay.send(nodes, told)

    def tell_positions(self, account_id: str, event: Positions) -> None:
        """Ticks, and the account's own read mark, for its devices here and elsewhere."""
        self._hub.tell_along(account_id, event, self._wire)
        self.tell_elsewhere([account_id], event, along=True)

    def tell_elsewhere(
        self,
        account_ids: Iterable[str],
        event: Told,
        except_device_id: str = "",
        only_device_id: str = "",
        *,
        along: bool = False,
    ) -> None:
        """Tell these accounts' devices on other nodes."""
        told = AccountsTold(tuple(account_ids), tuple(self._wire.told(event)), except_device_id, along, only_device_id)
        self._spawn(self._tell(told))

    async def _tell(self, told: AccountsTold) -> None:
        for node_id, there in (await self._routing.others(list(told.account_ids))).items():
            self._relay.send((node_id,), dataclasses.replace(told, account_ids=tuple(there)))

    def account_changed(self, account_id: str) -> None:
        """Profile, privacy, contacts, blocks or tokens have changed here."""
        self._relay.send(self._routing.nodes, AccountChanged(account_id))

    async def heard(self) -> None:
        """Wait until the other nodes have heard what they were told, for a moment at most: a block that is confirmed holds on all."""
        await self._relay.taken(self._routing.nodes)

    def undelivered(self, rest: Sequence[Relayed]) -> None:
        """What waited for a node that is gone: its devices may be elsewhere by now."""
        self._routing.forget()
        for told in rest:
            match told:
                case Grown():
                    self._spawn(self._again(told, told.account_ids))
                case AccountsTold():
                    self._spawn(self._again(told, told.account_ids))
                case _:
                    continue  # positions are told again by their flush, the rest is void

    async def _again(self, told: Grown | AccountsTold, account_ids: tuple[str, ...]) -> None:
        if isinstance(told, Grown):  # the device may have come here
            self._take_grown(told)
        self._relay.send(await self._routing.others(account_ids), told)

    # -- the port `Streams` --------------------------------------------------------------------------------------------

    async def close_device(self, account_id: str, device_id: str, reason: ClosingReason) -> None:
        """See `Streams.close_device`. Every node is told: a route may be lost, and this must not be."""
        self.account_changed(account_id)
        closed = DeviceClosed(account_id, device_id, reason)
        self._take_closed(closed)
        self._relay.send(self._routing.nodes, closed)

    async def connected_devices(self, account_id: str) -> set[str]:
        """See `Streams.connected_devices`."""
        here = {stream.identity.device_id for stream in self._hub.of_account(account_id)}
        return here | await self._routing.devices_elsewhere(account_id)

    async def notify(self, account_id: str, notice: Notice, except_device_id: str = "", only_device_id: str = "") -> None:
        """See `Streams.notify`."""
        self._hub.tell(account_id, NoticeTold(notice), self._wire, except_device_id, only_device_id)
        self.tell_elsewhere([account_id], NoticeTold(notice), except_device_id, only_device_id)

    def replaced(self, account_id: str, device_id: str, node_id: str, connection_id: str) -> None:
        """A device of another node has come here: its stream there ends."""
        self._relay.send((node_id,), DeviceClosed(account_id, device_id, ClosingReason.REPLACED, connection_id))

    def doubted(self, identity: Identity) -> None:
        """A device has come here, and may have left a stream on any other node. That one ends, but not for good: should it be the later
        one, its device comes back."""
        self._relay.send(self._routing.nodes, DeviceClosed(*identity, ClosingReason.INTERNAL))

    # -- what others tell ----------------------------------------------------------------------------------------------

    def take(self, told: Relayed) -> None:
        """Another node has told something."""
        match told:
            case Grown():
                self._take_grown(told)
            case DeviceMoved(identity, moved):
                self._receipts.learned(identity, moved)
            case AccountsTold():
                self._take_told(told)
            case DeviceClosed():
                self._take_closed(told)
            case PresenceChanged():
                self._present(told)
            case AccountChanged(account_id):
                self._forget(account_id)

    def _take_grown(self, told: Grown) -> None:
        if told.entries:
            self._conversations.learned(told.conversation_id, told.entries)
            for entry in told.entries:
                if self._hub.is_connected(entry.header.sender_id):
                    self._receipts.sent(told.conversation_id, entry.header.sender_id)
        self._conversations.told(told.conversation_id, told.head)
        for account_id in told.account_ids:
            for stream in self._hub.of_account(account_id):
                stream.nudge(told.conversation_id, told.head)

    def _take_told(self, told: AccountsTold) -> None:
        for account_id in told.account_ids:
            if told.along:
                self._hub.send_along(account_id, told.events)
            else:
                self._hub.send(account_id, told.events, told.except_device_id, told.only_device_id)

    def _take_closed(self, told: DeviceClosed) -> None:
        for stream in self._hub.of_account(told.account_id):
            if stream.identity.device_id == told.device_id and told.connection_id in ("", stream.connection_id):
                stream.close(told.reason)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.create_task(work, name="relay")


def _that_fit(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The last of the entries that fit into a frame."""
    size = 0
    for at in range(len(entries) - 1, -1, -1):
        size += 256 + len(entries[at].body or b"")
        if entries[at].header.change is not None:
            size += 64 * len(entries[at].header.change.members)  # type: ignore[union-attr]
        if size > ENTRY_BYTES_MAX:
            return entries[at + 1 :]
    return entries
