"""Two and three nodes append to one conversation at once, while members go and come, roles change and seats run out."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from server.domain import groups
from server.domain.append import Sent
from server.domain.envelope import Kind
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.rules import Proposal
from tests.races.history import ADMIN, MEMBER, Ask, Checker, Operation
from tests.races.nodes import AppendPath, append_paths, log_of
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import uuid

pytestmark = pytest.mark.process

OWNER = "ann"
OTHERS = ("ben", "cat", "dan", "eve", "fay", "gus")
SEATS = 5
TURNS = 24
"""What each account does, one after the other, while all others do theirs."""

ROUNDS = 5


def next_ask(chance: random.Random, account: str) -> Ask:
    """Half are texts; who may not do what he asks for asks all the same."""
    whom = chance.choice([each for each in OTHERS if each != account])
    what = chance.choice(("text", "text", "text", "add", "add", "remove", "role"))
    return Ask(what, "" if what == "text" else whom, chance.choice((MEMBER, ADMIN)) if what == "role" else MEMBER)


class Race:
    """One conversation, and everybody who writes to it."""

    def __init__(self, nodes: Sequence[AppendPath], conversation_id: str, seed: int) -> None:
        self.operations: list[Operation] = []
        self._nodes = nodes
        self._c = conversation_id
        self._chance = random.Random(seed)
        self._ids = iter(range(1, 100_000))

    async def begin(self) -> None:
        """The owner makes the group with all seats but one."""
        command = groups.Create("race", "", OTHERS[: SEATS - 2])
        made = Proposal(Identity(OWNER, "phone"), uuid(next(self._ids)), 0, int(Kind.MEMBERSHIP), command=command)
        assert isinstance(await self._nodes[0].conversations.append(self._c, made), Sent)

    async def run(self) -> None:
        """Everybody at once; the owner twice, since he does what others may not."""
        async with asyncio.TaskGroup() as tasks:
            for account in (OWNER, OWNER, *OTHERS):
                tasks.create_task(self._person(account))

    async def _person(self, account: str) -> None:
        for _ in range(TURNS):
            ask, envelope_id = next_ask(self._chance, account), uuid(next(self._ids))
            nodes = self._chance.sample(self._nodes, self._chance.choice((1, 1, 1, 2)))  # now and then one envelope, on two nodes
            tries = [Operation(account, envelope_id, ask, time.monotonic_ns()) for _ in nodes]
            self.operations += tries
            await asyncio.gather(*(node.do(self._c, each) for node, each in zip(nodes, tries)))

    async def at_once(self, *asks: tuple[str, Ask]) -> list[Operation]:
        """These, one on each node in turn, all at the same moment."""
        tries = [Operation(account, uuid(next(self._ids)), ask, time.monotonic_ns()) for account, ask in asks]
        self.operations += tries
        await asyncio.gather(*(self._nodes[n % len(self._nodes)].do(self._c, each) for n, each in enumerate(tries)))
        return tries


@pytest.mark.parametrize(("count", "seed"), [(2, 1), (3, 2), (3, 3)])
async def test_what_nodes_append_at_once_is_one_history(keyspace: Keyspace, count: int, seed: int) -> None:
    c = f"g:race-{seed}"
    async with append_paths(keyspace.settings, count, Limits(group_members_max=SEATS)) as nodes:
        race = Race(nodes, c, seed)
        await race.begin()
        await race.run()
    log = log_of(keyspace, c)
    assert Checker(SEATS, log, race.operations).faults() == []
    reasons = Counter(each.refused for each in race.operations)
    assert {"NOT_A_MEMBER", "NOT_ALLOWED"} <= set(reasons), reasons
    assert len(log) > TURNS and len(race.operations) > len(log), "there was something to judge"


async def test_the_last_seat_goes_to_one_of_those_who_are_added_on_three_nodes_at_once(keyspace: Keyspace) -> None:
    c, late = "g:last-seat", [each for each in OTHERS[SEATS - 2 :]]
    async with append_paths(keyspace.settings, 3, Limits(group_members_max=SEATS)) as nodes:
        race = Race(nodes, c, 1)
        await race.begin()
        for _ in range(ROUNDS):
            tries = await race.at_once(*((OWNER, Ask("add", each)) for each in late))
            (seated,) = [each for each in tries if each.seq]
            assert {each.refused for each in tries} == {"", "GROUP_FULL"}
            (freed,) = await race.at_once((OWNER, Ask("remove", seated.ask.whom)))
            assert freed.seq
    assert Checker(SEATS, log_of(keyspace, c), race.operations).faults() == []


async def test_no_text_of_a_removed_member_lands_after_the_removal_whichever_node_it_is_handed_to(keyspace: Keyspace) -> None:
    c = "g:removed"
    async with append_paths(keyspace.settings, 3, Limits(group_members_max=SEATS)) as nodes:
        race = Race(nodes, c, 1)
        await race.begin()
        texts = [("ben", Ask("text"))] * 8
        for _ in range(ROUNDS):
            await race.at_once(*texts, (OWNER, Ask("remove", "ben")), *texts)
            refused = await race.at_once(*texts)
            assert {each.refused for each in refused} == {"NOT_A_MEMBER"}, "no node that has not heard takes them"
            await race.at_once((OWNER, Ask("add", "ben")))
            taken = await race.at_once(*texts)
            assert all(each.seq for each in taken), "no node that has not heard refuses them"
    assert Checker(SEATS, log_of(keyspace, c), race.operations).faults() == []
