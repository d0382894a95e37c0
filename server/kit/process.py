"""The life of a process of ours: its command line, its exit code, and the signals that end it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from server.kit.loops import end_with_parent
from server.kit.setting_sources import SettingsError
from server.kit.store import StoreError

EXPECTED = (StoreError, OSError)
"""What keeps a process from starting and is the operator's to mend: one sentence, and no stack trace."""


class Drainable(Protocol):
    """A running process."""

    @property
    def drain(self) -> Callable[[], Awaitable[object]]:
        """Send everybody away, and take nothing new."""
        ...


A = TypeVar("A", bound=Drainable)


def command_line(name: str, description: str) -> argparse.ArgumentParser:
    """What every process takes: `python -m NAME`."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file of settings")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting; may be repeated")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser


def given(parser: argparse.ArgumentParser, items: Sequence[str]) -> dict[str, str]:
    """The settings of the command line. Ends the process where one is none."""
    for item in items:
        if "=" not in item:
            parser.error("--set takes NAME=VALUE")
    return dict(item.partition("=")[::2] for item in items)


def exit_code(work: Callable[[], int | None]) -> int:
    """Do the work. 0 clean, 1 it could not start, 2 a setting is wrong; or what the work answers."""
    try:
        return work() or 0
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        expected, others = group.split((SettingsError, *EXPECTED))
        if others is not None or expected is None:
            raise
        first = _first(expected)
        print(first, file=sys.stderr)
        return 2 if isinstance(first, SettingsError) else 1


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error inside a task group's, however deep."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


async def until_stopped(
    serving: AbstractAsyncContextManager[A], up: Callable[[A], None], log: logging.Logger, *, child: bool = False
) -> bool:
    """Run until SIGTERM or SIGINT, then drain; a second signal ends the process at once. `up` is told when it is up.

    Args:
        child: end, too, when the process that started this one is gone.

    Returns:
        Whether it was up: a signal during the start ends the start, whatever it waits for.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = asyncio.current_task()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()
        if starting is None:
            log.info("draining")
        else:
            starting.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if child:
        await end_with_parent(stop)
    try:
        async with serving as app:
            starting = None
            up(app)
            await stopping.wait()
            await app.drain()
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
        log.info("stopped before it was up")
        return False
    log.info("stopped")
    return True
