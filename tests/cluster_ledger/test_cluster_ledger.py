"""The ledger over a cluster: whatever part dies, every device shows what the log holds, and nothing sent is missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster_ledger.figures import figures, spread
from tests.cluster_ledger.fleet import Fleet
from tests.cluster_ledger.plan import DEVICES, Fault, turns
from tests.cluster_ledger.trouble import Trouble
from tests.ledger.scenarios import judged
from tests.support.cassandra import Ring

pytestmark = [pytest.mark.process, pytest.mark.timeout(100_000)]

FAULTS_SHOWN = 60
PATIENCE_S = 30


def report(faults: list[str], seed: int, seconds: int, folder: Path) -> str:
    """What is wrong, and how to see it again."""
    shown = "\n".join(f"  {fault}" for fault in sorted(faults)[:FAULTS_SHOWN])
    return (
        f"\n{len(faults)} faults; journals, stores and logs are in {folder}\n{shown}\n"
        f"again: .venv/bin/python -m pytest tests/cluster_ledger/test_cluster_ledger.py --seconds {seconds} --seed {seed}"
    )


async def test_nothing_sent_is_lost_or_doubled_whichever_part_dies(
    tmp_path: Path, ring: Ring, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds, seed = request.config.getoption("--seconds"), request.config.getoption("--seed")
    began = time.monotonic()
    fleet = Fleet(tmp_path, ring, f"ledger_{seed}", seed)
    trouble = Trouble(fleet)
    try:
        await trouble.gather()
        ready = time.monotonic()
        await trouble.go(turns(seed), seconds)
        over = time.monotonic()
        await trouble.heal()
        await judged(fleet, PATIENCE_S)
        observers = await trouble.observe()
        faults = await judged(fleet, patience_s=0, observers=observers)
        journals, truth = fleet.journals(), fleet.truth()
    except BaseException:
        with capsys.disabled():
            print(report(["it did not come to a judgement"], seed, seconds, tmp_path))
        raise
    finally:
        await fleet.close()
    assert not faults, report(faults, seed, seconds, tmp_path)

    assert all(trouble.counts[fault] for fault in Fault), trouble.counts
    seen = figures(journals)
    entries = sum(len(log) for log in truth.values())
    assert entries > len(DEVICES) * len(Fault) and seen.reconnects and seen.deliveries, "there was something to judge"
    with capsys.disabled():
        now = time.monotonic()
        print(
            f"\nledger over a cluster: seed {seed}, {sum(trouble.counts.values())} faults in {over - ready:.0f} s,"
            f" {entries} envelopes, {seen.written} texts written, {seen.refused} refused;"
            f" {ready - began:.0f} s to begin, {now - over:.0f} s to settle"
        )
        for fault, count in trouble.counts.items():
            print(f"  {count:4} {fault.value}")
        print(f"  connected again: {spread(seen.reconnects)}")
        print(f"  caught up again: {spread(seen.caught_up)}")
        print(f"  shown to another person: {spread(seen.deliveries)}")
