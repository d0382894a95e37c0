"""`python -m media`: reads the command line and the environment, runs a worker, drains on a signal."""

from __future__ import annotations

import logging
import os
import sys

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # it forks to run ffmpeg only, and says so on each

from media import keys_command
from media.app import App, serving
from media.settings import Settings, load
from server.kit.log_format import set_up
from server.kit.loops import run
from server.kit.process import command_line, exit_code, given, until_stopped

log = logging.getLogger("media")

UP = "The media worker is up. gRPC at {grpc}, uploads, downloads, health and metrics at {http}"


def main() -> int:
    """Exit codes: see `exit_code`."""
    return exit_code(_main)


def _main() -> None:
    parser = command_line("media", "A Tidewire media worker.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help="none: run a worker")
    commands.add_parser("rotate-key", help="wrap everything that is stored by a new key, while no worker runs")
    arguments = parser.parse_args()
    settings = load(arguments.config, os.environ, given(parser, arguments.set))
    set_up(settings.log_format, settings.log_level)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings of each retry are said by us, once, as a sentence
    if arguments.command == "rotate-key":
        print(run(keys_command.rotate(settings)))
    else:
        run(_run(settings, arguments.child))


async def _run(settings: Settings, child: bool) -> None:
    def up(app: App) -> None:
        log.info("started", extra=settings.describe())
        host = settings.grpc_listen.rpartition(":")[0]
        http = settings.http_listen.rpartition(":")[0]
        print(UP.format(grpc=f"{host}:{app.grpc_port}", http=f"{http}:{app.http_port}"), flush=True)

    await until_stopped(serving(settings), up, log, child=child)


if __name__ == "__main__":
    sys.exit(main())
