"""What every store of accounts, contacts, devices and challenges must do: over memory, SQLite and Cassandra."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.adapters.cql.opening import open_cql
from server.adapters.memory.accounts import MemoryAccounts, MemoryChallenges, MemoryContacts, MemoryDevices
from server.adapters.sqlite.accounts import SqliteAccounts, SqliteContacts
from server.adapters.sqlite.devices import SqliteChallenges, SqliteDevices
from server.domain.accounts import Account, Audience, Challenge, Device, Marks, Privacy
from server.domain.avatar import Avatar
from server.kit.database import open_database
from server.kit.system import SystemClock
from server.ports.accounts import AccountMarks, Accounts, Challenges, Contacts, Devices, Secrets
from tests.support.cast import ALICE, BOB, CAROL, NOW

LATER = NOW + 1_000


@dataclass
class Stores:
    """One adapter's stores."""

    accounts: Accounts
    marks: AccountMarks
    contacts: Contacts
    devices: Devices
    challenges: Challenges


@pytest.fixture(params=["memory", "sqlite", pytest.param("cql", marks=pytest.mark.process)])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    if request.param == "memory":
        contacts, devices, challenges = MemoryContacts(), MemoryDevices(), MemoryChallenges()
        accounts = MemoryAccounts(contacts, devices, challenges)
        yield Stores(accounts, accounts, contacts, devices, challenges)
        return
    if request.param == "cql":
        cql = await open_cql(request.getfixturevalue("keyspace").settings, SystemClock(), retention_s=86_400)
        yield Stores(cql.accounts, cql.accounts, cql.contacts, cql.devices, cql.challenges)
        await cql.close()
        return
    database = await open_database(tmp_path / "tidewire.db")
    kept = SqliteAccounts(database)
    yield Stores(kept, kept, SqliteContacts(database), SqliteDevices(database), SqliteChallenges(database))
    await database.close()


def account(account_id: str, **handles: str) -> Account:
    return Account(account_id, account_id.title(), handles=handles or {"username": account_id}, created_at_ms=NOW)


def device(device_id: str, account_id: str = ALICE, *, primary: bool = False, at_ms: int = NOW) -> Device:
    return Device(device_id, account_id, device_id, primary, at_ms, at_ms)


def secrets(name: str, *, access_until_ms: int = LATER, refresh_until_ms: int = LATER) -> Secrets:
    return Secrets(f"{name}-access", access_until_ms, f"{name}-refresh", refresh_until_ms)


def login(challenge_id: str, *, account_id: str = ALICE, at_ms: int = NOW, approval: str = "") -> Challenge:
    return Challenge(challenge_id, "login", "username:alice", account_id, "hash", "pad", 0, approval, at_ms)


# -- accounts ----------------------------------------------------------------------------------------------------------


async def test_an_account_is_found_by_each_of_its_handles(stores: Stores) -> None:
    alice = account(ALICE, username="alice", phone="+358401234567")
    assert await stores.accounts.add(alice, "recovery")
    assert await stores.accounts.get([BOB, ALICE]) == [alice]
    assert await stores.accounts.find("phone:+358401234567") == alice == await stores.accounts.find("username:alice")
    assert await stores.accounts.find("username:bob") is None
    assert await stores.accounts.recovery_hash(ALICE) == "recovery" and await stores.accounts.recovery_hash(BOB) == ""


async def test_marks_are_the_operators_and_no_change_of_the_profile_touches_them(stores: Stores) -> None:
    bot = dataclasses.replace(account(BOB), marks=Marks(bot=True))
    await stores.accounts.add(account(ALICE), "")
    await stores.accounts.add(bot, "")
    assert await stores.accounts.get([BOB]) == [bot]
    suspended = Marks(suspended_at_ms=LATER, suspended_for="spam")
    assert await stores.marks.mark(ALICE, suspended)
    await stores.accounts.update(account(ALICE, username="alicia"))
    assert await stores.accounts.find("username:alicia") == dataclasses.replace(
        account(ALICE, username="alicia"), marks=suspended
    )
    assert await stores.marks.mark(ALICE, Marks())
    assert (await stores.accounts.get([ALICE]))[0].marks == Marks()
    await stores.accounts.delete(ALICE)
    assert not await stores.marks.mark(ALICE, suspended) and not await stores.marks.mark(CAROL, suspended)


