"""Access tokens: for how long they hold."""

from __future__ import annotations

import pytest

from server.adapters.memory.accounts import MemoryAccounts, MemoryChallenges, MemoryContacts, MemoryDevices
from server.domain.accounts import Account, Device
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refused
from server.kit.system import SystemRandom
from server.services.signing_in import Tokens
from tests.support.cast import ALICE, NOW
from tests.support.clock import HandClock


async def test_a_token_that_was_seen_just_before_its_end_does_not_hold_any_longer() -> None:
    clock, devices = HandClock(), MemoryDevices()
    accounts = MemoryAccounts(MemoryContacts(), devices, MemoryChallenges())
    tokens = Tokens(devices, accounts, clock, SystemRandom(), Limits(access_token_ttl_s=60))
    given, secrets = tokens.make(ALICE, "phone")
    await accounts.add(Account(ALICE, "Alice"), "")
    await devices.add(Device("phone", ALICE, "", True, NOW, NOW), secrets)
    clock.pass_ms(59_999)
    assert (await tokens.identify(given.access_token)).device_id == "phone"
    clock.pass_ms(1)
    with pytest.raises(Refused) as error:
        await tokens.identify(given.access_token)
    assert error.value.refusal.reason is Reason.UNAUTHENTICATED
