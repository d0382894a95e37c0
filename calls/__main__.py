"""`python -m calls`: reads the command line and the environment, runs calls, drains on a signal."""

from __future__ import annotations

import gc
import logging
import os
import sys

from calls.app import App, serving
from calls.settings import Settings, load
from server.kit.log_format import set_up
from server.kit.loops import run
from server.kit.process import command_line, exit_code, given, until_stopped

log = logging.getLogger("calls")

UP = "Calls are up. gRPC at {grpc}, the page, WebSocket, health and metrics at {http}"

FORWARDS = "Calls are up, for media alone. Health and metrics at {http}"
GC_THRESHOLD = 50_000
"""Objects made before the collector looks. Packets make no cycles, and thousands of them are kept: to walk them all often holds media up."""


def main() -> int:
    """Exit codes: see `exit_code`."""
    return exit_code(_main)


def _main() -> None:
    parser = command_line("calls", "Tidewire's calls.")
    arguments = parser.parse_args()
    settings = load(arguments.config, os.environ, given(parser, arguments.set))
    set_up(settings.log_format, settings.log_level)
    run(_run(settings, arguments.child))


async def _run(settings: Settings, child: bool) -> None:
    gc.set_threshold(GC_THRESHOLD, 20, 100)

    def up(app: App) -> None:
        gc.freeze()  # what the start has made stays: the collector need not look at it again
        log.info("started", extra=settings.describe())
        host = settings.grpc_listen.rpartition(":")[0]
        http = settings.http_listen.rpartition(":")[0]
        where = f"{http}:{app.http_port}"
        up = UP.format(grpc=f"{host}:{app.grpc_port}", http=where) if app.grpc_port else FORWARDS.format(http=where)
        print(up, flush=True)

    await until_stopped(serving(settings), up, log, child=child)


if __name__ == "__main__":
    sys.exit(main())
