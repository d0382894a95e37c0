"""The report of one load, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tidewire.load.figures import Sample, cpu_used
from tidewire.load.latencies import Latencies, percentile
from tidewire.load.options import Plan

SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a load."""

    plan: Plan
    prefix: str
    """Begins the accounts' usernames."""
    conversations: int
    sent: int
    delivered: int
    """To devices: a message to a group of ten is nine."""
    latencies: Latencies
    away: list[float]
    """Seconds, of each time that a device lost its stream until it was caught up again."""
    reconnects: int
    throttled: Counter[str]
    before: Sample | None
    """Of the server, before any device; None: its metrics were not asked for."""
    connected: Sample | None
    begin: float
    samples: list[Sample]
    errors: list[str]

    def server(self) -> dict[str, float]:
        """Figures of the server; empty without its metrics."""
        found: dict[str, float] = {}
        if len(self.samples) > 1:
            used = cpu_used(self.samples)
            found["cpu_s"] = round(used, 2)
            found["rss_max_mib"] = round(max(sample.rss for sample in self.samples) / 2**20, 1)
            if self.delivered:
                found["cpu_s_per_1000_delivered"] = round(1_000 * used / self.delivered, 3)
        if self.before is not None and self.connected is not None:
            found["kib_per_device"] = round((self.connected.rss - self.before.rss) / 1024 / self.plan.devices, 1)
        return found

    def latency(self) -> dict[str, float | None]:
        """Milliseconds from the moment at which a message was due until a device had it."""
        counts = self.latencies.all()
        return {name: _rounded(percentile(counts, share)) for name, share in SHARES.items()}

    def came_back(self) -> dict[str, float]:
        """Seconds; empty: no stream was lost."""
        times = sorted(self.away)
        if not times:
            return {}
        return {"times": len(times), "p50": _at(times, 0.5), "p99": _at(times, 0.99), "all": round(times[-1], 2)}


def _at(times: list[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(share * len(times)))], 2)


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 2)


def text(result: Result) -> str:
    """For a terminal."""
    plan, latency, back, server = result.plan, result.latency(), result.came_back(), result.server()
    lines = [
        f"{plan.pattern}: {plan.accounts} accounts with {plan.devices_per_account} device(s) each, {result.conversations} conversations"
        f" of up to {plan.group_size}, {plan.seconds} s, {plan.processes} client process(es)",
        f"sent {result.sent} ({result.sent / plan.seconds:.1f}/s), delivered {result.delivered}"
        f" ({result.delivered / plan.seconds:.1f}/s)",
    ]
    if result.delivered:
        lines.append("latency from the moment due, ms: " + ", ".join(f"{name} {value}" for name, value in latency.items()))
    if back:
        lines.append(
            f"streams lost {back['times']}: seconds until caught up again: p50 {back['p50']}, p99 {back['p99']}, all {back['all']}"
        )
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
    good = "all devices were connected at the end"
    if result.sent:
        good = "every message was delivered to every device that had to get it, once"
    lines += [f"ERROR: {error}" for error in result.errors] or [good]
    return "\n".join(lines) + "\n"


def as_json(result: Result) -> dict[str, Any]:
    """For programs."""
    plan = result.plan
    return {
        "plan": {name: getattr(plan, name) for name in plan.__slots__ if name not in ("out", "pin")},
        "usernames": f"{result.prefix}.0 to {result.prefix}.{plan.accounts - 1}",
        "conversations": result.conversations,
        "sent": result.sent,
        "delivered": result.delivered,
        "latency_ms": result.latency(),
        "latency_ms_by_second": {
            second: {name: _rounded(percentile(counts, share)) for name, share in SHARES.items()}
            for second, counts in sorted(result.latencies.seconds.items())
        },
        "caught_up_again_s": result.came_back(),
        "reconnects": result.reconnects,
        "throttled": result.throttled,
        "server": result.server(),
        "server_by_second": [
            {"s": round(sample.at - result.begin, 1), "cpu_s": sample.cpu_s, "rss": sample.rss, "streams": sample.streams}
            for sample in result.samples
        ],
        "errors": result.errors,
    }
