"""The conversations that this node has in memory: drives their append rounds and serves their views.

Each is loaded once, whoever asks, and forgotten when nobody has used it for long. Appends of different conversations run side by
side; what they have in common, the commit, the store joins.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from server.domain import append
from server.domain.append import AppendCommand, AppendRound, State, Ticket
from server.domain.connection import Item
from server.domain.envelope import Entry
from server.domain.fold import Fold
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.refusal import Refusal, Refused, unavailable
from server.kit.world import Clock
from server.ports.log import NO_HEAD, Appended, AppendOutcome, Behind, Log, Memberships, Reload, Snapshot, Unknown
from server.ports.wire import Wire

PAGE = 1_000
"""Entries of one read when a fold is rebuilt."""
LOAD_AGAIN_S = 1.0
"""Before a fold that the store did not answer for is loaded again, when a stream looks at it."""


class Counts(Protocol):
    """What this service counts."""

    def appended(self, entries: int, latency_ms: float) -> None:
        """A batch of entries became durable, this long after it was proposed."""
        ...


class Live:
    """One conversation in memory. A `View` for connections."""

    __slots__ = ("_items", "_wire", "handed_in", "loaded", "pins", "round")

    def __init__(self, round_: AppendRound, wire: Wire) -> None:
        self.round = round_
        self.loaded: asyncio.Future[None] | None = None
        self.pins = 0
        """How many feeds look at it."""
        self.handed_in: list[Ticket] = []
        """Proposals that the round has not been given yet."""
        self._items: dict[int, Item] = {}
        self._wire = wire

    @property
    def fold(self) -> Fold:
        """The state at the head that this node knows."""
        return self.round.fold

    @property
    def floor(self) -> int:
        """Entries up to here are gone."""
        return self.round.floor

    def item(self, seq: int) -> Item | None:
        """The entry at `seq` with its event, when it is in the ring; serialised once."""
        entry = self.round.ring.get(seq)
        if entry is None:
            return None
        item = self._items.get(seq)
        if item is None or item.entry is not entry:
            item = self.encode(entry)
            self._items[seq] = item
            if len(self._items) > 2 * len(self.round.ring) + 16:
                self._items = {key: kept for key, kept in self._items.items() if key in self.round.ring}
        return item

    def encode(self, entry: Entry) -> Item:
        """An entry with its event."""
        event = self._wire.envelope(self.round.conversation_id, entry)
        return Item(entry, len(event), event)


Publish = Callable[[str, Live, tuple[Entry, ...], int, bool], None]
"""Conversation, what is in memory of it, the last new entries, the head that was known before, whether this node wrote them."""
AppendedHere = Callable[[str, tuple[Entry, ...]], None]
RefusedHere = Callable[[str, Proposal, Refusal], None]
Answered = Callable[[append.Outcome], None]


class Conversations:
    """All of them."""

    def __init__(
        self,
        log: Log,
        memberships: Memberships,
        wire: Wire,
        clock: Clock,
        limits: Limits,
        tasks: asyncio.TaskGroup,
        counts: Counts,
        *,
        shared: bool = False,
    ) -> None:
        """`shared`: other nodes append to the same logs."""
        self._log = log
        self._memberships = memberships
        self._wire = wire
        self._clock = clock
        self._limits = limits
        self._tasks = tasks
        self._counts = counts
        self._shared = shared
        self._live: OrderedDict[str, Live] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._answers: dict[Ticket, Answered] = {}
        self._due: dict[Live, None] = {}
        """Conversations with proposals that came in this turn of the loop, in order."""
        self._publish: Publish = lambda conversation_id, live, entries, since, own: None
        self._on_appended: list[AppendedHere] = []
        self._refused: RefusedHere = lambda conversation_id, proposal, refusal: None

    def on_publish(self, publish: Publish) -> None:
        """Whom to tell when a log has grown, or a duplicate was found."""
        self._publish = publish

    def on_appended(self, appended: AppendedHere) -> None:
        """Whom else to tell what this node has appended, or may have: once each, and no duplicates."""
        self._on_appended.append(appended)

    def on_refused(self, refused: RefusedHere) -> None:
        """Whom to tell what the log has refused."""
        self._refused = refused

    def peek(self, conversation_id: str) -> Live | None:
        """The conversation, when it is in memory and loaded."""
        live = self._live.get(conversation_id)
        return live if live is not None and live.round.state not in (State.COLD, State.LOADING) else None

    async def open(self, conversation_id: str, head: int = 0) -> Live:
        """The conversation, loaded at least up to `head`.

        Raises:
            Refused: UNAVAILABLE; the store did not answer, or a newer node wrote it.
        """
        live = self._get(conversation_id)
        while live.round.state in (State.COLD, State.LOADING) or live.round.fold.seq < head:
            if commands := live.round.told(head):
                self._do(live, commands)
            if live.loaded is None:
                live.loaded = asyncio.get_running_loop().create_future()
            await asyncio.shield(live.loaded)
        return live

    async def current(self, conversation_id: str) -> Live:
        """The conversation as its log is now, also where other nodes append and nobody here is nudged.

        Raises:
            Refused: UNAVAILABLE.
        """
        if not self._shared:
            return await self.open(conversation_id)
        head = (await self._log.heads([conversation_id])).get(conversation_id, NO_HEAD)
        return await self.open(conversation_id, head.seq)

    def told(self, conversation_id: str, head: int) -> None:
        """The log was seen to reach `head`: what is in memory is brought up to it, since another node may have appended."""
        live = self._live.get(conversation_id)
        if live is not None:
            self._do(live, live.round.told(head))

    def learned(self, conversation_id: str, entries: tuple[Entry, ...]) -> None:
        """Another node has appended these."""
        live = self._live.get(conversation_id)
        if live is not None:
            self._do(live, live.round.learn(entries))

    def submit(self, conversation_id: str, ticket: Ticket, answered: Answered) -> None:
        """Hand a proposal in. `answered` is called at most once, from the event loop.

        What is handed in during one turn of the loop, say by the commands of one frame, is proposed together.
        """
        live = self._get(conversation_id)
        self._answers[ticket] = answered
        live.handed_in.append(ticket)
        if not self._due:
            self._loop.call_soon(self._propose)
        self._due[live] = None

    def _propose(self) -> None:
        due, self._due = self._due, {}
        now_ms = self._clock.now_ms()
        for live in due:
            tickets, live.handed_in = live.handed_in, []
            self._do(live, live.round.submit(tickets, now_ms))

    def drop(self, ticket: Ticket) -> None:
        """Nobody waits for this proposal any more. It is not appended, unless it has been proposed already."""
        ticket.gone = True
        self._answers.pop(ticket, None)

    async def append(self, conversation_id: str, proposal: Proposal) -> append.Outcome:
        """Hand a proposal in and wait for its outcome."""
        future: asyncio.Future[append.Outcome] = asyncio.get_running_loop().create_future()

        def answered(outcome: append.Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        self.submit(conversation_id, Ticket(proposal), answered)
        return await future

    # -- inside --------------------------------------------------------------------------------------------------------

    def _get(self, conversation_id: str) -> Live:
        live = self._live.get(conversation_id)
        if live is None:
            live = self._live[conversation_id] = Live(AppendRound(conversation_id, self._limits, shared=self._shared), self._wire)
            self._forget_some()
        else:
            self._live.move_to_end(conversation_id)
        return live

    def _forget_some(self) -> None:
        """Drop the least recently used that nobody looks at. Looks at a few only, so that a busy node pays little."""
        if len(self._live) <= self._limits.folds_max:
            return
        for conversation_id in list(self._live)[:16]:
            live = self._live[conversation_id]
            if not live.pins and not live.round.is_busy() and not live.handed_in and live.loaded is None:
                del self._live[conversation_id]

    def _spawn(self, live: Live, work: Coroutine[None, None, list[AppendCommand]]) -> None:
        self._tasks.create_task(self._follow(live, work), name=f"append {live.round.conversation_id}")

    async def _follow(self, live: Live, work: Coroutine[None, None, list[AppendCommand]]) -> None:
        try:
            commands = await work
        except Refused as refused:
            waiting, live.loaded = live.loaded, None
            if waiting is not None and live.round.state is State.LOADING:
                waiting.set_exception(refused)
                waiting.exception()  # whoever waits gets it; nobody waiting is no bug
            commands = live.round.failed(refused.refusal)
            if live.pins:  # what it was told to bring up may be told by nobody again
                self._tasks.create_task(self._load_again(live), name=f"load {live.round.conversation_id}")
        self._do(live, commands)

    async def _load_again(self, live: Live) -> None:
        await asyncio.sleep(LOAD_AGAIN_S)
        self._do(live, live.round.told(0))

    def _do(self, live: Live, commands: Sequence[AppendCommand]) -> None:
        conversation_id = live.round.conversation_id
        for command in commands:
            match command:
                case append.Answer(ticket, outcome):
                    if (answered := self._answers.pop(ticket, None)) is not None:
                        answered(outcome)
                    if isinstance(outcome, Refusal):
                        self._refused(conversation_id, ticket.proposal, outcome)
                case append.Publish(entries, since, own):
                    self._grown(live, entries, since, own)
                case append.Append(expected_head, entries):
                    self._append(live, expected_head, entries)
                case append.Renudge(entry):
                    self._publish(conversation_id, live, (entry,), entry.seq - 1, True)
                case append.Load():
                    self._spawn(live, self._load(live))
                case append.Search(ticket, after, up_to):
                    self._spawn(live, self._search(live, ticket, after, up_to))
                case append.WriteHints(account_ids, expected_head):
                    self._spawn(live, self._write_hints(live, account_ids, expected_head))
                case append.MarkLeft(account_ids, left_seq):
                    self._background(self._memberships.leave(account_ids, conversation_id, left_seq))
                case append.DeleteBody(seq):
                    self._background(self._log.delete_body(conversation_id, seq))
                case append.SaveSnapshot(as_of_seq, fold):
                    self._background(self._log.save_snapshot(conversation_id, Snapshot(as_of_seq, fold)))
        if live.loaded is not None and live.round.state is not State.LOADING:
            waiting, live.loaded = live.loaded, None
            if not waiting.done():
                waiting.set_result(None)

    def _grown(self, live: Live, entries: tuple[Entry, ...], since: int, own: bool) -> None:
        conversation_id = live.round.conversation_id
        self._publish(conversation_id, live, entries, since, own)
        if own:
            for appended in self._on_appended:
                appended(conversation_id, entries)

    def _background(self, work: Coroutine[None, None, None]) -> None:
        """Work that heals itself when it is lost: the next entry, the trimmer or the next load does it again."""

        async def quietly() -> None:
            try:
                await work
            except Refused:
                return

        self._tasks.create_task(quietly(), name="log upkeep")

    def _append(self, live: Live, expected_head: int, entries: tuple[Entry, ...]) -> None:
        """No task of its own where the store answers with a future: this runs for every message."""
        began_ms = self._clock.monotonic_ms()
        outcome = asyncio.ensure_future(self._log.append(live.round.conversation_id, expected_head, entries))
        outcome.add_done_callback(lambda done: self._appended(live, len(entries), began_ms, done))

    def _appended(self, live: Live, count: int, began_ms: int, done: asyncio.Future[AppendOutcome]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if isinstance(error, Refused):
            self._do(live, live.round.failed(error.refusal))
            return
        if error is not None:
            self._tasks.create_task(_raise(error))  # a bug: the node must not go on as if nothing had happened
            return
        match done.result():
            case Appended(first_seq):
                self._counts.appended(count, self._clock.monotonic_ms() - began_ms)
                self._do(live, live.round.appended(first_seq))
            case Behind(since):
                self._do(live, live.round.behind(since))
            case Reload():
                self._do(live, live.round.reload())
            case Unknown():
                self._do(live, live.round.unknown())

    async def _load(self, live: Live) -> list[AppendCommand]:
        round_ = live.round
        conversation_id = round_.conversation_id
        head = (await self._log.heads([conversation_id])).get(conversation_id, NO_HEAD)
        stored = await self._log.snapshot(conversation_id) if head.seq else None
        fold = Fold(conversation_id)
        if stored is not None:
            try:
                fold = Fold.load(conversation_id, stored.fold)
            except ValueError as error:
                raise Refused(unavailable(str(error), retry_after_ms=10_000)) from error
        recent: list[Entry] = []
        if round_.fold.seq < fold.seq and round_.fold.seq:  # what was appended since this node looked is told to its streams
            after = max(round_.fold.seq, fold.seq - self._limits.ring_entries_max)
            recent += await self._log.entries(conversation_id, after, fold.seq - after)
        while head.seq > fold.seq:
            page = await self._log.entries(conversation_id, fold.seq, PAGE)
            if not page:
                break
            for entry in page:
                fold.apply(entry)
            recent = [*recent, *page][-self._limits.ring_entries_max :]
        return round_.loaded(fold, recent, head.floor, 0 if stored is None else stored.as_of_seq)

    async def _search(self, live: Live, ticket: Ticket, after: int, up_to: int) -> list[AppendCommand]:
        proposal = ticket.proposal
        seq = after
        while seq < up_to:
            page = await self._log.entries(live.round.conversation_id, seq, PAGE)
            for entry in page:
                header = entry.header
                if header.envelope_id == proposal.envelope_id and header.sender_id == proposal.sender.account_id:
                    return live.round.searched(ticket, up_to, entry, 0)
            seq = page[-1].seq if page else up_to
        conversation_id = live.round.conversation_id
        head = (await self._log.heads([conversation_id])).get(conversation_id, NO_HEAD)
        return live.round.searched(ticket, up_to, None, head.floor, head.seq)

    async def _write_hints(self, live: Live, account_ids: tuple[str, ...], expected_head: int) -> list[AppendCommand]:
        await self._memberships.join(account_ids, live.round.conversation_id, expected_head)
        return live.round.hints_written()


async def _raise(error: BaseException) -> None:
    raise error
