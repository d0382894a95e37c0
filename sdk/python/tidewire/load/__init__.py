"""The command `tidewire-load`: many devices on raw streams, open-loop, with every delivery accounted for.

    options      the command line, and what it refuses
    coordinator  starts client processes, has them do one phase after another, judges
    worker       one client process: its accounts, and when they speak
    device       one stream: what was said, what came, what is acked
    seen         what a device has of a conversation: each envelope once
    latencies    counts in bounds 2 % apart
    figures      CPU and memory of the server, from its /metrics
    report, page the report as text, JSON and one HTML page

Exit codes: 0 all was delivered once; 1 something was lost or came twice, or the load could not be put on; 2 the command line is wrong.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from tidewire.load.coordinator import Failed, load
from tidewire.load.options import parsed


def main(argv: list[str] | None = None) -> int:
    """Run one load. Returns the exit code."""
    plan = parsed(argv)
    try:
        return asyncio.run(load(plan))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (Failed, OSError) as error:
        print(f"tidewire-load: {error}", file=sys.stderr)
        return 1
