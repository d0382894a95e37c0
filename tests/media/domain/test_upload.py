"""The playbook of an upload."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Reason as Why
from tidewire.media_rules.verdict import Rejected

from media.domain import upload as rules
from media.domain.limits import Limits
from media.domain.upload import Stage, Upload, Usage
from media.domain.wish import Wish
from server.kit.refusal import Reason, Refusal

LIMITS, RULES = Limits(), MediaLimits()
DATA = b"twelve bytes"
MIB = 1_048_576


def an_upload(kind: Kind = Kind.DOCUMENT, size: int = len(DATA), **changes: object) -> Upload:
    """One that was just announced."""
    upload = Upload(
        upload_id="u",
        account_id="ann",
        device_id="phone",
        upload_key="k",
        wish=Wish(kind),
        size_bytes=size,
        sha256=hashlib.sha256(DATA).digest(),
        name="",
        created_ms=1_000,
        touched_ms=1_000,
    )
    return replace(upload, **changes)  # type: ignore[arg-type]


def declared(upload: Upload, usage: Usage = Usage()) -> Refusal | Rejected | None:  # noqa: B008
    return rules.declare(upload, usage, LIMITS, RULES)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (Kind.IMAGE, 16 * MIB),
        (Kind.VIDEO, 16 * MIB),
        (Kind.VOICE, 16 * MIB),
        (Kind.AUDIO, 16 * MIB),
        (Kind.DOCUMENT, 100 * MIB),
        (Kind.AVATAR, 8 * MIB),
    ],
)
def test_a_declared_size_over_that_of_its_kind_is_refused_before_a_byte_travels(kind: Kind, size: int) -> None:
    assert declared(an_upload(kind, size)) is None
    assert declared(an_upload(kind, size + 1)) == Rejected(Why.TOO_LARGE, size, size + 1)


def test_a_video_that_is_to_fit_or_to_be_cut_may_be_larger_than_what_is_stored() -> None:
    for wish in (Wish(Kind.VIDEO, fit=True), Wish(Kind.VIDEO, trim_end_ms=5_000)):
        assert declared(an_upload(Kind.VIDEO, 256 * MIB, wish=wish)) is None
        refused = declared(an_upload(Kind.VIDEO, 256 * MIB + 1, wish=wish))
        assert refused == Rejected(Why.TOO_LARGE, 256 * MIB, 256 * MIB + 1)


@pytest.mark.parametrize(
    ("upload", "subject"),
    [
        (an_upload(sha256=b"short"), "sha256"),
        (an_upload(wish=Wish(Kind.IMAGE, fit=True)), "fit"),
        (an_upload(wish=Wish(Kind.VOICE, trim_start_ms=1)), "fit"),
        (an_upload(wish=Wish(Kind.VIDEO, trim_start_ms=5, trim_end_ms=5)), "trim_end_ms"),
    ],
)
def test_what_makes_no_sense_is_invalid(upload: Upload, subject: str) -> None:
    refused = declared(upload)
    assert isinstance(refused, Refusal) and (refused.reason, refused.subject) == (Reason.INVALID, subject)


def test_no_bytes_are_no_upload() -> None:
    assert declared(an_upload(size=0)) == Rejected(Why.EMPTY)


def test_stored_bytes_and_those_under_way_count_for_the_quota() -> None:
    room = LIMITS.quota_bytes - len(DATA)
    assert declared(an_upload(), Usage(1, room - 5, 1, 5)) is None
    refused = declared(an_upload(), Usage(1, room - 5, 1, 6))
    assert refused == Refusal(
        Reason.LIMIT_EXCEEDED, subject="quota_bytes", limit=LIMITS.quota_bytes, actual=LIMITS.quota_bytes + 1
    )


def test_an_account_has_so_many_uploads_open() -> None:
    assert declared(an_upload(), Usage(0, 0, LIMITS.uploads_open_max - 1, 0)) is None
    refused = declared(an_upload(), Usage(0, 0, LIMITS.uploads_open_max, 0))
    assert isinstance(refused, Refusal) and refused.subject == "uploads_open_max"


def test_bytes_go_on_at_the_durable_offset_or_before_it() -> None:
    upload = rules.received(an_upload(), 7, 2_000)
    assert (upload.received_bytes, upload.touched_ms) == (7, 2_000)
    assert rules.begin(upload, 7) is None and rules.begin(upload, 0) is None
    refused = rules.begin(upload, 8)
    assert refused is not None and (refused.reason, refused.limit, refused.actual) == (Reason.OUT_OF_PLACE, 7, 8)


@pytest.mark.parametrize("stage", [Stage.WAITING, Stage.READY, Stage.REJECTED, Stage.CANCELLED])
def test_an_upload_with_all_its_bytes_takes_no_more(stage: Stage) -> None:
    refused = rules.begin(an_upload(stage=stage), 0)
    assert refused is not None and refused.reason is Reason.OUT_OF_PLACE


def test_other_bytes_than_declared_are_refused_for_good() -> None:
    upload, whole = an_upload(), len(DATA)
    right = hashlib.sha256(DATA).digest()
    assert rules.excess(upload, whole) is None
    assert rules.excess(upload, whole + 1) == Rejected(Why.NOT_AS_DECLARED, whole, whole + 1, "another number of bytes")
    done = rules.complete(rules.received(upload, whole, 1), right)
    assert done.stage is Stage.WAITING and not done.done
    few = rules.complete(rules.received(upload, whole - 1, 1), right)
    other = rules.complete(rules.received(upload, whole, 1), b"?" * 32)
    for refused in (few, other):
        assert refused.stage is Stage.REJECTED and refused.done
        assert refused.rejection is not None and refused.rejection.reason is Why.NOT_AS_DECLARED


def test_bytes_that_the_disk_has_lost_are_received_again() -> None:
    half, whole = rules.received(an_upload(), 7, 1), an_upload(stage=Stage.WAITING, received_bytes=len(DATA))
    for upload, there in ((half, 7), (half, 9), (whole, len(DATA)), (an_upload(), 0), (rules.ready(whole), 0)):
        assert rules.lost(upload, there, 9) is None
    for upload, there in ((half, 6), (half, 0), (whole, len(DATA) - 1)):
        again = rules.lost(upload, there, 9)
        assert again is not None and (again.stage, again.received_bytes, again.touched_ms) == (Stage.RECEIVING, there, 9)
        assert rules.begin(again, there) is None


def test_what_is_done_stays_what_it_is() -> None:
    ready = rules.ready(an_upload(stage=Stage.WAITING))
    assert ready.done and rules.cancelled(ready) is ready
    assert rules.cancelled(an_upload()).stage is Stage.CANCELLED


def test_a_day_without_a_byte_is_too_long() -> None:
    assert rules.stale_before_ms(90_000_000, LIMITS) == 90_000_000 - 86_400_000
