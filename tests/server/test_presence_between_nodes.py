"""Two nodes, and who is online: over a cluster in memory, and over a real Redis that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from server.adapters.memory.accounts import MemoryAccounts, MemoryChallenges, MemoryContacts, MemoryDevices
from server.adapters.memory.cluster import MemoryCluster
from server.adapters.redis import open_redis
from server.domain.accounts import Account
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.presence import Hidden, LastSeen, Online, PresenceFact
from server.domain.relayed import PresenceChanged, Relayed
from server.kit.breaker import Breaker
from server.ports.cluster import Cluster, Peer
from server.services.people import KnownPeople
from server.services.presence import Presence
from server.services.presence_sharing import Sharing
from tests.support.cast import ALICE, BOB, BOBS, LAPTOP, NOW, PHONE
from tests.support.clock import HandClock
from tests.support.redis import RedisServer

LIMITS = Limits()
LEASE_MS = LIMITS.lease_ms
Told = list[tuple[str, PresenceFact]]


class Node:
    """The presence of one node, its lease, and what its streams were told."""

    def __init__(self, name: str, deployment: Deployment) -> None:
        self.peer = Peer(name, deployment.new_incarnation(), f"{name}:7420")
        self.told: Told = []
        self.deployment = deployment
        sharing = Sharing(self.peer, deployment.cluster, deployment, LIMITS, deployment.tasks)
        self.presence = Presence(deployment.people, deployment.clock, LIMITS, deployment.tasks, sharing)
        self.presence.on_told(lambda watcher, connection, account, fact: self.told.append((account, fact)))

    async def renew(self) -> None:
        """What the node's lease loop does."""
        await self.deployment.cluster.leases.renew(self.peer, LEASE_MS)

    async def look_around(self) -> None:
        """What the node's lease loop does then."""
        self.presence.nodes(frozenset(peer.place for peer in await self.deployment.cluster.leases.peers()))

    async def watches_alice(self) -> None:
        """Bob opens his chat with Alice here."""
        self.presence.connected(BOBS, "bob", False)
        await self.presence.watch("bob", [ALICE])
        await settled()


class Deployment:
    """Nodes that share stores, and a clock; as the port `Relay` it brings what they tell one another at once, but for links that are cut."""

    def __init__(self, cluster: Cluster, clock: HandClock, tasks: asyncio.TaskGroup) -> None:
        self.cluster, self.clock, self.tasks = cluster, clock, tasks
        contacts, devices = MemoryContacts(), MemoryDevices()
        self.accounts = MemoryAccounts(contacts, devices, MemoryChallenges())
        self.people = KnownPeople(self.accounts, contacts, devices, self.clock, LIMITS)
        self.nodes: dict[str, Node] = {}
        self.cut = False
        self.sent = 0
        self._incarnations = 0

    def new_incarnation(self) -> str:
        self._incarnations += 1
        return str(self._incarnations)

    async def start(self, *names: str) -> list[Node]:
        """Start nodes; each knows the others."""
        for name in names:
            self.nodes[name] = Node(name, self)
            await self.nodes[name].renew()
        for node in self.nodes.values():
            await node.look_around()
        return [self.nodes[name] for name in names]

    def send(self, node_ids: Iterable[str], relayed: Relayed) -> None:
        """See `Relay.send`."""
        assert isinstance(relayed, PresenceChanged)
        for node_id in node_ids:
            self.sent += 1
            if not self.cut and node_id in self.nodes:
                self.nodes[node_id].presence.learned(relayed)

    async def taken(self, node_ids: Iterable[str]) -> None:
        """See `Relay.taken`: they have."""

    async def pass_ms(self, ms: int) -> None:
        """Time passes, and every node notices."""
        self.clock.pass_ms(ms)
        for node in self.nodes.values():
            node.presence.tick()
        await settled()


async def settled() -> None:
    """Until nothing is under way in the background."""
    async with asyncio.timeout(30):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with asyncio.TaskGroup() as tasks:
        clock = HandClock()
        made = Deployment(MemoryCluster(clock).cluster, clock, tasks)
        await enroll(made)
        yield made


async def enroll(deployment: Deployment) -> None:
    for name in (ALICE, BOB):
        await deployment.accounts.add(Account(name, name.title(), handles={"username": name}, created_at_ms=NOW), "")


async def test_who_comes_to_the_foreground_on_one_node_is_online_for_who_watches_on_another(deployment: Deployment) -> None:
    here, there = await deployment.start("here", "there")
    await here.watches_alice()
    assert here.told == [(ALICE, Hidden())], "never seen so far"
    there.presence.connected(PHONE, "a", True)
    await settled()
    assert here.told[1:] == [(ALICE, Online())]
    there.presence.disconnected("a")
    await settled()
    left = deployment.clock.now_ms()
    await deployment.pass_ms(LIMITS.offline_delay_ms - 1)
    assert here.told[2:] == []
    await deployment.pass_ms(1)
    assert here.told[2:] == [(ALICE, LastSeen(left))]


