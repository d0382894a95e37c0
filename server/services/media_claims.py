"""Envelopes that refer to blobs: held before they are appended, let go when they are deleted for everyone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from server.domain.envelope import Entry, Kind
from server.domain.groups import SetProfile
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock
from server.ports.log import Log
from server.ports.media import Media

log = logging.getLogger(__name__)

_UNSURE = frozenset({Reason.TOO_OLD, Reason.UNAVAILABLE, Reason.RATE_LIMITED, Reason.INTERNAL})
"""Refusals of an envelope that may be in the log all the same."""
SLACK_S = 86_400
"""A blob is held this much longer than its envelope: clocks differ, and a device may be downloading it."""


class MediaClaims:
    """Claims of this node's appends."""

    def __init__(self, media: Media, entries: Log, clock: Clock, limits: Limits, tasks: asyncio.TaskGroup) -> None:
        self._media = media
        self._log = entries
        self._clock = clock
        self._limits = limits
        self._tasks = tasks

    async def hold(self, conversation_id: str, proposal: Proposal) -> Refusal | None:
        """Hold the blob that a proposal refers to, and put what is true of it into the body. The same proposal again changes nothing.

        Raises:
            Refused: UNAVAILABLE.
        """
        assert proposal.body is not None, "a proposal of this kind has a body"
        ends_s = proposal.expires_in_s or self._limits.retention_s
        until_ms = self._clock.now_ms() + 1000 * (ends_s + SLACK_S)
        sender = proposal.sender.account_id
        held = await self._media.claim(sender, conversation_id, proposal.envelope_id, proposal.body, until_ms)
        if isinstance(held, Refusal):
            return held
        proposal.body = held
        return None

    def refused(self, conversation_id: str, proposal: Proposal, refusal: Refusal) -> None:
        """Let go of what is surely not in the log. Best effort, as above."""
        picture = isinstance(proposal.command, SetProfile) and proposal.command.avatar is not None
        if (proposal.kind == Kind.MEDIA or picture) and refusal.reason not in _UNSURE:
            sender = proposal.sender.account_id
            self._tasks.create_task(self._let_go(sender, conversation_id, proposal.envelope_id), name="release media")

    def appended(self, conversation_id: str, entries: Sequence[Entry]) -> None:
        """Let go of what was deleted for everyone. Best effort: what is not let go of ends with its claim."""
        for entry in entries:
            if entry.header.kind == Kind.DELETION:
                self._tasks.create_task(self._release(conversation_id, entry.header.target_seq), name="release media")

    async def _release(self, conversation_id: str, seq: int) -> None:
        try:
            found = await self._log.entries(conversation_id, seq - 1, 1)
            if found and found[0].seq == seq and found[0].header.kind == Kind.MEDIA:
                await self._let_go(found[0].header.sender_id, conversation_id, found[0].header.envelope_id)
        except Refused as refused:
            _still_held(refused)

    async def _let_go(self, sender_id: str, conversation_id: str, envelope_id: str) -> None:
        try:
            await self._media.release(sender_id, conversation_id, envelope_id)
        except Refused as refused:
            _still_held(refused)


def _still_held(refused: Refused) -> None:
    log.warning("a blob stays held by an envelope that is not there", extra={"why": refused.refusal.sentence()})
