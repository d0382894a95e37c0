"""How far a load is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

LINE_EVERY = 5
"""Seconds between lines where there is no terminal."""


class Progress:
    """To standard error, so that standard output is the report alone."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"))
        self._bar = Bar(
            *columns,
            TimeElapsedColumn(),
            TextColumn("{task.fields[more]}"),
            console=Console(stderr=True),
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("", total=1, more="")
        self._name = ""
        self._done = 0
        self._of: dict[object, dict[str, Any]] = {}

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def phase(self, name: str, total: int) -> None:
        """A phase begins, of so many steps."""
        self._name, self._done = name, 0
        self._bar.reset(self._task, description=name, total=total, more="")
        self._say(name)

    def take(self, process: object, message: dict[str, Any]) -> None:
        """A client process tells how far it is."""
        if "made" in message:
            self._done += message["made"]
            self._bar.update(self._task, completed=self._done)
        else:
            self._of[process] = message

    def at(self, second: int) -> None:
        """So many seconds of the phase are over."""
        sums = {name: sum(each[name] for each in self._of.values()) for name in ("sent", "delivered", "connected")}
        more = ", ".join(f"{count} {name}" for name, count in sums.items())
        self._bar.update(self._task, completed=second, more=more)
        if second % LINE_EVERY == 0:
            self._say(f"{self._name}: {second} s, {more}")

    def _say(self, line: str) -> None:
        if not self._terminal:
            print(line, file=sys.stderr, flush=True)
