"""What the rows of a measurement say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LOST_MAX = 0
DELIVERED_MIN = 0.999
LATE_P99_MAX_MS = 20.0
DELAY_P99_MAX_MS = 20.0
FPS = 30.0


@dataclass(frozen=True, slots=True)
class Flows:
    """Of all flows in a window.

    Attributes:
        seen: how many.
        packets: that arrived, each once.
        lost: by their sequence numbers.
        fps_median, fps_min: pictures a second, of the flows that have any.
    """

    seen: int
    packets: int
    lost: int
    fps_median: float
    fps_min: float


def flows(rows: Any, seconds: float) -> Flows:
    """Read them. A flow is a socket and an SSRC; its numbers may wrap once."""
    if not len(rows):
        return Flows(0, 0, 0, 0.0, 0.0)
    keys = rows["who"].astype(np.int64) << 32 | rows["ssrc"]
    order = np.argsort(keys, kind="stable")
    keys, sorted_rows = keys[order], rows[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    packets = lost = 0
    rates = []
    for begin, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        numbers = sorted_rows["sequence"][begin:end].astype(np.int64)
        numbers = np.where((numbers < 0x4000) & (numbers.max() > 0xC000), numbers + 0x10000, numbers)
        unique = np.unique(numbers)
        packets += len(unique)
        lost += int(unique[-1] - unique[0] + 1 - len(unique))
        if sorted_rows["size"][begin] > 400:
            rates.append(int(sorted_rows["marker"][begin:end].sum()) / seconds)
    return Flows(len(starts), packets, lost, float(np.median(rates)) if rates else 0.0, float(min(rates)) if rates else 0.0)


def delays_ms(ns: list[int]) -> tuple[float, float]:
    """Half of the packets, and all but one in a hundred, took no longer."""
    if not ns:
        return 0.0, 0.0
    half, most = np.percentile(np.array(ns), [50, 99])
    return round(float(half) / 1e6, 2), round(float(most) / 1e6, 2)


def faults(row: dict[str, Any]) -> list[str]:
    """Why the row is no zero-loss row; a queue that hides loss in delay is one, too."""
    found = []
    if row["lost"] > LOST_MAX:
        found.append(f"{row['lost']} lost")
    if row["flows"] != row["flows_wanted"]:
        found.append(f"{row['flows']} flows of {row['flows_wanted']}")
    if row["delivered"] < DELIVERED_MIN:
        found.append(f"{row['delivered']:.2%} delivered")
    if row["fps_median"] < FPS - 0.5 or row["fps_min"] < FPS - 0.5:
        found.append(f"{row['fps_min']:.1f} fps")
    if max(row["audio_ms"][1], row["video_ms"][1]) > DELAY_P99_MAX_MS:
        found.append(f"p99 {max(row['audio_ms'][1], row['video_ms'][1]):.0f} ms")
    if row["wrong"]:
        found.append(f"{row['wrong']} wrong")
    return found
