"""`python -m media`: reads the command line and the environment, runs a worker, drains on a signal."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # it forks to run ffmpeg only, and says so on each

from media import keys_command
from media.app import serving
from media.settings import Settings, load
from server.kit.log_format import set_up
from server.kit.loops import end_with_parent, run
from server.kit.setting_sources import SettingsError
from server.kit.store import StoreError

log = logging.getLogger("media")

UP = "The media worker is up. gRPC at {grpc}, uploads, downloads, health and metrics at {http}"


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
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings of each retry are said by us, once, as a sentence
    try:
        if arguments.command == "rotate-key":
            print(run(keys_command.rotate(settings)))
        else:
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
    parser = argparse.ArgumentParser(prog="python -m media", description="A Tidewire media worker.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file of settings")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting; may be repeated")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help="none: run a worker")
    commands.add_parser("rotate-key", help="wrap everything that is stored by a new key, while no worker runs")
    parsed = parser.parse_args(arguments)
    for item in parsed.set:
        if "=" not in item:
            parser.error("--set takes NAME=VALUE")
    return parsed


async def _run(settings: Settings, child: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = asyncio.current_task()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)  # a second signal: at once
        stopping.set()
        if starting is None:
            log.info("draining")
        else:
            starting.cancel()  # whatever it waits for

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if child:
        await end_with_parent(stop)
    try:
        async with serving(settings) as app:
            starting = None
            log.info("started", extra=settings.describe())
            host = settings.grpc_listen.rpartition(":")[0]
            http = settings.http_listen.rpartition(":")[0]
            print(UP.format(grpc=f"{host}:{app.grpc_port}", http=f"{http}:{app.http_port}"), flush=True)
            await stopping.wait()
            await app.drain()
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
        log.info("stopped before it was up")
        return
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
