"""Pictures of people and groups: given from a file, and shown."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tidewire.cli import pictures, wording
from tidewire.cli.progress import Bar
from tidewire.errors import MediaRejected, TidewireError


async def give(file: str, change: Callable[..., Awaitable[Any]]) -> None:
    """Upload a file as a picture by `change`, with a bar.

    Raises:
        TidewireError: it is not taken, or cannot be read.
    """
    path = Path(file).expanduser()
    with Bar(path.name) as bar:
        try:
            await change(path, progress=bar.moved)
        except MediaRejected as error:
            said = wording.refused_file(path.name, error.reason, error.limit, error.actual)
            raise TidewireError(said.partition(": send it")[0]) from error
        except OSError as error:
            raise TidewireError(f"{path} cannot be read: {error.strerror}") from error


def show(picture: Path | None) -> None:
    """Where it is, and the picture itself where the terminal can draw."""
    if picture is None:
        return
    print(picture, flush=True)
    if sys.stdout.isatty():
        pictures.draw(picture)
