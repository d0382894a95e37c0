"""Counters as plain numbers on the hot path, read by Prometheus at a scrape."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from server.domain.tally import Tally

BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128)
LATENCY_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Reading(NamedTuple):
    """One number that another part of the node keeps."""

    name: str
    text: str
    value: float
    gauge: bool = False
    """It can fall; else it is a counter."""


class Metrics:
    """What the node counts."""

    def __init__(self, streams: Callable[[], int], now_ms: Callable[[], int]) -> None:
        self._streams = streams
        self._now_ms = now_ms
        self._appended = self._delivered = self._stalls = 0
        self._refused: Counter[str] = Counter()
        self.refusals = Tally()
        self._batches = [0] * (len(BATCH_BOUNDS) + 1)
        self._latencies = [0] * (len(LATENCY_BOUNDS_MS) + 1)
        self._latency_sum_ms = 0.0
        self._registry = CollectorRegistry()
        self._sources: list[Callable[[], Iterable[Reading]]] = []
        self._registry.register(self)
        ProcessCollector(registry=self._registry)  # CPU seconds, memory, open files

    def read(self, source: Callable[[], Iterable[Reading]]) -> None:
        """Have a part of the node asked at every scrape."""
        self._sources.append(source)

    def appended(self, entries: int, latency_ms: float) -> None:
        """A batch became durable, this many milliseconds after it was proposed."""
        self._appended += entries
        self._latency_sum_ms += latency_ms
        self._batches[bisect_left(BATCH_BOUNDS, entries)] += 1
        self._latencies[bisect_left(LATENCY_BOUNDS_MS, latency_ms)] += 1

    def delivered(self, envelopes: int) -> None:
        """Envelopes were handed to a device's stream."""
        self._delivered += envelopes

    def stalled(self, times: int) -> None:
        """A full window stopped pumps so many times."""
        self._stalls += times

    def refused(self, reason: str) -> None:
        """Something was refused."""
        self._refused[reason] += 1
        self.refusals.count(reason, self._now_ms())

    def text(self) -> bytes:
        """The scrape."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        yield GaugeMetricFamily("tidewire_stream_open", "Open streams.", value=self._streams())
        yield CounterMetricFamily("tidewire_envelope_appended", "Envelopes appended, durably.", value=self._appended)
        yield CounterMetricFamily("tidewire_envelope_delivered", "Envelopes handed to streams.", value=self._delivered)
        yield CounterMetricFamily("tidewire_window_stall", "Pumps stopped by a full window.", value=self._stalls)
        refusals = CounterMetricFamily("tidewire_refusal", "Refusals by reason.", labels=["reason"])
        for reason, count in self._refused.items():
            refusals.add_metric([reason], count)
        yield refusals
        yield _histogram("tidewire_append_entries", "Entries in one append.", BATCH_BOUNDS, self._batches, self._appended)
        yield _histogram(
            "tidewire_append_latency_ms", "From proposal to durable.", LATENCY_BOUNDS_MS, self._latencies, self._latency_sum_ms
        )
        for name, text, value, gauge in (reading for source in self._sources for reading in source()):
            yield GaugeMetricFamily(name, text, value=value) if gauge else CounterMetricFamily(name, text, value=value)


def _histogram(name: str, text: str, bounds: tuple[int, ...], counts: list[int], total: float) -> Metric:
    buckets, running = [], 0
    for bound, count in zip((*bounds, "+Inf"), counts, strict=True):
        running += count
        buckets.append((str(bound), float(running)))
    family = HistogramMetricFamily(name, text)
    family.add_metric([], buckets=buckets, sum_value=total)
    return family
