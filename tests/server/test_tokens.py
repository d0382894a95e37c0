"""Access tokens: for how long they hold."""

from __future__ import annotations

import asyncio

import pytest

from server.adapters.memory.accounts import MemoryAccounts, MemoryChallenges, MemoryContacts, MemoryDevices
from server.domain.accounts import Account, Device
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refused
from server.kit.system import SystemRandom
from server.services.signing_in import Tokens
from tests.support.cast import ALICE, NOW
from tests.support.clock import HandClock
from tests.support.gate import Gate


class GatedDevices(MemoryDevices):
    """A store whose answers are on their way for as long as the test likes."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    async def by_access(self, access_hash: str, now_ms: int) -> Device | None:
        """See `Devices.by_access`."""
        found = await super().by_access(access_hash, now_ms)
        await self.gate.passed()
        return found


async def phone(devices: MemoryDevices, clock: HandClock) -> tuple[Tokens, str]:
    """The tokens of a node, and that of Alice's phone, which holds for a minute."""
    accounts = MemoryAccounts(MemoryContacts(), devices, MemoryChallenges())
    tokens = Tokens(devices, accounts, clock, SystemRandom(), Limits(access_token_ttl_s=60))
    given, secrets = tokens.make(ALICE, "phone")
    await accounts.add(Account(ALICE, "Alice"), "")
    await devices.add(Device("phone", ALICE, "", True, NOW, NOW), secrets)
    return tokens, given.access_token


async def test_a_token_that_was_seen_just_before_its_end_does_not_hold_any_longer() -> None:
    clock = HandClock()
    tokens, token = await phone(MemoryDevices(), clock)
    clock.pass_ms(59_999)
    assert (await tokens.identify(token)).device_id == "phone"
    clock.pass_ms(1)
    with pytest.raises(Refused) as error:
        await tokens.identify(token)
    assert error.value.refusal.reason is Reason.UNAUTHENTICATED


async def test_a_token_that_was_looked_up_before_its_device_was_removed_is_not_kept() -> None:
    devices = GatedDevices()
    tokens, token = await phone(devices, HandClock())
    devices.gate.shut()
    reading = asyncio.ensure_future(tokens.identify(token))
    await devices.gate.waiting.wait()
    await devices.remove("phone")
    tokens.forget("phone")
    devices.gate.open()
    assert (await reading).device_id == "phone", "it was asked before"
    with pytest.raises(Refused):
        await tokens.identify(token)


async def test_a_token_is_looked_up_again_where_its_end_may_have_been_told_in_vain() -> None:
    devices = MemoryDevices()
    tokens, token = await phone(devices, HandClock())
    await tokens.identify(token)
    await devices.remove("phone")
    assert (await tokens.identify(token)).device_id == "phone", "it is known by heart"
    tokens.doubt()
    with pytest.raises(Refused):
        await tokens.identify(token)
