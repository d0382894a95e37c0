"""What may stand on the command line of `python -m server`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from server import token_command

SHORT = ("workers", "store", "routes")
"""Settings that have an option of their own name."""

OTHERS = ("media", "calls")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line. `config` and `given` are where settings come from; the options for them may stand on either side of the command.

    Ends the process with a sentence when something is wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m server", description="A Tidewire routing node.")
    _add_sources(parser, "")
    parser.add_argument("--workers", metavar="N", help="as --set workers=N: so many processes on one port")
    parser.add_argument("--store", choices=("sqlite", "cql"), help="as --set store=…")
    parser.add_argument("--routes", choices=("memory", "redis"), help="as --set routes=…")
    parser.add_argument(
        "--with",
        dest="others",
        type=_others,
        metavar="media,calls",
        help="run the media worker, calls, or both beside the node, as child processes",
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--backup", type=Path, metavar="FILE", help="write a copy of the store and end; the node may be running")
    parser.add_argument("--restore", type=Path, metavar="FILE", help="put a copy in the store's place and end; devices re-sync")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help="none: run a node")
    migrate = commands.add_parser(
        "migrate",
        help="bring the schema of a CQL database up to date, before nodes of a new release start (pre), and after the last of an old"
        " one has stopped (--stage post)",
    )
    migrate.add_argument("--stage", choices=("pre", "post"), default="pre")
    migrate.add_argument(
        "--new-epoch",
        action="store_true",
        help="after a restore, while no node runs: begin a new epoch, so that devices take their logs again",
    )
    for command in (migrate, token_command.add_parser(commands)):
        _add_sources(command, "_after")
    parsed = parser.parse_args(arguments)
    parsed.config = getattr(parsed, "config_after", None) or parsed.config
    parsed.given = _given(parser, parsed)
    return parsed


def _others(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if not set(names) <= set(OTHERS):
        raise argparse.ArgumentTypeError(f"there are {' and '.join(OTHERS)}, not {text!r}")
    return names


def _add_sources(parser: argparse.ArgumentParser, suffix: str) -> None:
    parser.add_argument("--config", dest=f"config{suffix}", type=Path, metavar="FILE", help="a TOML file of settings")
    parser.add_argument(
        "--set", dest=f"set{suffix}", action="append", default=[], metavar="NAME=VALUE", help="one setting; may be repeated"
    )


def _given(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> Mapping[str, str]:
    given: dict[str, str] = {}
    for item in (*parsed.set, *getattr(parsed, "set_after", ())):
        name, equals, value = item.partition("=")
        if not equals:
            parser.error("--set takes NAME=VALUE")
        given[name] = value
    return given | {name: value for name in SHORT if (value := getattr(parsed, name)) is not None}
