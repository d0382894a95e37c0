"""Bugs that are planted in the product's own objects, to prove that the oracle can see them. Each takes one rule away.

A bug replaces a class by a subclass of it where the product looks it up, or one of its methods, for as long as a schedule runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tidewire import store as sdk_store
from tidewire import stream as sdk_stream
from tidewire.domain import position
from tidewire.domain.outbox import Outbox, State

import tests.simulation.device as device
import tests.simulation.store as store
from server.domain import fold, ranges, receipts, rules, trimming
from server.domain.append import AppendRound
from server.domain.connection import Connection, SendGap, StoreSkipped
from server.services import chat, hub, streaming, sweeping
from server.services import receipts as receipts_service

Patch = tuple[Any, str, Any]
BUGS: dict[str, Callable[[], list[Patch]]] = {}


def bug(function: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
    """Give the bug the name of its function; its docstring says what is wrong."""
    BUGS[function.__name__] = function
    return function


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product has this bug; "": none."""
    patches = BUGS[name]() if name else []
    running = [patch.object(*one) for one in patches]
    for one in running:
        one.start()
    try:
        yield
    finally:
        for one in running:
            one.stop()


# -- the device ----------------------------------------------------------------------------------------------------------


@bug
def ack_before_store() -> list[Patch]:
    """The device acks a frame, then commits it."""

    class Hasty(sdk_stream.Stream):
        async def _take(self, told: list[Any]) -> None:
            for event in told:
                if event.HasField("envelope"):
                    envelope = event.envelope
                    self._acks.stored(envelope.conversation_id, envelope.seq)
                    self._wake.set()
            await super()._take(told)

    return [(device.Device, "stream_class", Hasty)]


@bug
def gap_taken_for_a_hole() -> list[Patch]:
    """The device does not move its position over a Gap."""
    return [(position.Position, "skipped", lambda self, first, last: None)]


@bug
def hole_taken_for_a_gap() -> list[Patch]:
    """The device's position jumps over what has not come."""

    def took(self: position.Position, seq: int) -> bool:
        new = seq > self.seq
        self.seq = self.head = max(self.seq, seq)
        return new

    return [(position.Position, "took", took)]


@bug
def marks_dropped_before_their_echo() -> list[Patch]:
    """A read mark is said once, and neither kept for Welcome nor brought by Hello."""

    class Forgetful(sdk_stream.Stream):
        async def _marks(self) -> None:
            return

        async def _hello(self, call: Any) -> None:
            class Markless:
                async def write(self, request: Any) -> None:
                    for told in request.commands[0].hello.positions:
                        told.read_seq = 0
                    await call.write(request)

            await super()._hello(Markless())  # type: ignore[arg-type]

    return [(device.Device, "stream_class", Forgetful)]


@bug
def marks_of_the_account() -> list[Patch]:
    """Hello says the account's read position for the device's own: what was read elsewhere counts as seen here."""

    def marks(self: sdk_store.Store) -> dict[str, int]:
        return dict(self.db.execute("SELECT id, read_seq FROM conversations").fetchall())

    return [(sdk_store.Store, "marks", marks)]


# -- the append ----------------------------------------------------------------------------------------------------------


@bug
def no_duplicate_search() -> list[Patch]:
    """An id is never looked for."""
    return [(AppendRound, "_twin", lambda self, ticket, key: None)]


@bug
def unknown_moves_on() -> list[Patch]:
    """An append without an outcome is taken for one that has not landed: its sends are refused, and that is final."""

    def unknown(self: AppendRound) -> list[Any]:
        return self.failed(rules.groups.NOT_A_MEMBER)

    def met(self: Outbox, envelope_id: str, seq: int) -> list[Any]:
        item = self.items.get(envelope_id)
        return [] if item is not None and item.state is State.FAILED else original(self, envelope_id, seq)

    original = Outbox.met
    return [(AppendRound, "unknown", unknown), (Outbox, "met", met)]


@bug
def rules_checked_once() -> list[Patch]:
    """After Behind a proposal is not judged again: a removed member's message lands."""

    def admit(state: Any, proposal: Any, now_ms: int, limits: Any) -> Any:
        if state.is_member(proposal.sender.account_id):
            passed.add(proposal.envelope_id)
        elif proposal.envelope_id in passed and proposal.command is None:
            members = {**state.members, proposal.sender.account_id: fold.Member(fold.Role.MEMBER, ((1, 0),))}
            state = state.copy()
            state.members = members
        return original(state, proposal, now_ms, limits)

    passed: set[str] = set()
    original = rules.admit
    return [(rules, "admit", admit)]


# -- the connection ------------------------------------------------------------------------------------------------------


@bug
def leak_between_intervals() -> list[Patch]:
    """The pump does not ask the fold for each seq."""

    class Leaky(Connection):
        def _pump(self, conversation_id: str, feed: Any) -> Any:
            view = feed.view
            feed.view = Open(view)
            try:
                return super()._pump(conversation_id, feed)
            finally:
                feed.view = view

    class Open:
        def __init__(self, view: Any) -> None:
            self.view, self.fold = view, view.fold.copy()
            members = self.fold.members
            self.fold.members = {a: m._replace(intervals=((m.intervals[0][0], 0),)) for a, m in members.items()}

        floor = property(lambda self: self.view.floor)

        def item(self, seq: int) -> Any:
            return self.view.item(seq)

    return [(streaming, "Connection", Leaky)]


