"""The port `Directory` over the node's internal services."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tidewire import errors
from tidewire.internal import Services
from tidewire.internal.v1 import call_pb2, notify_pb2, token_pb2
from tidewire.v1 import chat_pb2, envelope_pb2

from calls.domain.messages import Outcome, Party
from calls.ports.signalling import Callee, CalleeDevice, Passage, Standing
from server.kit.refusal import Reason, Refusal, Refused, unavailable

log = logging.getLogger(__name__)

DEADLINE_S = 5.0
PASSED = (Reason.ACCOUNT_SUSPENDED, Reason.NOT_A_MEMBER, Reason.NOT_FOUND)
"""Refusals that are about the caller; any other is a fault between our processes."""
LOST = (
    Reason.NOT_A_MEMBER,
    Reason.ACCOUNT_SUSPENDED,
    Reason.TOO_OLD,
    Reason.KIND_NOT_ENABLED,
    Reason.MODE_MISMATCH,
    Reason.INVALID,
)
"""Refusals of a record that no later try changes."""


class Node:
    """One node, by its internal address."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def identify(self, token: str) -> Party:
        """See `Directory.identify`."""
        request = token_pb2.IntrospectRequest(access_token=token[:256])
        response = await self._call(self._services.tokens.Introspect, request, (*PASSED, Reason.UNAUTHENTICATED))
        return Party(response.owner.account_id, response.owner.device_id)

    async def standing(self, account_id: str, conversation_id: str) -> Standing:
        """See `Directory.standing`."""
        request = call_pb2.CheckCallRequest(account_id=account_id, conversation_id=conversation_id)
        response = await self._call(self._services.calls.CheckCall, request, PASSED)
        callees = tuple(
            Callee(
                told.account_id,
                told.unreachable,
                told.stranger,
                told.silent,
                tuple(CalleeDevice(device.device_id, device.connected) for device in told.devices),
            )
            for told in response.callees
        )
        return Standing(callees, response.admin, response.shut)

    async def open_link(self, account_id: str, token: str) -> Passage:
        """See `Directory.open_link`."""
        request = call_pb2.OpenCallLinkRequest(account_id=account_id, token=token)
        told = await self._call(self._services.calls.OpenCallLink, request, PASSED)
        return Passage(told.room_id, told.member, told.admin, told.approval, told.maker_account_id, told.display_name, token)

    async def ring(
        self,
        account_id: str,
        call_id: str,
        conversation_id: str,
        caller_account_id: str,
        video: bool,
        until_ms: int,
    ) -> None:
        """See `Directory.ring`."""
        ringing = chat_pb2.CallRinging(
            call_id=call_id,
            conversation_id=conversation_id,
            caller_account_id=caller_account_id,
            video=video,
            rings_until_ms=until_ms,
        )
        await self._notify(account_id, chat_pb2.Notice(call_ringing=ringing))

    async def stop_ringing(self, account_id: str, call_id: str, outcome: Outcome | None, except_device_id: str) -> None:
        """See `Directory.stop_ringing`."""
        ended = chat_pb2.CallEnded(call_id=call_id)
        if outcome is not None:
            ended.outcome = _outcome(outcome)
        await self._notify(account_id, chat_pb2.Notice(call_ended=ended), except_device_id=except_device_id)

    async def record(
        self, account_id: str, conversation_id: str, call_id: str, video: bool, outcome: Outcome, talked_ms: int
    ) -> None:
        """See `Directory.record`."""
        record = envelope_pb2.CallRecord(call_id=call_id, video=video, outcome=_outcome(outcome), duration_ms=talked_ms)
        request = call_pb2.RecordCallRequest(account_id=account_id, conversation_id=conversation_id, record=record)
        await self._call(self._services.calls.RecordCall, request, LOST)

    async def _notify(self, account_id: str, notice: chat_pb2.Notice, except_device_id: str = "") -> None:
        request = notify_pb2.NotifyRequest(account_id=account_id, except_device_id=except_device_id, notice=notice)
        try:
            await self._call(self._services.notify.Notify, request, ())
        except Refused as refused:
            log.warning("devices were not told of a call", extra={"why": refused.refusal.sentence()})

    async def _call(self, method: Callable[..., Any], request: Any, passed: tuple[Reason, ...]) -> Any:
        try:
            return await self._services.call(method, request, DEADLINE_S)
        except errors.Unreachable as error:
            raise Refused(unavailable("the routing node does not answer")) from error
        except errors.Refused as error:
            if error.reason in {reason.name for reason in passed}:
                raise Refused(Refusal(Reason[error.reason], str(error))) from error
            log.error("the node refused the calls process", extra={"reason": error.reason, "detail": str(error)})
            raise Refused(unavailable("the routing node refuses the calls process: see its log")) from error


def _outcome(outcome: Outcome) -> envelope_pb2.CallOutcome:
    return envelope_pb2.CallOutcome.Value(f"CALL_OUTCOME_{outcome.name}")  # type: ignore[return-value, arg-type]
