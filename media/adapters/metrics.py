"""What the worker counts, read by Prometheus at a scrape."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest


class Metrics:
    """Counters and gauges."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._finished = Counter("tidewire_media_upload", "Uploads by outcome.", ["kind", "outcome"], registry=self._registry)
        self._refused = Counter("tidewire_media_refusal", "Refused calls by reason.", ["reason"], registry=self._registry)
        Gauge("tidewire_media_waiting", "Uploads that wait for the worker.", registry=self._registry).set_function(waiting)

    def finished(self, kind: str, outcome: str) -> None:
        """An upload is done, or has to wait."""
        self._finished.labels(kind, outcome).inc()

    def refused(self, reason: str) -> None:
        """Something was refused."""
        self._refused.labels(reason).inc()

    def text(self) -> bytes:
        """The scrape."""
        return generate_latest(self._registry)
