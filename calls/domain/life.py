"""How a life of a group's call went: what its record says, whoever writes it."""

from __future__ import annotations

import msgspec

from calls.domain.group_call import GroupCall
from calls.domain.messages import Outcome

ROOM = "l:"
"""What the id of a link's own room begins with: it has no conversation that a record could be in."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A life that somebody was in, up to some moment."""

    era_id: str
    conversation_id: str
    starter_id: str
    """The account that began it, and that the record is of."""
    video: bool
    outcome: Outcome
    talked_ms: int


def life(call: GroupCall, now_ms: int) -> Life | None:
    """How a call went if it is over now, or since nobody is in. None: it has no record."""
    if not call.begun or call.conversation_id.startswith(ROOM):
        return None
    since_ms = call.talked_since_ms
    return Life(
        era_id=call.era_id,
        conversation_id=call.conversation_id,
        starter_id=call.starter_id,
        video=call.video,
        outcome=Outcome.ANSWERED if since_ms else Outcome.MISSED,
        talked_ms=max(0, (call.empty_since_ms or now_ms) - since_ms) if since_ms else 0,
    )
