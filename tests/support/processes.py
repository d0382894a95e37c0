"""What runs beside a test."""

from __future__ import annotations

import os
from pathlib import Path

DATABASE = "java"
"""Cassandra's program."""


def children(*others: int) -> list[str]:
    """The programs that this process has started and that have not ended, those of their children among them; but for the databases that
    the whole suite keeps, and for `others`, which were there before."""
    return [name for pid, name in descendants(os.getpid()) if name != DATABASE and pid not in others]


def there() -> list[int]:
    """Whose they are that run now: what tests before this one have left is not this one's."""
    return [pid for pid, _ in descendants(os.getpid())]


def descendants(pid: int) -> list[tuple[int, str]]:
    """Those of any process: id and name, parents before their children."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:  # it has ended meanwhile
            continue
        name, rest = stat.split("(", 1)[1].rsplit(")", 1)
        parents[int(folder.name)] = int(rest.split()[1])
        names[int(folder.name)] = name
    found, seen = [pid], []
    while found:
        parent = found.pop()
        for child in [pid for pid, its in parents.items() if its == parent]:
            found.append(child)
            seen.append((child, names[child]))
    return seen
