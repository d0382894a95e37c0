"""The ports of `media.ports.node` over the node's internal services."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Any, Generic, TypeVar

from tidewire import errors
from tidewire.internal import Services
from tidewire.internal.v1 import member_pb2, notify_pb2, token_pb2
from tidewire.v1 import chat_pb2

from media.domain.limits import Limits
from media.domain.upload import Upload
from media.ports.node import Device
from server.kit.refusal import Reason, Refusal, Refused, unavailable
from server.kit.world import Clock

log = logging.getLogger(__name__)

CACHED_MAX = 100_000
DEADLINE_S = 5.0
T = TypeVar("T")


class _Cache(Generic[T]):
    """The newest answers, each for `member_cache_ms` at the most."""

    def __init__(self, clock: Clock, ttl_ms: int) -> None:
        self._clock = clock
        self._ttl_ms = ttl_ms
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def get(self, key: str) -> T | None:
        kept = self._kept.get(key)
        if kept is None or kept[1] <= self._clock.monotonic_ms():
            return None
        return kept[0]

    def put(self, key: str, value: T, ttl_ms: int | None = None) -> None:
        self._kept[key] = (value, self._clock.monotonic_ms() + min(self._ttl_ms, self._ttl_ms if ttl_ms is None else ttl_ms))
        self._kept.move_to_end(key)
        if len(self._kept) > CACHED_MAX:
            self._kept.popitem(last=False)


class Node:
    """One node, by its internal address. It is `Identities`, `Memberships`, `Avatars` and `Notices` in one."""

    def __init__(self, services: Services, clock: Clock, limits: Limits) -> None:
        self._services = services
        self._clock = clock
        self._devices = _Cache[Device](clock, limits.member_cache_ms)
        self._members = _Cache[bool](clock, limits.member_cache_ms)

    async def identify(self, token: str) -> Device:
        """See `Identities.identify`."""
        known = self._devices.get(token)
        if known is not None:
            return known
        response = await self._call(self._services.tokens.Introspect, token_pb2.IntrospectRequest(access_token=token[:256]))
        device = Device(response.owner.account_id, response.owner.device_id)
        self._devices.put(token, device, response.owner.expires_at_ms - self._clock.now_ms())
        return device

    async def of(self, account_id: str, conversation_ids: Collection[str]) -> set[str]:
        """See `Memberships.of`."""
        found = {key: self._members.get(f"{account_id} {key}") for key in conversation_ids}
        unknown = [key for key, member in found.items() if member is None]
        for start in range(0, len(unknown), 256):
            part = unknown[start : start + 256]
            request = member_pb2.GetMembershipsRequest(account_id=account_id, conversation_ids=part)
            response = await self._call(self._services.members.GetMemberships, request)
            for key in part:
                found[key] = key in response.conversation_ids
                self._members.put(f"{account_id} {key}", key in response.conversation_ids)
        return {key for key, member in found.items() if member}

    async def members(self, conversation_id: str) -> Sequence[str]:
        """See `Memberships.members`."""
        request = member_pb2.ListMembersRequest(conversation_id=conversation_id)
        response = await self._call(self._services.members.ListMembers, request)
        return list(response.account_ids)

    async def current(self, places: Sequence[str]) -> dict[str, str]:
        """See `Avatars.current`."""
        found = {}
        for start in range(0, len(places), 256):
            request = member_pb2.ListAvatarsRequest(conversation_ids=places[start : start + 256])
            response = await self._call(self._services.members.ListAvatars, request)
            found.update({avatar.conversation_id: avatar.blob_id for avatar in response.avatars})
        return found

    async def ready(self, upload: Upload) -> None:
        """See `Notices.ready`."""
        notice = chat_pb2.Notice(blob_ready=chat_pb2.BlobReady(blob_id=upload.upload_id))
        await self._tell(upload.account_id, notice, upload.device_id)

    async def rejected(self, upload: Upload) -> None:
        """See `Notices.rejected`."""
        rejection = upload.rejection
        assert rejection is not None, "it was refused"
        said = chat_pb2.BlobRejected(
            blob_id=upload.upload_id,
            reason=rejection.reason.name,
            limit=rejection.limit,
            actual=rejection.actual,
            name=upload.name,
        )
        await self._tell(upload.account_id, chat_pb2.Notice(blob_rejected=said), upload.device_id)

    async def viewed(self, blob_id: str, conversation_id: str, viewer: Device, owner_id: str) -> None:
        """See `Notices.viewed`."""
        said = chat_pb2.BlobViewed(blob_id=blob_id, conversation_id=conversation_id, account_id=viewer.account_id)
        notice = chat_pb2.Notice(blob_viewed=said)
        await self._tell(owner_id, notice, "")
        await self._tell(viewer.account_id, notice, viewer.device_id)

    async def _tell(self, account_id: str, notice: chat_pb2.Notice, except_device_id: str) -> None:
        request = notify_pb2.NotifyRequest(account_id=account_id, except_device_id=except_device_id, notice=notice)
        try:
            await self._call(self._services.notify.Notify, request)
        except Refused as refused:
            log.warning("devices were not told", extra={"why": refused.refusal.sentence()})

    async def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return await self._services.call(method, request, DEADLINE_S)
        except errors.Unreachable as error:
            raise Refused(unavailable("the routing node does not answer")) from error
        except errors.Refused as error:
            raise Refused(_refusal(error)) from error


def _refusal(error: errors.Refused) -> Refusal:
    """The node's refusal, when it is about the caller's token; any other is a fault between our processes."""
    if error.reason in (Reason.UNAUTHENTICATED.name, Reason.ACCOUNT_SUSPENDED.name):
        return Refusal(Reason[error.reason], str(error))
    log.error("the node refused the media worker", extra={"reason": error.reason, "detail": str(error)})
    return unavailable("the routing node refuses the media worker: see its log")
