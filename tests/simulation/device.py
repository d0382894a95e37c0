"""A device: the SDK's stream, store, outbox and positions on a disk that survives it, and a person in front of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tidewire import store as sdk
from tidewire.domain import position as ranges
from tidewire.domain.outbox import Item
from tidewire.events import Event
from tidewire.stream import Stream
from tidewire.v1 import chat_pb2, envelope_pb2

from server.domain import groups
from server.domain.identity import Identity
from tests.simulation.network import Call
from tests.simulation.oracle import Oracle, Witness
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.node import Node

T = TypeVar("T")
_EMPTY: list[bytes] = []


def uuid(number: int) -> str:
    """The `number`-th envelope id."""
    return f"00000000-0000-7000-8000-{number:012d}"


def empty_disk() -> sqlite3.Connection:
    """A disk with an empty store of the SDK."""
    disk = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    if not _EMPTY:
        for script in sdk.MIGRATIONS:
            disk.executescript(script)
        _EMPTY.append(disk.serialize())
    else:
        disk.deserialize(_EMPTY[0])
    return disk


class DiskStore(sdk.Store):
    """The SDK's store on a disk that outlives the process; a transaction happens when the scheduler says so, or never."""

    def __init__(self, disk: sqlite3.Connection, committed: Callable[[], None]) -> None:
        self.db = disk
        self._committed = committed
        self._thread = None  # type: ignore[assignment]

    def _transaction(self, work: Callable[[], T]) -> T:
        result = super()._transaction(work)
        self._committed()
        return result


@dataclass(eq=False)
class Change:
    """A change of a group that a device wants: asked again, with the same id, until there is an answer."""

    oracle: Oracle
    identity: Identity
    witness: Witness
    conversation_id: str
    envelope_id: str
    known_seq: int
    command: groups.Command
    done: bool = False

    def answered(self, seq: int) -> None:
        """It is in the log."""
        self.done = True
        entry = self.oracle.ever[self.conversation_id].get(seq)
        if entry is None or entry.header.envelope_id != self.envelope_id:
            where = f"{self.conversation_id}/{seq} {self.envelope_id[-4:]}"
            self.oracle.violated("SENT BUT NOT IN LOG", f"{where} answered to {self.witness.name}")

    def refused(self) -> None:
        """It cannot be."""
        self.done = True


