"""Tokens of internal services, each rule by its sentence."""

from __future__ import annotations

import pytest

from server.domain.accounts import Account, Marks, check_suspended, token_hash
from server.domain.service_tokens import Scope, ServiceToken, check, holds, permits, read, written
from server.kit.refusal import Reason, Refusal

CALLS = ServiceToken("calls", token_hash("secret"), (Scope.INTROSPECT, Scope.NOTIFY), "", "", 0)


def test_a_token_says_which_one_it_is_and_proves_it() -> None:
    name, secret_hash = read(written("calls", "secret"))
    assert name == "calls" and holds(CALLS, secret_hash)
    assert not holds(CALLS, read(written("calls", "guess"))[1]) and not holds(None, secret_hash)


@pytest.mark.parametrize(
    "token", ["", "tws_", "tws_calls", "twa_calls.secret", "tws_CALLS.secret", "tws_.secret", "calls.secret"]
)
def test_what_has_not_the_form_of_a_token_is_none(token: str) -> None:
    assert read(token) == ("", "")


def test_a_token_may_do_what_its_scopes_say_and_nothing_else() -> None:
    assert permits(CALLS, Scope.NOTIFY) is None
    refusal = permits(CALLS, Scope.ADMIN)
    assert refusal is not None and (refusal.reason, refusal.subject) == (Reason.NOT_ALLOWED, "scope")
    assert "admin" in refusal.sentence() and "calls" in refusal.sentence()


def test_scopes_are_taken_once_each_in_the_order_given() -> None:
    assert check("otp", ["append", "presence", "append"], "codes") == (Scope.APPEND, Scope.PRESENCE)


@pytest.mark.parametrize(
    "name, scopes, username, subject",
    [
        ("Calls", ["notify"], "", "name"),
        ("", ["notify"], "", "name"),
        ("x" * 33, ["notify"], "", "name"),
        ("calls", [], "", "scope"),
        ("calls", ["notify", "root"], "", "scope"),
        ("echo", ["bot"], "", "account"),
        ("calls", ["notify"], "echo", "account"),
        ("echo", ["bot"], "E", "account"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(name: str, scopes: list[str], username: str, subject: str) -> None:
    refusal = check(name, scopes, username)
    assert isinstance(refusal, Refusal) and (refusal.reason, refusal.subject) == (Reason.INVALID, subject)


def test_a_suspended_account_is_refused_and_one_that_is_not_there_is_nobodys_business_here() -> None:
    refusal = check_suspended(Account("ann", "Ann", marks=Marks(suspended_at_ms=1)))
    assert refusal is not None and refusal.reason is Reason.ACCOUNT_SUSPENDED
    assert check_suspended(Account("ann", "Ann")) is None and check_suspended(None) is None
