"""CallDirectoryService: decode, call, encode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tidewire.internal.v1 import call_pb2, call_pb2_grpc
from tidewire.v1 import envelope_pb2

from server.domain.append import Sent
from server.domain.service_tokens import Scope, ServiceToken
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Reason, Refusal
from server.services.call_directory import CallDirectory
from server.services.call_links import LinkService
from server.services.people import KnownPeople
from server.services.system_senders import SystemSenders


class CallDirectoryServicer(call_pb2_grpc.CallDirectoryServiceServicer):
    """CallDirectoryService."""

    def __init__(
        self,
        directory: CallDirectory,
        links: LinkService,
        people: KnownPeople,
        senders: SystemSenders,
        authorise: Callable[[Any, Scope], Awaitable[ServiceToken]],
    ) -> None:
        self._directory = directory
        self._links = links
        self._people = people
        self._senders = senders
        self._authorise = authorise

    async def CheckCall(self, request: call_pb2.CheckCallRequest, context: Any) -> call_pb2.CheckCallResponse:
        """Whether an account may call, and how the others stand to it."""
        await self._authorise(context, Scope.CALLS)
        standing = await self._directory.standing(request.account_id, request.conversation_id)
        if isinstance(standing, Refusal):
            return call_pb2.CheckCallResponse(refusal=refusals.message(standing))
        callees = [
            call_pb2.Callee(
                account_id=callee.account_id,
                unreachable=callee.unreachable,
                stranger=callee.stranger,
                silent=callee.silent,
                devices=[
                    call_pb2.CalleeDevice(device_id=device_id, connected=connected) for device_id, connected in callee.devices
                ],
            )
            for callee in standing.callees
        ]
        return call_pb2.CheckCallResponse(callees=callees, admin=standing.admin, shut=standing.shut)

    async def OpenCallLink(self, request: call_pb2.OpenCallLinkRequest, context: Any) -> call_pb2.OpenCallLinkResponse:
        """Where a link leads."""
        await self._authorise(context, Scope.CALLS)
        opened = await self._links.open(request.account_id, request.token)
        if isinstance(opened, Refusal):
            return call_pb2.OpenCallLinkResponse(refusal=refusals.message(opened))
        return call_pb2.OpenCallLinkResponse(
            room_id=opened.link.room_id,
            member=opened.member,
            admin=opened.admin,
            approval=opened.link.approval,
            maker_account_id=opened.link.maker_id,
            display_name=await self._people.shown_name(request.account_id),
        )

    async def RecordCall(self, request: call_pb2.RecordCallRequest, context: Any) -> call_pb2.RecordCallResponse:
        """Append how a call went."""
        await self._authorise(context, Scope.CALLS)
        record = request.record
        if len(record.call_id) != 36:
            refusal = Refusal(Reason.INVALID, "is no UUID", "record.call_id", 36, len(record.call_id))
            return call_pb2.RecordCallResponse(refusal=refusals.message(refusal))
        body = envelope_pb2.Body(call_record=record).SerializeToString()
        outcome = await self._senders.record_call(request.account_id, request.conversation_id, record.call_id, body)
        if isinstance(outcome, Sent):
            return call_pb2.RecordCallResponse()
        return call_pb2.RecordCallResponse(refusal=refusals.message(outcome))
