"""`tidewire completion SHELL`: a script for the shell, made by shtab from the parser."""

from __future__ import annotations

import argparse

from tidewire.cli.profile import Profile
from tidewire.errors import TidewireError


async def run(profile: Profile, arguments: argparse.Namespace) -> None:
    """Print the script."""
    try:
        import shtab
    except ImportError as error:
        raise TidewireError("completion needs shtab: pip install 'tidewire[cli]'") from error
    from tidewire.cli.parser import parser

    print(shtab.complete(parser(), arguments.shell))
