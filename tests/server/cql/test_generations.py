"""Rows that come and go on Cassandra: nothing is lost while a partition moves to its next generation, whoever writes or dies meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from server.adapters.cql.devices import CqlDevices
from server.adapters.cql.generations import MARKED_MAX, Generations, key_of, name_of
from server.adapters.cql.memberships import TABLE, CqlMemberships
from server.adapters.cql.opening import CqlStores
from server.adapters.cql.session import Bound
from server.domain.accounts import Device
from server.ports.accounts import Secrets
from server.ports.log import Hint
from tests.server.cql.conftest import Opened
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import ALICE, NOW

MAX = 3
"""Marked rows that these nodes leave alone."""


def memberships(stores: CqlStores, *, may_move: bool = True) -> CqlMemberships:
    """A node's, that moves soon."""
    return CqlMemberships(stores.cql, may_move=may_move, marked_max=MAX)


async def gone(hints: CqlMemberships, *groups: str, head: int = 1) -> None:
    """Alice was in these groups, and all of her devices have seen that she left."""
    for group in groups:
        await hints.join([ALICE], group, head)
        await hints.leave([ALICE], group, head + 2)
        await hints.forget(ALICE, group, head + 2)


async def known(hints: CqlMemberships) -> dict[str, tuple[int, int]]:
    """Conversation → (left_seq, read_seq)."""
    return {hint.conversation_id: hint[1:] for hint in await hints.of_account(ALICE)}


def rows(keyspace: Keyspace, table: str) -> list[str]:
    """The keys of what is stored of Alice."""
    key = "conversation_id" if table == "memberships" else "device_id"
    found = keyspace.session.execute(f"SELECT {key} FROM {table} WHERE account_id = %s", (ALICE,))
    return [row[0] for row in found if row[0] is not None]


def state(keyspace: Keyspace, table: str = "memberships") -> int | None:
    """The cell `generation`."""
    row = keyspace.session.execute(f"SELECT generation FROM {table} WHERE account_id = %s LIMIT 1", (ALICE,)).one()
    return None if row is None else row[0]


def test_keys_of_later_generations_sort_behind_all_names_and_say_which_they_are_of() -> None:
    assert [name_of(key_of(n, "g:~1~x")) for n in (0, 1, 42)] == [(0, "g:~1~x"), (1, "g:~1~x"), (42, "g:~1~x")]
    keys = [key_of(n, name) for n in (0, 1, 9, 10) for name in ("d:a:b", "g:z", "zz")]
    assert keys == sorted(keys) and key_of(0, "zz") < key_of(1, "") < key_of(1, "d:a:b") < key_of(2, "")


pytestmark = pytest.mark.process


async def test_what_lives_comes_along_as_it_was_and_what_was_marked_stays_behind(opened: Opened, keyspace: Keyspace) -> None:
    hints = memberships(await opened())
    await hints.join([ALICE], "g:here", 4)
    await hints.read(ALICE, {"g:here": 6})
    await hints.join([ALICE], "g:left", 4)
    await hints.read(ALICE, {"g:left": 7})
    await hints.leave([ALICE], "g:left", 9)
    await gone(hints, "g:again")
    await hints.join([ALICE], "g:again", 10)
    await hints.read(ALICE, {"g:again": 2, "g:never": 5})
    expected = {"g:here": (0, 6), "g:left": (9, 7), "g:again": (0, 0)}
    for turn in range(4):
        await gone(hints, *(f"g:{turn}-{number}" for number in range(MAX + 2)))
        assert (state(keyspace) or 0) >= 2 * (turn + 1), "a move with each turn"
        assert await known(hints) == expected
    assert len(rows(keyspace, "memberships")) <= 3 * (MAX + 2 + len(expected)), "the last generation and the one before"
    await hints.read(ALICE, {"g:again": 3})
    await hints.leave([ALICE], "g:here", 3)
    await hints.join([ALICE], "g:left", 2)
    await hints.forget(ALICE, "g:left", 8)
    assert await known(hints) == expected, "what is older than what was copied still changes nothing"
    await hints.read(ALICE, {"g:again": 4})
    assert (await known(hints))["g:again"] == (0, 4)


async def test_forgetting_again_and_again_writes_once(opened: Opened) -> None:
    stores = await opened()
    await gone(memberships(stores), "g:gone")
    before = stores.cql.usage.rows_written
    for _ in range(3):
        await memberships(stores).forget(ALICE, "g:gone", 3)
        await memberships(stores).forget(ALICE, "g:never", 3)
    assert stores.cql.usage.rows_written == before


async def test_a_node_that_has_missed_two_moves_writes_where_the_hints_are(opened: Opened, keyspace: Keyspace) -> None:
    late, mover = memberships(await opened()), memberships(await opened())
    await late.join([ALICE], "g:here", 1)
    for turn in ("a", "b"):
        await gone(mover, *(f"g:{turn}-{number}" for number in range(MAX + 2)))
    await late.read(ALICE, {"g:here": 2})
    await late.join([ALICE], "g:new", 1)
    await gone(mover, *(f"g:c-{number}" for number in range(MAX + 2)))
    await gone(mover, *(f"g:d-{number}" for number in range(MAX + 2)))
    assert (state(keyspace) or 0) >= 8, "so that what was left at first is deleted"
    assert await known(late) == await known(mover) == {"g:here": (0, 2), "g:new": (0, 0)}


