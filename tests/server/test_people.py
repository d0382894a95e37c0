"""What a node keeps of people: never what was read before a change."""

from __future__ import annotations

import asyncio

import pytest

from server.adapters.memory.accounts import MemoryAccounts, MemoryChallenges, MemoryContacts, MemoryDevices
from server.domain.accounts import Account, Device
from server.domain.limits import Limits
from server.kit.refusal import Refused
from server.kit.system import SystemRandom
from server.services.people import KnownPeople
from server.services.signing_in import Tokens
from tests.support.cast import ALICE, BOB, NOW
from tests.support.clock import HandClock


class Gate:
    """Holds those who come through it, once it is shut."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.waiting = asyncio.Event()

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        self.waiting.set()
        await self._open.wait()


class GatedContacts(MemoryContacts):
    """A store whose answers are on their way for as long as the test likes."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    async def blocked(self, account_id: str) -> list[str]:
        """See `Contacts.blocked`."""
        found = await super().blocked(account_id)
        await self._gate.passed()
        return found


class GatedDevices(MemoryDevices):
    """Likewise."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    async def by_access(self, access_hash: str, now_ms: int) -> Device | None:
        """See `Devices.by_access`."""
        found = await super().by_access(access_hash, now_ms)
        await self._gate.passed()
        return found


async def test_facts_that_were_read_before_a_block_are_not_kept() -> None:
    gate, devices = Gate(), MemoryDevices()
    contacts = GatedContacts(gate)
    accounts = MemoryAccounts(contacts, devices, MemoryChallenges())
    people = KnownPeople(accounts, contacts, devices, HandClock(), Limits())
    await accounts.add(Account(BOB, "Bob"), "")
    gate.shut()
    reading = asyncio.ensure_future(people.blocks(BOB, ALICE))
    await gate.waiting.wait()
    await people.block(BOB, ALICE, True)
    gate.open()
    assert not await reading, "it was asked before"
    assert people.at_once(BOB, ALICE) is None, "nothing is known by heart"
    assert await people.blocks(BOB, ALICE)
    assert people.at_once(BOB, ALICE) is not None, "what was read after it is kept"


async def test_of_two_who_read_at_once_the_later_one_is_kept() -> None:
    gate, devices = Gate(), MemoryDevices()
    contacts = GatedContacts(gate)
    accounts = MemoryAccounts(contacts, devices, MemoryChallenges())
    people = KnownPeople(accounts, contacts, devices, HandClock(), Limits())
    await accounts.add(Account(BOB, "Bob"), "")
    gate.shut()
    before = asyncio.ensure_future(people.blocks(BOB, ALICE))
    await gate.waiting.wait()
    await people.block(BOB, ALICE, True)
    after = asyncio.ensure_future(people.blocks(BOB, ALICE))
    gate.waiting.clear()
    await gate.waiting.wait()
    gate.open()
    assert (await before, await after) == (False, True)
    standing = people.at_once(BOB, ALICE)
    assert standing is not None and standing.blocks


async def test_a_token_that_was_looked_up_before_its_device_was_removed_is_not_kept() -> None:
    gate = Gate()
    devices = GatedDevices(gate)
    accounts = MemoryAccounts(MemoryContacts(), devices, MemoryChallenges())
    tokens = Tokens(devices, accounts, HandClock(), SystemRandom(), Limits())
    given, secrets = tokens.make(ALICE, "phone")
    await accounts.add(Account(ALICE, "Alice"), "")
    await devices.add(Device("phone", ALICE, "", True, NOW, NOW), secrets)
    gate.shut()
    reading = asyncio.ensure_future(tokens.identify(given.access_token))
    await gate.waiting.wait()
    await devices.remove("phone")
    tokens.forget("phone")
    gate.open()
    assert (await reading).device_id == "phone", "it was asked before"
    with pytest.raises(Refused):
        await tokens.identify(given.access_token)
