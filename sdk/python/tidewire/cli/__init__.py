"""The command line `tidewire`, on the SDK's public interface alone.

    parser     the commands and their arguments
    profile    whose device it is, and where its server is
    commands   accounts, people, messages; groups; doctor
    plain      the chat in a pipe; screen/: the chat on a terminal
    wording    what people read

Exit codes: 0 done; 1 it could not be done, and one sentence on standard error says why; 2 the command line is wrong; 130 Ctrl-C.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

from tidewire.cli.parser import parser
from tidewire.cli.profile import Profile
from tidewire.errors import NotSignedIn, TidewireError, Unreachable

SENTENCE = (TidewireError, sqlite3.Error, OSError, EOFError)
"""What is told in one sentence. Anything else is a fault of the program."""


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    arguments = parser().parse_args(argv)
    profile = Profile(arguments.profile, Path(os.environ.get("TIDEWIRE_HOME") or Path.home() / ".tidewire"))
    try:
        profile.read(arguments.server, arguments.pin)
        code = asyncio.run(arguments.run(profile, arguments)) or 0
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (ExceptionGroup, *SENTENCE) as error:
        inner: BaseException = error
        while isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        if isinstance(inner, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone; say nothing at exit either
            return 128 + signal.SIGPIPE
        if not isinstance(inner, SENTENCE):
            raise
        return _told(inner, profile)


def _told(error: BaseException, profile: Profile) -> int:
    """One sentence."""
    match error:
        case Unreachable():
            sentence = f"the server {profile.server} does not answer; is it running, and is --server right?"
        case NotSignedIn():
            sentence = f"{error} (profile {profile.name!r})"
        case sqlite3.Error():
            sentence = f"the store {profile.store} cannot be used: {error}; `tidewire doctor` says more"
        case EOFError():
            sentence = "an answer was asked for, and standard input has ended"
        case _:
            sentence = " ".join(str(error).split())
    print(f"tidewire: {sentence}", file=sys.stderr)
    return 1
