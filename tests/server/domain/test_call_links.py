"""Links into calls: who makes one, where it leads, and when it is void."""

from __future__ import annotations

import pytest

from server.domain import call_links as rules
from server.domain.call_links import CallLink
from server.domain.envelope import Role
from server.domain.limits import Limits
from server.kit.refusal import Reason
from tests.support.cast import ALICE, GROUP, NOW

LINK = CallLink("abc", rules.hashed("token"), ALICE, "", True, NOW, NOW)
LIMITS = Limits(call_links_max=2, call_link_idle_s=100)


def test_a_link_leads_to_a_room_of_its_own_or_to_its_groups_call() -> None:
    assert LINK.room_id == "l:alice:abc" and rules.maker_of(LINK.room_id) == ALICE
    of_group = CallLink("abc", "hash", ALICE, GROUP, True, NOW, NOW)
    assert of_group.room_id == GROUP
    assert [rules.maker_of(other) for other in (GROUP, "d:alice:bob", "l:alice", "")] == ["", "", "", ""]


def test_what_opens_a_link_cannot_be_read_from_what_is_stored() -> None:
    assert rules.hashed("token") == LINK.token_hash != rules.hashed("Token") and "token" not in LINK.token_hash


@pytest.mark.parametrize(
    ("role", "has", "reason"),
    [
        (Role.OWNER, 1, None),
        (Role.ADMIN, 0, None),
        (Role.MEMBER, 0, Reason.NOT_ALLOWED),
        (None, 0, Reason.NOT_A_MEMBER),
        (Role.OWNER, 2, Reason.LIMIT_EXCEEDED),
    ],
)
def test_owners_and_admins_make_so_many(role: Role | None, has: int, reason: Reason | None) -> None:
    refusal = rules.may_make(role, has, LIMITS)
    assert (refusal and refusal.reason) == reason
    if reason is Reason.LIMIT_EXCEEDED:
        assert refusal is not None and (refusal.subject, refusal.limit, refusal.actual) == ("call_links_max", 2, 3)


def test_a_link_that_nobody_uses_is_void_and_its_use_is_noted_by_the_hour() -> None:
    assert not rules.is_void(LINK, NOW + 99_999, LIMITS) and rules.is_void(LINK, NOW + 100_000, LIMITS)
    assert not rules.is_to_be_noted(LINK, NOW + 3_599_999) and rules.is_to_be_noted(LINK, NOW + 3_600_000)
