"""Links into calls. What opens one is known to whoever was given it, and to nobody here: it is stored as a hash.

A link leads to the call of a group, or to a room of its own, whose only admin is the account that made the link.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from server.domain.envelope import Role
from server.domain.groups import NOT_A_MEMBER
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal, limit_exceeded

USED_EVERY_MS = 3_600_000
"""That a link was used is stored at most this often."""
NOT_FOUND = Refusal(Reason.NOT_FOUND, "there is no such link, or it was revoked, or nobody used it for too long")


@dataclass(frozen=True, slots=True)
class CallLink:
    """One link. Times are Unix ms."""

    link_id: str
    token_hash: str
    maker_id: str
    conversation_id: str
    """The group; "": it has a room of its own."""
    approval: bool
    """Who comes and is no member waits until an admin lets them in."""
    created_at_ms: int
    used_at_ms: int

    @property
    def room_id(self) -> str:
        """The call that it leads to."""
        return self.conversation_id or f"l:{self.maker_id}:{self.link_id}"


def hashed(token: str) -> str:
    """What is stored of a token: SHA-256, since it has 256 bits of chance and cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def maker_of(room_id: str) -> str:
    """Whose a link's own room is; "": it is none."""
    parts = room_id.split(":")
    return parts[1] if len(parts) == 3 and parts[0] == "l" else ""


def may_make(role: Role | None, has: int, limits: Limits) -> Refusal | None:
    """Whether an account with so many links makes one more. `role`: in the group that it leads to; None: it is no member."""
    if role is None:
        return NOT_A_MEMBER
    if role < Role.ADMIN:
        return Refusal(Reason.NOT_ALLOWED, "only owners and admins of the group let others into its call", "conversation_id")
    return limit_exceeded("call_links_max", limits.call_links_max, has + 1) if has >= limits.call_links_max else None


def is_void(link: CallLink, now_ms: int, limits: Limits) -> bool:
    """Whether nobody has come by it for too long."""
    return now_ms - link.used_at_ms >= 1000 * limits.call_link_idle_s


def is_to_be_noted(link: CallLink, now_ms: int) -> bool:
    """Whether its use now is stored."""
    return now_ms - link.used_at_ms >= USED_EVERY_MS
