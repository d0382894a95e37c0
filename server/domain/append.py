"""The append round: how the proposals of one conversation become entries at its head. Pure: events in, commands out.

            submit                 loaded                   admitted
    COLD ───────────▶ LOADING ───────────▶ IDLE ──(hints)──▶ PROPOSING ──appended──▶ IDLE
                         ▲                   ▲                  │  │  ▲
                         └──── reload ───────┼──────────────────┘  │  └─ unknown: the same slot again
                                             └────── behind ───────┘

Rules that live here and nowhere else (facts/log-attacks.md names the schedules):
- What gathers while an append is under way goes into the next one (group commit), at most `append_batch_entries_max`, never
  across a multiple of 512.
- In every round of every attempt the id is searched in (known_seq, expected head], before any rule (A2).
- `known_seq` below the floor and not found: TOO_OLD, never an append (B1).
- A system sender has no `known_seq`: its twin is one of the ids that the fold keeps of it, or could be one it no longer keeps (B4).
- An unknown outcome: the same entries at the same slot, until somebody has filled it; nothing is refused or checked again
  meanwhile (B7). A proposal whose stream is gone is dropped before its first append, never after.
- After Behind everything is searched and checked again.
- In a log that others write to, a rule refuses only by the log as it is: its head is read after the proposal came, and what this
  node has not heard of is loaded first. Nor by what is in the same batch: that may never land.
- Hints of those who join are durable before the append, of those who leave are marked after it (A10).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum

from server.domain import rules
from server.domain.append_commands import (
    Answer,
    Append,
    AppendCommand,
    Batch,
    DeleteBody,
    Load,
    MarkLeft,
    Outcome,
    Publish,
    Renudge,
    SaveSnapshot,
    Search,
    Sent,
    Ticket,
    WriteHints,
)
from server.domain.envelope import DELETED, Entry, Kind, identity
from server.domain.fold import SYSTEM_IDS_MAX, Fold
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal, unavailable

BUCKET = 512
"""Entries of one storage partition; an append never crosses a multiple."""

__all__ = [
    "Answer",
    "Append",
    "AppendCommand",
    "DeleteBody",
    "Load",
    "MarkLeft",
    "Outcome",
    "Publish",
    "Renudge",
    "SaveSnapshot",
    "Search",
    "Sent",
    "Ticket",
    "WriteHints",
    "AppendRound",
    "BUCKET",
    "State",
]


class State(Enum):
    """Where the round is."""

    COLD = "cold"
    LOADING = "loading"
    IDLE = "idle"
    SEARCHING = "searching"
    HINTING = "hinting"
    PROPOSING = "proposing"


class AppendRound:
    """The append round of one conversation on one node."""

    __slots__ = (
        "_batch",
        "_limits",
        "_now_ms",
        "_seqs",
        "_shared",
        "_snapshot_seq",
        "_told",
        "_uncertain",
        "_waiting",
        "conversation_id",
        "floor",
        "fold",
        "ring",
        "state",
    )

    def __init__(self, conversation_id: str, limits: Limits, *, shared: bool = False) -> None:
        """`shared`: other nodes append to it, too."""
        self.conversation_id = conversation_id
        self.state = State.COLD
        self.fold = Fold(conversation_id)
        """The state at the head that this node knows; valid from IDLE on."""
        self.ring: dict[int, Entry] = {}
        """The last entries by seq, without holes, up to `fold.seq`."""
        self._seqs: dict[tuple[str, str], int] = {}
        """Where in the ring an identity is."""
        self.floor = 0
        self._limits = limits
        self._shared = shared
        self._waiting: deque[Ticket] = deque()
        self._batch: Batch | None = None
        self._snapshot_seq = 0
        self._told = 0
        self._uncertain = False
        """A batch of unknown outcome may be among what is learnt next, its senders gone: it is nudged all the same."""
        self._now_ms = 0

    def is_busy(self) -> bool:
        """Whether it waits for anything, so that it must not be forgotten."""
        return self.state not in (State.COLD, State.IDLE) or bool(self._waiting)

    # -- events --------------------------------------------------------------------------------------------------------

    def submit(self, tickets: Sequence[Ticket], now_ms: int) -> list[AppendCommand]:
        """Proposals have come, in this order."""
        waiting, room = self._waiting, self._limits.append_queue_max - len(self._waiting)
        waiting.extend(tickets[:room])
        refused = [Answer(ticket, unavailable("too many sends wait for this conversation")) for ticket in tickets[room:]]
        return [*refused, *self.tick(now_ms)]

    def tick(self, now_ms: int) -> list[AppendCommand]:
        """Go on, if there is something to do and nothing under way."""
        self._now_ms = now_ms
        if self.state is State.COLD:
            self.state = State.LOADING
            return [Load()]
        if self.state is State.IDLE and self._told > self.fold.seq:
            self.state = State.LOADING
            return [Load()]
        if self.state is State.IDLE and self._waiting:
            return self._propose()
        return []

    def loaded(self, fold: Fold, recent: list[Entry], floor: int, snapshot_seq: int) -> list[AppendCommand]:
        """The fold at the head, the last entries up to it, the floor, and the seq of the stored snapshot."""
        self.floor = max(self.floor, floor)
        self._snapshot_seq = max(self._snapshot_seq, snapshot_seq)
        if self.state is not State.LOADING:
            return []
        grown: tuple[Entry, ...] = ()
        since = self.fold.seq
        if self.fold.seq and fold.seq > self.fold.seq:
            grown = tuple(entry for entry in recent if entry.seq > self.fold.seq)
        if fold.seq >= self.fold.seq:
            self.fold = fold
            self.ring = {entry.seq: entry for entry in recent[-self._limits.ring_entries_max :]}
            self._seqs = {identity(entry.header): seq for seq, entry in self.ring.items()}
        self.state = State.IDLE
        publish = [Publish(grown, since, self._take_uncertain())] if grown else []
        return [*publish, *self.tick(self._now_ms)]

    def failed(self, refusal: Refusal) -> list[AppendCommand]:
        """Loading, searching or writing hints failed. Everything that waits is refused, unless it may have landed already: then the
        same slot is proposed again (log-attacks B7), with the hints that were written before it was proposed first."""
        if self._batch is not None and self._batch.unsettled:
            self.state = State.PROPOSING
            return [self._append()]
        tickets = list(self._waiting)
        if self._batch is not None:
            tickets = [ticket for ticket, _ in self._batch.tickets] + tickets
        self._batch = None
        self._waiting.clear()
        self.state = State.IDLE if self.fold.seq or self.state is not State.LOADING else State.COLD
        return [Answer(ticket, refusal) for ticket in tickets]

    def searched(self, ticket: Ticket, up_to: int, found: Entry | None, floor: int, head: int = 0) -> list[AppendCommand]:
        """What the store knows of the ticket's id up to `up_to`, and the floor and head as read after that search.

        Without the floor a header that another node has trimmed meanwhile would look like one that never was.
        """
        self.floor = max(self.floor, floor)
        self.state = State.IDLE
        ticket.searched_from = up_to
        if found is None:
            ticket.confirmed, self._told = True, max(self._told, head)
            return self.tick(self._now_ms)
        self._waiting.remove(ticket)
        return [Answer(ticket, _duplicate(found)), Renudge(found), *self.tick(self._now_ms)]

    def hints_written(self) -> list[AppendCommand]:
        """The hints of those who join are durable."""
        self.state = State.PROPOSING
        return [self._append()]

    def appended(self, first_seq: int) -> list[AppendCommand]:
        """The batch is in the log."""
        batch = self._batch
        assert batch is not None and batch.fold is not None, "an append ended that nobody began"
        assert first_seq == batch.expected_head + 1, "appended somewhere else"
        self._batch = None
        self.state = State.IDLE
        self.fold = batch.fold
        self._remember(batch.entries)
        commands: list[AppendCommand] = [Answer(ticket, sent) for ticket, sent in batch.tickets]
        commands.append(Publish(tuple(batch.entries), batch.expected_head, own=True))
        self._uncertain = False
        return [*commands, *self._aftermath(batch.entries), *self.tick(self._now_ms)]

    def behind(self, entries: tuple[Entry, ...]) -> list[AppendCommand]:
        """Somebody else was faster. What he wrote is applied, then all is searched and checked again."""
        self._retry_batch()
        self.state = State.IDLE
        grown = self.learn(entries)
        return [*grown, *self.tick(self._now_ms)]

    def reload(self) -> list[AppendCommand]:
        """The head that this node knew lies below the floor."""
        self._retry_batch()
        self.state = State.LOADING
        return [Load()]

    def unknown(self) -> list[AppendCommand]:
        """Nobody knows whether the batch landed: the same slot again. Hints that may have been swept meanwhile are written anew."""
        assert self._batch is not None, "nothing was proposed"
        self._uncertain = self._batch.unsettled = True
        if self._batch.joining:
            self.state = State.HINTING
            return [WriteHints(tuple(self._batch.joining), self._batch.expected_head)]
        return [self._append()]

    def told(self, head: int) -> list[AppendCommand]:
        """The log reaches at least to `head`, whoever appended it: what this node lacks is loaded, once it waits for nothing else."""
        self._told = max(self._told, head)
        return self.tick(self._now_ms) if self.state in (State.COLD, State.IDLE) else []

    def learn(self, entries: tuple[Entry, ...]) -> list[AppendCommand]:
        """Entries that another node appended. Where they do not continue the known log, a load brings them."""
        new = [entry for entry in entries if entry.seq > self.fold.seq]
        if not new:
            return []
        if self.state in (State.COLD, State.LOADING, State.PROPOSING, State.HINTING) or new[0].seq != self.fold.seq + 1:
            return self.told(new[-1].seq)
        fold = self.fold.copy()
        for entry in new:
            fold.apply(entry)
        self.fold = fold
        self._remember(new)
        return [Publish(tuple(new), new[0].seq - 1, self._take_uncertain())]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _retry_batch(self) -> None:
        assert self._batch is not None, "nothing was proposed"
        self._waiting.extendleft(ticket for ticket, _ in reversed(self._batch.tickets))
        self._batch = None

    def _propose(self) -> list[AppendCommand]:
        """Search and check what waits, in order, against a fold that includes what is before it in the batch."""
        head = self.fold.seq
        commands: list[AppendCommand] = []
        batch = Batch(head, fold=self.fold.copy())
        mine: dict[tuple[str, str], Sent] = {}
        room = min(self._limits.append_batch_entries_max, BUCKET - (head + 1) % BUCKET)
        oldest = head - len(self.ring)
        while self._waiting and len(batch.entries) < room:
            ticket = self._waiting[0]
            proposal = ticket.proposal
            if ticket.gone:
                self._waiting.popleft()
                continue
            known = max(proposal.known_seq, ticket.searched_from)
            if known < oldest and max(known, self.floor) < oldest and not proposal.is_system():
                if batch.entries:
                    break
                self.state = State.SEARCHING
                return [*commands, Search(ticket, max(known, self.floor), oldest)]
            self._waiting.popleft()
            key = (proposal.sender.account_id, proposal.envelope_id)
            if key in mine:
                batch.tickets.append((ticket, mine[key]._replace(duplicate=True)))
                continue
            considered = self._consider(ticket, batch, mine, key)
            if considered is None:
                self._waiting.appendleft(ticket)
                if not batch.tickets:
                    self.state = State.SEARCHING
                    return [*commands, Search(ticket, head, head)]
                break
            commands += considered
        if not batch.tickets:
            return [*commands, *self.tick(self._now_ms)]
        self._batch = batch
        if batch.joining:
            self.state = State.HINTING
            return [*commands, WriteHints(tuple(batch.joining), head)]
        self.state = State.PROPOSING
        return [*commands, self._append()]

    def _consider(
        self, ticket: Ticket, batch: Batch, mine: dict[tuple[str, str], Sent], key: tuple[str, str]
    ) -> list[AppendCommand] | None:
        """Add the ticket to the batch, or answer it. None: it has to wait for the next batch, or, without one, for the head."""
        proposal, fold = ticket.proposal, batch.fold
        assert fold is not None, "a batch has a fold"
        twin = self._twin_of_system(ticket, fold, key) if proposal.is_system() else self._twin(ticket, key)
        if twin is not None:
            return twin
        admitted = rules.admit(fold, proposal, self._now_ms, self._limits)
        if isinstance(admitted, Refusal):
            return None if self._shared and (batch.tickets or not ticket.confirmed) else [Answer(ticket, admitted)]
        entry = Entry(fold.seq + 1, admitted.header, proposal.body)
        if entry.seq == 1:
            batch.joining += fold.members
        if admitted.header.change is not None:
            joined = admitted.header.change.joined()
            if not batch.left.isdisjoint(joined):
                return None  # a hint of this batch would be older than the mark that he left in it
            batch.joining += joined
            batch.left.update(admitted.header.change.left())
        fold.apply(entry)
        batch.entries.append(entry)
        mine[key] = sent = Sent(entry.seq, admitted.header.at_ms, False, admitted.refused)
        batch.tickets.append((ticket, sent))
        return []

    def _twin(self, ticket: Ticket, key: tuple[str, str]) -> list[AppendCommand] | None:
        """The answer where the identity is in (known_seq, head], as far as the ring goes, or where that cannot be known."""
        found = self.ring.get(self._seqs.get(key, 0))
        if found is not None and found.seq > ticket.proposal.known_seq:
            return [Answer(ticket, _duplicate(found)), Renudge(found)]
        if ticket.proposal.known_seq < self.floor:
            return [Answer(ticket, Refusal(Reason.TOO_OLD, subject="known_seq", limit=self.floor, actual=self.fold.seq))]
        return None

    def _twin_of_system(self, ticket: Ticket, fold: Fold, key: tuple[str, str]) -> list[AppendCommand] | None:
        """Likewise for a system sender, whose last ids the fold keeps."""
        found = fold.system_entry(*key)
        if found is not None:
            entry = self.ring.get(found.seq)  # one that is no longer in it was followed by many nudges
            return [Answer(ticket, Sent(found.seq, found.at_ms, duplicate=True)), *([] if entry is None else [Renudge(entry)])]
        if fold.may_have_forgotten(*key):
            detail = f"{SYSTEM_IDS_MAX} later envelopes of this sender are in the log, so that a twin could not be ruled out"
            return [Answer(ticket, Refusal(Reason.TOO_OLD, detail, "envelope_id"))]
        return None

    def _take_uncertain(self) -> bool:
        uncertain, self._uncertain = self._uncertain, False
        return uncertain

    def _append(self) -> Append:
        assert self._batch is not None, "nothing to append"
        return Append(self._batch.expected_head, tuple(self._batch.entries))

    def _remember(self, entries: list[Entry]) -> None:
        ring, seqs = self.ring, self._seqs
        for entry in entries:
            ring[entry.seq] = entry
            seqs[identity(entry.header)] = entry.seq
        for seq in range(self.fold.seq - len(ring) + 1, self.fold.seq - self._limits.ring_entries_max + 1):
            key = identity(ring.pop(seq).header)
            if seqs.get(key) == seq:
                del seqs[key]
        for entry in entries:
            header = entry.header
            if header.kind == Kind.DELETION and header.target_seq in ring:
                target = ring[header.target_seq]
                ring[target.seq] = target._replace(body=DELETED)

    def _aftermath(self, entries: list[Entry]) -> list[AppendCommand]:
        commands: list[AppendCommand] = []
        for entry in entries:
            header = entry.header
            if header.change is not None and header.change.members:
                left = header.change.left()
                if left:
                    commands.append(MarkLeft(left, entry.seq))
            if header.kind == Kind.DELETION:
                commands.append(DeleteBody(header.target_seq))
        head = self.fold.seq
        if head - self._snapshot_seq >= self._limits.snapshot_entries_max or (head + 1) % BUCKET == 0:
            self._snapshot_seq = head
            commands.append(SaveSnapshot(head, self.fold.dump()))
        return commands


def _duplicate(entry: Entry) -> Sent:
    return Sent(entry.seq, entry.header.at_ms, duplicate=True)
