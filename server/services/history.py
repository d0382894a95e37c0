"""Questions about conversations: the list, one of them, receipts, pages of the log."""

from __future__ import annotations

from typing import NamedTuple

from server.domain import ids
from server.domain.envelope import Entry
from server.domain.fold import Fold
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock
from server.ports.log import Log, Memberships
from server.ports.people import People
from server.services.conversations import Conversations, Live
from server.services.receipts import Receipts

PAGE_DEFAULT = 50


class Summary(NamedTuple):
    """A conversation in a list."""

    fold: Fold
    read_seq: int
    unread_count: int


class History:
    """ConversationService's use cases."""

    def __init__(
        self,
        conversations: Conversations,
        receipts: Receipts,
        log: Log,
        memberships: Memberships,
        people: People,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._conversations = conversations
        self._receipts = receipts
        self._log = log
        self._memberships = memberships
        self._people = people
        self._clock = clock
        self._limits = limits

    async def conversations(self, account_id: str, changed_since_ms: int, size: int, token: str) -> tuple[list[Summary], str]:
        """A page of the account's conversations, newest first, and the token of the next page ("": none)."""
        hints = {hint.conversation_id: hint for hint in await self._memberships.of_account(account_id)}
        heads = await self._log.heads(list(hints))
        order = sorted(
            ((head.changed_at_ms, key) for key, head in heads.items() if head.changed_at_ms >= changed_since_ms), reverse=True
        )
        if token:
            at_ms, _, key = token.partition(" ")
            if not at_ms.isdigit():
                raise Refused(Refusal(Reason.INVALID, detail="not a token of an earlier page", subject="page_token"))
            order = [item for item in order if item < (int(at_ms), key)]
        page = order[: size or 100]
        summaries = [await self._summary(account_id, key, hints[key].read_seq) for _, key in page]
        more = len(order) > len(page)
        return summaries, f"{page[-1][0]} {page[-1][1]}" if more else ""

    async def members(self, conversation_id: str) -> list[str]:
        """The members now; of a direct or self conversation also before its first entry. Empty: there is no such conversation.

        Raises:
            Refused: UNAVAILABLE.
        """
        if not ids.is_group(conversation_id):
            return list(ids.accounts_of(conversation_id))
        return list((await self._conversations.current(conversation_id)).fold.current())

    async def _summary(self, account_id: str, conversation_id: str, read_seq: int) -> Summary:
        live = await self._conversations.current(conversation_id)
        fold = live.fold
        seen = 0
        if read_seq:
            entry = await self._entry(live, min(read_seq, fold.seq))
            seen = entry.header.visible_count if entry is not None else 0
        return Summary(fold, read_seq, max(0, fold.visible_count - seen))

    async def _entry(self, live: Live, seq: int) -> Entry | None:
        entry = live.round.ring.get(seq)
        if entry is None:
            page = await self._log.entries(live.fold.conversation_id, seq - 1, 1)
            entry = page[0] if page else None
        return entry

    async def conversation(self, account_id: str, conversation_id: str) -> Summary:
        """One conversation that the account is or was in.

        Raises:
            Refused: NOT_A_MEMBER.
        """
        live = await self._conversations.current(conversation_id)
        if account_id not in live.fold.members or (live.fold.seq == 0 and ids.is_group(conversation_id)):
            raise Refused(Refusal(Reason.NOT_A_MEMBER))
        hints = {hint.conversation_id: hint for hint in await self._memberships.of_account(account_id)}
        hint = hints.get(conversation_id)
        return await self._summary(account_id, conversation_id, 0 if hint is None else hint.read_seq)

    async def direct(self, account_id: str, other_id: str) -> str:
        """The id of the direct conversation with another account; with oneself: the self conversation.

        Raises:
            Refused: NOT_FOUND.
        """
        if not await self._people.existing([other_id]):
            raise Refused(Refusal(Reason.NOT_FOUND, subject="account_id"))
        return ids.self_id(account_id) if other_id == account_id else ids.direct_id(account_id, other_id)

    async def receipts(self, account_id: str, conversation_id: str, seq: int) -> list[tuple[str, bool, bool]]:
        """Who has received and read an own envelope.

        Raises:
            Refused: NOT_A_MEMBER, or NOT_ALLOWED when it is not one's own.
        """
        live = await self._conversations.current(conversation_id)
        if not live.fold.entitled(account_id, seq):
            raise Refused(Refusal(Reason.NOT_A_MEMBER))
        entry = await self._entry(live, seq)
        if entry is None or entry.seq != seq:
            raise Refused(Refusal(Reason.NOT_FOUND, subject="seq", actual=seq))
        if entry.header.sender_id != account_id:
            raise Refused(Refusal(Reason.NOT_ALLOWED, detail="receipts are for the sender"))
        return await self._receipts.receipts(live.fold, account_id, seq)

    async def page(self, identity: Identity, conversation_id: str, before_seq: int, size: int) -> tuple[list[Entry], bool]:
        """A page of the log that ends below `before_seq`, oldest first, and whether there are older ones. Obeys the fold for each seq.

        Raises:
            Refused: NOT_A_MEMBER.
        """
        live = await self._conversations.current(conversation_id)
        account_id = identity.account_id
        if account_id not in live.fold.members:
            raise Refused(Refusal(Reason.NOT_A_MEMBER))
        size = min(size or PAGE_DEFAULT, self._limits.page_envelopes_max)
        last = min(before_seq - 1 if before_seq else live.fold.seq, live.fold.seq)
        first = max(last - size, 0)
        entries = await self._log.entries(conversation_id, first, last - first) if last > first else []
        now_ms = self._clock.now_ms()
        shown = [entry for entry in entries if self._shown(live.fold, account_id, entry, now_ms)]
        return shown, first > live.floor

    def _shown(self, fold: Fold, account_id: str, entry: Entry, now_ms: int) -> bool:
        header = entry.header
        return (
            fold.entitled(account_id, entry.seq)
            and header.withheld_from != account_id
            and not (header.expires_at_ms and now_ms >= header.expires_at_ms)
            and entry.has_content()
        )
