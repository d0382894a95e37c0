"""Credentials of relays, and tickets."""

from __future__ import annotations

import base64
import hashlib
import hmac

from calls.domain.messages import Ice, IceServer, Party
from calls.domain.turn import Relays, Ticket, credentials, opened_ticket, sealed_ticket

RELAYS = Relays(("turn:relay:3478",), ("new", "old"), ("stun:relay:3478",))
NOW = 1_700_000_000_000
TICKET = Ticket("c", "d:ann:ben", Party("ann", "phone"), "ben", True, NOW)


def test_a_device_gets_a_name_with_its_end_and_a_password_of_the_newest_secret() -> None:
    ice = credentials(RELAYS, "c", "phone", NOW, 3_600, relay_only=True)
    name = "1700003600:c.phone"
    password = base64.b64encode(hmac.new(b"new", name.encode(), hashlib.sha1).digest()).decode()
    assert ice == Ice((IceServer(("stun:relay:3478",)), IceServer(("turn:relay:3478",), name, password)), True, NOW + 3_600_000)


def test_without_relays_nobody_is_told_to_use_them_alone() -> None:
    assert credentials(Relays((), ()), "c", "phone", NOW, 3_600, relay_only=True) == Ice()


def test_a_ticket_says_what_it_said() -> None:
    assert opened_ticket(b"key", sealed_ticket(b"key", TICKET), NOW + 1_000, 1) == TICKET


def test_a_ticket_of_another_key_or_one_that_was_changed_or_is_too_old_says_nothing() -> None:
    sealed = sealed_ticket(b"key", TICKET)
    assert opened_ticket(b"another", sealed, NOW, 1) is None
    assert opened_ticket(b"key", sealed[:-1] + b"?", NOW, 1) is None
    assert opened_ticket(b"key", b"", NOW, 1) is None
    assert opened_ticket(b"key", sealed, NOW + 1_001, 1) is None