async def test_who_begins_to_watch_finds_out_who_is_there_already(deployment: Deployment) -> None:
    here, there = await deployment.start("here", "there")
    there.presence.connected(PHONE, "a", True)
    await settled()
    assert deployment.sent == 0, "nobody wanted to know"
    await here.watches_alice()
    assert set(here.told) == {(ALICE, Online())}


async def test_moving_from_node_to_node_does_not_blink(deployment: Deployment) -> None:
    here, there, third = await deployment.start("here", "there", "third")
    await here.watches_alice()
    there.presence.connected(PHONE, "a", True)
    await settled()
    there.presence.disconnected("a")
    third.presence.connected(PHONE, "b", True)
    await settled()
    await deployment.pass_ms(10 * LIMITS.offline_delay_ms)
    assert here.told == [(ALICE, Hidden()), (ALICE, Online())]


async def test_the_people_of_a_node_that_died_are_offline_after_its_lease_and_the_delay(deployment: Deployment) -> None:
    here, there = await deployment.start("here", "there")
    await here.watches_alice()
    there.presence.connected(PHONE, "a", True)
    await settled()
    seen = deployment.clock.now_ms()
    del deployment.nodes["there"]
    await deployment.pass_ms(LEASE_MS)
    await here.renew()
    await here.look_around()
    await deployment.pass_ms(LIMITS.offline_delay_ms - 1)
    assert here.told[1:] == [(ALICE, Online())]
    await deployment.pass_ms(1)
    assert here.told[2:] == [(ALICE, LastSeen(seen))], "by the board, since the node could not say it any more"


async def test_what_a_node_left_on_the_board_before_it_was_started_again_counts_for_nothing(deployment: Deployment) -> None:
    here, there = await deployment.start("here", "there")
    there.presence.connected(PHONE, "a", True)
    await settled()
    seen = deployment.clock.now_ms()
    await deployment.start("there")
    await here.watches_alice()
    assert here.told == [(ALICE, LastSeen(seen))]


async def test_a_node_that_started_a_moment_ago_counts_before_its_lease_was_noticed(deployment: Deployment) -> None:
    (here,) = await deployment.start("here")
    there = Node("there", deployment)
    await there.renew()
    there.presence.connected(PHONE, "a", True)
    await settled()
    await here.watches_alice()
    assert set(here.told) == {(ALICE, Online())}


async def test_a_change_that_was_lost_between_nodes_is_found_when_the_watch_is_renewed(deployment: Deployment) -> None:
    here, there = await deployment.start("here", "there")
    await here.watches_alice()
    deployment.cut = True
    there.presence.connected(PHONE, "a", True)
    await settled()
    assert here.told[1:] == [] and deployment.sent == 1
    for node in (here, there):
        await node.renew()
    await deployment.pass_ms(1_000 * LIMITS.last_seen_interval_s)
    assert here.told[1:] == [(ALICE, Online())]


async def test_after_a_wipe_all_is_said_again(deployment: Deployment) -> None:
    cluster = MemoryCluster(deployment.clock)
    deployment.cluster = cluster.cluster
    here, there = await deployment.start("here", "there")
    await here.watches_alice()
    there.presence.connected(LAPTOP, "b", True)
    await settled()
    cluster.wipe()
    for node in (here, there):
        await node.renew()
        node.presence.register()
    await settled()
    assert await cluster.cluster.board.online([ALICE]) == {ALICE: {there.peer.place}}
    assert await cluster.cluster.board.watchers(ALICE) == {"here"}
    third = (await deployment.start("third"))[0]
    await third.watches_alice()
    assert set(third.told) == {(ALICE, Online())} and here.told[-1] == (ALICE, Online())


@pytest.mark.process
async def test_without_redis_each_node_knows_its_own_and_when_it_is_back_they_find_one_another(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    await server.start()
    clock = HandClock()
    redis = await open_redis(server.url, "", "", "tw", clock, timeout_s=5, new_breaker=lambda: Breaker(1, 100))
    try:
        async with asyncio.TaskGroup() as tasks:
            deployment = Deployment(redis.cluster, clock, tasks)
            await enroll(deployment)
            here, there = await deployment.start("here", "there")
            await server.kill()
            await here.watches_alice()
            there.presence.connected(PHONE, "a", True)
            here.presence.connected(Identity(BOB, "bob-tablet"), "tablet", True)
            here.presence.connected(Identity(ALICE, "alice-tv"), "tv", True)
            await settled()
            assert here.told == [(ALICE, Hidden()), (ALICE, Online())], "by her device on this very node"
            here.presence.disconnected("tv")
            await settled()
            left = clock.now_ms()
            await deployment.pass_ms(LIMITS.offline_delay_ms)
            assert here.told[2:] == [(ALICE, LastSeen(left))]
            await server.start()
            clock.pass_ms(100)
            await here.renew()
            await there.renew()
            await deployment.pass_ms(1)
            assert await redis.cluster.board.online([ALICE]) == {ALICE: {there.peer.place}}, "what was owed was said"
            for node in (here, there):
                await node.look_around()
                node.presence.register()
            await settled()
            assert here.told[3:] == [(ALICE, Online())], "she has been there, on the other node, all the time"
    finally:
        await redis.close()
        await server.close()
