"""Blobs: who may refer to them, who may see them, and their end."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import NamedTuple

from media.domain import blob as rules
from media.domain.blob import Blob, Claim, StoredObject
from media.domain.limits import Limits
from media.domain.wish import Variant
from media.ports.blob_store import Missing, StoreUnavailable
from media.ports.catalogue import Blobs, Claims, Objects, View, Views
from media.ports.keys import Damaged
from media.ports.node import Avatars, Device, Memberships, Notices
from media.services.storing import Storing
from server.kit.refusal import Reason, Refusal, Refused, unavailable
from server.kit.world import Clock, Random

log = logging.getLogger(__name__)

BATCH = 100
"""Blobs and files removed at once."""
INTENDED_S = 86_400
"""A file that was intended and not taken over by a blob for this long is an orphan: no upload is stored for so long."""


class Opened(NamedTuple):
    """A file that may be read."""

    blob: Blob
    item: StoredObject


class BlobService:
    """Blobs of this deployment."""

    def __init__(
        self,
        blobs: Blobs,
        claims: Claims,
        views: Views,
        objects: Objects,
        memberships: Memberships,
        avatars: Avatars,
        notices: Notices,
        storing: Storing,
        clock: Clock,
        chance: Random,
        limits: Limits,
    ) -> None:
        self._blobs = blobs
        self._claims = claims
        self._views = views
        self._objects = objects
        self._memberships = memberships
        self._avatars = avatars
        self._notices = notices
        self._storing = storing
        self._clock = clock
        self._chance = chance
        self._limits = limits

    async def claim(self, claim: Claim) -> Blob | Refusal:
        """Hold a blob for an envelope, or as the picture of a profile.

        Raises:
            Refused: UNAVAILABLE.
        """
        now_ms = self._clock.now_ms()
        blob = await self._blobs.get(claim.blob_id)
        if blob is None:
            return rules.NOT_FOUND
        claims = rules.live(await self._claims.of_blob(claim.blob_id), now_ms)
        sees = claim.account_id == blob.account_id or await self._is_member(claim.account_id, claims)
        refusal = rules.may_claim(blob, claim, claims, sees, self._limits)
        if refusal is not None:
            return refusal
        held = replace(claim, until_ms=rules.until_ms(claim, now_ms, self._limits))
        return blob if await self._claims.hold(held) else rules.NOT_FOUND

    async def release(self, conversation_id: str, account_id: str, envelope_id: str) -> None:
        """End an envelope's claims, or with "" all that the account holds there.

        Raises:
            Refused: UNAVAILABLE.
        """
        await self._claims.release(conversation_id, account_id, envelope_id, self._clock.now_ms())

    async def get(self, device: Device, blob_id: str, conversation_id: str) -> Blob:
        """A blob that the account may see.

        Raises:
            Refused: NOT_FOUND, UNAVAILABLE.
        """
        return (await self._seen(device, blob_id, conversation_id))[0]

    async def opened(self, device: Device, blob_id: str, conversation_id: str, variant: Variant, view_token: str = "") -> Opened:
        """A file of a blob that the account may see. Of one to be viewed once: by its token.

        Raises:
            Refused: NOT_FOUND, UNAVAILABLE.
        """
        blob, claims = await self._seen(device, blob_id, conversation_id)
        item = blob.object(variant)
        if item is None:
            raise Refused(Refusal(Reason.NOT_FOUND, f"the blob has no {variant.value}", "variant"))
        if rules.view_once(claims) and not await self._may_view(blob_id, view_token):
            raise Refused(
                Refusal(Reason.NOT_FOUND, "a view-once blob is downloaded once, by its view_token, within a minute", "view_token")
            )
        return Opened(blob, item)

    async def file(self, blob_id: str, variant: Variant, view_token: str) -> Opened:
        """A file of a blob, for whoever has a signed address of it; of a view-once blob as long as its token is not used up.

        Raises:
            Refused: NOT_FOUND, UNAVAILABLE.
        """
        blob = await self._blobs.get(blob_id)
        item = None if blob is None else blob.object(variant)
        if blob is None or item is None or (view_token and not await self._may_view(blob_id, view_token)):
            raise Refused(rules.NOT_FOUND)
        return Opened(blob, item)

    async def open_once(self, device: Device, blob_id: str, conversation_id: str) -> tuple[str, int]:
        """Open a view-once blob: a token for one download, and when it ends.

        Raises:
            Refused: NOT_FOUND: there is none for this account, or it was opened before; NOT_ALLOWED: its own; UNAVAILABLE.
        """
        blob, claims = await self._seen(device, blob_id, conversation_id)
        if not rules.view_once(claims):
            raise Refused(Refusal(Reason.NOT_FOUND, "the blob is not to be viewed once: download it", "blob_id"))
        if device.account_id == blob.account_id:
            raise Refused(Refusal(Reason.NOT_ALLOWED, "the sender of a view-once blob cannot open it", "blob_id"))
        token = self._chance.token("twv_")
        until_ms = self._clock.now_ms() + 1000 * self._limits.view_token_ttl_s
        view = View(device.account_id, device.device_id, _hash(token), until_ms)
        if not await self._views.open(blob_id, view):
            raise Refused(Refusal(Reason.NOT_FOUND, "the blob was opened before", "blob_id"))
        await self._notices.viewed(blob_id, conversation_id, device, blob.account_id)
        return token, until_ms

    async def read(self, item: StoredObject, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Plain bytes of a file.

        Raises:
            Refused: UNAVAILABLE, NOT_FOUND, INTERNAL: what is stored is damaged.
        """
        try:
            async for piece in self._storing.read(item, offset, length):
                yield piece
        except StoreUnavailable as error:
            log.warning("the object store is away", extra={"why": str(error)})
            raise Refused(unavailable("the object store cannot do it now")) from error
        except Missing as error:
            log.error("a file of a blob is missing", extra={"object": item.name})
            raise Refused(rules.NOT_FOUND) from error
        except Damaged as error:
            log.error("a file of a blob is damaged", extra={"object": item.name, "why": str(error)})
            raise Refused(Refusal(Reason.INTERNAL, "what is stored is damaged")) from error

    async def sweep(self) -> None:
        """End what has ended: claims, blobs that nobody holds, files that belong to nothing.

        Raises:
            Refused, StoreUnavailable: what is left is done next time.
        """
        now_ms = self._clock.now_ms()
        await self._claims.expire(now_ms)
        for blob_id in await self._views.over(now_ms):
            await self.viewed(blob_id)
        while blobs := await self._blobs.unheld(now_ms - 1000 * self._limits.blob_grace_s, BATCH):
            for blob in blobs:
                await self._blobs.remove(blob.blob_id, now_ms)
        while names := await self._objects.orphans(now_ms - 1000 * INTENDED_S, BATCH):
            await self._storing.remove(names)
        await self._storing.remove_unknown(now_ms - 1000 * INTENDED_S)
        await self._check_avatars(now_ms)

    async def _check_avatars(self, now_ms: int) -> None:
        """Hold on to pictures that are still somebody's; let go of what a lost release has left behind."""
        while due := await self._claims.avatars(now_ms, BATCH):
            current = await self._avatars.current(sorted({claim.conversation_id for claim in due}))
            for claim in due:
                if current.get(claim.conversation_id) == claim.blob_id:
                    await self._claims.hold(replace(claim, until_ms=rules.until_ms(claim, now_ms, self._limits)))
                else:
                    await self._claims.release(claim.conversation_id, claim.account_id, claim.envelope_id, now_ms)

    async def viewed(self, blob_id: str, view_token: str = "") -> None:
        """A view-once blob was downloaded to its end: its token is used up, and it goes away when everybody who may has opened it.

        Raises:
            Refused, StoreUnavailable: it goes away with its claim.
        """
        if view_token:
            await self._views.use_up(blob_id, _hash(view_token))
        blob, claims = await self._blobs.get(blob_id), await self._claims.of_blob(blob_id)
        if blob is None or not rules.view_once(claims):
            return
        members = await self._memberships.members(claims[0].conversation_id)
        over = not await self._views.under_way(blob_id, self._clock.now_ms())
        if over and rules.all_viewed(blob, await self._views.viewers(blob_id), members):
            await self.release(claims[0].conversation_id, claims[0].account_id, claims[0].envelope_id)
            if await self._blobs.remove(blob_id, self._clock.now_ms()):
                await self._storing.remove([item.name for item in blob.objects])

    async def _seen(self, device: Device, blob_id: str, conversation_id: str) -> tuple[Blob, list[Claim]]:
        blob = await self._blobs.get(blob_id)
        if blob is None:
            raise Refused(rules.NOT_FOUND)
        claims = rules.live(await self._claims.of_blob(blob_id), self._clock.now_ms())
        own = device.account_id == blob.account_id
        member = not own and bool(conversation_id) and bool(await self._memberships.of(device.account_id, [conversation_id]))
        refusal = rules.may_see(blob, device.account_id, conversation_id, claims, member)
        if refusal is not None:
            raise Refused(refusal)
        return blob, claims

    async def _may_view(self, blob_id: str, view_token: str) -> bool:
        return bool(view_token) and await self._views.holds(blob_id, _hash(view_token), self._clock.now_ms())

    async def _is_member(self, account_id: str, claims: list[Claim]) -> bool:
        conversations = {claim.conversation_id for claim in claims}
        return bool(conversations) and bool(await self._memberships.of(account_id, conversations))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
