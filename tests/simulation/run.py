"""Random schedules for as long as asked, or one again.

python -m tests.simulation.run --seconds 60          # prints schedules, steps, and the seeds that failed
python -m tests.simulation.run --seed 7 --trace      # one schedule, step by step
python -m tests.simulation.run --seed 7 --bug no_second_look
python -m tests.simulation.run --appends --seed 7    # the append rounds alone
python -m tests.simulation.run --bugs                # the bugs that can be planted
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator
from itertools import count

from tests.simulation import appends, bugs
from tests.simulation.schedule import Outcome, play
from tests.simulation.workers import work

FIRST_OF_LONG_RUNS = 1_000_000
"""`make simulate` begins behind the seeds of the tests."""


def outcomes(arguments: argparse.Namespace) -> Iterator[Outcome]:
    """Plays one seed after the other."""
    for seed in range(arguments.first, arguments.first + arguments.count) if arguments.count else count(arguments.first):
        if arguments.appends:
            yield Outcome(seed, appends.STEPS, appends.play(seed, arguments.bug))
        else:
            yield play(seed, arguments.bug)
        if seed % 50 == 0:
            gc.collect()


def several(arguments: argparse.Namespace) -> int:
    """Many schedules in this process; a line of JSON at the end, for `work`."""
    ends = time.monotonic() + arguments.seconds if arguments.seconds else float("inf")
    schedules = steps = 0
    failed: list[tuple[int, str]] = []
    for outcome in outcomes(arguments):
        schedules += 1
        steps += outcome.steps
        if outcome.violation:
            failed.append((outcome.seed, outcome.violation))
        if time.monotonic() > ends or outcome.violation and arguments.bug:
            break
    print(json.dumps({"schedules": schedules, "steps": steps, "failed": failed}))
    return 0


def one(arguments: argparse.Namespace) -> int:
    """One schedule, again."""
    if arguments.appends:
        violation = appends.play(arguments.seed, arguments.bug)
    else:
        outcome = play(arguments.seed, arguments.bug, print if arguments.trace else None)
        violation = outcome.violation
    print(f"seed {arguments.seed}: {violation or 'clean'}")
    return 1 if violation else 0


def long_run(seconds: float) -> int:
    """Both cores for some time."""
    began = time.monotonic()
    done = work([["--first", str(FIRST_OF_LONG_RUNS * n), "--seconds", str(seconds)] for n in (1, 2)], seconds + 120)
    took_s = time.monotonic() - began
    schedules, steps = sum(d.schedules for d in done), sum(d.steps for d in done)
    print(f"{schedules} schedules, {steps} steps, {steps / took_s:,.0f} steps a second")
    failed = [failure for d in done for failure in d.failed]
    for seed, violation in failed[:20]:
        print(f"seed {seed}: {violation}\n    replay: python -m tests.simulation.run --seed {seed} --trace")
    print(f"{len(failed)} failed" if failed else "clean")
    return 1 if failed else 0


def main() -> int:
    """Exit code 1 when something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--bug", default="")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--appends", action="store_true")
    parser.add_argument("--bugs", action="store_true")
    parser.add_argument("--first", type=int)
    parser.add_argument("--count", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.bugs:
        for name, make in bugs.BUGS.items():
            print(f"{name:36} {make.__doc__}")
        return 0
    gc.disable()  # what a dead process leaves behind is to end when nobody looks
    if arguments.seed is not None:
        return one(arguments)
    return long_run(arguments.seconds or 60) if arguments.first is None else several(arguments)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of names have to have the same order each time
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.simulation.run", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
        )
    warnings.simplefilter("ignore")  # coroutines that a dead process never began
    sys.unraisablehook = lambda unraisable: None
    sys.exit(main())
