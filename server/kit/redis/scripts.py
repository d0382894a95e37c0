"""Lua for the atomic parts. Redis's own clock is the only one; every key of a script has the same hash tag."""

from __future__ import annotations

import hashlib

Command = tuple[str | int | float, ...]

DAY_MS = 86_400_000

_TEXTS: dict[str, str] = {}


class Script:
    """A script that is known to the client, so that one which Redis has forgotten is sent again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _TEXTS[self._sha] = text

    def on(self, *keys: str, args: Command = ()) -> Command:
        """The command that runs it."""
        return ("EVALSHA", self._sha, len(keys), *keys, *args)


def in_full(command: Command) -> Command:
    """A script's command with its text in place of its digest."""
    return ("EVAL", _TEXTS[str(command[1])], *command[2:])


NOW_MS = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
NOW_US = "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2]\n"
NUMBER = "local function number(n) return string.format('%.0f', n) end\n"
