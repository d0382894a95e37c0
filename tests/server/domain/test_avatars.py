"""The picture of a group: who changes it, and what the log adds up to."""

from __future__ import annotations

import json

import pytest
from tidewire.v1 import envelope_pb2

from server.adapters.grpc import codec, relay_codec
from server.domain import avatar, ids
from server.domain.avatar import Avatar
from server.domain.envelope import Change, Entry, Header, Kind, Role
from server.domain.fold import Fold
from server.domain.groups import Decision, SetProfile, decide
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal
from tests.support.cast import ALICE, BOB, GROUP, NOW, created, entry, folded, uuid

SEA = Avatar("blob-1", "LEHV6nWB2yk8")


def pictured(seq: int, picture: Avatar, sender_id: str = ALICE) -> Entry:
    change = Change(avatar=picture)
    return Entry(seq, Header(uuid(seq), sender_id, "phone", int(Kind.GROUP_PROFILE), NOW, change=change), None)


@pytest.mark.parametrize("picture", [SEA, avatar.NONE])
def test_admins_change_the_picture_and_members_do_not(picture: Avatar) -> None:
    fold = folded(GROUP, created(ALICE, BOB))
    command = SetProfile(None, None, picture)
    assert decide(fold, ALICE, command, Limits()) == Decision(Change(avatar=picture))
    refused = decide(fold, BOB, command, Limits())
    assert isinstance(refused, Refusal) and (refused.reason, refused.limit) == (Reason.NOT_ALLOWED, int(Role.ADMIN))


def test_the_newest_picture_counts_and_the_fold_knows_who_holds_it() -> None:
    fold = folded(GROUP, created(ALICE, BOB), pictured(2, SEA))
    assert (
        fold.avatar == Avatar("blob-1", "LEHV6nWB2yk8", ALICE, uuid(2)) and fold.title == folded(GROUP, created(ALICE, BOB)).title
    )
    fold.apply(pictured(3, Avatar("blob-2"), BOB))
    assert fold.avatar == Avatar("blob-2", "", BOB, uuid(3)) == fold.copy().avatar
    fold.apply(entry(4))
    assert fold.avatar is not None, "a text leaves it alone"
    fold.apply(pictured(5, avatar.NONE))
    assert fold.avatar is None


def test_a_node_that_knows_no_pictures_refuses_a_fold_with_one_and_takes_one_that_never_had_any() -> None:
    plain, pictured_ = folded(GROUP, created(ALICE, BOB)), folded(GROUP, created(ALICE, BOB), pictured(2, SEA))
    assert json.loads(plain.dump())["rules"] == 1 and json.loads(pictured_.dump())["rules"] == 3
    assert Fold.load(GROUP, pictured_.dump()).avatar == pictured_.avatar
    older = json.loads(plain.dump())
    del older["avatar"]
    assert Fold.load(GROUP, json.dumps(older).encode()).avatar is None


@pytest.mark.parametrize("picture", [SEA, avatar.NONE])
def test_the_wire_and_the_other_nodes_are_told_of_a_picture(picture: Avatar) -> None:
    one = pictured(2, picture)
    assert relay_codec.entry(relay_codec.entry_message(one)) == one
    said = codec.envelope(GROUP, one).body.group_profile
    assert said == envelope_pb2.GroupProfile(avatar=envelope_pb2.Avatar(blob_id=picture.blob_id, blurhash=picture.blurhash))


def test_a_conversation_has_the_picture_of_its_fold() -> None:
    fold = folded(GROUP, created(ALICE, BOB), pictured(2, SEA))
    told = codec.conversation(fold, ALICE, 0, members=False)
    assert told.avatar == envelope_pb2.Avatar(blob_id="blob-1", blurhash="LEHV6nWB2yk8"), "and nothing of who holds it"
    assert not codec.conversation(folded(GROUP, created(ALICE)), ALICE, 0, members=False).HasField("avatar")


def test_a_profile_is_no_conversation() -> None:
    place = ids.profile_id(ALICE)
    assert ids.is_id(place) and ids.profile_of(place) == ALICE and ids.profile_of(GROUP) == ids.profile_of(ALICE) == ""
    assert not ids.is_group(place) and not ids.is_direct(place) and not ids.is_self(place) and ids.accounts_of(place) == ()
