"""Pictures of accounts and groups: held at the media worker before they are told, let go when they are told no more.

The claim comes first, so that whoever sees a picture can load it. What is let go of is let go of best effort: the worker asks now and
then which pictures are still somebody's (`current`), and ends the claims of the others.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Sequence

from server.domain import ids
from server.domain.accounts import Account
from server.domain.avatar import Avatar
from server.domain.feed import AccountChange
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Random
from server.ports.accounts import Accounts
from server.ports.media import Media
from server.services.conversations import Conversations
from server.services.people import KnownPeople

log = logging.getLogger(__name__)

NO_MEDIA = Refusal(Reason.KIND_NOT_ENABLED, "this deployment has no media worker", "avatar")


class HeldAvatars:
    """Pictures at the media worker."""

    def __init__(self, media: Media | None, tasks: asyncio.TaskGroup) -> None:
        """`media`: None: the deployment has no media."""
        self._media = media
        self._tasks = tasks

    async def hold(self, account_id: str, place: str, claim_id: str, avatar: Avatar) -> Avatar | Refusal:
        """Hold a blob of this account as the picture of a place; the picture with what is true of it. `NONE` needs no holding.

        Raises:
            Refused: UNAVAILABLE.
        """
        if not avatar.blob_id:
            return avatar
        if self._media is None:
            return NO_MEDIA
        held = await self._media.claim_avatar(account_id, place, claim_id, avatar.blob_id)
        return held if isinstance(held, Refusal) else Avatar(held.blob_id, held.blurhash, account_id, claim_id)

    def let_go(self, place: str, avatar: Avatar) -> None:
        """The picture is not this place's any more."""
        if avatar.claim_id:
            self._release(avatar.held_by, place, avatar.claim_id)

    def account_changed(self, account_id: str, change: AccountChange) -> None:
        """An account that is deleted has no picture."""
        if change is AccountChange.DELETED:
            self._release(account_id, ids.profile_id(account_id), "")

    def _release(self, account_id: str, place: str, claim_id: str) -> None:
        if self._media is not None:
            self._tasks.create_task(_let_go(self._media, account_id, place, claim_id), name="release a picture")


async def _let_go(media: Media, account_id: str, place: str, claim_id: str) -> None:
    try:
        await media.release(account_id, place, claim_id)
    except Refused as refused:
        log.warning("a picture stays held until the worker asks", extra={"why": refused.refusal.sentence()})


class Avatars:
    """Pictures of accounts, and which pictures there are."""

    def __init__(
        self, held: HeldAvatars, accounts: Accounts, people: KnownPeople, conversations: Conversations, chance: Random
    ) -> None:
        self.held = held
        self._accounts = accounts
        self._people = people
        self._conversations = conversations
        self._chance = chance

    async def update(
        self, account_id: str, display_name: str | None, bio: str | None, username: str | None, avatar: Avatar | None
    ) -> Account | Refusal:
        """Change the profile; None: unchanged. All of it, or nothing.

        Raises:
            Refused: UNAVAILABLE.
        """
        place = ids.profile_id(account_id)
        wanted = None if avatar is None else await self.held.hold(account_id, place, self._chance.new_id(), avatar)
        if isinstance(wanted, Refusal):
            return wanted
        changed = await self._people.update(account_id, display_name, bio, username)
        if wanted is None:
            return changed
        if isinstance(changed, Refusal):
            self.held.let_go(place, wanted)
            return changed
        shown = wanted if wanted.blob_id else None
        before = await self._accounts.set_avatar(account_id, shown)
        await self._people.changed(account_id)
        if before is not None:
            self.held.let_go(place, before)
        return dataclasses.replace(changed, avatar=shown)

    async def current(self, places: Sequence[str]) -> dict[str, str]:
        """Of the groups and profiles that have a picture now: its blob.

        Raises:
            Refused: UNAVAILABLE.
        """
        accounts = await self._accounts.get([account_id for place in places if (account_id := ids.profile_of(place))])
        found = {ids.profile_id(one.account_id): one.avatar.blob_id for one in accounts if one.avatar is not None}
        for place in places:
            if ids.is_group(place):
                fold = (await self._conversations.current(place)).fold
                if fold.avatar is not None and fold.current():
                    found[place] = fold.avatar.blob_id
        return found
