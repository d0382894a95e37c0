"""What a run looked like, from the journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.support.ledger import Line

RAW = "raw"


class Figures(NamedTuple):
    """Times in ms, ascending."""

    reconnects: list[float]
    """From a connection that a device noticed to be lost until it was connected again, in one life of its process."""
    caught_up: list[float]
    """From the same moment until it had everything again."""
    deliveries: list[float]
    """From a text on its writer's disk until another person's device showed it, whatever broke between."""
    written: int
    refused: int


def figures(journals: Mapping[str, Sequence[Line]]) -> Figures:
    """From all journals."""
    written: dict[str, tuple[str, int]] = {}
    reconnects: list[float] = []
    caught_up: list[float] = []
    refused = 0
    for lines in journals.values():
        account = next((str(line["account"]) for line in lines if line["is"] == "account"), "")
        lost = behind = 0
        for line in lines:
            match line["is"]:
                case "queued":
                    written.setdefault(line["text"], (account, line["at"]))
                case "refused":
                    refused += 1
                case "start":
                    lost = behind = 0
                case "disconnected":
                    lost, behind = lost or line["at"], behind or line["at"]
                case "connected" if lost:
                    reconnects.append((line["at"] - lost) / 1e6)
                    lost = 0
                case "caught up" if behind:
                    caught_up.append((line["at"] - behind) / 1e6)
                    behind = 0
    deliveries = []
    for lines in journals.values():
        account = next((str(line["account"]) for line in lines if line["is"] == "account"), "")
        for line in lines:
            if line["is"] == "shown" and line["text"] in written and written[line["text"]][0] != account:
                deliveries.append((line["at"] - written[line["text"]][1]) / 1e6)
    return Figures(sorted(reconnects), sorted(caught_up), sorted(deliveries), len(written), refused)


def spread(times: Sequence[float]) -> str:
    """ "p50 12 ms, p99 345 ms of 67"."""
    if not times:
        return "none"
    p50, p99 = (times[min(len(times) - 1, int(part * len(times)))] for part in (0.5, 0.99))
    return f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, of {len(times):,}"
