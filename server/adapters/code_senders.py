"""Code senders: the console for whoever tries it out, SMTP for e-mail."""

from __future__ import annotations

import asyncio
import logging
import smtplib
from email.message import EmailMessage

from server.kit.refusal import Refused, unavailable

log = logging.getLogger(__name__)


class ConsoleSender:
    """Prints the code. For development: whoever reads the log can log in as anybody."""

    async def send(self, handle: str, code: str) -> None:
        """See `CodeSender.send`."""
        log.info("code for %s: %s", handle, code)


class SmtpSender:
    """Sends the code by e-mail through a relay."""

    def __init__(self, host: str, port: int, sender: str) -> None:
        self._host = host
        self._port = port
        self._sender = sender

    async def send(self, handle: str, code: str) -> None:
        """See `CodeSender.send`. Telephone numbers are refused: there is no gateway for them here."""
        kind, _, address = handle.partition(":")
        if kind != "email":
            raise Refused(unavailable("this deployment sends codes by e-mail only"))
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, address, f"{code} is your Tidewire code"
        message.set_content(f"{code} is your Tidewire code. It is valid for ten minutes. Give it to nobody.")
        try:
            await asyncio.to_thread(self._deliver, message)
        except (OSError, smtplib.SMTPException) as error:
            raise Refused(unavailable("the code could not be sent")) from error

    def _deliver(self, message: EmailMessage) -> None:
        with smtplib.SMTP(self._host, self._port, timeout=10) as relay:
            relay.send_message(message)
