"""Secrets that are made at the first start, and kept."""

from __future__ import annotations

import secrets
from pathlib import Path


def kept_secret(path: Path) -> str:
    """What the file holds; 64 random hexadecimal digits when it is not there yet. Its owner alone may read it.

    Raises:
        OSError: it cannot be read or written.
    """
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()
