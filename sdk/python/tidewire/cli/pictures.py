"""Pictures on a terminal, as well as it can: pixels by sixel or kitty's protocol, else two colours a cell. By textual-image (extra `cli`)."""

from __future__ import annotations

import os
from pathlib import Path

COLUMNS, ROWS = 60, 20


def draw(picture: Path) -> bool:
    """Draw it on standard output, which is a terminal. False: it cannot be drawn here."""
    if os.get_terminal_size().columns < 10:
        return False
    try:
        from rich.console import Console
        from textual_image.renderable import Image
    except ImportError:
        return False
    try:
        drawn = Image(picture, width=min(COLUMNS, os.get_terminal_size().columns - 1), height="auto")
        Console().print(drawn)
    except (OSError, ValueError):  # no picture that this machine reads
        return False
    return True
