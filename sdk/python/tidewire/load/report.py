"""The report of one load, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidewire.load.device import Away
from tidewire.load.figures import Sample, cpu_used
from tidewire.load.latencies import Latencies, percentile
from tidewire.load.options import Plan, command

SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99.9": 0.999}
MIB = 2**20
TOGETHER_S = 0.1
"""Devices that come back within this time of one another come back together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a load."""

    plan: Plan
    prefix: str
    """Begins the accounts' usernames."""
    at: datetime
    """When it was begun."""
    conversations: int
    sent: int
    delivered: int
    """To devices: a message to a group of ten is nine."""
    latencies: Latencies
    away: list[Away]
    """Each time that a device lost its stream until it was caught up again."""
    reconnects: int
    throttled: Counter[str]
    before: Sample
    """Of the server, before any device; without nodes when its metrics were not asked for."""
    connected: Sample
    begin: float
    samples: list[Sample]
    errors: list[str]

    def server(self) -> dict[str, float]:
        """Figures of the server, all nodes together; empty without its metrics."""
        found: dict[str, float] = {}
        if self.plan.metrics and len(self.samples) > 1:
            used = sum(cpu_used(self.samples))
            found["cpu_s"] = round(used, 2)
            found["rss_max_mib"] = round(max(sample.rss for sample in self.samples) / MIB, 1)
            if self.delivered:
                found["cpu_s_per_1000_delivered"] = round(1_000 * used / self.delivered, 3)
        if self.plan.metrics and self.before.is_whole and self.connected.is_whole:
            found["kib_per_device"] = round((self.connected.rss - self.before.rss) / 1024 / self.plan.devices, 1)
        return found

    def latency(self) -> dict[str, float | None]:
        """Milliseconds from the moment at which a message was due until a device had it."""
        return shares(self.latencies.all())

    def came_back(self) -> dict[str, float]:
        """Seconds, and counts of devices; empty: no stream was lost."""
        if not self.away:
            return {}
        times = sorted(each.back - each.lost for each in self.away)
        lost, back = sorted(each.lost for each in self.away), sorted(each.back for each in self.away)
        told = sorted(each.told_s for each in self.away if each.told_s is not None)
        found: dict[str, float] = {
            "times": len(times),
            "p50": _at(times, 0.5),
            "p99": _at(times, 0.99),
            "longest": round(times[-1], 2),
            "lost_over": round(lost[-1] - lost[0], 2),
            "until_all": round(back[-1] - lost[0], 2),
            "together_max": together(back),
        }
        return found | ({"told": len(told), "told_longest": round(told[-1], 2)} if told else {})

    def verdict(self) -> str:
        """What a load without errors showed."""
        if self.sent:
            return "every message was delivered to every device that had to get it, once"
        return "all devices were connected at the end"


def together(times: Sequence[float]) -> int:
    """The greatest number of these, in ascending order, within `TOGETHER_S`."""
    most = first = 0
    for number, time in enumerate(times):
        while time - times[first] >= TOGETHER_S:
            first += 1
        most = max(most, number - first + 1)
    return most


def shares(counts: Counter[int]) -> dict[str, float | None]:
    """Milliseconds, by the name of the share; None: nothing was counted."""
    return {name: None if (ms := percentile(counts, share)) is None else round(ms, 2) for name, share in SHARES.items()}


def _at(times: Sequence[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(share * len(times)))], 2)


def text(result: Result) -> str:
    """For a terminal."""
    plan, server = result.plan, result.server()
    lines = [
        f"{plan.pattern}: {plan.accounts} accounts with {plan.devices_per_account} device(s) each, {result.conversations} conversations"
        f" of up to {plan.group_size}, {plan.seconds} s, {plan.processes} client process(es)",
        f"sent {result.sent} ({result.sent / plan.seconds:.1f}/s), delivered {result.delivered}"
        f" ({result.delivered / plan.seconds:.1f}/s)",
    ]
    if result.delivered:
        lines.append(
            "latency from the moment due, ms: " + ", ".join(f"{name} {value}" for name, value in result.latency().items())
        )
    lines += _back(result.came_back())
    if "cpu_s" in server:
        lines.append(f"server: {server['cpu_s']} CPU-seconds, at most {server['rss_max_mib']} MiB resident")
    if "cpu_s_per_1000_delivered" in server:
        lines.append(f"server CPU-seconds per 1,000 delivered messages: {server['cpu_s_per_1000_delivered']}")
    if "kib_per_device" in server:
        lines.append(f"server memory per connected device: {server['kib_per_device']} KiB")
    if not plan.metrics:
        lines.append("server CPU and memory: unknown without --metrics")
    lines += [
        f"THROTTLED: {limit} held something up {count} times; latencies include the waiting"
        for limit, count in result.throttled.items()
    ]
    lines += [f"ERROR: {error}" for error in result.errors] or [result.verdict()]
    return "\n".join(lines) + "\n"


def _back(back: dict[str, float]) -> list[str]:
    if not back:
        return []
    told = f"; {back['told']} were told after how long to come back, {back['told_longest']} s at most" if "told" in back else ""
    return [
        f"streams lost {back['times']}, over {back['lost_over']} s{told}",
        f"seconds until caught up again: p50 {back['p50']}, p99 {back['p99']}, longest {back['longest']};"
        f" from the first loss until all were: {back['until_all']}",
        f"at most {back['together_max']} were caught up again within the same {TOGETHER_S} s",
    ]


def as_json(result: Result) -> dict[str, Any]:
    """For programs."""
    plan = result.plan
    return {
        "at": result.at.isoformat(timespec="seconds"),
        "command": command(plan),
        "plan": {name: getattr(plan, name) for name in plan.__slots__ if name not in ("out", "pin")},
        "usernames": f"{result.prefix}.0 to {result.prefix}.{plan.accounts - 1}",
        "conversations": result.conversations,
        "sent": result.sent,
        "delivered": result.delivered,
        "latency_ms": result.latency(),
        "by_second": by_second(result),
        "caught_up_again_s": result.came_back(),
        "reconnects": result.reconnects,
        "throttled": result.throttled,
        "server": result.server(),
        "server_by_second": [
            {
                "s": round(sample.at - result.begin, 1),
                "nodes": [
                    node and {"cpu_s": round(node.cpu_s, 2), "rss_mib": round(node.rss / MIB, 1), "streams": int(node.streams)}
                    for node in sample.nodes
                ],
            }
            for sample in (result.samples if plan.metrics else ())
        ],
        "errors": result.errors,
    }


def by_second(result: Result) -> list[dict[str, Any]]:
    """Of each second of the load in which something was due: how much of it was delivered, and how fast."""
    seconds = sorted(result.latencies.seconds.items())
    return [{"s": second, "delivered": sum(counts.values()), "latency_ms": shares(counts)} for second, counts in seconds]
