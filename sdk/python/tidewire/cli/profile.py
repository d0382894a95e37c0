"""Whose device this is: a store, and beside it where its server is."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tidewire.client import Client
from tidewire.errors import NotSignedIn, TidewireError

DEFAULT_SERVER = "127.0.0.1:7400"


class Profile:
    """A profile of this user. Nothing is written until a server has answered."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.server = DEFAULT_SERVER
        self.pin = ""

    @property
    def store(self) -> Path:
        """The device's file."""
        return self.folder / f"{self.name}.db"

    @property
    def file(self) -> Path:
        """Where server and pin are remembered."""
        return self.folder / f"{self.name}.json"

    def read(self, server: str | None, pin: str | None) -> None:
        """Take what was given, else what is remembered.

        Raises:
            TidewireError: a name or address that cannot be one, or a file that cannot be read.
        """
        if not re.fullmatch(r"[\w.-]{1,64}", self.name) or self.name.startswith("."):
            raise TidewireError(f"{self.name!r} is no name for a profile: letters, digits, dots, dashes and underscores")
        try:
            kept = json.loads(self.file.read_text()) if self.file.exists() else {}
            self.server = server or str(kept.get("server") or DEFAULT_SERVER)
            self.pin = pin or str(kept.get("pin") or "")
        except (ValueError, AttributeError) as error:
            raise TidewireError(f"{self.file} is damaged ({error}); delete it and give --server once more") from error
        host, _, port = self.server.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise TidewireError(f"{self.server!r} is no address of a server: it is host:port, such as {DEFAULT_SERVER}")

    def remember(self) -> None:
        """The server has answered: it is the right one from now on."""
        kept = json.dumps({"server": self.server, "pin": self.pin})
        if self.file.exists() and self.file.read_text() == kept:
            return
        written = self.file.with_suffix(".json.new")
        written.write_text(kept)
        written.replace(self.file)

    @asynccontextmanager
    async def open(self, *, foreground: bool = False) -> AsyncIterator[Client]:
        """The signed-in device.

        Args:
            foreground: a person looks at it: others see "online".

        Raises:
            NotSignedIn: nobody is.
        """
        nobody = NotSignedIn("nobody is signed in here: `tidewire register NAME`, or `tidewire login NAME`")
        if not self.store.exists():
            raise nobody
        async with self.opened() as me:
            if not me.account_id:
                raise nobody
            me.foreground(foreground)
            try:
                yield me
            finally:
                if me.connections:
                    self.remember()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Client]:
        """The device, whether or not somebody is signed in."""
        async with Client.open(self.server, self.store, pin=self.pin) as me:
            yield me