class Device:
    """One device; `start` makes a process of it."""

    stream_class: type[Stream] = Stream

    def __init__(self, world: World, oracle: Oracle, identity: Identity, nodes: list[Node]) -> None:
        self.world, self.oracle, self.identity, self.nodes = world, oracle, identity, nodes
        self.name = identity.device_id
        self.account_id, self.device_id = identity
        self.witness = oracle.devices.setdefault(self.name, Witness(self.name, identity.account_id))
        self.disk = empty_disk()
        self.up = False
        self.linked = True
        self.call: Call | None = None
        self.start()

    # -- the process ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new process on the same disk."""
        self.up = True
        self._rows = self.disk.execute("SELECT coalesce(max(rowid), 0) FROM envelopes").fetchone()[0]
        self.loop = loop = self.world.process(self._on_disk)
        self.store = DiskStore(self.disk, self._committed)
        me: Any = self
        self.stream = self.stream_class(me, self.store, me, self._emitted, now_s=self.world.now_s, uniform=self._uniform)
        loop.start(self._run(), f"stream of {self.name}")

    async def _run(self) -> None:
        await self.stream.prepare()
        await self.stream.run()

    def crash(self) -> None:
        """The process dies; what it had not committed is gone."""
        self.world.say(self.name, "dies")
        self.up = False
        self.loop.die()
        self.world.died(self.loop)
        if self.call is not None:
            self.call.lose()
        self.call = None

    def destroy(self) -> None:
        """The device is lost, and unlinked."""
        if self.up:
            self.crash()
        self.linked = False
        self.witness.gone = True

    def _on_disk(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        return self.world.ask(self.name, self.loop, "a transaction", work, durable=False)

    def _uniform(self, low: float, high: float) -> float:
        return self.world.chance.uniform(low, min(high, 1.0))

    def _emitted(self, event: Event) -> None:
        if self.world.tracing:
            self.world.say(self.name, f"emits {str(event)[:140]}")

    # -- the SDK's transport -------------------------------------------------------------------------------------------

    token = ""

    @property
    def chat(self) -> Device:
        """The stub."""
        return self

    def metadata(self) -> None:
        """No token: the nodes know who calls."""

    def move(self) -> None:
        """The next call chooses anyway."""

    async def refresh(self, token: str) -> None:
        """Tokens last for ever here."""

    def Connect(self, metadata: None) -> Call:
        """Call some node that answers; without any, the call ends at once."""
        node = self.world.chance.choice(self.nodes)
        call = self.call = Call(self.world, self, self.loop, node)
        self.witness.node = node.name
        self.world.say(self.name, f"calls {node.name}")
        if node.up:
            node.accept(call)
        else:
            call.lose()
        return call

    # -- what the oracle sees ------------------------------------------------------------------------------------------

    def told(self, call: Call, frame: chat_pb2.ConnectResponse) -> None:
        """A frame has reached the device."""
        oracle, witness = self.oracle, self.witness
        for event in frame.events:
            if self.world.tracing:
                self.world.say(self.name, f"hears {call.node.name}: {' '.join(str(event).split())[:140]}")
            match event.WhichOneof("event"):
                case "envelope":
                    envelope = event.envelope
                    oracle.envelope(witness, envelope.conversation_id, envelope.seq, envelope.header.envelope_id)
                case "gap":
                    oracle.gap(witness, event.gap.conversation_id, event.gap.from_seq, event.gap.to_seq)
                case "state":
                    oracle.begins(witness, event.state.conversation.id, event.state.start_seq)
                case "send_result":
                    result = event.send_result
                    if result.HasField("sent"):
                        oracle.answered(witness, result.conversation_id, result.envelope_id, result.sent.seq)
                case "positions":
                    told = event.positions
                    delivered, read = ([(run.from_seq, run.to_seq) for run in runs] for runs in (told.delivered, told.read))
                    oracle.ticks(witness, told.conversation_id, delivered, read)
                case "caught_up":
                    oracle.caught_up(witness, call.target or {})

    def _committed(self) -> None:
        """A transaction is on disk."""
        for rowid, conversation_id, seq, envelope_id in self.disk.execute(
            "SELECT rowid, conversation_id, seq, envelope_id FROM envelopes WHERE rowid>? ORDER BY rowid", (self._rows,)
        ).fetchall():
            self._rows = rowid
            self.oracle.committed(self.witness, conversation_id, seq, envelope_id)
        for conversation_id, position, delivered, read in self.disk.execute(
            "SELECT id, position, delivered, read_by FROM conversations"
        ).fetchall():
            self.oracle.moved(self.witness, conversation_id, position, ranges.from_text(delivered), ranges.from_text(read))

    # -- the person ----------------------------------------------------------------------------------------------------

    def write(self, conversation_id: str, send: chat_pb2.Send, text: str) -> None:
        """Write something, as `Client` does."""
        envelope_id = uuid(self.world.number())
        send.conversation_id, send.envelope_id = conversation_id, envelope_id
        self.world.say(self.name, f"writes {envelope_id[-4:]} in {conversation_id}: {text}")

        async def work() -> None:
            raw, at_ms = send.SerializeToString(), self.world.now_ms
            await self.store.run(lambda: self.store.add_to_outbox(conversation_id, envelope_id, at_ms, text, raw))
            self.stream.wrote(Item(conversation_id, envelope_id))

        self.loop.start(work(), "write")

    def text(self, conversation_id: str, expires_in_s: int = 0) -> None:
        """Write a text."""
        body = envelope_pb2.Body(text=envelope_pb2.Text(text="hi"))
        self.write(conversation_id, chat_pb2.Send(body=body, expires_in_s=expires_in_s), "hi")

    def delete(self, conversation_id: str, seq: int) -> None:
        """Delete an envelope for everyone."""
        body = envelope_pb2.Body(deletion=envelope_pb2.Deletion())
        self.write(conversation_id, chat_pb2.Send(body=body, target_seq=seq), f"delete {seq}")

    def look(self, conversation_id: str) -> None:
        """Look at everything that is there; `Client.mark_read`."""
        query = "SELECT max(seq) FROM envelopes WHERE conversation_id=? AND seq<="
        query += "(SELECT position FROM conversations WHERE id=?)"
        (seq,) = self.disk.execute(query, (conversation_id, conversation_id)).fetchone()
        if not seq or seq <= self.witness.marked.get(conversation_id, 0):
            return

        async def work() -> None:
            def durable() -> None:
                self.store.mark_read(conversation_id, seq)
                self.oracle.looked(self.witness, conversation_id, seq)

            await self.store.run(durable)
            self.stream.read(conversation_id, seq)

        self.world.say(self.name, f"has read {conversation_id} up to {seq}")
        self.loop.start(work(), "mark read")

    def change(self, conversation_id: str, command: groups.Command) -> Change:
        """Want a change of a group; `Groups` takes the head that the device knows."""
        row = self.disk.execute("SELECT head FROM conversations WHERE id=?", (conversation_id,)).fetchone()
        envelope_id = uuid(self.world.number())
        self.world.say(self.name, f"wants {command} in {conversation_id}, {envelope_id[-4:]}")
        known = row[0] if row else 0
        return Change(self.oracle, self.identity, self.witness, conversation_id, envelope_id, known, command)
