"""Which keys Redis is asked for, as it sees it: what one request touches lies in one slot of a Redis Cluster, and bears the prefix."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

import server.adapters.redis as package
from server.adapters.redis import RedisCluster, open_redis
from server.kit.redis.scripts import Script
from server.kit.system import SystemClock
from server.ports.cluster import Peer, Route
from tests.support.redis import RedisServer

FOLDER = Path(package.__file__).parent
HERE = Peer("here", "1", "127.0.0.1:1")
KEYLESS = ("TIME", "INFO")
"""What a script may ask that is of no key."""
OF_NO_SLOT = {"EXISTS", "GET", "HGETALL", "ZREM"}
"""Plain commands; each has one key."""


def scripts() -> dict[str, str]:
    """Every script of the adapters, by module and name."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.py")):
        module = __import__(f"server.adapters.redis.{path.stem}", fromlist=["*"])
        found |= {f"{path.stem}.{name}": each.text for name, each in vars(module).items() if isinstance(each, Script)}
    return found


@pytest.mark.parametrize("name", scripts())
def test_a_script_touches_only_the_keys_that_it_was_given(name: str) -> None:
    calls = re.findall(r"redis\.p?call\('(\w+)'(?:, ([^,)]+))?", scripts()[name])
    assert calls, "it asks for something"
    for command, first in calls:
        assert command in KEYLESS or re.fullmatch(r"KEYS\[\d\]", first), f"{command} {first}"


async def everything(redis: RedisCluster) -> None:
    """Each method of each port."""
    leases, routes, board, buckets = redis.cluster.leases, redis.cluster.routes, redis.cluster.board, redis.cluster.buckets
    await leases.renew(HERE, 60_000)
    await leases.peers()
    await leases.release(HERE)
    route, _ = await routes.claim("ann", "phone", "here", "c1")
    await routes.claim_late("ann", "laptop", "here", "c2", 5)
    await routes.reclaim([("ann", route), ("ben", Route("phone", "here", "c3", route.since))])
    await routes.of_accounts(["ann", "ben"])
    await routes.release("ann", route)
    await board.put("ann", "here/1", True, 60_000)
    await board.put("ann", "here/1", False, 60_000)
    await board.online(["ann", "ben"])
    await board.watch("here", ["ann", "ben"], 60_000)
    await board.watchers("ann")
    await board.save_last_seen("ann", 1)
    await board.last_seen(["ann", "ben"])
    await buckets.allow("+4369912345678", 1.0, 5)


def keys(command: str) -> list[str]:
    """Those of a command as MONITOR writes it, without quotes."""
    name, *arguments = command.split(" ")
    if name in ("EVAL", "EVALSHA"):
        *_, rest = re.split(r"(?<=\s)(\d+) (?=tw:)", command, maxsplit=1)
        count = int(re.split(r"(?<=\s)(\d+) (?=tw:)", command, maxsplit=1)[1])
        return rest.split(" ")[:count]
    assert name in OF_NO_SLOT, f"a command whose keys this test does not know: {command}"
    return arguments[:1]


@pytest.mark.process
async def test_all_keys_of_one_request_have_the_same_tag_and_the_prefix(redis: RedisServer) -> None:
    opened = await open_redis(redis.url, "", "", "tw", SystemClock(), timeout_s=10)
    watching = redis.client()
    try:
        asked, inside = [], []
        async with watching.monitor() as monitor:
            await everything(opened)
            end = redis.client()
            await end.echo("over")
            await end.aclose()
            async with asyncio.timeout(30):
                while (seen := await monitor.next_command())["command"] != "ECHO over":
                    (inside if seen["client_type"] == "lua" else asked).append(seen["command"])
    finally:
        await watching.aclose()
        await opened.close()
    ours = [command for command in asked if command.split(" ")[0] not in ("INFO", "PING", "CLIENT", "HELLO", "SELECT")]
    assert len(ours) >= 18 and len(inside) > len(ours)
    for command in ours:
        tags = {re.fullmatch(r"tw:\{([^{}]+)\}:\w+", key)[1] for key in keys(command)}  # type: ignore[index]
        assert len(tags) == 1, command
    for command in inside:
        name, *arguments = command.split(" ")
        assert name in KEYLESS or re.match(r"tw:\{[^{}]+\}:\w+$", arguments[0]), command
