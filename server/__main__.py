"""`python -m server`: reads the command line and the environment, runs a node, drains on a signal."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
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
from server.kit.loops import run
from server.kit.process import exit_code, until_stopped
from server.kit.setting_sources import SettingsError
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
    """Exit codes: see `exit_code`."""
    return exit_code(_main)


def _main() -> int | None:
    arguments = parse(sys.argv[1:])
    settings = load(arguments.config, os.environ, arguments.given)
    set_up(settings.log_format, settings.log_level, OneLine())
    if arguments.command == "migrate":
        if settings.store != "cql":
            raise SettingsError("store = sqlite is migrated when a node starts; migrate is for store = cql")
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
    return None


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


GC_THRESHOLD = 50_000
"""Objects made before the collector looks: a message makes dozens that die at once, and at the default it took 4 % of the time."""


async def _run(settings: Settings, worker: int | None, child: bool) -> None:
    gc.set_threshold(GC_THRESHOLD, 20, 100)

    def up(app: App) -> None:
        gc.freeze()  # what the start has made stays: the collector need not look at it again
        log.info("started", extra=settings.describe())
        print(_try(settings, app), *([] if worker is None else [READY]), sep="\n", flush=True)

    if not await until_stopped(serving(settings), up, log, child=child):
        sys.stderr.flush()
        os._exit(0)  # the driver of a database that does not answer may hold on to its threads for long


def _try(settings: Settings, app: App) -> str:
    host = settings.chat_listen.rpartition(":")[0]
    http = settings.http_listen.rpartition(":")[0]
    pin = f"\nClients pin the authority: {app.fingerprint}" if app.fingerprint else ""
    return TRY.format(address=f"{host}:{app.chat_port}", http=f"{http}:{app.http_port}", pin=pin)


if __name__ == "__main__":
    sys.exit(main())