@bug
def own_kept_from_other_devices() -> list[Patch]:
    """The pump passes over own envelopes on every connection, not only on the one that was answered."""

    class Selfish(Connection):
        def _pump(self, conversation_id: str, feed: Any) -> Any:
            for seq in range(feed.next, min(feed.head, feed.view.fold.seq) + 1):
                item = feed.view.item(seq)
                if item is not None and item.entry.header.sender_id == self.account_id:
                    feed.given.add(seq)
            return super()._pump(conversation_id, feed)

    return [(streaming, "Connection", Selfish)]


@bug
def withheld_is_sent() -> list[Patch]:
    """The pump does not look at whom an envelope is withheld from."""

    class Blind(Connection):
        def _deliverable(self, entry: Any) -> bool:
            return super()._deliverable(entry._replace(header=entry.header._replace(withheld_from="")))

    return [(streaming, "Connection", Blind)]


@bug
def skipped_not_stored() -> list[Patch]:
    """A Gap goes out without its seqs being stored as skipped."""

    def do(self: streaming.Stream, commands: Any) -> None:
        for command in commands:
            if isinstance(command, StoreSkipped):
                feed = self.connection.feeds[command.conversation_id]
                feed.skipped = ()
                original(self, self.connection.skipped_stored(command.conversation_id, command.gap))
            else:
                original(self, [command])

    original = streaming.Stream.do
    return [(streaming.Stream, "do", do)]


@bug
def missing_row_is_a_gap() -> list[Patch]:
    """What is not in memory is skipped, not read from the log."""

    class Sloppy(Connection):
        def _gap_or_read(self, conversation_id: str, feed: Any, item: Any) -> Any:
            if item is None:
                feed.next += 1
                return [SendGap(conversation_id, feed.next - 1, feed.next - 1, ())]
            return super()._gap_or_read(conversation_id, feed, item)

    return [(streaming, "Connection", Sloppy)]


@bug
def caught_up_with_the_first() -> list[Patch]:
    """CaughtUp follows the first conversation that is sent, while others are still being opened."""

    class Eager(Connection):
        def hello(self) -> None:
            super().hello()
            self._hello_done = True

        def _expect(self, conversation_id: str, feed: Any, head: int) -> None:
            self._hello_done = False
            super()._expect(conversation_id, feed, head)
            self._hello_done = True

    return [(streaming, "Connection", Eager)]


@bug
def linked_device_not_told_its_start() -> list[Patch]:
    """A device that a nudge reached before its Hello was answered is not told where its log begins."""

    def know(self: streaming.Stream, conversation_id: str, row: Any, head: int | None = None) -> Any:
        known = original(self, conversation_id, row, head)
        if row is not None and row.acked:
            self.known[conversation_id] = known = known._replace(fresh=False)
        return known

    original = streaming.Stream.know
    return [(streaming.Stream, "know", know)]


@bug
def no_second_look() -> list[Patch]:
    """A new connection does not compare its heads with the log: a node that still has an old route in its cache strands it."""

    async def second_look(self: chat.Chat, stream: Any) -> None:
        return

    return [(chat.Chat, "_second_look", second_look)]


# -- receipts and trimming -----------------------------------------------------------------------------------------------


@bug
def delivered_by_watermark() -> list[Patch]:
    """What was acked counts as delivered, Gaps and what is withheld included."""
    return [
        (receipts.DevicePosition, "has", lambda self: ranges.up_to(self.acked)),
        (receipts.DevicePosition, "has_read", lambda self: ranges.up_to(min(self.acked, self.read))),
    ]


@bug
def read_by_the_account() -> list[Patch]:
    """A read mark counts for what its device has not acked."""
    return [(receipts.DevicePosition, "has_read", lambda self: ranges.up_to(self.read))]


@bug
def marks_not_brought_again() -> list[Patch]:
    """What Hello says is not flushed."""

    def moved(self: Any, identity: Any, moved: Any) -> None:
        if moved.conversation_id in opened.get(identity, ()):
            original(self, identity, moved)

    def opened_by(self: Any, stream: Any) -> None:
        opened[stream.identity] = stream.connection.feeds
        add(self, stream)

    opened: dict[Any, Any] = {}
    original, add = receipts_service.Receipts.moved, hub.Hub.add
    return [(receipts_service.Receipts, "moved", moved), (hub.Hub, "add", opened_by)]


@bug
def trimmer_ignores_absent_rows() -> list[Patch]:
    """A device without a position row holds up no trimming."""

    def bodies_up_to(state: Any, acked: Any, devices: Any, now_ms: int, limits: Any) -> int:
        known = {a: {d: at for d, at in of.items() if d in acked} for a, of in devices.items()}
        return original(state, acked, known, now_ms, limits)

    original = trimming.bodies_up_to
    return [(sweeping.trimming, "bodies_up_to", bodies_up_to)]


@bug
def snapshot_not_read_back() -> list[Patch]:
    """Headers go although no snapshot covers them."""

    def headers_up_to(entries: Any, head: int, snapshot_seq: int, now_ms: int, limits: Any) -> int:
        return original(entries, head, head, now_ms, limits)

    async def save(self: Any, conversation_id: str, snapshot: Any) -> None:
        return

    original = trimming.headers_up_to
    return [(sweeping.trimming, "headers_up_to", headers_up_to), (store.Ports, "save_snapshot", save)]
