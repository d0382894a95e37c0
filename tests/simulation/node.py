"""A node: the product's services over the simulated stores, its gRPC servicer over simulated calls, and what will be its relay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidewire.v1 import chat_pb2, limits_pb2

from server.adapters.grpc import codec
from server.adapters.grpc.chat import ChatServicer
from server.domain import groups
from server.domain.append import Sent
from server.domain.connection import Moved
from server.domain.envelope import Entry
from server.domain.events import Positions
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.refusal import Refused
from server.services.chat import Chat
from server.services.conversations import Conversations, Live
from server.services.elsewhere import Nowhere
from server.services.groups import GroupChanges
from server.services.hub import Hub
from server.services.presence import Presence
from server.services.rates import Rates
from server.services.receipts import Receipts
from server.services.sending import ENABLED_KINDS, Sending
from server.services.streaming import Needs, Stream
from server.services.sweeping import Sweeper
from tests.simulation.loop import Tasks
from tests.simulation.network import Call, Context, Frame, Routes
from tests.simulation.store import Ports, Store
from tests.simulation.world import World, WorldClock

if TYPE_CHECKING:
    from tests.simulation.device import Change

LIMITS = Limits(
    window_envelopes_max=6,
    ring_entries_max=5,
    append_batch_entries_max=3,
    snapshot_entries_max=4,
    commands_per_s=100_000,
    commands_burst=100_000,
    receipt_delay_ms=200,
    group_receipt_delay_ms=400,
    position_flush_ms=600,
    group_position_flush_ms=1_200,
    retention_s=120,
    header_retention_s=180,
    folds_max=3,
)


class Nothing:
    """Counts nothing."""

    def appended(self, entries: int, latency_ms: float) -> None:
        """See `Counts`."""

    def delivered(self, envelopes: int) -> None:
        """See `StreamCounts`."""

    def refused(self, reason: str) -> None:
        """See `StreamCounts`."""

    def stalled(self, times: int) -> None:
        """See `StreamCounts`."""


class RoutedHub(Hub):
    """The hub of a node in a cluster: its streams have routes."""

    def __init__(self, node: Node, routes: Routes) -> None:
        super().__init__(LIMITS)
        self._node, self._routes = node, routes

    def add(self, stream: Stream) -> None:
        """See `Hub.add`."""
        super().add(stream)
        self._routes.register(stream.identity.account_id, stream.identity.device_id, self._node, int(stream.connection_id))

    def remove(self, stream: Stream) -> None:
        """See `Hub.remove`."""
        super().remove(stream)
        self._routes.release(stream.identity.account_id, stream.identity.device_id, int(stream.connection_id))


class RelayedReceipts(Receipts):
    """Receipts of a node in a cluster: the authors may be on other nodes."""

    node: Node

    def moved(self, identity: Identity, moved: Moved) -> None:
        """See `Receipts.moved`."""
        super().moved(identity, moved)
        self.node.relay_moved(identity, moved)

    async def flush(self, *, groups: bool = True) -> None:
        """See `Receipts.flush`. What is durable now is told again: a node that reads the rows later needs it no more, one that has
        read them already may have missed it."""
        flushed = dict(self._dirty)
        await super().flush(groups=groups)
        for key, (identity, moved) in flushed.items():
            if key not in self._dirty:
                self.node.relay_moved(identity, moved)


class Node:
    """One node; `start` makes a process of it."""

    def __init__(self, world: World, store: Store, routes: Routes, name: str) -> None:
        self.world, self.store, self.routes, self.name = world, store, routes, name
        self.incarnation = 0
        self.up = self.frozen = False
        self.calls: list[Call] = []
        self.start()

    def start(self) -> None:
        """A new process."""
        world, name = self.world, self.name
        self.incarnation += 1
        self.up, self.frozen = True, False
        self.route_cache: dict[str, tuple[int, list[Node]]] = {}
        self.published: set[tuple[str, int]] = set()
        self.own: set[tuple[str, int]] = set()
        self.loop = world.process(lambda work: world.ask(name, self.loop, "work in a thread", work))
        with self.loop.running():
            self._compose()

    def _compose(self) -> None:
        """What `server.app` does."""
        world, loop = self.world, self.loop
        tasks: Any = Tasks(loop)
        ports: Any = Ports(world, self.store, self.name, loop, self.own)
        clock = WorldClock(world)
        wire = codec.WireEvents(LIMITS, ENABLED_KINDS, limits_pb2.Endpoints())
        self.wire = wire
        self.hub = hub = RoutedHub(self, self.routes)
        self.conversations = Conversations(ports, ports, wire, clock, LIMITS, tasks, Nothing(), shared=True)
        self.receipts = RelayedReceipts(ports, ports, ports, self.conversations, LIMITS)
        self.receipts.node = self
        presence = Presence(ports, clock, LIMITS, tasks)
        sending = Sending(self.conversations, ports, ports, LIMITS)
        self.changes = GroupChanges(self.conversations, ports, ports, ports, ports, LIMITS)
        needs = Needs(self.conversations, self.receipts, ports, ports, wire, clock, LIMITS, tasks, Nothing())
        new_id = lambda: str(world.number())  # noqa: E731
        self.chat = Chat(hub, needs, sending, ports, ports, presence, Rates(LIMITS), new_id, ports.touch, Nowhere())
        self.sweeper = Sweeper(self.conversations, ports, ports, ports, ports, ports, clock, LIMITS)
        self.servicer = ChatServicer(self.chat, wire, LIMITS, _authenticate, lambda message: None)
        self.conversations.on_publish(self._published)
        self.receipts.on_told(self._connected, self._tell, hub.wake)
        loop.start(self.receipts.run(), "receipts")

    def crash(self) -> None:
        """The process dies. Its devices notice some time; its routes stay until somebody overwrites them."""
        self.world.say(self.name, "dies")
        self.up = self.frozen = False
        self.loop.die()
        self.world.died(self.loop)
        for call in self.calls:
            call.lose()
        self.calls.clear()

    # -- devices -------------------------------------------------------------------------------------------------------

    def accept(self, call: Call) -> None:
        """A device has called."""
        self.calls.append(call)
        self.loop.start(self._serve(call), f"call of {call.device.name}")

    async def _serve(self, call: Call) -> None:
        context: Any = Context(call)
        context.identity = call.device.identity
        try:
            await self.servicer.connect(context, context)
        except Refused:
            self.world.say(self.name, f"refuses the call of {call.device.name}")
        call.lose()
        self.calls.remove(call)

    def heard(self, call: Call, frame: chat_pb2.ConnectRequest) -> None:
        """What a device says, for the oracle and the reader."""
        for command in frame.commands:
            if self.world.tracing:
                self.world.say(self.name, f"hears {call.device.name}: {_short(command)}")
            if command.WhichOneof("command") == "hello" and command.hello.last:
                oracle, account = self.store.oracle, call.device.identity.account_id
                call.target = {key: oracle.last_entitled(key, account) for key in oracle.members}

    async def change(self, change: Change) -> None:
        """A change of a group that a device asks for."""
        try:
            match change.command:
                case groups.Add(account_ids):
                    done = await self.changes.add(
                        change.identity, change.conversation_id, change.envelope_id, change.known_seq, list(account_ids)
                    )
                case groups.Create(title, description, account_ids):
                    done = await self.changes.create(change.identity, change.envelope_id, title, description, list(account_ids))
                case command:
                    done = await self.changes.change(
                        change.identity, change.conversation_id, change.envelope_id, change.known_seq, command
                    )
        except Refused:
            return
        if isinstance(done.outcome, Sent):
            change.answered(done.outcome.seq)
        elif done.outcome.retry_after_ms is None:
            change.refused()

    async def quietly(self, work: Any) -> None:
        """Work of the node's own, which comes again when the store is away."""
        try:
            await work
        except Refused:
            return

    # -- the cluster ---------------------------------------------------------------------------------------------------

    def _connected(self, account_id: str) -> bool:
        return self.hub.is_connected(account_id)

    def _tell(self, account_id: str, event: Positions) -> None:
        self.hub.tell_along(account_id, event, self.wire)
        self.routes.send(self, [account_id], "told", f"{account_id} is told {event}", (account_id, event))

    def _published(self, conversation_id: str, live: Live, entries: tuple[Entry, ...], since: int, own: bool) -> None:
        self.hub.published(conversation_id, live, entries[-1].seq, since)
        for entry in entries:
            place = (conversation_id, entry.seq)
            mine = place in self.own or place in self.published  # again: a duplicate was found
            self.published.add(place)
            if self.hub.is_connected(entry.header.sender_id):
                self.receipts.sent(conversation_id, entry.header.sender_id)
            if mine:
                audience = tuple(live.fold.audience(entry))
                text = f"{conversation_id} has grown to {entry.seq}"
                self.routes.send(self, audience, "entry", text, (conversation_id, entry, audience))

    def relay_moved(self, identity: Identity, moved: Moved) -> None:
        """A device here has moved: the authors may be elsewhere."""
        live = self.conversations.peek(moved.conversation_id)
        if live is None:
            self.loop.start(self.quietly(self._open_and_relay(identity, moved)), "relay")
            return
        accounts = [account for account in live.fold.members if account != identity.account_id]
        text = f"{identity.device_id} is at {moved.conversation_id}/{moved.acked}, read {moved.read}"
        self.routes.send(self, accounts, "moved", text, (identity, moved))

    async def _open_and_relay(self, identity: Identity, moved: Moved) -> None:
        await self.conversations.open(moved.conversation_id)
        self.relay_moved(identity, moved)

    def relayed(self, frame: Frame) -> None:
        """Another node has told something."""
        match frame.kind:
            case "entry":
                conversation_id, entry, audience = frame.content
                self._in_loop(lambda: self._learn(conversation_id, entry, audience))
            case "moved":
                identity, moved = frame.content
                self._in_loop(lambda: self.receipts.learned(identity, moved))
            case _:
                account_id, event = frame.content
                self._in_loop(lambda: self.hub.tell_along(account_id, event, self.wire))

    def _in_loop(self, work: Any) -> None:
        self.loop.call_soon(work)

    def _learn(self, conversation_id: str, entry: Entry, audience: tuple[str, ...]) -> None:
        self.conversations.learned(conversation_id, (entry,))
        if self.hub.is_connected(entry.header.sender_id):
            self.receipts.sent(conversation_id, entry.header.sender_id)
        for account_id in audience:
            for stream in self.hub.of_account(account_id):
                stream.nudge(conversation_id, entry.seq)


async def _authenticate(context: Any) -> Identity:
    identity: Identity = context.identity
    return identity


def _short(message: Any) -> str:
    return " ".join(str(message).split())[:160]
