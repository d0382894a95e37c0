"""Handles on Cassandra, where a crash or a long pause comes between the steps of taking one."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from server.adapters.cql.handles import CLAIM_S, Handles
from server.domain.accounts import Account
from tests.server.cql.conftest import FixedClock, Opened
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import ALICE, BOB, CAROL, NOW

pytestmark = pytest.mark.process

LATER = NOW + 1_000 * CLAIM_S


def named(account_id: str, handle: str = "ally") -> Account:
    return Account(account_id, account_id, handles={"username": handle}, created_at_ms=NOW)


async def nobody(account_id: str, handle: str) -> bool:
    return False


async def test_of_two_that_want_one_handle_one_gets_it(opened: Opened) -> None:
    one, other = await opened(), await opened()
    got = await asyncio.gather(one.accounts.add(named(ALICE), ""), other.accounts.add(named(BOB), ""))
    assert sorted(got) == [False, True]
    owner = await one.accounts.find("username:ally")
    assert owner is not None and owner.account_id == (ALICE if got[0] else BOB)


async def test_a_claim_that_a_crash_left_is_taken_over_after_a_minute_and_its_owner_cannot_settle_it(opened: Opened) -> None:
    stores = await opened(FixedClock(NOW))
    crashed = Handles(stores.cql, FixedClock(NOW), nobody)
    claim = await crashed.claim("username:ally", ALICE)
    assert await stores.accounts.find("username:ally") is None
    assert not await stores.accounts.add(named(BOB), ""), "its owner may still come"
    later = await opened(FixedClock(LATER))
    assert await later.accounts.add(named(BOB), "")
    assert not await crashed.settle("username:ally", claim), "it stood still for too long"
    assert await later.accounts.find("username:ally") == named(BOB)


async def test_a_claim_whose_account_was_written_is_never_taken_over(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened(FixedClock(NOW))
    await stores.accounts.add(named(ALICE), "")
    keyspace.session.execute(
        "UPDATE handles SET settled = false WHERE handle = 'username:ally'"
    )  # it crashed before the last step
    later = await opened(FixedClock(LATER))
    assert not await later.accounts.add(named(BOB), "")
    assert await later.accounts.find("username:ally") == named(ALICE)


async def test_a_handle_given_up_before_a_crash_is_free_at_once(opened: Opened, keyspace: Keyspace) -> None:
    stores = await opened(FixedClock(NOW))
    await stores.accounts.add(named(ALICE), "")
    keyspace.session.execute("UPDATE accounts SET handles = {'username:other'} WHERE account_id = %s", (ALICE,))
    assert await stores.accounts.find("username:ally") is None
    assert await stores.accounts.add(named(BOB), "")
    await stores.accounts.update(named(BOB, "bob"))
    assert await stores.accounts.add(named(CAROL), "")


async def test_updates_of_one_account_from_two_nodes_follow_one_another(opened: Opened) -> None:
    one, other = await opened(), await opened()
    await one.accounts.add(named(ALICE), "")
    texts = [f"bio {number}" for number in range(6)]
    await asyncio.gather(
        *(stores.accounts.update(dataclasses.replace(named(ALICE), bio=bio)) for stores, bio in zip([one, other] * 3, texts))
    )
    (found,) = await one.accounts.get([ALICE])
    assert found.bio in texts
    rows = await one.accounts.find("username:ally")
    assert rows == found
