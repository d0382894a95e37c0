"""The ledger: real processes, real faults; at the end every device shows what the log holds, and nothing sent is missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.ledger.crew import Crew
from tests.ledger.plan import CLOCKS, DEVICES, Fault, plan
from tests.ledger.scenarios import judged
from tests.ledger.trouble import WINDOW, Trouble
from tests.support.proxy import Walk, Way

pytestmark = [pytest.mark.process, pytest.mark.timeout(3_600)]

DAY_S = 86_400
FAULTS_SHOWN = 60
PATIENCE_S = 20


def report(faults: list[str], seed: int, cuts: int, folder: Path) -> str:
    """What differs, per device, and how to see it again."""
    shown = "\n".join(f"  {fault}" for fault in sorted(faults)[:FAULTS_SHOWN])
    return (
        f"\n{len(faults)} faults; journals, stores and logs are in {folder}\n{shown}\n"
        f"again: .venv/bin/python -m pytest tests/ledger/test_ledger.py --cuts {cuts} --seed {seed}"
    )


async def test_nothing_sent_is_lost_or_doubled_whatever_is_killed_and_cut(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    cuts, seed = request.config.getoption("--cuts"), request.config.getoption("--seed")
    began = time.monotonic()
    walk = Walk(cuts, start=2 * seed)
    crew = Crew(tmp_path, walk=walk, window_envelopes_max=WINDOW)
    trouble = Trouble(crew)
    turns = plan(seed, cuts)
    try:
        await trouble.gather()
        await trouble.go(turns, cuts)
        await trouble.heal()
        await judged(crew, PATIENCE_S)
        observers = await trouble.observe()
        faults = await judged(crew, patience_s=0, observers=observers)
        journals, truth = crew.journals(), crew.truth()
    except BaseException:
        with capsys.disabled():
            print(report(["it did not come to a judgement"], seed, cuts, tmp_path))
        raise
    finally:
        await crew.close()
    assert not faults, report(faults, seed, cuts, tmp_path)

    assert walk.cuts >= cuts
    assert all(any(where.startswith(way.value) and "inside" in where for where in walk.where) for way in Way)
    assert all(trouble.counts[fault] for fault in Fault), trouble.counts
    for name in DEVICES:
        (wall, *_) = [line["wall"] - line["at"] / 1e9 for line in journals[name] if line["is"] == "start"]
        error_s = wall - (time.time() - time.monotonic())
        assert abs(error_s - {"+1d": DAY_S, "-1d": -DAY_S, "": 0}[CLOCKS.get(name, "")]) < 60, f"the clock of {name}"
    said = {
        what: sum(line["is"] == what for lines in journals.values() for line in lines) for what in ("queued", "sent", "refused")
    }
    assert said["sent"] > cuts and said["refused"], "there was something to judge"
    with capsys.disabled():
        entries = sum(len(entries) for entries in truth.values())
        print(
            f"\nledger: seed {seed}, {walk.cuts} cuts at chosen bytes, {len(turns)} faults,"
            f" {entries} entries, {said['queued']} written, {said['refused']} refused, {time.monotonic() - began:.0f} s"
        )
        print("cut " + ", ".join(f"{where} {count}" for where, count in sorted(walk.where.items())))
        print("and " + ", ".join(f"{fault.value} {count}" for fault, count in trouble.counts.items()))
