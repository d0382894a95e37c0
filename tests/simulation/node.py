"""A node: the product's services over the simulated stores, its gRPC servicer over simulated calls, and its services of a cluster over simulated routes and frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tidewire.v1 import chat_pb2, limits_pb2

from server.adapters.grpc import codec
from server.adapters.grpc.chat import ChatServicer
from server.domain import groups
from server.domain.append import Sent
from server.domain.envelope import Entry
from server.domain.events import Command
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.relayed import Relayed
from server.kit.refusal import Refused
from server.services.avatars import HeldAvatars
from server.services.chat import Chat
from server.services.conversations import Conversations, Live
from server.services.elsewhere import OtherNodes
from server.services.groups import GroupChanges
from server.services.hub import Hub
from server.services.presence import Presence
from server.services.rates import Rates
from server.services.receipts import Receipts
from server.services.relaying import Relaying
from server.services.routing import Routing
from server.services.sending import ENABLED_KINDS, Sending
from server.services.streaming import Needs
from server.services.sweeping import Sweeper
from tests.simulation.loop import Tasks
from tests.simulation.network import Call, Context, Routes, RouteStore
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


class Relay:
    """The port `Relay`: frames on the simulated network."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def send(self, node_ids: Iterable[str], relayed: Relayed) -> None:
        """See `Relay.send`."""
        self._node.routes.send(self._node, node_ids, relayed)

    async def taken(self, node_ids: Iterable[str]) -> None:
        """See `Relay.taken`. A message of the network may take as long as it likes."""


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
        self.hub = hub = Hub(LIMITS)
        self.conversations = Conversations(ports, ports, wire, clock, LIMITS, tasks, Nothing(), shared=True)
        self.receipts = Receipts(ports, ports, ports, self.conversations, LIMITS)
        routing = Routing(self.name, RouteStore(self.routes), clock, LIMITS, tasks)
        routing.nodes = frozenset(self.routes.names) - {self.name}
        self.relaying = Relaying(hub, self.conversations, self.receipts, routing, Relay(self), wire, LIMITS, tasks)
        presence = Presence(ports, clock, LIMITS, tasks)
        sending = Sending(self.conversations, ports, ports, LIMITS)
        self.changes = GroupChanges(self.conversations, ports, ports, ports, ports, HeldAvatars(None, tasks), LIMITS)
        needs = Needs(self.conversations, self.receipts, ports, ports, wire, clock, LIMITS, tasks, Nothing())
        new_id = lambda: str(world.number())  # noqa: E731
        self.chat = Chat(
            hub,
            needs,
            sending,
            ports,
            ports,
            presence,
            Rates(LIMITS),
            new_id,
            ports.touch,
            OtherNodes(routing, self.relaying, _forward),
        )
        self.sweeper = Sweeper(self.conversations, ports, ports, ports, ports, ports, clock, LIMITS)
        self.servicer = ChatServicer(self.chat, wire, LIMITS, _authenticate, lambda message: None)
        self.conversations.on_publish(self._published)
        self.receipts.on_told(hub.is_connected, self.relaying.tell_positions, hub.wake)
        self.receipts.on_moved(self.relaying.moved)
        self.receipts.on_stored(self.relaying.moved)
        loop.start(self.receipts.run(), "receipts")
        loop.start(self.relaying.run(), "positions")

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

    def _published(self, conversation_id: str, live: Live, entries: tuple[Entry, ...], since: int, own: bool) -> None:
        """What `server.parts` does."""
        self.hub.published(conversation_id, live, entries[-1].seq, since)
        if own:
            self.relaying.grown(conversation_id, live, entries, since)

    def relayed(self, relayed: Relayed) -> None:
        """Another node has told something."""
        self.loop.call_soon(lambda: self.relaying.take(relayed))


async def _forward(node_id: str, identity: Identity, command: Command) -> None:
    raise AssertionError("no device of the simulation submits")


async def _authenticate(context: Any) -> Identity:
    identity: Identity = context.identity
    return identity


def _short(message: Any) -> str:
    return " ".join(str(message).split())[:160]
