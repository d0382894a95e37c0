"""Presence, rates and accounts, played."""

from __future__ import annotations

import pytest

from server.domain import accounts, presence
from server.domain.accounts import Audience, Challenge, Device, in_audience
from server.domain.limits import Limits
from server.domain.presence import Hidden, LastSeen, Online, PresenceBook, SaveLastSeen, Share, Tell
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused, limit_exceeded, unavailable
from tests.support.cast import ALICE, BOB, LAPTOP, NOW, PHONE

LIMITS = Limits()


def test_online_is_told_to_those_who_watch_and_offline_after_the_delay() -> None:
    book = PresenceBook(LIMITS)
    book.watch("bob", [ALICE, ALICE])
    online = [Tell(ALICE, ("bob",), True, 0), SaveLastSeen(ALICE, NOW), Share(ALICE, True, NOW)]
    assert book.connected(PHONE, "a", True, NOW) == online
    assert book.is_online(ALICE) and book.owner("a") == ALICE
    assert book.disconnected("a", NOW + 1) == [SaveLastSeen(ALICE, NOW + 1)]
    assert book.tick(NOW + 2) == []
    offline = [Share(ALICE, False, NOW + 1), Tell(ALICE, ("bob",), False, NOW + 1)]
    assert book.tick(NOW + 1 + LIMITS.offline_delay_ms) == offline
    assert not book.is_online(ALICE) and book.tick(NOW + 10**9) == []


def test_a_reconnect_within_the_delay_does_not_blink() -> None:
    book = PresenceBook(LIMITS)
    book.watch("bob", [ALICE])
    book.connected(PHONE, "a", True, NOW)
    book.disconnected("a", NOW + 1)
    assert book.connected(PHONE, "b", True, NOW + 2) == []
    assert book.tick(NOW + 10**5) == []


def test_a_second_device_in_the_foreground_keeps_the_account_online() -> None:
    book = PresenceBook(LIMITS)
    book.connected(PHONE, "a", True, NOW)
    book.connected(LAPTOP, "b", True, NOW)
    assert book.foreground("a", False, NOW) == [] and book.foreground("a", False, NOW) == []
    later = NOW + 1000 * LIMITS.last_seen_interval_s
    assert book.tick(later) == [SaveLastSeen(ALICE, later), Share(ALICE, True, later)]


def test_a_background_connection_is_nobody_there() -> None:
    book = PresenceBook(LIMITS)
    assert book.connected(PHONE, "a", False, NOW) == [] and not book.is_online(ALICE)
    assert book.tick(NOW) == []
    assert book.foreground("nobody", True, NOW) == []


def test_watching_again_replaces_and_is_limited() -> None:
    book = PresenceBook(Limits(watched_accounts_max=1))
    book.watch("bob", [BOB, ALICE])
    assert book.connected(PHONE, "a", True, NOW)[0] == Tell(ALICE, (), True, 0)
    book.watch("carol", [BOB])
    book.watch("bob", [ALICE])
    book.watch("dave", [ALICE])
    book.watch("dave", [BOB])
    book.watch("erin", ["frank"])
    book.watch("erin", [])
    book.disconnected("a", NOW)
    assert book.tick(NOW + 10**6) == [Share(ALICE, False, NOW), Tell(ALICE, ("bob",), False, NOW)]


def test_hidden_blocked_and_never_seen_look_the_same() -> None:
    assert presence.fact(may_know=False, online=True, last_seen_ms=5) == Hidden()
    assert presence.fact(may_know=True, online=False, last_seen_ms=0) == Hidden()
    assert presence.fact(may_know=True, online=True, last_seen_ms=0) == Online()
    assert presence.fact(may_know=True, online=False, last_seen_ms=5) == LastSeen(5)


