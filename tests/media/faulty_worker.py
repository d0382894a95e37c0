"""The media worker with another ffmpeg: `TW_TESTS_FFMPEG=FAULT python -m tests.media.faulty_worker …`.

hangs: it never ends, and may take a second. eats: it takes all memory. hold: it never ends, and may take an hour.
The real one answers whatever is asked before a file comes.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from media import __main__ as worker
from media.adapters.ffmpeg import opening
from media.adapters.ffmpeg.opening import Tools
from media.adapters.ffmpeg.workshop import WorkLimits

FAULTS = {
    "hangs": "exec sleep 1000",
    "hold": "sleep 1000 & exec sleep 1000",
    "eats": """exec perl -e 'my @all; push @all, "x" x 67108864 while 1'""",
}
WALL_MS = {"hangs": 1_000}
SCRIPT = """#!/bin/sh
case "$*" in *-encoders*|*-version*) exec {real} "$@";; esac
{fault}
"""


def main() -> int:
    """As `python -m media`."""
    fault = os.environ.get("TW_TESTS_FFMPEG", "")
    if not fault:
        return worker.main()
    real = opening.tools()
    usual = WorkLimits()
    limits = replace(usual, making=replace(usual.making, wall_ms=WALL_MS.get(fault, 3_600_000)))
    with tempfile.TemporaryDirectory(prefix="tidewire-ffmpeg-") as folder:
        program = Path(folder) / "ffmpeg"
        program.write_text(SCRIPT.format(real=real.ffmpeg, fault=FAULTS[fault]))
        program.chmod(0o755)
        opening.opened = functools.partial(  # type: ignore[assignment]
            opening.opened, work_limits=limits, found=Tools(str(program), real.ffprobe)
        )
        return worker.main()


if __name__ == "__main__":
    sys.exit(main())
