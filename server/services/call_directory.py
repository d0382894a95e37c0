"""What the calls process asks: who may call whom, and how the others stand to the caller."""

from __future__ import annotations

from dataclasses import dataclass

from server.domain import call_links, groups, ids
from server.domain.envelope import Role
from server.kit.refusal import Reason, Refusal
from server.ports.people import People, Streams
from server.services.call_links import LinkService
from server.services.conversations import Conversations

DEVICES_TOLD_MAX = 33
"""Members of a conversation whose devices are told: as many as one call rings, and the caller."""
CALLEES_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Callee:
    """How another member stands to the caller."""

    account_id: str
    unreachable: bool
    stranger: bool
    silent: bool
    devices: tuple[tuple[str, bool], ...] = ()
    """Each with whether it has a stream now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the members of a conversation stand to the caller."""

    callees: tuple[Callee, ...]
    admin: bool
    shut: bool = False
    """It is a link's own room, and the link was revoked, is void, or never was: nobody comes in, and whoever is in may stay."""


class CallDirectory:
    """Answers from what is at most `outside_rules_ttl_ms` stale."""

    def __init__(self, conversations: Conversations, people: People, streams: Streams, links: LinkService) -> None:
        self._conversations = conversations
        self._people = people
        self._streams = streams
        self._links = links

    async def standing(self, account_id: str, conversation_id: str) -> Standing | Refusal:
        """Whether the account may call there, and how the others stand to it.

        Raises:
            Refused: UNAVAILABLE.
        """
        own = await self._people.standing(account_id, account_id)
        if own.suspended:
            return Refusal(Reason.ACCOUNT_SUSPENDED)
        if not own.exists:
            return Refusal(Reason.NOT_FOUND, "there is no such account any more")
        admin = False
        if (maker_id := call_links.maker_of(conversation_id)) != "":
            # whoever else is there came by the link, as the calls process knows
            shut = maker_id == account_id and not await self._links.has_room(conversation_id)
            return Standing((), True, shut) if maker_id == account_id else groups.NOT_A_MEMBER
        if ids.is_group(conversation_id):
            fold = (await self._conversations.current(conversation_id)).fold
            members = list(fold.current())
            admin = fold.role(account_id) >= Role.ADMIN
        else:
            members = list(ids.accounts_of(conversation_id))
        if account_id not in members:
            return groups.NOT_A_MEMBER
        others = [member for member in members if member != account_id]
        if not ids.is_group(conversation_id) and others and not await self._people.existing(others):
            return groups.NOT_A_MEMBER
        with_devices = len(members) <= DEVICES_TOLD_MAX
        return Standing(tuple([await self._callee(account_id, other, with_devices) for other in others[:CALLEES_MAX]]), admin)

    async def _callee(self, caller_id: str, account_id: str, with_devices: bool) -> Callee:
        known = await self._people.acquaintance(account_id, caller_id)
        devices: tuple[tuple[str, bool], ...] = ()
        if with_devices:
            connected = await self._streams.connected_devices(account_id)
            devices = tuple((device_id, device_id in connected) for device_id in await self._people.devices(account_id))
        return Callee(account_id, known.unreachable, known.stranger, known.silent, devices)
