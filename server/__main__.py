"""`python -m server`: reads the command line and the environment, runs a node, drains on a signal."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from server import token_command
from server.adapters.cql.opening import migrate_blocking
from server.adapters.sqlite.backup import back_up, restore
from server.app import App, serving
from server.log_format import set_up
from server.loops import run
from server.ports.store import StoreError
from server.settings import Settings, SettingsError, load
from server.stores import STORE, cql_settings

log = logging.getLogger("server")

TRY = """
Tidewire is up. Chat at {address}, health and metrics at http://{http}.{pin}

  1. Two people:    .venv/bin/tidewire --profile ann register ann      and  .venv/bin/tidewire --profile ben register ben
  2. A chat:        .venv/bin/tidewire --profile ann chat ben          and  .venv/bin/tidewire --profile ben chat ann
  3. By hand:       grpcurl -plaintext {address} list   (docs/grpcurl.md; `make test` puts a grpcurl into .venv/bin)
"""


def main() -> int:
    """Exit codes: 0 clean, 1 it could not start, 2 a setting is wrong."""
    parser = argparse.ArgumentParser(prog="python -m server", description="A Tidewire routing node.")
    parser.add_argument("--config", type=Path, help="a TOML file of settings")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting; may be repeated")
    parser.add_argument("--backup", type=Path, metavar="FILE", help="write a copy of the store and end; the node may be running")
    parser.add_argument("--restore", type=Path, metavar="FILE", help="put a copy in the store's place and end; devices re-sync")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help="none: run a node")
    commands.add_parser("run", help="run a node")
    migrate = commands.add_parser(
        "migrate",
        help="bring the schema of a CQL database up to date, before nodes of a new release start (pre), and after the last of an old"
        " one has stopped (--stage post)",
    )
    migrate.add_argument("--stage", choices=("pre", "post"), default="pre")
    token_command.add_parser(commands)
    arguments = parser.parse_args()
    try:
        given = dict(item.split("=", 1) for item in arguments.set)
    except ValueError:
        print("--set takes NAME=VALUE", file=sys.stderr)
        return 2
    try:
        settings = load(arguments.config, os.environ, given)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    set_up(settings.log_format, settings.log_level)
    try:
        if arguments.command == "migrate":
            if settings.store != "cql":
                print("store = sqlite is migrated when a node starts; migrate is for store = cql", file=sys.stderr)
                return 2
            done = migrate_blocking(cql_settings(settings), arguments.stage)
            print("\n".join(f"done: {name}" for name in done) or "nothing to do")
        elif arguments.backup or arguments.restore:
            _copy(settings.data_dir / STORE, arguments.backup, arguments.restore)
        elif arguments.command == "token":
            return asyncio.run(token_command.run(settings, arguments))
        else:
            run(_run(settings))
    except (StoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        expected, others = group.split((StoreError, OSError))
        if others is not None or expected is None:
            raise
        print(_first(expected), file=sys.stderr)
        return 1
    return 0


def _copy(store: Path, to: Path | None, source: Path | None) -> None:
    if to is not None:
        back_up(store, to)
        print(f"{store} is backed up to {to}")
    if source is not None:
        before = restore(store, source)
        print(f"{source} is restored to {store}" + (f"; the store that was there is {before}" if before else ""))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error inside a task group's, however deep."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


GC_THRESHOLD = 50_000
"""Objects made before the collector looks: a message makes dozens that die at once, and at the default it took 4 % of the time."""


async def _run(settings: Settings) -> None:
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
    async with serving(settings) as app:
        gc.freeze()  # what the start has made stays: the collector need not look at it again
        log.info("started", extra=settings.describe())
        print(_try(settings, app), flush=True)
        await stopping.wait()
        await app.drain()
    log.info("stopped")


def _try(settings: Settings, app: App) -> str:
    host = settings.chat_listen.rpartition(":")[0]
    http = settings.http_listen.rpartition(":")[0]
    pin = f"\nClients pin the authority: {app.fingerprint}" if app.fingerprint else ""
    return TRY.format(address=f"{host}:{app.chat_port}", http=f"{http}:{app.http_port}", pin=pin)


if __name__ == "__main__":
    sys.exit(main())
