"""AdminService: decode, call, encode, and a line in the log for each call."""

from __future__ import annotations

import logging
from typing import Any

from tidewire.internal.v1 import admin_pb2, admin_pb2_grpc
from tidewire.v1 import refusal_pb2

from server.adapters.grpc.accounts import account_message, device_message, handle_text
from server.adapters.grpc.services import Authorise
from server.domain.service_tokens import Scope
from server.domain.tally import MINUTES_MAX
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Refusal, Refused
from server.services.administration import Administration

log = logging.getLogger("server.audit")


class AdminServicer(admin_pb2_grpc.AdminServiceServicer):
    """AdminService."""

    def __init__(self, administration: Administration, authorise: Authorise) -> None:
        self._administration = administration
        self._authorise = authorise

    async def _service(self, context: Any, method: str, about: str) -> str:
        """Who asks; logged before anything is done, so that no failure hides it."""
        try:
            name = (await self._authorise(context, Scope.ADMIN)).name
        except Refused as refused:
            log.warning("admin refused", extra={"method": method, "about": about, "reason": refused.refusal.reason.name})
            raise
        log.info("admin", extra={"service": name, "method": method, "about": about})
        return name

    async def LookUp(self, request: admin_pb2.LookUpRequest, context: Any) -> admin_pb2.LookUpResponse:
        """An account with its devices."""
        handle = "" if request.account_id else handle_text(request.handle)
        await self._service(context, "LookUp", request.account_id or handle)
        found = await self._administration.look_up(request.account_id, handle)
        if isinstance(found, Refusal):
            return admin_pb2.LookUpResponse(refusal=refusals.message(found))
        marks = found.account.marks
        record = admin_pb2.AccountRecord(
            account=account_message(found.account),
            bot=marks.bot,
            suspended_at_ms=marks.suspended_at_ms,
            suspended_for=marks.suspended_for,
            last_seen_at_ms=found.account.last_seen_ms,
            connected=found.connected,
            devices=[device_message(device) for device in found.devices],
        )
        return admin_pb2.LookUpResponse(account=record)

    async def Suspend(self, request: admin_pb2.SuspendRequest, context: Any) -> admin_pb2.SuspendResponse:
        """Suspend an account."""
        await self._service(context, "Suspend", request.account_id)
        refusal = await self._administration.suspend(request.account_id, request.reason)
        return admin_pb2.SuspendResponse(refusal=_message(refusal))

    async def Unsuspend(self, request: admin_pb2.UnsuspendRequest, context: Any) -> admin_pb2.UnsuspendResponse:
        """End a suspension."""
        await self._service(context, "Unsuspend", request.account_id)
        return admin_pb2.UnsuspendResponse(refusal=_message(await self._administration.unsuspend(request.account_id)))

    async def SignOut(self, request: admin_pb2.SignOutRequest, context: Any) -> admin_pb2.SignOutResponse:
        """Sign an account out everywhere."""
        await self._service(context, "SignOut", request.account_id)
        devices = await self._administration.sign_out(request.account_id)
        if isinstance(devices, Refusal):
            return admin_pb2.SignOutResponse(refusal=refusals.message(devices))
        return admin_pb2.SignOutResponse(devices=devices)

    async def DeleteAccount(self, request: admin_pb2.DeleteAccountRequest, context: Any) -> admin_pb2.DeleteAccountResponse:
        """Delete an account."""
        await self._service(context, "DeleteAccount", request.account_id)
        return admin_pb2.DeleteAccountResponse(refusal=_message(await self._administration.delete(request.account_id)))

    async def ListRefusals(self, request: admin_pb2.ListRefusalsRequest, context: Any) -> admin_pb2.ListRefusalsResponse:
        """What this node has refused lately."""
        await self._service(context, "ListRefusals", "")
        counts = [
            admin_pb2.RefusalCount(
                reason=refusal_pb2.RefusalReason.Value(f"REFUSAL_REASON_{tallied.name}"),  # type: ignore[arg-type]
                count=tallied.times,
                total=tallied.total,
                last_at_ms=tallied.last_at_ms,
            )
            for tallied in self._administration.refusals(request.minutes or MINUTES_MAX)
        ]
        return admin_pb2.ListRefusalsResponse(refusals=counts)


def _message(refusal: Refusal | None) -> refusal_pb2.Refusal | None:
    return None if refusal is None else refusals.message(refusal)
