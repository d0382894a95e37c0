"""A new device of an account that reads the history page by page: what somebody sees who was not there."""

from __future__ import annotations

import time
from typing import Any

import grpc
from tidewire.v1 import (
    account_pb2,
    account_pb2_grpc,
    conversation_pb2,
    conversation_pb2_grpc,
)

from tests.support.ledger import Line

PAGE = 50


async def observe(address: str, person: str, code: str) -> list[Line]:
    """Log in, and write down everything that the account may see, as a journal."""
    async with grpc.aio.insecure_channel(address) as channel:
        accounts = account_pb2_grpc.AccountServiceStub(channel)
        started = await accounts.StartLogin(account_pb2.StartLoginRequest(handle=account_pb2.Handle(username=person)))
        request = account_pb2.ConfirmLoginRequest(challenge_id=started.challenge.challenge_id, recovery_code=code)
        credentials = (await accounts.ConfirmLogin(request)).credentials
        metadata = (("authorization", f"Bearer {credentials.access_token}"),)
        stub = conversation_pb2_grpc.ConversationServiceStub(channel)
        lines = [_line("start"), _line("account", account=credentials.account_id)]
        asked = conversation_pb2.ListConversationsRequest()
        for conversation in (await stub.ListConversations(asked, metadata=metadata)).conversations:
            rows = await _rows(stub, metadata, conversation.id, conversation.as_of_seq)
            lines.append(_line("held", why="asked", c=conversation.id, lines=rows))
    return lines


async def _rows(stub: Any, metadata: Any, conversation_id: str, head: int) -> list[list[Any]]:
    rows: list[list[Any]] = []
    before = head + 1
    while before > 1:
        request = conversation_pb2.ListEnvelopesRequest(conversation_id=conversation_id, before_seq=before, page_size=PAGE)
        page = await stub.ListEnvelopes(request, metadata=metadata)
        rows[:0] = [[e.seq, e.header.envelope_id, e.header.sender_account_id, e.body.text.text, ""] for e in page.envelopes]
        before = max(before - PAGE, 1)  # a page has gaps where the account was not a member
    return rows


def _line(what: str, **values: Any) -> Line:
    return {"at": time.monotonic_ns(), "is": what, **values}
