"""What every catalogue must do: uploads, blobs, names in the store, claims and views. SQLite is the one that there is."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.verdict import Reason, Rejected

from media.adapters.sqlite.catalogue import SqliteBlobs, SqliteClaims, SqliteObjects, SqliteUploads, SqliteViews
from media.domain import upload as rules
from media.domain.blob import Blob, Claim, StoredObject
from media.domain.upload import Stage, Upload, Usage
from media.domain.wish import Variant, Wish
from media.ports.catalogue import Blobs, Claims, Objects, Uploads, View, Views
from server.kit.database import open_database
from tests.support.cast import ALICE, BOB, DIRECT, GROUP, NOW, uuid

HASH = b"h" * 32
LATER = NOW + 60_000


@dataclass
class Catalogue:
    """One adapter's stores."""

    uploads: Uploads
    objects: Objects
    blobs: Blobs
    claims: Claims
    views: Views

    async def stored(self, number: int = 1, **changes: object) -> Blob:
        """A blob, from its announcement on."""
        upload = await self.uploads.add(an_upload(number, **changes))
        blob = a_blob(upload)
        await self.objects.intend([item.name for item in blob.objects], NOW)
        assert await self.blobs.finish(rules.ready(upload), blob)
        return blob


@pytest.fixture(params=["sqlite"])
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    database = await open_database(tmp_path / "catalogue.sqlite", "media.schema")
    yield Catalogue(
        SqliteUploads(database), SqliteObjects(database), SqliteBlobs(database), SqliteClaims(database), SqliteViews(database)
    )
    await database.close()


