"""A status that the transport made up is no answer of the server: it is tried again."""

from __future__ import annotations

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata
from tidewire.errors import Refused, Unreachable
from tidewire.transport import failure

ANSWER = Metadata(("grpc-status-details-bin", b"typed"))


@pytest.mark.parametrize(
    ("code", "trailing", "expected"),
    [
        (grpc.StatusCode.INTERNAL, Metadata(), Unreachable),
        (grpc.StatusCode.UNKNOWN, Metadata(), Unreachable),
        (grpc.StatusCode.UNAVAILABLE, ANSWER, Unreachable),
        (grpc.StatusCode.INTERNAL, ANSWER, Refused),
        (grpc.StatusCode.INVALID_ARGUMENT, ANSWER, Refused),
        (grpc.StatusCode.UNIMPLEMENTED, Metadata(), Refused),
    ],
)
def test_a_status_is_tried_again_unless_the_server_said_it(
    code: grpc.StatusCode, trailing: Metadata, expected: type[Exception]
) -> None:
    assert type(failure(AioRpcError(code, Metadata(), trailing, "said"))) is expected
