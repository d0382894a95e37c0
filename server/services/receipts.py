"""Positions in memory, flushed together, and the ticks that follow from them, told to authors.

Whatever is lost in a crash the devices bring again with their next Hello; nothing here is needed for correctness but the flush of
skipped seqs, which is awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from server.domain import ids, ranges
from server.domain.connection import Moved
from server.domain.events import Positions as PositionsTold
from server.domain.fold import Fold
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.ranges import Ranges
from server.domain.receipts import ReceiptBook
from server.kit.refusal import Refused
from server.ports.log import Memberships, PositionRow, Positions
from server.ports.people import People
from server.services.conversations import Conversations

BOOKS_MAX = 20_000
TOLD_AT_ONCE = 8
"""Conversations whose ticks are read for one stream at the same time."""
"""Receipt books kept in memory."""

Tell = Callable[[str, PositionsTold], None]


class Receipts:
    """All positions that this node knows."""

    def __init__(
        self,
        positions: Positions,
        memberships: Memberships,
        people: People,
        conversations: Conversations,
        limits: Limits,
    ) -> None:
        self._positions = positions
        self._memberships = memberships
        self._people = people
        self._conversations = conversations
        self._limits = limits
        self._books: dict[str, ReceiptBook] = {}
        self._dirty: dict[tuple[str, str], tuple[Identity, Moved]] = {}
        self._reads: dict[str, dict[str, int]] = {}
        self._authors: dict[str, dict[str, tuple[Ranges, Ranges]]] = {}
        """Conversation → author → what was told to the author's devices here."""
        self._due: set[str] = set()
        self._connected: Callable[[str], bool] = lambda account_id: False
        self._tell: Tell = lambda account_id, event: None
        self._send: Callable[[], None] = lambda: None
        self._on_moved: list[Callable[[Identity, Moved], None]] = []
        self._on_stored: list[Callable[[Identity, Moved], None]] = []

    def on_told(self, connected: Callable[[str], bool], tell: Tell, send: Callable[[], None]) -> None:
        """Who is connected here, how to tell an account's devices with their next frame, and how to send what found none."""
        self._connected = connected
        self._tell = tell
        self._send = send

    def on_moved(self, moved: Callable[[Identity, Moved], None]) -> None:
        """Whom else to tell that a device here has moved."""
        self._on_moved.append(moved)

    def on_stored(self, stored: Callable[[Identity, Moved], None]) -> None:
        """Whom else to tell again when that is durable.

        A node that reads the rows later needs it no more; one that has read them already may have missed the first time.
        """
        self._on_stored.append(stored)

    # -- events --------------------------------------------------------------------------------------------------------

    def sent(self, conversation_id: str, author_id: str) -> None:
        """An envelope of `author_id` is in the log: its ticks are to be told."""
        authors = self._authors.get(conversation_id)
        if authors is None:
            authors = self._authors[conversation_id] = {}
        if author_id not in authors:
            authors[author_id] = ((), ())

    def met(self, conversation_id: str, author_id: str, seq: int) -> None:
        """A device of `author_id` has got an own envelope from the log: whatever ticks it has are told again."""
        authors = self._authors.setdefault(conversation_id, {})
        delivered, read = authors.get(author_id, ((), ()))
        one = ((seq, seq),)
        authors[author_id] = (ranges.difference(delivered, one), ranges.difference(read, one))
        self._due.add(conversation_id)

    def moved(self, identity: Identity, moved: Moved) -> None:
        """A device has moved."""
        conversation_id = moved.conversation_id
        key = (conversation_id, identity.device_id)
        known = self._dirty.get(key)
        if known is not None:
            moved = _merged(known[1], moved)  # a stream that was replaced may still move
        self._dirty[key] = (identity, moved)
        if moved.has_read:
            reads = self._reads.setdefault(identity.account_id, {})
            reads[conversation_id] = max(moved.read, reads.get(conversation_id, 0))
        self.learned(identity, moved)
        for tell in self._on_moved:
            tell(identity, moved)

    def learned(self, identity: Identity, moved: Moved) -> None:
        """A device has moved, on this node or on another one that keeps the position for the flush."""
        book = self._books.get(moved.conversation_id)
        if book is not None:
            book.raise_to(identity.device_id, identity.account_id, moved.acked, moved.read, moved.skipped)
        if moved.conversation_id in self._authors:
            self._due.add(moved.conversation_id)

    async def store_skipped(self, identity: Identity, conversation_id: str, skipped: Ranges) -> None:
        """Make skipped seqs durable before their Gap is sent.

        Raises:
            Refused: UNAVAILABLE; the Gap must not go out.
        """
        row = PositionRow(conversation_id, identity.account_id, identity.device_id, 0, 0, skipped)
        await self._positions.raise_to([row])
        book = self._books.get(conversation_id)
        if book is not None:
            book.raise_to(identity.device_id, identity.account_id, 0, 0, skipped)

    async def unfinished(self, account_id: str, conversation_ids: Iterable[str]) -> None:
        """At Hello: own envelopes in these conversations still wait for ticks. Tells what is known now."""
        wanted = list(conversation_ids)
        for conversation_id in wanted:
            self._authors.setdefault(conversation_id, {})[account_id] = ((), ())
        for at in range(0, len(wanted), TOLD_AT_ONCE):
            await asyncio.gather(*(self._tell_ticks(conversation_id) for conversation_id in wanted[at : at + TOLD_AT_ONCE]))

    async def refresh(self, account_id: str) -> None:
        """Read the rows again where envelopes of `account_id` wait for ticks: what another node told may have been lost."""
        for conversation_id in [key for key, authors in self._authors.items() if account_id in authors]:
            book = await self.book(conversation_id)
            self._take_in(book, await self._positions.of_conversation(conversation_id))
            self._due.add(conversation_id)

    # -- questions -----------------------------------------------------------------------------------------------------

    async def book(self, conversation_id: str) -> ReceiptBook:
        """The positions in one conversation."""
        book = self._books.get(conversation_id)
        if book is None:
            rows = await self._positions.of_conversation(conversation_id)
            book = self._books.setdefault(conversation_id, ReceiptBook())
            self._take_in(book, rows)
            self._take_in(book, (_row(*dirty) for key, dirty in self._dirty.items() if key[0] == conversation_id))
            if len(self._books) > BOOKS_MAX:
                self._books.pop(next(iter(self._books)))
        return book

    @staticmethod
    def _take_in(book: ReceiptBook, rows: Iterable[PositionRow]) -> None:
        for row in rows:
            book.raise_to(row.device_id, row.account_id, row.acked, row.read, row.skipped)

    async def receipts(self, fold: Fold, author_id: str, seq: int) -> list[tuple[str, bool, bool]]:
        """(account, delivered, read) of each member at `seq` but the author. The rows are read again: another node may have written."""
        book = await self.book(fold.conversation_id)
        self._take_in(book, await self._positions.of_conversation(fold.conversation_id))
        out = []
        for account_id, member in fold.members.items():
            if account_id == author_id or not member.entitled(seq):
                continue
            delivered = ranges.contains(book.delivered_to(fold, account_id), seq)
            read = delivered and ranges.contains(book.read_by(fold, account_id), seq)
            if read and not await self._reads_told(fold, author_id):
                read = False
            out.append((account_id, delivered, read))
        return out

    async def _reads_told(self, fold: Fold, author_id: str) -> bool:
        """Whether the author may know who read: in groups always, in direct conversations when both sides allow it."""
        if not ids.is_direct(fold.conversation_id):
            return True
        for account_id in fold.members:
            if not await self._people.read_receipts(account_id):
                return False
        return author_id in fold.members

    # -- the clock -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell and flush, for ever. Cancel it, then call `flush`."""
        limits = self._limits
        step_s = limits.receipt_delay_ms / 1000
        group_every = max(1, limits.group_receipt_delay_ms // limits.receipt_delay_ms)
        flush_every = max(1, limits.position_flush_ms // limits.receipt_delay_ms)
        group_flush_every = max(1, limits.group_position_flush_ms // limits.receipt_delay_ms)
        turn = 0
        while True:
            await asyncio.sleep(step_s)
            turn += 1
            self._send()
            try:
                await self._tell_due(groups=turn % group_every == 0)
                if self._reads or turn % flush_every == 0:
                    await self.flush(groups=turn % group_flush_every == 0 or bool(self._reads))
            except Refused:
                continue  # the store is away: the rows stay dirty, the ticks stay due

    async def flush(self, *, groups: bool = True) -> None:
        """Write what has moved, then echo own reads to the account's devices.

        Raises:
            Refused: UNAVAILABLE; everything stays dirty.
        """
        dirty = {key: moved for key, moved in self._dirty.items() if groups or not ids.is_group(key[0])}
        rows = [_row(*moved) for moved in dirty.values()]
        reads, self._reads = self._reads, {}
        try:
            if rows:
                await self._positions.raise_to(rows)
            for account_id, marks in reads.items():
                await self._memberships.read(account_id, marks)
        except Refused:
            for account_id, marks in reads.items():
                kept = self._reads.setdefault(account_id, {})
                for conversation_id, seq in marks.items():
                    kept[conversation_id] = max(seq, kept.get(conversation_id, 0))
            raise
        for key, moved in dirty.items():
            if self._dirty.get(key) is moved:
                del self._dirty[key]
                for tell in self._on_stored:
                    tell(*moved)
        for account_id, marks in reads.items():
            for conversation_id, seq in marks.items():
                self._tell(account_id, PositionsTold(conversation_id, own_read_seq=seq))

    async def flush_device(self, device_id: str) -> None:
        """Write what one device has moved, so that it is there when a unary call is answered. It is flushed again with the others.

        Raises:
            Refused: UNAVAILABLE.
        """
        rows = [_row(*moved) for key, moved in self._dirty.items() if key[1] == device_id]
        if rows:
            await self._positions.raise_to(rows)

    async def _tell_due(self, *, groups: bool) -> None:
        due = [conversation_id for conversation_id in self._due if groups or not ids.is_group(conversation_id)]
        self._due.difference_update(due)
        for conversation_id in due:
            await self._tell_ticks(conversation_id)

    async def _tell_ticks(self, conversation_id: str) -> None:
        authors = self._authors.get(conversation_id)
        if not authors:
            return
        fold = (await self._conversations.open(conversation_id)).fold
        book = await self.book(conversation_id)
        for author_id, (delivered, read) in list(authors.items()):
            if not self._connected(author_id):
                del authors[author_id]
                continue
            now_delivered = book.ticks(fold, author_id, read=False)
            now_read = book.ticks(fold, author_id, read=True) if await self._reads_told(fold, author_id) else ()
            new_delivered = ranges.difference(now_delivered, delivered)
            new_read = ranges.difference(now_read, read)
            if new_delivered or new_read:
                authors[author_id] = (ranges.union(delivered, now_delivered), ranges.union(read, now_read))
                self._tell(author_id, PositionsTold(conversation_id, new_delivered, new_read))
        if not authors:
            self._authors.pop(conversation_id, None)  # another turn may have been faster


def _merged(old: Moved, new: Moved) -> Moved:
    if old.acked <= new.acked and old.read <= new.read and old.skipped == new.skipped:
        return new
    skipped = ranges.union(old.skipped, new.skipped)
    return new._replace(acked=max(old.acked, new.acked), read=max(old.read, new.read), skipped=skipped)


def _row(identity: Identity, moved: Moved) -> PositionRow:
    return PositionRow(moved.conversation_id, identity.account_id, identity.device_id, moved.acked, moved.read, moved.skipped)
