"""Field limits of the schema, enforced: each sort of limit, refused with the limit and the actual value."""

from __future__ import annotations

from typing import Any

import pytest
from tidewire.v1 import account_pb2, chat_pb2, contact_pb2, envelope_pb2, group_pb2

from server.kit.field_limits import FieldLimits
from server.kit.phones import is_phone
from server.kit.refusal import Reason
from tests.support.cast import uuid

LIMITS = FieldLimits(is_phone)


def send(**fields: Any) -> chat_pb2.Command:
    given = {"conversation_id": "g:x", "envelope_id": uuid(1), "body": envelope_pb2.Body(text=envelope_pb2.Text(text="hi"))}
    return chat_pb2.Command(send=chat_pb2.Send(**{**given, **fields}))


@pytest.mark.parametrize(
    "message",
    [
        send(),
        account_pb2.StartRegistrationRequest(handle=account_pb2.Handle(phone="+358401234567")),
        account_pb2.UpdateAccountRequest(bio=""),
        chat_pb2.Command(ping=chat_pb2.Ping()),
    ],
)
def test_what_keeps_the_limits_passes(message: Any) -> None:
    assert LIMITS.violation(message) is None


@pytest.mark.parametrize(
    ("message", "reason", "subject", "limit", "actual"),
    [
        (send(conversation_id=""), Reason.INVALID, "send.conversation_id", None, None),
        (send(conversation_id="Ä"), Reason.INVALID, "send.conversation_id", None, None),
        (send(envelope_id="x"), Reason.INVALID, "send.envelope_id", None, None),
        (send(body=envelope_pb2.Body(text=envelope_pb2.Text())), Reason.INVALID, "send.body.text.text", None, None),
        (send(body=envelope_pb2.Body(text=envelope_pb2.Text(text="x" * 8193))), Reason.LIMIT_EXCEEDED, "send.body.text.text.chars_max", 8192, 8193),
        (send(expires_in_s=7_776_001), Reason.LIMIT_EXCEEDED, "send.expires_in_s.value_max", 7_776_000, 7_776_001),
        (send(body=envelope_pb2.Body(setting=envelope_pb2.Setting(key="k", value=b"x" * 4097))), Reason.LIMIT_EXCEEDED, "send.body.setting.value.bytes_max", 4096, 4097),
        (chat_pb2.Command(watch_presence=chat_pb2.WatchPresence(account_ids=["a"] * 65)), Reason.LIMIT_EXCEEDED, "watch_presence.account_ids.items_max", 64, 65),
        (chat_pb2.Command(watch_presence=chat_pb2.WatchPresence(account_ids=["A"])), Reason.INVALID, "watch_presence.account_ids", None, None),
        (account_pb2.Handle(phone="+1"), Reason.INVALID, "phone", None, None),
        (account_pb2.Handle(email="a b@c.d"), Reason.INVALID, "email", None, None),
        (group_pb2.SetRoleRequest(conversation_id="g:x", change=group_pb2.ChangeId(envelope_id=uuid(1)), account_id="a"), Reason.INVALID, "role", None, None),
        (contact_pb2.PutContactRequest(), Reason.INVALID, "contact", None, None),
    ],
)  # fmt: skip
def test_what_does_not_is_refused(message: Any, reason: Reason, subject: str, limit: int | None, actual: int | None) -> None:
    refusal = LIMITS.violation(message)
    assert refusal is not None
    assert (refusal.reason, refusal.subject, refusal.limit, refusal.actual) == (reason, subject, limit, actual)
    assert subject in refusal.sentence()
