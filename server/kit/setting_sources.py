"""Where the settings of a process come from: defaults, then a TOML file, then variables, then the command line. An unknown name is an error."""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

S = TypeVar("S")
SECRET_CHARS_MIN = 32
ANYWHERE = ("0.0.0.0", "::", "*")
"""Hosts that say where to listen, and not where one is."""


class SettingsError(Exception):
    """A setting is wrong; the message is one sentence for the operator."""


def load(
    settings: type[S],
    prefix: str,
    foreign: tuple[str, ...],
    file: Path | None,
    environment: Mapping[str, str],
    arguments: Mapping[str, str],
) -> S:
    """The settings from all sources. A field of `settings` that is a dataclass itself holds limits: its fields are settings, too.

    Args:
        prefix: what our variables begin with.
        foreign: what the names of other programs' variables begin with, although they begin with `prefix`.

    Raises:
        SettingsError: an unknown name, or a wrong value.
    """
    default = settings()
    groups = {
        f.name: type(getattr(default, f.name)) for f in _fields(settings) if dataclasses.is_dataclass(getattr(default, f.name))
    }
    own = {f.name for f in _fields(settings)} - set(groups)
    limits = {f.name: group for group, kind in groups.items() for f in _fields(kind)}
    values: dict[str, Any] = {}
    found: dict[str, dict[str, int]] = {group: {} for group in groups}
    for name, value in _collected(prefix, foreign, file, environment, arguments).items():
        if name in own:
            values[name] = _value(name, value, getattr(default, name))
        elif name in limits:
            found[limits[name]][name] = _number(name, value)
        else:
            near = difflib.get_close_matches(name, [*own, *limits], 3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise SettingsError(f"there is no setting {name}{hint}")
    return settings(**values, **{group: kind(**found[group]) for group, kind in groups.items()})


def changed(settings: Any, secret: tuple[str, ...]) -> dict[str, object]:
    """The settings that differ from the defaults, without what is secret."""
    default = type(settings)()
    found: dict[str, object] = {}
    for field in _fields(settings):
        value, usual = getattr(settings, field.name), getattr(default, field.name)
        if dataclasses.is_dataclass(value):
            found |= {f.name: getattr(value, f.name) for f in _fields(value) if getattr(value, f.name) != getattr(usual, f.name)}
        elif value != usual:
            found[field.name] = "(set)" if field.name in secret else str(value)
    return found


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


def _collected(
    prefix: str, foreign: tuple[str, ...], file: Path | None, environment: Mapping[str, str], arguments: Mapping[str, str]
) -> dict[str, object]:
    values: dict[str, object] = {}
    if file is not None:
        try:
            values.update(tomllib.loads(file.read_text()))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{file} cannot be read: {error}") from error
    values.update(
        {
            name.removeprefix(prefix).lower(): value
            for name, value in environment.items()
            if name.startswith(prefix) and not name.startswith(foreign)
        }
    )
    values.update(arguments)
    return values


def _value(name: str, value: object, default: object) -> object:
    if isinstance(default, bool):
        return str(value).lower() in ("1", "true", "yes", "on")
    if isinstance(default, int):
        return _number(name, value)
    if isinstance(default, float):
        try:
            return float(str(value))
        except ValueError as error:
            raise SettingsError(f"{name} is a number of seconds, not {value!r}") from error
    return Path(str(value)) if isinstance(default, Path) else str(value)


def _number(name: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError as error:
        raise SettingsError(f"{name} is a whole number, not {value!r}") from error
    if number < 1:
        raise SettingsError(f"{name} is at least 1, not {number}")
    return number


def host_of(address: str) -> str:
    """The host of an address with a port."""
    return address.rpartition(":")[0].strip("[]")


def is_loopback(listen: str) -> bool:
    """Whether an address can be reached from this machine only."""
    host = host_of(listen)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_choices(settings: Any, choices: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a setting that is none of its choices.

    Raises:
        SettingsError: in one sentence.
    """
    for name, allowed in choices.items():
        if getattr(settings, name) not in allowed:
            raise SettingsError(f"{name} is one of {', '.join(allowed)}, not {getattr(settings, name)!r}")


def check_listeners(settings: Any, public: tuple[str, ...], internal: tuple[str, ...], tls: str) -> None:
    """Refuse a listener that is no address, and one of `public` that would be open to the network without TLS.

    Raises:
        SettingsError: in one sentence.
    """
    for name in (*public, *internal):
        address = getattr(settings, name)
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise SettingsError(f"{name} is an address and a port such as 127.0.0.1:7401, not {address!r}")
        if name in public and tls == "off" and not is_loopback(address):
            raise SettingsError(
                f"{name} = {address} is open to the network without TLS: set tls = auto (or files, or proxy when something in front"
                " of it ends TLS)"
            )
