"""Refusals on the wire: as messages, and as statuses with google.rpc details. One table, both directions use the enum's names."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from tidewire.v1 import refusal_pb2

from server.kit.refusal import Reason, Refusal

DOMAIN = "tidewire"

STATUS = {
    Reason.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.LIMIT_EXCEEDED: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.KIND_NOT_ENABLED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Reason.TOKEN_REUSED: grpc.StatusCode.UNAUTHENTICATED,
    Reason.NOT_A_MEMBER: grpc.StatusCode.PERMISSION_DENIED,
    Reason.NOT_ALLOWED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.ALREADY_TAKEN: grpc.StatusCode.ALREADY_EXISTS,
    Reason.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.OUT_OF_PLACE: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.INTERNAL: grpc.StatusCode.INTERNAL,
    Reason.ACCOUNT_SUSPENDED: grpc.StatusCode.PERMISSION_DENIED,
}
"""The status of each refusal that can end a call; the others travel in responses and count as FAILED_PRECONDITION."""


def message(refusal: Refusal, ref: int = 0) -> refusal_pb2.Refusal:
    """A refusal as a message."""
    return refusal_pb2.Refusal(
        ref=ref,
        reason=refusal_pb2.RefusalReason.Value(f"REFUSAL_REASON_{refusal.reason.name}"),  # type: ignore[arg-type]
        detail=refusal.sentence(),
        subject=refusal.subject,
        limit=refusal.limit,
        actual=refusal.actual,
        retry_after_ms=refusal.retry_after_ms,
    )


def refusal(message: refusal_pb2.Refusal) -> Refusal:
    """The inverse of `message`, on the way from another node."""
    name = refusal_pb2.RefusalReason.Name(message.reason).removeprefix("REFUSAL_REASON_")
    optional = {key: getattr(message, key) for key in ("limit", "actual", "retry_after_ms") if message.HasField(key)}
    return Refusal(Reason[name], message.detail, message.subject, **optional)


def status(refusal: Refusal) -> grpc.Status:
    """A refusal as a status with ErrorInfo, and RetryInfo where it may succeed later."""
    metadata = {"subject": refusal.subject, "limit": refusal.limit, "actual": refusal.actual}
    info = error_details_pb2.ErrorInfo(
        reason=refusal.reason.name, domain=DOMAIN, metadata={k: str(v) for k, v in metadata.items() if v not in (None, "")}
    )
    details = [_any(info)]
    if refusal.retry_after_ms is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(refusal.retry_after_ms)
        details.append(_any(error_details_pb2.RetryInfo(retry_delay=delay)))
    code = STATUS.get(refusal.reason, grpc.StatusCode.FAILED_PRECONDITION)
    return rpc_status.to_status(status_pb2.Status(code=code.value[0], message=refusal.sentence(), details=details))


def _any(detail: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