def test_a_rate_lets_a_burst_through_then_one_at_a_time() -> None:
    rate = Rate(per_s=10, burst=3, keys_max=2)
    assert [rate.allow("a", 0) for _ in range(4)] == [None, None, None, 100]
    assert rate.allow("a", 100) is None and rate.allow("a", 100) == 100
    assert rate.allow("b", 100) is None and rate.allow("c", 100) is None
    assert rate.allow("a", 100) is None, "the least recently used key was forgotten"


def test_codes_expire_and_have_five_tries() -> None:
    challenge = Challenge("c", "login", "username:ann", ALICE, "", "", 0, "", NOW)
    assert accounts.check_challenge(challenge, "login", NOW, LIMITS) is None
    for wrong in (None, Challenge("c", "register", "", "", "", "", 0, "", NOW)):
        refusal = accounts.check_challenge(wrong, "login", NOW, LIMITS)
        assert refusal is not None and refusal.reason is Reason.CODE_EXPIRED
    late = accounts.check_challenge(challenge, "login", NOW + 1000 * LIMITS.code_ttl_s + 1, LIMITS)
    assert late is not None and late.reason is Reason.CODE_EXPIRED
    tired = accounts.check_challenge(Challenge("c", "login", "", "", "", "", 5, "", NOW), "login", NOW, LIMITS)
    assert tired is not None and (tired.reason, tired.limit, tired.actual) == (Reason.WRONG_CODE, 5, 5)
    assert accounts.wrong_code(2, LIMITS).actual == 2


def test_secrets_are_stored_as_hashes_and_recovery_codes_forgive_typing() -> None:
    assert accounts.hashed("p", "a", "b") != accounts.hashed("q", "a", "b") and len(accounts.token_hash("x")) == 64
    code = accounts.recovery_code("abcdefghij2345672345")
    assert code == "abcde-fghij-23456-72345"
    assert accounts.plain_recovery_code(" ABCDE fghij-23456-72345\n") == "abcdefghij2345672345"


def test_an_exchange_of_tokens_repeats_itself_for_who_knows_its_id_alone() -> None:
    token = accounts.next_token("pepper", "twa_", "twr_old", "exchange")
    assert token == accounts.next_token("pepper", "twa_", "twr_old", "exchange")
    others = {
        accounts.next_token("pepper", "twr_", "twr_old", "exchange"),
        accounts.next_token("pepper", "twa_", "twr_other", "exchange"),
        accounts.next_token("pepper", "twa_", "twr_old", "another"),
        accounts.next_token("salt", "twa_", "twr_old", "exchange"),
    }
    assert token not in others and len(others) == 4 and len(token) == len("twa_") + 43


def test_the_sixth_device_is_one_too_many() -> None:
    devices = [Device(str(n), ALICE, "", n == 0, NOW, NOW) for n in range(5)]
    assert accounts.check_devices(devices[:4], LIMITS) is None
    refusal = accounts.check_devices(devices, LIMITS)
    assert refusal is not None and (refusal.reason, refusal.limit, refusal.actual) == (Reason.TOO_MANY_DEVICES, 5, 6)


@pytest.mark.parametrize(
    ("audience", "contact", "expected"),
    [
        (Audience.EVERYONE, False, True),
        (Audience.CONTACTS, True, True),
        (Audience.CONTACTS, False, False),
        (Audience.CONTACTS_EXCEPT, True, False),
        (Audience.NOBODY, True, False),
    ],
)
def test_audiences(audience: Audience, contact: bool, expected: bool) -> None:
    assert in_audience(audience, (BOB,), BOB, is_contact=contact) is expected
    assert in_audience(Audience.CONTACTS_EXCEPT, (BOB,), ALICE, is_contact=True)


def test_a_refusal_names_the_limit_and_the_actual_value() -> None:
    assert limit_exceeded("devices_max", 5, 6).sentence() == "a limit was passed (devices_max: 5, actual: 6)"
    assert Refusal(Reason.INVALID, limit=1, actual=2).sentence().endswith("(limit: 1, actual: 2)")
    refused = Refused(unavailable("disk full", 5))
    assert str(refused) == "disk full" and refused.refusal.retry_after_ms == 5
