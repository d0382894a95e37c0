"""Senders of codes: what is sent arrives, and what cannot be sent is a retryable refusal. SMTP against a real SMTP server."""

from __future__ import annotations

import asyncio
import email
import logging
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from server.adapters.code_senders import ConsoleSender, SmtpSender
from server.kit.refusal import Reason, Refused
from tests.support.node import free_port


class Mailbox:
    """Keeps what comes."""

    def __init__(self) -> None:
        self.came: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.came.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"


async def test_smtp_brings_the_code_to_the_address() -> None:
    mailbox = Mailbox()
    server: Any = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await SmtpSender("127.0.0.1", port, "codes@example.org").send("email:ann@example.org", "123456")
    ((to, message),) = mailbox.came
    assert to == ["ann@example.org"] and message["From"] == "codes@example.org"
    assert "123456" in message["Subject"] and "123456" in str(message.get_payload())


@pytest.mark.parametrize("handle", ["phone:+358401234567", "email:ann@example.org"])
async def test_what_cannot_be_sent_is_refused_for_now(handle: str) -> None:
    nobody = SmtpSender("127.0.0.1", free_port(), "codes@example.org")
    with pytest.raises(Refused) as refused:
        await nobody.send(handle, "123456")
    assert refused.value.refusal.reason is Reason.UNAVAILABLE and refused.value.refusal.retry_after_ms


async def test_the_console_shows_the_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await ConsoleSender().send("email:ann@example.org", "654321")
    assert "654321" in caplog.text