async def test_what_is_written_behind_the_mover_s_back_is_written_again_where_it_went(opened: Opened, keyspace: Keyspace) -> None:
    mover, writer = await opened(), memberships(await opened())
    generations = Generations(mover.cql, TABLE, may_move=True)

    async def read_then_wait(generation: int) -> Sequence[Bound]:
        found = await memberships(mover)._living(ALICE, generation)
        await writer.join([ALICE], "g:late", 1)  # it has not heard of the move
        return found

    async def nothing_new(generation: int) -> Sequence[Bound]:
        return await memberships(mover)._living(ALICE, generation)

    await writer.join([ALICE], "g:early", 1)
    await generations.move(ALICE, read_then_wait)
    await generations.move(ALICE, nothing_new)
    assert "g:late" not in rows(keyspace, "memberships"), "the generation that it was written to first is gone"
    assert set(await known(writer)) == {"g:early", "g:late"}


@pytest.mark.parametrize("copied", [0, 2, 5])
async def test_a_move_that_somebody_died_in_costs_nothing_and_is_ended_by_the_next(
    opened: Opened, keyspace: Keyspace, copied: int
) -> None:
    hints = memberships(await opened())
    for number in range(5):
        await hints.join([ALICE], f"g:{number}", 1)
    keyspace.session.execute("UPDATE memberships USING TIMESTAMP 1 SET generation = 1 WHERE account_id = %s", (ALICE,))
    for number in range(copied):
        put = "UPDATE memberships USING TIMESTAMP 4 SET left_seq = 0 WHERE account_id = %s AND conversation_id = %s"
        keyspace.session.execute(put, (ALICE, key_of(1, f"g:{number}")))
    expected = {f"g:{number}": (0, 0) for number in range(5)}
    assert await known(hints) == expected
    await hints.leave([ALICE], "g:0", 5)
    await hints.read(ALICE, {"g:4": 2})
    assert await known(hints) == {**expected, "g:0": (5, 0), "g:4": (0, 2)}
    await hints.forget(ALICE, "g:0", 5)
    assert state(keyspace) == 2 and await known(hints) == {**{f"g:{n}": (0, 0) for n in (1, 2, 3)}, "g:4": (0, 2)}
    assert key_of(1, "g:3") in rows(keyspace, "memberships")


async def test_before_the_last_old_node_has_gone_nothing_moves(opened: Opened, keyspace: Keyspace) -> None:
    hints = memberships(await opened(), may_move=False)
    await gone(hints, *(f"g:{number}" for number in range(4 * MAX)))
    assert state(keyspace) is None and len(rows(keyspace, "memberships")) == 4 * MAX and await known(hints) == {}


async def test_nodes_that_write_and_move_at_once_lose_nothing(opened: Opened, keyspace: Keyspace) -> None:
    nodes = [memberships(await opened()) for _ in range(3)]
    chance = random.Random(4)
    expected: dict[str, Hint] = {}
    left: dict[str, int] = {}

    async def live(group: str, lives: int) -> None:
        """What happens in one group, in order, each time on some node; groups are at it all at once."""
        for life in range(lives):
            head = 10 * life + 1
            await chance.choice(nodes).join([ALICE], group, head)
            await chance.choice(nodes).read(ALICE, {group: head + 1})
            expected[group] = Hint(group, 0, head + 1)
            if life < lives - 1 or chance.random() < 0.7:
                await chance.choice(nodes).leave([ALICE], group, head + 3)
                await chance.choice(nodes).forget(ALICE, group, head + 3)
                del expected[group]
                left[group] = head + 3

    await asyncio.gather(*(live(f"g:{number}", 1 + number % 4) for number in range(60)))
    assert (state(keyspace) or 0) >= 4, "there were moves"
    for group, seq in left.items():  # as the sweeper does with every visit; a late mover may have brought one back
        await nodes[0].forget(ALICE, group, seq)
    for node in nodes:
        assert sorted(await node.of_account(ALICE)) == sorted(expected.values())


async def test_devices_that_came_and_went_leave_few_rows(opened: Opened, keyspace: Keyspace) -> None:
    stores, other = await opened(), await opened()
    both: list[CqlDevices] = [stores.devices, other.devices]
    await both[0].add(Device("phone", ALICE, "Phone", True, NOW, NOW), secrets("phone"))
    for number in range(2 * MARKED_MAX + 10):
        name = f"laptop-{number}"
        await both[number % 2].add(Device(name, ALICE, name, False, NOW + number, NOW), secrets(name))
        assert [each.device_id for each in await both[1].of_account(ALICE)] == ["phone", name]
        await both[1 - number % 2].remove(name)
    assert [each.device_id for each in await both[0].of_account(ALICE)] == ["phone"]
    assert state(keyspace, "devices_of_account") == 4
    assert len(rows(keyspace, "devices_of_account")) <= 2 * (MARKED_MAX + 3)
    await other.devices.forget(ALICE)
    assert await stores.devices.of_account(ALICE) == []


def secrets(name: str) -> Secrets:
    """Of a device."""
    return Secrets(f"access-{name}", NOW, f"refresh-{name}", NOW)