async def test_a_picture_is_replaced_by_itself_and_each_that_was_is_told_once(stores: Stores) -> None:
    pictures = [Avatar(f"blob-{number}", "blurhash", ALICE, f"claim-{number}") for number in range(4)]
    assert await stores.accounts.set_avatar(ALICE, pictures[0]) is None, "there is no such account"
    assert await stores.accounts.get([ALICE]) == []
    await stores.accounts.add(account(ALICE), "")
    assert await stores.accounts.set_avatar(ALICE, pictures[0]) is None
    assert await stores.accounts.get([ALICE]) == [dataclasses.replace(account(ALICE), avatar=pictures[0])]
    await stores.accounts.update(dataclasses.replace(account(ALICE, username="alicia"), bio="new"))
    (found,) = await stores.accounts.get([ALICE])
    assert found.avatar == pictures[0] and found.bio == "new", "a change of the profile leaves it alone"
    replaced = await asyncio.gather(*(stores.accounts.set_avatar(ALICE, picture) for picture in pictures[1:]))
    (found,) = await stores.accounts.get([ALICE])
    assert sorted([*replaced, found.avatar], key=str) == sorted(pictures, key=str)
    assert await stores.accounts.set_avatar(ALICE, None) == found.avatar
    assert await stores.accounts.set_avatar(ALICE, None) is None
    assert (await stores.accounts.get([ALICE]))[0].avatar is None
    await stores.accounts.set_avatar(ALICE, pictures[0])
    await stores.accounts.delete(ALICE)
    assert await stores.accounts.set_avatar(ALICE, pictures[1]) is None


async def test_a_handle_belongs_to_one_account_and_a_refused_write_changes_nothing(stores: Stores) -> None:
    await stores.accounts.add(account(ALICE), "")
    assert not await stores.accounts.add(account(BOB, username="alice", email="bob@example.org"), "")
    assert await stores.accounts.get([BOB]) == [] and await stores.accounts.find("email:bob@example.org") is None
    await stores.accounts.add(account(BOB), "")
    assert not await stores.accounts.update(dataclasses.replace(account(BOB, username="alice"), bio="new"))
    assert await stores.accounts.get([BOB]) == [account(BOB)]


async def test_an_update_replaces_profile_privacy_and_handles(stores: Stores) -> None:
    await stores.accounts.add(account(ALICE), "")
    privacy = Privacy(Audience.CONTACTS_EXCEPT, (BOB,), False, Audience.NOBODY, (CAROL,), False)
    changed = dataclasses.replace(account(ALICE, username="ally"), display_name="Ally", bio="hi", privacy=privacy)
    assert await stores.accounts.update(changed)
    assert await stores.accounts.get([ALICE]) == [changed]
    assert await stores.accounts.find("username:alice") is None, "the old handle is free"


async def test_last_seen_only_grows(stores: Stores) -> None:
    await stores.accounts.add(account(ALICE), "")
    for at_ms in (NOW + 5, NOW):
        await stores.accounts.save_last_seen(ALICE, at_ms)
    assert (await stores.accounts.get([ALICE]))[0].last_seen_ms == NOW + 5


async def test_a_deleted_account_leaves_nothing_but_frees_its_handles(stores: Stores) -> None:
    await stores.accounts.add(account(ALICE), "recovery")
    await stores.devices.add(device("phone"), secrets("phone"))
    await stores.contacts.put(ALICE, BOB, "Bob")
    await stores.contacts.block(ALICE, CAROL, True)
    await stores.challenges.put(login("c"))
    await stores.accounts.delete(ALICE)
    assert await stores.accounts.get([ALICE]) == [] and await stores.accounts.recovery_hash(ALICE) == ""
    assert await stores.devices.of_account(ALICE) == [] and await stores.devices.by_access("phone-access", NOW) is None
    assert await stores.contacts.of_account(ALICE) == {} and await stores.contacts.blocked(ALICE) == []
    assert await stores.challenges.get("c") is None
    assert await stores.accounts.add(account(BOB, username="alice"), "")


# -- contacts ----------------------------------------------------------------------------------------------------------


async def test_contacts_are_put_renamed_and_removed(stores: Stores) -> None:
    for name in ("Bob", "Bobby"):
        await stores.contacts.put(ALICE, BOB, name)
    await stores.contacts.put(ALICE, CAROL, "Carol")
    assert await stores.contacts.of_account(ALICE) == {BOB: "Bobby", CAROL: "Carol"}
    await stores.contacts.remove(ALICE, BOB)
    await stores.contacts.remove(ALICE, BOB)
    assert await stores.contacts.of_account(ALICE) == {CAROL: "Carol"} and await stores.contacts.of_account(BOB) == {}


async def test_blocks_go_one_way_and_are_taken_back(stores: Stores) -> None:
    for blocked in (True, True):
        await stores.contacts.block(ALICE, BOB, blocked)
    assert await stores.contacts.blocked(ALICE) == [BOB] and await stores.contacts.blocked(BOB) == []
    await stores.contacts.block(ALICE, BOB, False)
    assert await stores.contacts.blocked(ALICE) == []


# -- devices -----------------------------------------------------------------------------------------------------------


