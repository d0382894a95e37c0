"""Random schedules for as long as asked, or one again: `python -m tests.simulation.run --seconds 60`, `--seed N`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.appends import play


def main() -> int:
    """Exit code 1 when something went wrong, with the seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--bug", default="")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        print(play(arguments.seed, arguments.bug) or "clean")
        return 0
    ends, seed = time.monotonic() + arguments.seconds, 1_000_000
    while time.monotonic() < ends:
        seed += 1
        if wrong := play(seed, arguments.bug):
            print(f"seed {seed}: {wrong}")
            return 1
    print(f"{seed - 1_000_000} schedules, clean")
    return 0


if __name__ == "__main__":
    sys.exit(main())
