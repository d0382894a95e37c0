"""How far a file is: a bar on a terminal, else a line for each stage. On standard error, since results are on the other."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from tidewire.cli import wording
from tidewire.media import Stage, UploadMoved

STAGES = {
    Stage.WAITING: "waiting",
    Stage.SENDING: "sending",
    Stage.PROBING: "checking",
    Stage.TRANSCODING: "converting",
    Stage.STORING: "storing",
    Stage.READY: "done",
}


class Bar:
    """One file that goes up or comes down."""

    def __init__(self, name: str) -> None:
        self.name = wording.one_line(name)
        self.moves = 0
        """How often it has moved."""
        self._said = ""
        self._bar: Any = _rich() if sys.stderr.isatty() else None
        self._task = self._bar.add_task(self.name, total=100) if self._bar else None

    def __enter__(self) -> Bar:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def moved(self, event: UploadMoved, name: str = "") -> None:
        """An upload has come further."""
        self.moves += 1
        if event.stage in STAGES:
            self._show(name or self.name, STAGES[event.stage], event.percent)

    def loaded(self, have: int, whole: int) -> None:
        """A download has come further, in bytes."""
        self.moves += 1
        self._show(self.name, "loading", 100 * have // max(1, whole))

    def _show(self, name: str, stage: str, percent: int) -> None:
        said = f"{name}: {stage}"
        if self._bar:
            self._bar.update(self._task, description=said, completed=percent)
        elif said != self._said:
            print(said, file=sys.stderr, flush=True)
        self._said = said


def _rich() -> Any:
    """Rich's bar, where Rich is; the extra `cli` brings it."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    except ImportError:
        return None
    text = TextColumn("{task.description}", markup=False)
    return Progress(text, BarColumn(), TaskProgressColumn(), console=Console(stderr=True), transient=True)