async def test_devices_are_listed_the_primary_first_then_by_age(stores: Stores) -> None:
    for made in (device("pad", at_ms=NOW + 2), device("laptop", at_ms=NOW + 1), device("phone", primary=True, at_ms=NOW + 3)):
        await stores.devices.add(made, secrets(made.device_id))
    await stores.devices.add(device("other", BOB), secrets("other"))
    await stores.devices.rename("pad", "Pad")
    await stores.devices.touch("pad", NOW + 9)
    await stores.devices.touch("pad", NOW + 8)
    listed = await stores.devices.of_account(ALICE)
    assert [d.device_id for d in listed] == ["phone", "laptop", "pad"]
    assert (listed[2].name, listed[2].active_at_ms) == ("Pad", NOW + 9)
    await stores.devices.remove("pad")
    assert len(await stores.devices.of_account(ALICE)) == 2
    await stores.devices.touch("pad", NOW)
    await stores.devices.rename("pad", "gone")


async def test_an_access_token_holds_until_its_time(stores: Stores) -> None:
    await stores.devices.add(device("phone"), secrets("phone"))
    found = await stores.devices.by_access("phone-access", NOW)
    assert found == device("phone") and found.access_until_ms == LATER
    assert await stores.devices.by_access("phone-access", LATER) is None
    assert await stores.devices.by_access("phone-refresh", NOW) is None


async def test_a_refresh_token_is_exchanged_once_and_told_apart_when_spent(stores: Stores) -> None:
    await stores.devices.add(device("phone"), secrets("old"))
    assert await stores.devices.exchange("old-refresh", secrets("new"), NOW) == device("phone")
    assert await stores.devices.by_access("old-access", NOW) is None
    assert await stores.devices.by_access("new-access", NOW) == device("phone")
    assert await stores.devices.exchange("old-refresh", secrets("thief"), NOW) == "phone"
    assert await stores.devices.by_access("thief-access", NOW) is None
    assert await stores.devices.exchange("never-refresh", secrets("x"), NOW) is None
    assert await stores.devices.exchange("new-refresh", secrets("x"), LATER) is None, "it has expired"


async def test_the_same_exchange_again_finds_its_own_tokens_until_they_are_exchanged(stores: Stores) -> None:
    await stores.devices.add(device("phone"), secrets("old"))
    for _ in range(2):
        assert await stores.devices.exchange("old-refresh", secrets("new"), NOW) == device("phone")
    await stores.devices.exchange("new-refresh", secrets("newer"), NOW)
    assert await stores.devices.exchange("old-refresh", secrets("new"), NOW) == "phone"


async def test_of_two_that_exchange_one_token_one_finds_it_spent(stores: Stores) -> None:
    await stores.devices.add(device("phone"), secrets("old"))
    both = await asyncio.gather(*(stores.devices.exchange("old-refresh", secrets(name), NOW) for name in ("one", "two")))
    assert sorted(both, key=str) == sorted([device("phone"), "phone"], key=str)


async def test_replaced_secrets_void_the_old_ones(stores: Stores) -> None:
    await stores.devices.add(device("phone"), secrets("old"))
    assert await stores.devices.replace_secrets("phone", secrets("void")) == ALICE
    assert await stores.devices.by_access("old-access", NOW) is None
    assert await stores.devices.exchange("old-refresh", secrets("new"), NOW) is None
    assert await stores.devices.replace_secrets("nobody", secrets("x")) == ""


# -- challenges --------------------------------------------------------------------------------------------------------


async def test_a_challenge_is_used_up_once_and_counts_its_tries(stores: Stores) -> None:
    await stores.challenges.put(login("c"))
    assert [await stores.challenges.count_try("c") for _ in range(2)] == [1, 2]
    assert (await stores.challenges.get("c")) == dataclasses.replace(login("c"), tries=2)
    assert [await stores.challenges.remove("c") for _ in range(2)] == [True, False]
    assert await stores.challenges.get("c") is None and await stores.challenges.count_try("c") == 0


async def test_logins_wait_until_answered_or_too_old(stores: Stores) -> None:
    for challenge in (login("late", at_ms=NOW + 2), login("early", at_ms=NOW + 1), login("old", at_ms=NOW - 1)):
        await stores.challenges.put(challenge)
    await stores.challenges.put(login("of bob", account_id=BOB))
    await stores.challenges.put(dataclasses.replace(login("early2", at_ms=NOW + 1), purpose="register"))
    assert [c.challenge_id for c in await stores.challenges.waiting(ALICE, NOW)] == ["early", "late"]
    await stores.challenges.put(login("early", at_ms=NOW + 1, approval="approved"))
    assert [c.challenge_id for c in await stores.challenges.waiting(ALICE, NOW)] == ["late"]
