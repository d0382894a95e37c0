"""Rates that the whole deployment shares, and those of a node."""

from __future__ import annotations

from server.adapters.memory.cluster import MemoryCluster
from server.adapters.redis import open_redis
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal
from server.services.rates import Rates
from tests.support.clock import HandClock
from tests.support.node import free_port

LIMITS = Limits(codes_per_handle_day=2, registrations_per_address_hour=2, commands_burst=1, address_commands_burst=1)
HANDLE, ADDRESS = "phone:+358401234567", "192.0.2.7"


def limited(refusal: Refusal | None) -> str:
    """The limit's name; "": nothing was refused."""
    if refusal is None:
        return ""
    assert refusal.reason is Reason.RATE_LIMITED and refusal.retry_after_ms
    return refusal.subject


async def test_codes_and_registrations_are_counted_over_all_nodes() -> None:
    clock = HandClock()
    buckets = MemoryCluster(clock).cluster.buckets
    here, there = Rates(LIMITS, buckets), Rates(LIMITS, buckets)
    now_ms = clock.monotonic_ms()
    assert [limited(await node.code(HANDLE, now_ms)) for node in (here, there, here)] == ["", "", "codes_per_handle_day"]
    registrations = [limited(await node.registration(ADDRESS, now_ms)) for node in (here, there, there)]
    assert registrations == ["", "", "registrations_per_address_hour"]
    assert limited(await here.registration(HANDLE, now_ms)) == "", "a key of one rate is none of the other"
    clock.pass_ms(43_200_000)
    assert limited(await there.code(HANDLE, clock.monotonic_ms())) == ""


async def test_commands_are_counted_by_each_node() -> None:
    buckets = MemoryCluster(HandClock()).cluster.buckets
    here, there = Rates(LIMITS, buckets), Rates(LIMITS, buckets)
    assert [limited(node.command("alice", 0)) for node in (here, there, here)] == ["", "", "commands_per_s"]
    assert [limited(node.address(ADDRESS, 0)) for node in (here, there, here)] == ["", "", "address_commands_per_s"]


async def test_while_redis_is_away_each_node_counts_by_itself() -> None:
    redis = await open_redis(f"redis://127.0.0.1:{free_port()}/0", "", "", "tw", HandClock())
    here, there = Rates(LIMITS, redis.cluster.buckets), Rates(LIMITS, redis.cluster.buckets)
    alone = Rates(LIMITS)
    for node in (here, there, alone):
        assert [limited(await node.code(HANDLE, 0)) for _ in range(3)] == ["", "", "codes_per_handle_day"]
        assert [limited(await node.registration(ADDRESS, 0)) for _ in range(3)] == ["", "", "registrations_per_address_hour"]
    await redis.close()
