"""What the calls process counts, read by Prometheus at a scrape."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from calls.domain.direct_call_events import DirectCall

TALKED_S = (5, 15, 60, 180, 600, 1_800, 3_600, 7_200)


class Metrics:
    """Counters and gauges."""

    def __init__(self, streams: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._finished = Counter("tidewire_call", "Direct calls by how they ended.", ["end"], registry=self._registry)
        self._talked = Histogram(
            "tidewire_call_talked_seconds", "How long people talked.", buckets=TALKED_S, registry=self._registry
        )
        self._refused = Counter("tidewire_calls_refusal", "Refused commands by reason.", ["reason"], registry=self._registry)
        Gauge("tidewire_calls_streams", "Signalling streams that are open.", registry=self._registry).set_function(streams)

    def forwards(self, share: Callable[[], float], calls: Callable[[], int]) -> None:
        """Media of groups goes through this process."""
        about = "The share of a core that media of groups uses, or may use by what is planned."
        Gauge("tidewire_calls_share", about, registry=self._registry).set_function(share)
        Gauge("tidewire_calls_group", "Calls of groups in this process.", registry=self._registry).set_function(calls)

    def finished(self, call: DirectCall) -> None:
        """A direct call has ended."""
        self._finished.labels(call.end.value if call.end is not None else "").inc()
        if call.talked_ms:
            self._talked.observe(call.talked_ms / 1000)

    def refused(self, reason: str) -> None:
        """Something was refused."""
        self._refused.labels(reason).inc()

    def text(self) -> bytes:
        """The scrape."""
        return generate_latest(self._registry)
