"""Turns what a device wants to send into a proposal that the append round can judge: everything that is outside the fold."""

from __future__ import annotations

from server.domain import groups, ids
from server.domain.envelope import TARGETED_KINDS, Header, Kind
from server.domain.events import Send
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal, limit_exceeded
from server.ports.log import Log
from server.ports.people import People, Standing
from server.services.conversations import Conversations
from server.services.media_claims import MediaClaims

ENABLED_KINDS = (
    Kind.TEXT,
    Kind.LOCATION,
    Kind.CONTACT_CARD,
    Kind.REACTION,
    Kind.EDIT,
    Kind.DELETION,
    Kind.MEMBERSHIP,
    Kind.GROUP_PROFILE,
    Kind.SETTING,
)
"""Kinds that this node takes; the others are refused with KIND_NOT_ENABLED until their issue lands."""


def enabled_kinds(media: bool) -> tuple[Kind, ...]:
    """Kinds that this node takes. `media`: there is a media worker."""
    return (*ENABLED_KINDS, *((Kind.MEDIA,) if media else ()))


SUSPENDED = Refusal(Reason.ACCOUNT_SUSPENDED)


class Sending:
    """Prepares sends."""

    def __init__(
        self, conversations: Conversations, log: Log, people: People, limits: Limits, media: MediaClaims | None = None
    ) -> None:
        self._conversations = conversations
        self._log = log
        self._people = people
        self._limits = limits
        self._media = media
        self._enabled = frozenset(int(kind) for kind in enabled_kinds(media is not None))
        self._system = self._enabled - {int(Kind.SETTING)} | {int(Kind.SYSTEM_NOTICE), int(Kind.CALL_RECORD)}
        """What internal services append."""

    def at_once(self, send: Send) -> Proposal | Refusal | None:
        """What `prepare` would answer, when everything that it needs is in memory; None: it is not."""
        proposal, conversation_id = send.proposal, send.conversation_id
        refusal = self._shape(proposal, conversation_id)
        if refusal is not None:
            return refusal
        me = proposal.sender.account_id
        mine = self._people.at_once(me, me)
        if mine is None or proposal.kind in TARGETED_KINDS or proposal.kind == Kind.MEDIA:
            return None
        if mine.suspended:
            return SUSPENDED
        if ids.is_group(conversation_id):
            return proposal
        other = self._other(proposal, conversation_id)
        if isinstance(other, Refusal) or not other:
            return other or proposal
        standing = self._people.at_once(other, proposal.sender.account_id)
        return None if standing is None else self._direct(proposal, other, standing)

    async def prepare(self, send: Send) -> Proposal | Refusal:
        """Complete the proposal of `send`, or say why it cannot be one.

        Raises:
            Refused: UNAVAILABLE.
        """
        proposal, conversation_id = send.proposal, send.conversation_id
        refusal = self._shape(proposal, conversation_id)
        if refusal is not None:
            return refusal
        me = proposal.sender.account_id
        if (await self._people.standing(me, me)).suspended:
            return SUSPENDED
        if not ids.is_group(conversation_id):
            other = self._other(proposal, conversation_id)
            if isinstance(other, Refusal):
                return other
            if other:
                standing = await self._people.standing(other, proposal.sender.account_id)
                answer = self._direct(proposal, other, standing)
                if isinstance(answer, Refusal):
                    return answer
        if proposal.kind in TARGETED_KINDS:
            proposal.target = await self._target(conversation_id, proposal.target_seq)
        if proposal.kind == Kind.MEDIA and self._media is not None:
            return await self._media.hold(conversation_id, proposal) or proposal
        return proposal

    async def hides(self, account_id: str, from_id: str) -> bool:
        """Whether `account_id` blocks `from_id`, so that nothing ephemeral may reach it either."""
        return await self._people.blocks(account_id, from_id)

    def _shape(self, proposal: Proposal, conversation_id: str) -> Refusal | None:
        enabled = proposal.kind in (self._system if proposal.is_system() else self._enabled)
        if proposal.sealed or not enabled:
            return Refusal(Reason.KIND_NOT_ENABLED, subject="kind", actual=proposal.kind)
        if proposal.kind in (Kind.MEMBERSHIP, Kind.GROUP_PROFILE):
            return Refusal(Reason.NOT_ALLOWED, detail="groups are changed through GroupService", subject="kind")
        if proposal.body is not None and len(proposal.body) > self._limits.body_bytes_max:
            return limit_exceeded("body_bytes_max", self._limits.body_bytes_max, len(proposal.body))
        if not ids.is_group(conversation_id) and not ids.accounts_of(conversation_id):
            return Refusal(Reason.INVALID, detail="no such form of a conversation id", subject="conversation_id")
        return None

    @staticmethod
    def _other(proposal: Proposal, conversation_id: str) -> str | Refusal:
        """Whom a direct or self conversation is with; "" when it is with oneself."""
        me = proposal.sender.account_id
        accounts = ids.accounts_of(conversation_id)
        if me not in accounts:
            return groups.NOT_A_MEMBER
        return "" if len(accounts) == 1 else accounts[1] if accounts[0] == me else accounts[0]

    @staticmethod
    def _direct(proposal: Proposal, other: str, standing: Standing) -> Proposal | Refusal:
        if not standing.exists:
            return groups.NOT_A_MEMBER
        if standing.blocks:
            proposal.withheld_from = other
        return proposal

    async def _target(self, conversation_id: str, seq: int) -> Header | None:
        if seq < 1:
            return None
        live = await self._conversations.open(conversation_id)
        entry = live.round.ring.get(seq)
        if entry is None:
            page = await self._log.entries(conversation_id, seq - 1, 1)
            entry = page[0] if page and page[0].seq == seq else None
        return None if entry is None else entry.header
