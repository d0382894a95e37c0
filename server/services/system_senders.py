"""Appends of system senders: services that have an account and no log of their own."""

from __future__ import annotations

from collections import Counter

from server.domain import ids
from server.domain.append import Outcome, Sent
from server.domain.envelope import Kind
from server.domain.events import Send
from server.domain.fold import SYSTEM_IDS_MAX
from server.domain.identity import Identity
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal
from server.ports.accounts import Accounts
from server.services.conversations import Conversations
from server.services.receipts import Receipts
from server.services.sending import Sending

CROWDED_RETRY_MS = 100
UUID_VERSION_AT = 14
"""Where a UUID says its version (RFC 9562 §4.2)."""


class SystemSenders:
    """Appends for them."""

    def __init__(self, conversations: Conversations, sending: Sending, receipts: Receipts, accounts: Accounts) -> None:
        self._conversations = conversations
        self._sending = sending
        self._receipts = receipts
        self._accounts = accounts
        self._under_way: Counter[tuple[str, str]] = Counter()

    async def direct(self, sender_id: str, account_id: str, username: str) -> str | Refusal:
        """The direct conversation of the sender with an account, by its id or its username."""
        if username:
            found = await self._accounts.find(f"username:{username}")
            if found is None:
                return Refusal(Reason.NOT_FOUND, subject="username")
            account_id = found.account_id
        if account_id == sender_id:
            return Refusal(Reason.INVALID, "that is the sender itself", "account_id")
        return ids.direct_id(sender_id, account_id)

    async def append(self, conversation_id: str, proposal: Proposal) -> Outcome:
        """Append, or find what the same call has appended before.

        Raises:
            Refused: UNAVAILABLE.
        """
        if proposal.kind == Kind.CALL_RECORD:
            return Refusal(Reason.KIND_NOT_ENABLED, "calls are recorded by the calls process", "kind", actual=proposal.kind)
        return await self._append(conversation_id, proposal)

    async def record_call(self, account_id: str, conversation_id: str, call_id: str, body: bytes) -> Outcome:
        """Append how a call went, as the account that began it, or find what was appended before.

        Raises:
            Refused: UNAVAILABLE.
        """
        kind = int(Kind.CALL_RECORD)
        return await self._append(conversation_id, Proposal(Identity(account_id, ""), call_id, 0, kind, body))

    async def _append(self, conversation_id: str, proposal: Proposal) -> Outcome:
        if proposal.envelope_id[UUID_VERSION_AT] != "7":
            return Refusal(Reason.INVALID, "is not of version 7, whose ids grow", "envelope_id")
        key = (conversation_id, proposal.sender.account_id)
        if self._under_way[key] >= SYSTEM_IDS_MAX:
            return Refusal(
                Reason.RATE_LIMITED,
                "so many appends of this sender to this conversation are under way",
                "system_ids_max",
                SYSTEM_IDS_MAX,
                SYSTEM_IDS_MAX + 1,
                CROWDED_RETRY_MS,
            )
        self._under_way[key] += 1
        try:
            prepared = await self._sending.prepare(Send(conversation_id, proposal))
            if isinstance(prepared, Refusal):
                return prepared
            outcome = await self._conversations.append(conversation_id, prepared)
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]
        if isinstance(outcome, Sent):
            self._receipts.sent(conversation_id, proposal.sender.account_id)
        return outcome
