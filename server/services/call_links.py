"""Links into calls: made, listed, changed and revoked by their makers, and opened for the calls process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.domain import call_links as rules
from server.domain import ids
from server.domain.call_links import NOT_FOUND, CallLink
from server.domain.envelope import Role
from server.domain.groups import NOT_A_MEMBER
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal
from server.kit.world import Clock, Random
from server.ports.call_links import CallLinks
from server.ports.people import People
from server.services.conversations import Conversations


@dataclass(frozen=True, slots=True)
class Opened:
    """Where a link leads, and how an account stands there."""

    link: CallLink
    member: bool
    admin: bool


class LinkService:
    """Use cases of links. Every method may raise `Refused` with UNAVAILABLE."""

    def __init__(
        self, links: CallLinks, conversations: Conversations, people: People, clock: Clock, chance: Random, limits: Limits
    ) -> None:
        self._links = links
        self._conversations = conversations
        self._people = people
        self._clock = clock
        self._chance = chance
        self._limits = limits

    async def create(self, account_id: str, conversation_id: str, approval: bool) -> tuple[CallLink, str] | Refusal:
        """Make a link; it, and what opens it."""
        if conversation_id and not ids.is_group(conversation_id):
            return NOT_A_MEMBER
        role = await self._role(account_id, conversation_id) if conversation_id else Role.OWNER
        refusal = rules.may_make(role, len(await self.of(account_id)), self._limits)
        if refusal is not None:
            return refusal
        token, now_ms = self._chance.token(""), self._clock.now_ms()
        link = CallLink(self._chance.new_id(), rules.hashed(token), account_id, conversation_id, approval, now_ms, now_ms)
        await self._links.add(link)
        return link, token

    async def of(self, account_id: str) -> Sequence[CallLink]:
        """The account's links; those that are void are removed."""
        now_ms, kept = self._clock.now_ms(), []
        for link in await self._links.of_maker(account_id):
            if rules.is_void(link, now_ms, self._limits):
                await self._links.remove(account_id, link.link_id)
            else:
                kept.append(link)
        return kept

    async def set_approval(self, account_id: str, link_id: str, approval: bool) -> CallLink | Refusal:
        """Whether those who come by it are asked for approval."""
        if link_id not in {link.link_id for link in await self.of(account_id)}:
            return NOT_FOUND
        return await self._links.set_approval(account_id, link_id, approval) or NOT_FOUND

    async def revoke(self, account_id: str, link_id: str) -> Refusal | None:
        """Nobody comes by it any more."""
        return None if await self._links.remove(account_id, link_id) else NOT_FOUND

    async def open(self, account_id: str, token: str) -> Opened | Refusal:
        """Where a link leads for an account. A link into a group's call holds as long as its maker may let others in."""
        if (await self._people.standing(account_id, account_id)).suspended:
            return Refusal(Reason.ACCOUNT_SUSPENDED)
        link, now_ms = await self._links.get(rules.hashed(token)), self._clock.now_ms()
        if link is None or rules.is_void(link, now_ms, self._limits):
            return NOT_FOUND
        maker = await self._people.standing(link.maker_id, account_id)
        makers = await self._role(link.maker_id, link.conversation_id) if link.conversation_id else Role.OWNER
        if not maker.exists or maker.suspended or maker.blocks or makers is None or makers < Role.ADMIN:
            return NOT_FOUND
        if rules.is_to_be_noted(link, now_ms) and not await self._links.touch(link.maker_id, link.link_id, now_ms):
            return NOT_FOUND
        if not link.conversation_id:
            own = account_id == link.maker_id
            return Opened(link, own, own)
        role = await self._role(account_id, link.conversation_id)
        return Opened(link, role is not None, role is not None and role >= Role.ADMIN)

    async def has_room(self, room_id: str) -> bool:
        """Whether a link leads to this room of its own."""
        maker_id, link_id = rules.maker_of(room_id), room_id.rpartition(":")[2]
        link = await self._links.find(maker_id, link_id) if maker_id else None
        if link is None or link.room_id != room_id:
            return False
        return not rules.is_void(link, self._clock.now_ms(), self._limits)

    async def _role(self, account_id: str, conversation_id: str) -> Role | None:
        fold = (await self._conversations.current(conversation_id)).fold
        return fold.role(account_id) if account_id in fold.current() else None
