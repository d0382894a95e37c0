"""Why a call ended with an error, as the server says it in the status's details."""

from __future__ import annotations

from typing import Any

import grpc

from tidewire.errors import Refused
from tidewire.v1 import status_pb2

TRAILER = "grpc-status-details-bin"
DOMAIN = "tidewire"


def refusal(error: grpc.aio.AioRpcError) -> Refused | None:
    """The refusal in it, with its reason, limit and actual value; None: it has none."""
    trailers: Any = error.trailing_metadata() or ()
    raw = next((value for name, value in trailers if name == TRAILER), b"")
    reason, retry_after_s = status_pb2.ErrorReason(), None
    for detail in status_pb2.StatusDetails.FromString(bytes(raw)).details:
        match detail.type_url.rpartition("/")[2]:
            case "google.rpc.ErrorInfo":
                reason = status_pb2.ErrorReason.FromString(detail.value)
            case "google.rpc.RetryInfo":
                delay = status_pb2.RetryDelay.FromString(detail.value).retry_delay
                retry_after_s = delay.seconds + delay.nanos / 1e9
    if reason.domain != DOMAIN:
        return None
    numbers = {name: int(reason.metadata[name]) for name in ("limit", "actual") if reason.metadata.get(name, "").isdigit()}
    return Refused(
        reason.reason,
        error.details() or "",
        limit=numbers.get("limit"),
        actual=numbers.get("actual"),
        retry_after_s=retry_after_s,
    )
