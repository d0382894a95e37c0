"""Devices that are told of calls through a node that answers slowly."""

from __future__ import annotations

import asyncio
import logging

import pytest

from calls.domain.messages import Outcome
from calls.services import notices
from calls.services.notices import Notices
from tests.calls.group_world import Town
from tests.calls.scripted import until

pytestmark = pytest.mark.timeout(30)


class Post(Town):
    """A node that says what it was to tell, once it has told it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []

    async def ring(self, account_id: str, *told: object) -> None:
        """See `Directory.ring`."""
        await self._answers(account_id)
        self.told.append((account_id, "rings"))

    async def stop_ringing(self, account_id: str, call_id: str, outcome: Outcome | None, except_device_id: str) -> None:
        """See `Directory.stop_ringing`."""
        await self._answers(account_id)
        self.told.append((account_id, "stops"))


def rings_and_stops(tell: Notices, account_id: str) -> None:
    tell.ring(account_id, "era", "g:all", "ann", False, 1)
    tell.stop_ringing(account_id, "era", Outcome.MISSED, "")


async def test_a_ring_never_comes_after_its_end_and_nobody_waits_for_either() -> None:
    node = Post()
    node.awake.clear()
    async with asyncio.TaskGroup() as tasks:
        tell = Notices(node, tasks)
        accounts = [f"account{number}" for number in range(notices.AT_ONCE_MAX + 5)]
        for account_id in accounts:
            rings_and_stops(tell, account_id)
        await until(lambda: node.asking == notices.AT_ONCE_MAX)
        node.awake.set()
        await until(lambda: len(node.told) == 2 * len(accounts))
    for account_id in accounts:
        assert [what for who, what in node.told if who == account_id] == ["rings", "stops"]


async def test_so_many_wait_and_no_more(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(notices, "WAITING_MAX", 3)
    node = Post()
    node.awake.clear()
    async with asyncio.TaskGroup() as tasks:
        tell = Notices(node, tasks)
        rings_and_stops(tell, "ben")
        await until(lambda: node.asking == 1)  # it waits no more
        rings_and_stops(tell, "ben")
        with caplog.at_level(logging.WARNING):
            rings_and_stops(tell, "ben")
        assert len([one for one in caplog.records if "too many wait" in one.message]) == 2
        node.awake.set()
        await until(lambda: len(node.told) == 4)


async def test_a_process_that_stops_tells_nobody_any_more() -> None:
    node = Post()
    node.awake.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tell = Notices(node, tasks)
        rings_and_stops(tell, "ben")
        await until(lambda: node.asking == 1)
        tell.close()
    assert node.told == [] and node.asking == 0
