"""How group calls reach those who are not in them: ringing, and the record in the conversation."""

from __future__ import annotations

import asyncio
import logging

from calls.domain import messages
from calls.domain.group_call import GroupCall
from calls.domain.messages import End, Outcome, Party, Seen
from calls.ports.signalling import Directory, Post
from calls.services.notices import Notices
from server.kit.refusal import Reason, Refused

log = logging.getLogger(__name__)

ROOM = "l:"
"""What the id of a link's own room begins with."""
RECORD_TRIES = 20
RECORD_RETRY_S = 3.0


class GroupRinging:
    """Speaks to devices and to the node."""

    def __init__(self, post: Post, directory: Directory, notices: Notices) -> None:
        self._post = post
        self._directory = directory
        self._notices = notices

    async def ring(self, call: GroupCall, account_ids: tuple[str, ...]) -> None:
        """Ring these accounts, wherever they are."""
        rings = messages.GroupRings(call.conversation_id, call.era_id, call.starter_id, call.video, call.ring_until_ms)
        for account_id in account_ids:
            for device_id in await self._post.present(account_id):
                await self._post.deliver(Party(account_id, device_id), rings)
            told = (account_id, call.era_id, call.conversation_id, call.starter_id, call.video, call.ring_until_ms)
            self._notices.ring(*told)

    async def stop(self, call: GroupCall, account_id: str, device_id: str, taken: bool) -> None:
        """Tell an account's other devices that it does not ring any more."""
        reason = End.ANSWERED_ELSEWHERE if taken else End.DECLINED_ELSEWHERE if device_id else End.MISSED
        for other in await self._post.present(account_id):
            if other != device_id:
                await self._post.deliver(Party(account_id, other), messages.GroupOver(call.conversation_id, reason))
        outcome = None if taken else Outcome.DECLINED if device_id else Outcome.MISSED
        self._notices.stop_ringing(account_id, call.era_id, outcome, device_id)

    async def record(self, call: GroupCall, outcome: Outcome, talked_ms: int) -> None:
        """Append how a life of a call went; tried again while the node is away. A link's own room has no conversation for it."""
        if call.conversation_id.startswith(ROOM):
            return
        for _ in range(RECORD_TRIES):
            try:
                await self._directory.record(call.starter_id, call.conversation_id, call.era_id, call.video, outcome, talked_ms)
                return
            except Refused as refused:
                if refused.refusal.reason is not Reason.UNAVAILABLE:
                    log.warning("a group call has no record", extra={"era": call.era_id, "why": refused.refusal.sentence()})
                    return
                await asyncio.sleep(RECORD_RETRY_S)


def roster(call: GroupCall) -> messages.Roster:
    """Who is in, as everybody sees it."""
    seen = tuple(
        Seen(
            one.participant_id,
            one.party.account_id,
            one.muted,
            one.camera_off,
            one.hand_raised,
            one.sources,
            one.lost,
            one.joined_ms,
            one.guest,
            one.name,
        )
        for one in call.participants
    )
    return messages.Roster(call.conversation_id, call.era_id, seen, call.began_ms)
