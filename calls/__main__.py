"""`python -m calls`: reads the command line and the environment, runs calls, drains on a signal."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from calls.app import serving
from calls.settings import Settings, load
from server.kit.log_format import set_up
from server.kit.loops import end_with_parent, run
from server.kit.setting_sources import SettingsError
from server.kit.store import StoreError

log = logging.getLogger("calls")

UP = "Calls are up. gRPC at {grpc}, the page, WebSocket, health and metrics at {http}"


GC_THRESHOLD = 50_000
"""Objects made before the collector looks. Packets make no cycles, and thousands of them are kept: to walk them all often holds media up."""


def main() -> int:
    """Exit codes: 0 clean, 1 it could not start, 2 a setting is wrong."""
    arguments = _parse(sys.argv[1:])
    given = dict(item.partition("=")[::2] for item in arguments.set)
    try:
        settings = load(arguments.config, os.environ, given)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    set_up(settings.log_format, settings.log_level)
    try:
        run(_run(settings, arguments.child))
    except (StoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        expected, others = group.split((StoreError, OSError))
        if others is not None or expected is None:
            raise
        inner: BaseException = expected
        while isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        print(inner, file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m calls", description="Tidewire's calls.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file of settings")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting; may be repeated")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args(arguments)
    for item in parsed.set:
        if "=" not in item:
            parser.error("--set takes NAME=VALUE")
    return parsed


async def _run(settings: Settings, child: bool) -> None:
    gc.set_threshold(GC_THRESHOLD, 20, 100)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)  # a second signal: at once
        log.info("draining")
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if child:
        await end_with_parent(stop)
    async with serving(settings) as app:
        gc.freeze()  # what the start has made stays: the collector need not look at it again
        log.info("started", extra=settings.describe())
        host = settings.grpc_listen.rpartition(":")[0]
        http = settings.http_listen.rpartition(":")[0]
        print(UP.format(grpc=f"{host}:{app.grpc_port}", http=f"{http}:{app.http_port}"), flush=True)
        await stopping.wait()
        await app.drain()
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
