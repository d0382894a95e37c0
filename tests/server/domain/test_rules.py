"""Groups, admission, the fold, receipts, trimming and ranges: each rule by its sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain import groups, ids, ranges, trimming
from server.domain.envelope import Change, Entry, Header, Kind, MemberAction, MemberChange, Role
from server.domain.fold import Fold, is_visible
from server.domain.groups import Add, Create, Decision, Leave, Remove, SetProfile, SetRole, decide
from server.domain.limits import Limits
from server.domain.receipts import ReceiptBook
from server.domain.rules import Admitted, Proposal, admit
from server.kit.refusal import Reason, Refusal
from tests.support.cast import (
    ALICE,
    BOB,
    BOBS,
    CAROL,
    CAROLS,
    DAVE,
    DIRECT,
    GROUP,
    NOW,
    PHONE,
    created,
    entry,
    folded,
    membership,
    text,
    uuid,
)

LIMITS = Limits()
ADMIN = MemberAction.ROLE_CHANGED


def crew() -> Fold:
    """Alice owns it, Bob is an admin, Carol a member."""
    return folded(GROUP, created(ALICE, BOB, CAROL), membership(2, (BOB, ADMIN, Role.ADMIN)))


def reason(outcome: object) -> Reason:
    assert isinstance(outcome, Refusal)
    return outcome.reason


# -- groups ------------------------------------------------------------------------------------------------------------


def test_who_makes_a_group_owns_it() -> None:
    decision = decide(Fold(GROUP), ALICE, Create("Crew", "us", (BOB, ALICE, BOB)), LIMITS)
    assert isinstance(decision, Decision)
    assert [(m.account_id, m.role) for m in decision.change.members] == [(ALICE, Role.OWNER), (BOB, Role.MEMBER)]
    assert (decision.change.title, decision.change.description) == ("Crew", "us")


def test_a_group_is_made_once() -> None:
    assert reason(decide(crew(), DAVE, Create("x", "", ()), LIMITS)) is Reason.ALREADY_TAKEN


def test_a_group_that_would_be_too_large_names_those_who_did_not_fit() -> None:
    decision = decide(Fold(GROUP), ALICE, Create("Crew", "", (BOB, CAROL)), Limits(group_members_max=2))
    assert isinstance(decision, Decision)
    ((account, refusal),) = decision.refused
    assert account == CAROL and (refusal.reason, refusal.limit, refusal.actual) == (Reason.GROUP_FULL, 2, 3)


def test_adding_many_answers_for_each() -> None:
    decision = decide(crew(), BOB, Add((CAROL, DAVE, "erin")), Limits(group_members_max=4))
    assert isinstance(decision, Decision)
    assert [m.account_id for m in decision.change.members] == [DAVE]
    assert [(a, r.reason) for a, r in decision.refused] == [(CAROL, Reason.ALREADY_A_MEMBER), ("erin", Reason.GROUP_FULL)]
    assert decision.refused[1][1].actual == 4


@pytest.mark.parametrize("command", [Add((DAVE,)), Remove((BOB,)), SetRole(BOB, Role.ADMIN), SetProfile("x", None)])
def test_a_member_may_not(command: groups.Command) -> None:
    assert reason(decide(crew(), CAROL, command, LIMITS)) is Reason.NOT_ALLOWED


@pytest.mark.parametrize("command", [Add((DAVE,)), Remove((BOB,)), Leave(), SetRole(BOB, Role.ADMIN), SetProfile("x", None)])
def test_a_stranger_may_nothing(command: groups.Command) -> None:
    assert reason(decide(crew(), DAVE, command, LIMITS)) is Reason.NOT_A_MEMBER


def test_an_admin_removes_members_but_neither_admins_nor_the_owner() -> None:
    decision = decide(crew(), BOB, Remove((CAROL, ALICE, DAVE)), LIMITS)
    assert isinstance(decision, Decision)
    assert [m.account_id for m in decision.change.members] == [CAROL]
    assert [(a, r.reason) for a, r in decision.refused] == [(ALICE, Reason.NOT_ALLOWED), (DAVE, Reason.NOT_FOUND)]
    assert reason(decide(crew(), BOB, Remove((BOB,)), LIMITS)) is Reason.NOT_ALLOWED
    assert isinstance(decide(crew(), ALICE, Remove((BOB,)), LIMITS), Decision)


def test_a_command_that_names_nobody_is_invalid() -> None:
    assert reason(decide(crew(), ALICE, Remove(()), LIMITS)) is Reason.INVALID


def test_when_the_owner_leaves_the_oldest_admin_follows_else_the_oldest_member() -> None:
    def heir(fold: Fold, actor: str) -> list[tuple[str, Role]]:
        decision = decide(fold, actor, Leave(), LIMITS)
        assert isinstance(decision, Decision)
        return [(m.account_id, m.role) for m in decision.change.members]

    assert heir(crew(), ALICE) == [(ALICE, Role.NONE), (BOB, Role.OWNER)]
    assert heir(folded(GROUP, created(ALICE, CAROL, BOB)), ALICE) == [(ALICE, Role.NONE), (BOB, Role.OWNER)]
    assert heir(folded(GROUP, created(ALICE)), ALICE) == [(ALICE, Role.NONE)]
    assert heir(crew(), CAROL) == [(CAROL, Role.NONE)]


def test_roles() -> None:
    def changed(actor: str, account: str, role: Role) -> object:
        outcome = decide(crew(), actor, SetRole(account, role), LIMITS)
        return [(m.account_id, m.role) for m in outcome.change.members] if isinstance(outcome, Decision) else outcome.reason

    assert changed(BOB, CAROL, Role.ADMIN) == [(CAROL, Role.ADMIN)]
    assert changed(BOB, BOB, Role.MEMBER) is Reason.NOT_ALLOWED
    assert changed(ALICE, BOB, Role.MEMBER) == [(BOB, Role.MEMBER)]
    assert changed(BOB, CAROL, Role.OWNER) is Reason.NOT_ALLOWED
    assert changed(ALICE, CAROL, Role.OWNER) == [(CAROL, Role.OWNER), (ALICE, Role.ADMIN)]
    assert changed(ALICE, ALICE, Role.ADMIN) is Reason.NOT_ALLOWED
    assert changed(ALICE, DAVE, Role.ADMIN) is Reason.NOT_FOUND
    assert changed(ALICE, BOB, Role.NONE) is Reason.INVALID


def test_the_profile_changes_in_the_fold() -> None:
    decision = decide(crew(), BOB, SetProfile("New", None), LIMITS)
    assert isinstance(decision, Decision) and decision.change == Change(title="New")


# -- admission ---------------------------------------------------------------------------------------------------------


def targeted(kind: Kind, target: Header | None, sender=PHONE) -> Proposal:  # type: ignore[no-untyped-def]
    return Proposal(sender, uuid(9), 0, int(kind), b"x", target_seq=2, target=target)


def two() -> Fold:
    return folded(DIRECT, entry(1), entry(2))


def test_a_text_gets_a_header_whose_time_never_goes_back() -> None:
    outcome = admit(two(), text(3, BOBS), NOW - 5_000, LIMITS)
    assert isinstance(outcome, Admitted)
    assert (outcome.header.at_ms, outcome.header.visible_count, outcome.header.expires_at_ms) == (NOW, 3, 0)
    fleeting = text(3)
    fleeting.expires_in_s = 60
    outcome = admit(two(), fleeting, NOW, LIMITS)
    assert isinstance(outcome, Admitted) and outcome.header.expires_at_ms == NOW + 60_000


def test_only_members_append() -> None:
    assert reason(admit(two(), text(3, CAROLS), NOW, LIMITS)) is Reason.NOT_A_MEMBER


def test_the_first_entry_fixes_whether_a_conversation_is_sealed() -> None:
    sealed = text(3)
    sealed.sealed = True
    assert reason(admit(two(), sealed, NOW, LIMITS)) is Reason.MODE_MISMATCH
    assert isinstance(admit(Fold(DIRECT), sealed, NOW, LIMITS), Admitted)


@pytest.mark.parametrize(
    ("kind", "target", "age_s", "sender", "expected"),
    [
        (Kind.EDIT, entry(2).header, 900, PHONE, None),
        (Kind.EDIT, entry(2).header, 901, PHONE, Reason.WINDOW_PASSED),
        (Kind.EDIT, entry(2).header, 0, BOBS, Reason.TARGET_NOT_FOUND),
        (Kind.EDIT, None, 0, PHONE, Reason.TARGET_NOT_FOUND),
        (Kind.DELETION, entry(2).header, 216_000, PHONE, None),
        (Kind.DELETION, entry(2).header, 216_001, PHONE, Reason.WINDOW_PASSED),
        (Kind.DELETION, entry(2).header, 0, BOBS, Reason.NOT_ALLOWED),
        (Kind.DELETION, entry(2).header._replace(kind=int(Kind.REACTION)), 0, PHONE, Reason.TARGET_NOT_FOUND),
        (Kind.REACTION, entry(2).header, 10**6, BOBS, None),
        (Kind.REACTION, entry(2).header._replace(kind=int(Kind.EDIT)), 0, BOBS, Reason.TARGET_NOT_FOUND),
    ],
)
def test_what_is_about_another_envelope(kind: Kind, target: Header | None, age_s: int, sender, expected) -> None:  # type: ignore[no-untyped-def]
    outcome = admit(two(), targeted(kind, target, sender), NOW + 1000 * age_s, LIMITS)
    assert isinstance(outcome, Admitted) if expected is None else reason(outcome) is expected


def test_an_admin_deletes_for_others_at_any_time() -> None:
    outcome = admit(crew(), targeted(Kind.DELETION, entry(2, CAROLS).header, BOBS), NOW + 10**10, LIMITS)
    assert isinstance(outcome, Admitted)


def test_settings_live_in_the_self_conversation_up_to_a_number_of_keys() -> None:
    def setting(fold: Fold, key: str) -> object:
        return admit(fold, Proposal(PHONE, uuid(1), 0, int(Kind.SETTING), setting=(key, b"v")), NOW, Limits(setting_keys_max=1))

    mine = Fold(ids.self_id(ALICE))
    first = setting(mine, "a")
    assert isinstance(first, Admitted)
    mine.apply(Entry(1, first.header, None))
    assert mine.settings == {"a": b"v"}
    assert isinstance(setting(mine, "a"), Admitted)
    assert reason(setting(mine, "b")) is Reason.LIMIT_EXCEEDED
    assert reason(setting(two(), "a")) is Reason.NOT_ALLOWED
    mine.apply(Entry(2, first.header._replace(change=Change(setting=("a", b""))), None))
    assert mine.settings == {}


def test_a_group_command_is_admitted_with_its_change_or_refused() -> None:
    outcome = admit(crew(), Proposal(PHONE, uuid(3), 0, int(Kind.MEMBERSHIP), command=Add((DAVE,))), NOW, LIMITS)
    assert isinstance(outcome, Admitted) and outcome.header.change is not None
    assert (
        reason(admit(crew(), Proposal(CAROLS, uuid(3), 0, int(Kind.MEMBERSHIP), command=Add((DAVE,))), NOW, LIMITS))
        is Reason.NOT_ALLOWED
    )


# -- the fold ----------------------------------------------------------------------------------------------------------


def test_a_snapshot_of_the_fold_is_the_fold() -> None:
    fold = crew()
    withheld = entry(3)
    fold.apply(withheld._replace(header=withheld.header._replace(withheld_from=BOB)))
    twin = Fold.load(GROUP, fold.dump())
    assert all(getattr(twin, name) == getattr(fold, name) for name in Fold.__slots__)


def test_a_snapshot_of_a_newer_node_is_refused() -> None:
    with pytest.raises(ValueError, match="newer node"):
        Fold.load(GROUP, crew().dump().replace(b'"rules":1', b'"rules":4'))


def test_entries_are_applied_in_order_only() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        two().apply(entry(4))


def test_the_audience_is_before_and_after_together() -> None:
    fold = folded(GROUP, created(ALICE, BOB))
    removal = membership(2, (BOB, MemberAction.REMOVED, Role.NONE))
    fold.apply(removal)
    assert set(fold.audience(removal)) == {ALICE, BOB}
    fold.apply(entry(3))
    assert set(fold.audience(entry(3))) == {ALICE} == set(fold.current())
    assert (fold.last_entitled(BOB), fold.last_entitled(DAVE), fold.next_entitled(DAVE, 1)) == (2, 0, None)
    assert fold.next_entitled(BOB, 3) is None and not fold.entitled(DAVE, 1)


def test_a_kind_of_the_future_is_visible() -> None:
    assert is_visible(99) and is_visible(Kind.TEXT) and not is_visible(Kind.REACTION)


# -- receipts ----------------------------------------------------------------------------------------------------------


def book(*positions: tuple[str, str, int, int, ranges.Ranges]) -> ReceiptBook:
    made = ReceiptBook()
    for device, account, acked, read, skipped in positions:
        made.raise_to(device, account, acked, read, skipped)
    return made


def test_delivered_is_acked_but_not_skipped_by_one_device() -> None:
    fold = folded(DIRECT, *(entry(n) for n in range(1, 6)))
    made = book(("bob-phone", BOB, 5, 3, ((1, 2),)), ("bob-pad", BOB, 1, 1, ()))
    assert made.ticks(fold, ALICE, read=False) == ((1, 1), (3, 5))
    assert made.ticks(fold, ALICE, read=True) == ((1, 1), (3, 3))
    assert made.account_read(BOB) == 3


def test_a_group_tick_needs_every_member_of_the_time_who_is_still_there_and_at_least_one() -> None:
    fold = folded(GROUP, created(ALICE, BOB, CAROL), entry(2), membership(3, (DAVE, MemberAction.ADDED, Role.MEMBER)), entry(4))
    made = book(("b", BOB, 4, 0, ()), ("c", CAROL, 2, 0, ()))
    assert made.ticks(fold, ALICE, read=False) == ((1, 2),)
    fold.apply(membership(5, (CAROL, MemberAction.LEFT, Role.NONE)))
    assert made.ticks(fold, ALICE, read=False) == ((1, 2),), "Dave has not got 3 and 4"
    made.raise_to("d", DAVE, 4, 0, ())
    assert made.ticks(fold, ALICE, read=False) == ((1, 4),)
    alone = folded(GROUP, created(ALICE, BOB), entry(2), membership(3, (BOB, MemberAction.LEFT, Role.NONE)), entry(4))
    assert book(("b", BOB, 3, 0, ())).ticks(alone, ALICE, read=False) == ()


def test_who_left_and_came_back_holds_up_no_tick_of_what_was_before() -> None:
    gone = (CAROL, MemberAction.LEFT, Role.NONE)
    fold = folded(
        GROUP, created(ALICE, BOB, CAROL), entry(2), membership(3, gone), membership(4, (CAROL, MemberAction.ADDED, Role.MEMBER))
    )
    fold.apply(entry(5))
    made = book(("b", BOB, 5, 0, ()), ("c", CAROL, 0, 0, ()))
    assert made.ticks(fold, ALICE, read=False) == ((1, 3),)


def test_a_withheld_envelope_never_ticks() -> None:
    hidden = entry(2)
    fold = folded(DIRECT, entry(1), hidden._replace(header=hidden.header._replace(withheld_from=BOB)), entry(3))
    made = book(("bob-phone", BOB, 3, 3, ()))
    assert made.ticks(fold, ALICE, read=False) == ((1, 1), (3, 3))
    assert made.delivered_to(fold, BOB) == ((1, 1), (3, 3)) == made.read_by(fold, BOB)
    assert made.delivered_to(fold, DAVE) == ()


def test_positions_only_grow() -> None:
    made = book(("b", BOB, 4, 2, ((1, 1),)))
    assert not made.raise_to("b", BOB, 3, 1, ())
    assert (made.devices["b"].acked, made.devices["b"].read, made.devices["b"].skipped) == (4, 2, ((1, 1),))
    made.forget("b")
    assert made.account_read(BOB) == 0


def test_what_nobody_has_read_has_no_read_tick() -> None:
    fold = folded(DIRECT, entry(1))
    assert book(("bob-phone", BOB, 1, 0, ())).ticks(fold, ALICE, read=True) == ()


def test_a_device_of_the_author_ticks_nothing() -> None:
    fold = folded(DIRECT, entry(1))
    made = book(("alice-laptop", ALICE, 1, 1, ()), ("bob-phone", BOB, 1, 0, ()))
    assert made.ticks(fold, ALICE, read=False) == ((1, 1),)
    assert made.ticks(fold, ALICE, read=True) == ()


# -- trimming ----------------------------------------------------------------------------------------------------------


def test_bodies_wait_for_every_device_of_every_member() -> None:
    fold = folded(GROUP, created(ALICE, BOB), *(entry(n) for n in range(2, 9)))
    devices = {ALICE: {"a": NOW}, BOB: {"b": NOW, "new": NOW}}
    assert trimming.bodies_up_to(fold, {"a": 8, "b": 5}, devices, NOW, LIMITS) == 0, "a device without a row counts as 0"
    assert trimming.bodies_up_to(fold, {"a": 8, "b": 5, "new": 6}, devices, NOW, LIMITS) == 5
    idle = {ALICE: {"a": NOW}, BOB: {"b": 0}}
    assert trimming.bodies_up_to(fold, {"a": 8}, idle, NOW, LIMITS) == 8, "a device idle for the retention does not count"


def test_bodies_wait_for_a_former_member_up_to_his_leaving() -> None:
    fold = folded(GROUP, created(ALICE, BOB), entry(2), membership(3, (BOB, MemberAction.REMOVED, Role.NONE)), entry(4))
    devices = {ALICE: {"a": NOW}, BOB: {"b": NOW}}
    assert trimming.bodies_up_to(fold, {"a": 4, "b": 1}, devices, NOW, LIMITS) == 1
    assert trimming.bodies_up_to(fold, {"a": 4, "b": 3}, devices, NOW, LIMITS) == 4


def test_headers_go_by_age_up_to_the_snapshot_and_never_the_last() -> None:
    month = 1000 * LIMITS.header_retention_s
    log = [entry(n, at_ms=NOW) for n in (1, 2, 3)]
    assert trimming.headers_up_to(log, 3, 3, NOW + month, LIMITS) == 0
    assert trimming.headers_up_to(log, 3, 3, NOW + month + 1, LIMITS) == 2
    assert trimming.headers_up_to(log, 3, 1, NOW + month + 1, LIMITS) == 1
    assert trimming.headers_up_to(log, 9, 9, NOW + month + 1, LIMITS) == 3, "as many as were asked about"


# -- ids and ranges ----------------------------------------------------------------------------------------------------


def test_ids_say_what_they_are() -> None:
    assert ids.direct_id(BOB, ALICE) == ids.direct_id(ALICE, BOB) == "d:alice:bob"
    assert ids.accounts_of("d:alice:bob") == (ALICE, BOB) and ids.accounts_of("s:alice") == (ALICE,)
    assert ids.accounts_of("d:bob:alice") == ids.accounts_of("d:a") == ids.accounts_of("s:") == ids.accounts_of(GROUP) == ()
    assert ids.is_group(ids.group_id(ALICE, uuid(1))) and ids.group_id(ALICE, uuid(1)) != ids.group_id(BOB, uuid(1))
    assert ids.is_direct(DIRECT) and ids.is_self(ids.self_id(ALICE)) and ids.is_id(DIRECT) and not ids.is_id("Ä")
    assert ids.is_uuid(uuid(1)) and not ids.is_uuid("x")


seqs = st.sets(st.integers(1, 40))


def runs(numbers: set[int]) -> ranges.Ranges:
    return ranges.normal((n, n) for n in numbers)


def flat(given_runs: ranges.Ranges) -> set[int]:
    return {n for first, last in given_runs for n in range(first, last + 1)}


@given(seqs, seqs, st.integers(1, 40))
def test_ranges_are_sets(one: set[int], other: set[int], seq: int) -> None:
    a, b = runs(one), runs(other)
    assert flat(ranges.union(a, b)) == one | other
    assert flat(ranges.intersection(a, b)) == one & other
    assert flat(ranges.difference(a, b)) == one - other
    assert flat(ranges.add(a, seq)) == one | {seq}
    assert ranges.contains(a, seq) == (seq in one)
    assert ranges.from_text(ranges.to_text(a)) == a
    assert all(x[1] + 1 < y[0] for x, y in zip(a, a[1:], strict=False))


def test_up_to_nothing_is_nothing() -> None:
    assert ranges.up_to(0) == () and ranges.up_to(3) == ((1, 3),) and ranges.normal([(3, 2)]) == ()


def test_a_member_change_says_who() -> None:
    assert MemberChange(ALICE, MemberAction.LEFT, Role.NONE).account_id == ALICE
