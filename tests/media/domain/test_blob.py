"""The playbook of blobs: who may hold them, who may see them."""

from __future__ import annotations

from dataclasses import replace

from tidewire.media_rules.kinds import Kind

from media.domain import blob as rules
from media.domain.blob import Blob, Claim, StoredObject
from media.domain.limits import Limits
from media.domain.wish import Variant
from server.kit.refusal import Reason

LIMITS = Limits()
MAIN = StoredObject(Variant.MAIN, "m/1", "image/jpeg", 900, b"", 30, 20, b"", "k1")
SMALL = StoredObject(Variant.THUMBNAIL, "m/2", "image/jpeg", 100, b"", 3, 2, b"", "k1")
BLOB = Blob(
    blob_id="b", account_id="ann", kind=Kind.IMAGE, name="", content_type="image/jpeg", width=30, height=20, duration_ms=0,
    blurhash="", waveform=b"", created_ms=0, objects=(MAIN, SMALL),
)  # fmt: skip
NOW = 1_000_000
OF_ANN = Claim("b", "g:lunch", "e1", "ann", NOW + 10_000)
FORWARDED = Claim("b", "d:ben:carol", "e2", "ben", NOW + 10_000)
ONCE = replace(OF_ANN, view_once=True)


def test_all_files_of_a_blob_count_for_the_quota() -> None:
    assert BLOB.size_bytes == 1_000 and BLOB.main is MAIN
    assert BLOB.object(Variant.THUMBNAIL) is SMALL and BLOB.object(Variant.POSTER) is None


def test_its_owner_may_send_it_and_nobody_who_cannot_see_it() -> None:
    assert rules.may_claim(BLOB, OF_ANN, [], True, LIMITS) is None
    refused = rules.may_claim(BLOB, FORWARDED, [], False, LIMITS)
    assert refused is not None and refused.reason is Reason.NOT_FOUND


def test_whoever_sees_it_may_forward_it() -> None:
    assert rules.may_claim(BLOB, FORWARDED, [OF_ANN], True, LIMITS) is None


def test_the_same_claim_again_is_the_same_claim() -> None:
    full = [replace(OF_ANN, envelope_id=str(number)) for number in range(LIMITS.claims_per_blob_max)]
    assert rules.may_claim(BLOB, full[0], full, False, LIMITS) is None
    refused = rules.may_claim(BLOB, OF_ANN, full, True, LIMITS)
    assert refused is not None and refused.subject == "claims_per_blob_max"


def test_a_view_once_blob_is_for_one_envelope_of_its_owner() -> None:
    assert rules.may_claim(BLOB, ONCE, [], True, LIMITS) is None
    for claim, held, sees in [
        (replace(FORWARDED, view_once=True), [], True),
        (FORWARDED, [ONCE], True),
        (ONCE, [FORWARDED], True),
    ]:
        refused = rules.may_claim(BLOB, claim, held, sees, LIMITS)
        assert refused is not None and (refused.reason, refused.subject) == (Reason.NOT_ALLOWED, "view_once")


def test_a_claim_ends_when_its_envelope_does_and_a_view_once_claim_after_14_days_at_the_most() -> None:
    long = NOW + 1000 * 86_400 * 30
    assert rules.until_ms(replace(OF_ANN, until_ms=long), NOW, LIMITS) == long
    assert rules.until_ms(replace(ONCE, until_ms=long), NOW, LIMITS) == NOW + 1000 * 86_400 * 14
    assert rules.until_ms(ONCE, NOW, LIMITS) == ONCE.until_ms
    ended = replace(OF_ANN, until_ms=NOW)
    assert rules.live([ended, FORWARDED], NOW) == [FORWARDED]


def test_its_owner_and_members_of_a_conversation_that_refers_to_it_see_it() -> None:
    assert rules.may_see(BLOB, "ann", "", [], False) is None
    assert rules.may_see(BLOB, "ben", "g:lunch", [OF_ANN], True) is None
    for conversation_id, claims, member in [("g:lunch", [OF_ANN], False), ("g:lunch", [], True), ("g:other", [OF_ANN], True)]:
        assert rules.may_see(BLOB, "ben", conversation_id, claims, member) is rules.NOT_FOUND


def test_it_was_viewed_by_all_when_only_its_owner_is_left() -> None:
    assert rules.view_once([OF_ANN, ONCE]) and not rules.view_once([OF_ANN])
    assert rules.all_viewed(BLOB, ["ben", "carol"], ["ann", "ben", "carol"])
    assert not rules.all_viewed(BLOB, ["ben"], ["ann", "ben", "carol"])


def test_only_its_owner_makes_a_blob_a_picture_and_only_one_of_the_kind_avatar() -> None:
    square, picture = replace(BLOB, kind=Kind.AVATAR), replace(OF_ANN, conversation_id="p:ann", avatar=True)
    assert rules.may_claim(square, picture, [], True, LIMITS) is None
    of_ben = rules.may_claim(square, replace(picture, account_id="ben"), [picture], True, LIMITS)
    assert of_ben is rules.NOT_FOUND, "though he sees it"
    for blob, claim in ((BLOB, picture), (square, OF_ANN)):
        refused = rules.may_claim(blob, claim, [], True, LIMITS)
        assert refused is not None and (refused.reason, refused.subject) == (Reason.INVALID, "blob_id")


def test_a_picture_is_held_until_the_node_says_that_it_is_none() -> None:
    picture = replace(OF_ANN, until_ms=NOW, avatar=True)
    assert rules.until_ms(picture, NOW, LIMITS) == NOW + 1_000 * LIMITS.avatar_check_s
    assert rules.live([picture, replace(OF_ANN, until_ms=NOW)], NOW + 1) == [picture]
