"""CPU and memory of the server, from what its nodes tell at /metrics."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

NAMES = {"process_cpu_seconds_total": "cpu_s", "process_resident_memory_bytes": "rss", "tidewire_stream_open": "streams"}
TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """All nodes together, at one moment."""

    at: float
    """`time.monotonic`."""
    cpu_s: float
    rss: float
    """Bytes."""
    streams: float


def _read(address: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=TIMEOUT_S) as response:
        lines = response.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {NAMES[pair[0]]: float(pair[1]) for pair in pairs if pair[0] in NAMES}


async def sample(addresses: Sequence[str]) -> Sample | None:
    """What the nodes tell now; None: not all of them answer (one of them may just be restarting).

    Raises:
        ValueError: an address answers, but is not a node that tells its CPU time.
    """
    at = time.monotonic()
    try:
        told = await asyncio.gather(*(asyncio.to_thread(_read, address) for address in addresses))
    except OSError:
        return None
    for address, values in zip(addresses, told, strict=True):
        if set(values) != set(NAMES.values()):
            raise ValueError(f"{address} does not tell the metrics of a Tidewire node")
    return Sample(at, *(sum(values[name] for values in told) for name in ("cpu_s", "rss", "streams")))


def cpu_used(samples: Sequence[Sample]) -> float:
    """CPU seconds between the first sample and the last. A restart, which begins at 0 again, loses what came after the last one."""
    steps = zip(samples, samples[1:], strict=False)
    return sum(later.cpu_s - earlier.cpu_s if later.cpu_s >= earlier.cpu_s else later.cpu_s for earlier, later in steps)