def an_upload(number: int = 1, **changes: object) -> Upload:
    made = Upload(
        upload_id=f"upload-{number}",
        account_id=ALICE,
        device_id="phone",
        upload_key=uuid(number),
        wish=Wish(Kind.IMAGE, declared_type="image/jpeg"),
        size_bytes=100,
        sha256=HASH,
        name="sea.jpg",
        created_ms=NOW,
        touched_ms=NOW,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def a_blob(upload: Upload) -> Blob:
    files = tuple(
        StoredObject(variant, f"m/{upload.upload_id}-{variant}", "image/jpeg", size, HASH, side, side, b"key", "k1")
        for variant, size, side in ((Variant.MAIN, 70, 640), (Variant.THUMBNAIL, 7, 96))
    )
    return Blob(
        blob_id=upload.upload_id,
        account_id=upload.account_id,
        kind=upload.wish.kind,
        name=upload.name,
        content_type="image/jpeg",
        width=640,
        height=640,
        duration_ms=0,
        blurhash="LEHV6nWB2yk8",
        waveform=b"\x00\xff",
        created_ms=NOW,
        objects=files,
    )


def a_claim(blob: Blob, number: int = 1, **changes: object) -> Claim:
    return dataclasses.replace(Claim(blob.blob_id, DIRECT, uuid(number), ALICE, LATER), **changes)  # type: ignore[arg-type]


# -- uploads -----------------------------------------------------------------------------------------------------------


async def test_one_key_of_an_account_is_one_upload_whoever_comes_first(catalogue: Catalogue) -> None:
    tries = [an_upload(number, upload_key=uuid(1)) for number in range(5)]
    added = await asyncio.gather(*(catalogue.uploads.add(upload) for upload in tries))
    assert len({upload.upload_id for upload in added}) == 1 and added[0] in tries
    assert await catalogue.uploads.by_key(ALICE, uuid(1)) == added[0] == await catalogue.uploads.get(added[0].upload_id)
    other = an_upload(9, upload_key=uuid(1), account_id=BOB)
    assert await catalogue.uploads.add(other) == other
    assert await catalogue.uploads.by_key(BOB, uuid(2)) is None and await catalogue.uploads.get("none") is None


async def test_what_an_upload_has_become_is_kept_until_it_is_done_and_never_after(catalogue: Catalogue) -> None:
    upload = await catalogue.uploads.add(an_upload())
    received = rules.received(upload, 60, NOW + 5)
    assert await catalogue.uploads.save(received) and await catalogue.uploads.get(upload.upload_id) == received
    refused = rules.rejected(received, Rejected(Reason.TOO_LARGE, 16, 20, "too large"))
    assert await catalogue.uploads.save(refused) and await catalogue.uploads.get(upload.upload_id) == refused
    assert not await catalogue.uploads.save(rules.cancelled(received)), "it is done"
    assert not await catalogue.blobs.finish(rules.ready(received), a_blob(received))
    assert await catalogue.uploads.get(upload.upload_id) == refused and await catalogue.blobs.get(upload.upload_id) is None
    assert not await catalogue.uploads.save(an_upload(7)), "it was never announced"


async def test_those_under_way_come_oldest_first_and_the_others_are_forgotten_in_time(catalogue: Catalogue) -> None:
    for number, touched in ((1, NOW + 2), (2, NOW + 1), (3, NOW), (4, NOW)):
        await catalogue.uploads.add(an_upload(number, touched_ms=touched))
    await catalogue.uploads.save(an_upload(1, touched_ms=NOW + 2, stage=Stage.WAITING, received_bytes=100))
    await catalogue.uploads.save(rules.cancelled(an_upload(3, touched_ms=NOW)))
    await catalogue.uploads.save(rules.cancelled(an_upload(4, touched_ms=NOW + 9)))
    assert [upload.upload_id for upload in await catalogue.uploads.unfinished()] == ["upload-2", "upload-1"]
    assert await catalogue.uploads.forget(NOW + 9) == 1
    assert await catalogue.uploads.get("upload-3") is None and await catalogue.uploads.get("upload-4") is not None
    assert len(await catalogue.uploads.unfinished()) == 2, "whatever their age"


async def test_usage_is_what_is_stored_and_what_is_under_way(catalogue: Catalogue) -> None:
    assert await catalogue.uploads.usage(ALICE) == Usage()
    await catalogue.stored(1)
    await catalogue.stored(2)
    await catalogue.stored(3, account_id=BOB)
    await catalogue.uploads.add(an_upload(4, size_bytes=30))
    await catalogue.uploads.add(an_upload(5, size_bytes=12))
    await catalogue.uploads.save(rules.cancelled(an_upload(5)))
    assert await catalogue.uploads.usage(ALICE) == Usage(2, 2 * 77, 1, 30)


# -- blobs and names ---------------------------------------------------------------------------------------------------


async def test_a_blob_and_that_its_upload_is_ready_are_one_thing(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    upload = await catalogue.uploads.get(blob.blob_id)
    assert upload is not None and upload.stage is Stage.READY and await catalogue.blobs.get(blob.blob_id) == blob
    assert await catalogue.blobs.of_account(ALICE) == [blob.blob_id] and await catalogue.blobs.of_account(BOB) == []


async def test_the_same_bytes_are_found_for_the_same_wish_of_the_same_account(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    wish = Wish(Kind.IMAGE, declared_type="another type, which decides nothing")
    assert await catalogue.blobs.same(ALICE, wish, HASH) == blob
    for account, wanted, sha256 in (
        (BOB, wish, HASH),
        (ALICE, Wish(Kind.DOCUMENT), HASH),
        (ALICE, Wish(Kind.IMAGE, view_once=True), HASH),
        (ALICE, wish, b"?" * 32),
    ):
        assert await catalogue.blobs.same(account, wanted, sha256) is None


async def test_names_are_known_before_anything_is_stored_and_orphans_until_they_are_removed(catalogue: Catalogue) -> None:
    await catalogue.objects.intend(["m/left", "m/late"], NOW)
    blob = await catalogue.stored()
    names = [item.name for item in blob.objects]
    assert await catalogue.objects.known(["m/left", names[0], "m/strange"]) == {"m/left", names[0]}
    assert await catalogue.objects.orphans(NOW, 10) == [], "not yet"
    assert set(await catalogue.objects.orphans(NOW + 1, 10)) == {"m/left", "m/late"}
    assert len(await catalogue.objects.orphans(NOW + 1, 1)) == 1
    await catalogue.objects.removed(["m/left", names[0]])
    assert await catalogue.objects.known(["m/left", *names]) == set(names), "what belongs to a blob stays"


async def test_keys_are_wrapped_anew_in_parts(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    await catalogue.objects.intend(["m/intended"], NOW)
    rows = await catalogue.objects.keys("k2", 10)
    assert sorted(rows) == sorted((item.name, b"key", "k1") for item in blob.objects), "what is no blob's has no key"
    assert len(await catalogue.objects.keys("k2", 1)) == 1 and await catalogue.objects.keys("k1", 10) == []
    await catalogue.objects.rewrap([(rows[0][0], b"other", "k2")])
    assert await catalogue.objects.keys("k2", 10) == [rows[1]]
    found = await catalogue.blobs.get(blob.blob_id)
    assert found is not None and {item.key for item in found.objects} == {b"key", b"other"}


# -- claims ------------------------------------------------------------------------------------------------------------


async def test_a_blob_is_held_until_its_last_claim_is_released(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    assert await catalogue.blobs.unheld(NOW, 10) == [] and await catalogue.blobs.unheld(NOW + 1, 10) == [blob]
    claims = [a_claim(blob), a_claim(blob, conversation_id=GROUP, account_id=BOB, view_once=True)]
    for claim in claims:
        assert await catalogue.claims.hold(claim) and await catalogue.claims.hold(claim)
    assert sorted(await catalogue.claims.of_blob(blob.blob_id), key=str) == sorted(claims, key=str)
    assert await catalogue.blobs.unheld(NOW + 1, 10) == [] and not await catalogue.blobs.remove(blob.blob_id, NOW)
    assert await catalogue.claims.release(DIRECT, ALICE, uuid(9), NOW) == []
    assert await catalogue.claims.release(DIRECT, ALICE, uuid(1), NOW + 5) == [blob.blob_id]
    assert await catalogue.blobs.unheld(NOW + 100, 10) == [], "another holds it"
    assert await catalogue.claims.release(GROUP, BOB, "", NOW + 50) == [blob.blob_id], "all that he holds there"
    assert await catalogue.blobs.unheld(NOW + 50, 10) == [] and await catalogue.blobs.unheld(NOW + 51, 10) == [blob]


async def test_the_same_claim_again_lasts_as_long_as_the_longer_one(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    for until in (LATER, LATER + 10, LATER - 10):
        await catalogue.claims.hold(a_claim(blob, until_ms=until))
    assert [claim.until_ms for claim in await catalogue.claims.of_blob(blob.blob_id)] == [LATER + 10]


async def test_claims_end_by_themselves_but_for_those_of_pictures(catalogue: Catalogue) -> None:
    blob, picture = await catalogue.stored(1), await catalogue.stored(2)
    await catalogue.claims.hold(a_claim(blob))
    held = [a_claim(picture, number, until_ms=LATER + number, avatar=True) for number in (3, 2)]
    for claim in held:
        await catalogue.claims.hold(claim)
    assert await catalogue.claims.expire(LATER - 1) == 0 and await catalogue.claims.expire(LATER + 9) == 1
    assert await catalogue.blobs.unheld(LATER + 10, 10) == [blob] and await catalogue.claims.of_blob(blob.blob_id) == []
    assert await catalogue.claims.avatars(LATER + 9, 10) == held[::-1] and await catalogue.claims.avatars(LATER + 3, 10) == [
        held[1]
    ]
    assert await catalogue.claims.avatars(LATER + 9, 1) == [held[1]]


async def test_a_blob_that_is_removed_is_gone_with_its_upload_and_its_names_are_orphans(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    await catalogue.views.open(blob.blob_id, View(BOB, "pad", "token", LATER))
    assert await catalogue.blobs.remove(blob.blob_id, NOW)
    assert await catalogue.blobs.get(blob.blob_id) is None and await catalogue.uploads.by_key(ALICE, uuid(1)) is None
    assert set(await catalogue.objects.orphans(1, 10)) == {item.name for item in blob.objects}, "at once"
    assert await catalogue.views.viewers(blob.blob_id) == []
    assert not await catalogue.claims.hold(a_claim(blob)) and await catalogue.claims.of_blob(blob.blob_id) == []
    assert await catalogue.uploads.add(an_upload(2, upload_key=uuid(1))) == an_upload(2, upload_key=uuid(1)), "it begins anew"


async def test_of_a_claim_and_a_removal_at_once_one_comes_first(catalogue: Catalogue) -> None:
    for number in range(8):
        blob = await catalogue.stored(number)
        held, removed = await asyncio.gather(
            catalogue.claims.hold(a_claim(blob, number)), catalogue.blobs.remove(blob.blob_id, NOW)
        )
        assert held is not removed and (await catalogue.blobs.get(blob.blob_id) is not None) is held


# -- views -------------------------------------------------------------------------------------------------------------


async def test_each_account_opens_a_view_once_blob_once(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    views = [View(BOB, f"device-{number}", f"token-{number}", LATER) for number in range(4)]
    opened = await asyncio.gather(*(catalogue.views.open(blob.blob_id, view) for view in views))
    assert sorted(opened) == [False, False, False, True]
    token = views[opened.index(True)].token_hash
    assert await catalogue.views.holds(blob.blob_id, token, LATER - 1)
    for wrong in (("another", token, NOW), (blob.blob_id, "guessed", NOW), (blob.blob_id, token, LATER)):
        assert not await catalogue.views.holds(*wrong)
    assert await catalogue.views.viewers(blob.blob_id) == [BOB]
    assert await catalogue.views.under_way(blob.blob_id, NOW) and await catalogue.views.over(NOW) == []
    await catalogue.views.use_up(blob.blob_id, token)
    assert not await catalogue.views.holds(blob.blob_id, token, NOW) and not await catalogue.views.under_way(blob.blob_id, NOW)
    assert await catalogue.views.over(NOW) == [blob.blob_id]
    assert not await catalogue.views.open(blob.blob_id, views[0]), "it was opened"


async def test_a_token_that_ends_is_over_too(catalogue: Catalogue) -> None:
    blob = await catalogue.stored()
    for account, until in ((ALICE, LATER), (BOB, LATER + 5)):
        await catalogue.views.open(blob.blob_id, View(account, "device", account, until))
    assert await catalogue.views.over(LATER + 4) == [] and await catalogue.views.over(LATER + 5) == [blob.blob_id]
