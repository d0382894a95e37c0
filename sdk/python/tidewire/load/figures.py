"""CPU and memory of the server, from what its nodes tell at /metrics."""

from __future__ import annotations

import asyncio
import http.client
import time
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

NAMES = {"process_cpu_seconds_total": "cpu_s", "process_resident_memory_bytes": "rss", "tidewire_stream_open": "streams"}
TIMEOUT_S = 2.0


class NodeSample(NamedTuple):
    """One node, at one moment."""

    cpu_s: float
    """Since the process began."""
    rss: float
    """Bytes."""
    streams: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Every node, at one moment."""

    at: float
    """`time.monotonic`."""
    nodes: tuple[NodeSample | None, ...]
    """As --metrics names them. None: it did not answer; it may just be restarting."""

    @property
    def rss(self) -> float:
        """Bytes, of all nodes that answered."""
        return sum(node.rss for node in self.nodes if node is not None)

    @property
    def streams(self) -> float:
        """Of all nodes that answered."""
        return sum(node.streams for node in self.nodes if node is not None)

    @property
    def is_whole(self) -> bool:
        """Every node answered."""
        return None not in self.nodes


def _read(address: str) -> NodeSample | None:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=TIMEOUT_S) as response:
            lines = response.read().decode().splitlines()
    except (OSError, http.client.HTTPException):
        return None
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    found = {NAMES[pair[0]]: float(pair[1]) for pair in pairs if pair[0] in NAMES}
    if set(found) != set(NAMES.values()):
        raise ValueError(f"{address} does not tell the metrics of a Tidewire node")
    return NodeSample(**found)


async def sample(addresses: Sequence[str]) -> Sample:
    """What the nodes tell now.

    Raises:
        ValueError: an address answers, but is not a node that tells its CPU time.
    """
    at = time.monotonic()
    return Sample(at, tuple(await asyncio.gather(*(asyncio.to_thread(_read, address) for address in addresses))))


def cpu_used(samples: Iterable[Sample]) -> list[float]:
    """CPU seconds of each node over these samples. A restart, which begins at 0 again, loses what came after the last one before it."""
    by_node = zip(*(sample.nodes for sample in samples), strict=True)
    return [_used([node.cpu_s for node in nodes if node is not None]) for nodes in by_node]


def _used(told: Iterable[float]) -> float:
    return sum(later - earlier if later >= earlier else later for earlier, later in pairwise(told))
