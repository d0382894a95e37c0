"""What a node keeps of people: never what was read before a change."""

from __future__ import annotations

import asyncio

from server.adapters.memory.accounts import MemoryAccounts, MemoryChallenges, MemoryContacts, MemoryDevices
from server.domain.accounts import Account
from server.domain.limits import Limits
from server.services.people import KnownPeople
from tests.support.cast import ALICE, BOB
from tests.support.clock import HandClock
from tests.support.gate import Gate


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


async def bob_is_read() -> tuple[KnownPeople, Gate]:
    """A node that knows nothing of Bob yet, and a gate, shut, before what it reads of him."""
    gate, devices = Gate(), MemoryDevices()
    contacts = GatedContacts(gate)
    accounts = MemoryAccounts(contacts, devices, MemoryChallenges())
    await accounts.add(Account(BOB, "Bob"), "")
    gate.shut()
    return KnownPeople(accounts, contacts, devices, HandClock(), Limits()), gate


async def test_facts_that_were_read_before_a_block_are_not_kept() -> None:
    people, gate = await bob_is_read()
    reading = asyncio.ensure_future(people.blocks(BOB, ALICE))
    await gate.waiting.wait()
    await people.block(BOB, ALICE, True)
    gate.open()
    assert not await reading, "it was asked before"
    assert people.at_once(BOB, ALICE) is None, "nothing is known by heart"
    assert await people.blocks(BOB, ALICE)
    assert people.at_once(BOB, ALICE) is not None, "what was read after it is kept"


async def test_of_two_who_read_at_once_the_later_one_is_kept() -> None:
    people, gate = await bob_is_read()
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


async def test_what_is_read_while_other_nodes_may_have_told_in_vain_is_not_kept() -> None:
    people, gate = await bob_is_read()
    reading = asyncio.ensure_future(people.blocks(BOB, ALICE))
    await gate.waiting.wait()
    people.doubt()
    gate.open()
    await reading
    assert people.at_once(BOB, ALICE) is None
