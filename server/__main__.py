"""`python -m server`: reads the command line and the environment, runs a node, drains on a signal."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from server import token_command
from server.adapters.cql.driver_log import OneLine
from server.adapters.cql.migrations import Stage
from server.adapters.cql.opening import migrate, new_epoch_blocking
from server.adapters.sqlite.backup import back_up, restore
from server.app import App, serving
from server.command_line import parse
from server.kit.log_format import set_up
from server.kit.loops import end_with_parent, run
from server.kit.setting_sources import SettingsError
from server.kit.store import StoreError
from server.kit.system import SystemClock
from server.kit.waiting import until_open
from server.settings import Settings, load
from server.stores import STORE, cql_settings
from server.together import Together, environment
from server.workers import READY, Workers, worker_settings

log = logging.getLogger("server")

TRY = """
Tidewire is up. Chat at {address}, health and metrics at http://{http}.{pin}

  1. Two people:    .venv/bin/tidewire --profile ann register ann      and  .venv/bin/tidewire --profile ben register ben
  2. A chat:        .venv/bin/tidewire --profile ann chat ben          and  .venv/bin/tidewire --profile ben chat ann
  3. A photo:       .venv/bin/tidewire --profile ann send ben --file PHOTO.jpg   and  .venv/bin/tidewire --profile ben open ann
                    (with `make run`; a node alone refuses media)
  4. A call:        .venv/bin/tidewire --profile ann call ben          and  .venv/bin/tidewire --profile ben call
                    (with `make run`; a node alone refuses calls)
  5. By hand:       grpcurl -plaintext {address} list   (docs/grpcurl.md; `make test` puts a grpcurl into .venv/bin)
"""


def main() -> int:
    """Exit codes: 0 clean, 1 it could not start, 2 a setting is wrong."""
    arguments = parse(sys.argv[1:])
    try:
        settings = load(arguments.config, os.environ, arguments.given)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    set_up(settings.log_format, settings.log_level, OneLine())
    try:
        if arguments.command == "migrate":
            if settings.store != "cql":
                print("store = sqlite is migrated when a node starts; migrate is for store = cql", file=sys.stderr)
                return 2
            asyncio.run(_migrate(settings, arguments.stage, new_epoch=arguments.new_epoch))
        elif arguments.backup or arguments.restore:
            _copy(settings.data_dir / STORE, arguments.backup, arguments.restore)
        elif arguments.command == "token":
            return asyncio.run(token_command.run(settings, arguments))
        elif arguments.others:
            return run(_together(settings, sys.argv[1:], arguments.others))
        elif settings.workers > 1 and arguments.worker is None:
            return run(Workers(settings, sys.argv[1:]).run())
        else:
            mine = settings if arguments.worker is None else worker_settings(settings, arguments.worker)
            run(_run(mine, arguments.worker, arguments.worker is not None or arguments.child))
    except SettingsError as error:  # one that only opening could tell
        print(error, file=sys.stderr)
        return 2
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


async def _together(settings: Settings, arguments: list[str], others: tuple[str, ...]) -> int:
    variables = await environment(settings, os.environ, others)
    at = arguments.index("--with") if "--with" in arguments else -1
    node = arguments[:at] + arguments[at + 2 :] if at >= 0 else [item for item in arguments if not item.startswith("--with=")]
    commands = {"node": ("-m", "server", *node, "--child")} | {name: ("-m", name, "--child") for name in others}
    return await Together(commands, variables).run()


async def _migrate(settings: Settings, stage: Stage, *, new_epoch: bool) -> None:
    where = cql_settings(settings)
    done = await until_open(lambda: migrate(where, stage), settings.store_wait_s, SystemClock())
    print("\n".join(f"done: {name}" for name in done) or "nothing to do")
    if new_epoch:
        print(f"epoch {new_epoch_blocking(where)} begins: devices take their logs again")


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


async def _run(settings: Settings, worker: int | None, child: bool) -> None:
    gc.set_threshold(GC_THRESHOLD, 20, 100)
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
            gc.freeze()  # what the start has made stays: the collector need not look at it again
            log.info("started", extra=settings.describe())
            print(_try(settings, app), *([] if worker is None else [READY]), sep="\n", flush=True)
            await stopping.wait()
            await app.drain()
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
        log.info("stopped before it was up")
        sys.stderr.flush()
        os._exit(0)  # the driver of a database that does not answer may hold on to its threads for long
    log.info("stopped")


def _try(settings: Settings, app: App) -> str:
    host = settings.chat_listen.rpartition(":")[0]
    http = settings.http_listen.rpartition(":")[0]
    pin = f"\nClients pin the authority: {app.fingerprint}" if app.fingerprint else ""
    return TRY.format(address=f"{host}:{app.chat_port}", http=f"{http}:{app.http_port}", pin=pin)


if __name__ == "__main__":
    sys.exit(main())
