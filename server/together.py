"""`python -m server --with media`: the node and what belongs to it as child processes, in one log, ended by one Ctrl-C.

What they have to know of one another is made at the first start and kept in the data folder: the service tokens of the others,
and what the node shows the media worker.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from server import token_command
from server.kit.kept import kept_secret
from server.kit.refusal import Refused
from server.kit.setting_sources import ANYWHERE
from server.settings import Settings
from server.stores import opened_beside

log = logging.getLogger(__name__)

RESTART_S = 1.0
LINE_BYTES_MAX = 1_048_576
"""Greatest line of a child's log."""


class Other(NamedTuple):
    """A process that may run beside the node: its usual ports, and what its service token permits."""

    grpc_port: int
    http_port: int
    scopes: tuple[str, ...]


OTHERS = {
    "media": Other(7401, 7411, ("introspect", "members", "notify")),
    "calls": Other(7402, 7412, ("introspect", "notify", "calls")),
}


async def environment(settings: Settings, given: Mapping[str, str], others: Sequence[str]) -> dict[str, str]:
    """The variables of all processes: `given`, and what is missing for them to find one another.

    Raises:
        StoreError, OSError: the store or the data folder cannot be used.
    """
    made: dict[str, str] = {}
    for name in others:
        other = OTHERS[name]
        folder = settings.data_dir / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        common = await _common(settings, name, other, folder)
        made |= {f"TIDEWIRE_{name.upper()}_{key}": value for key, value in common.items()}
        listens = given.get(f"TIDEWIRE_{name.upper()}_GRPC_LISTEN", common["GRPC_LISTEN"])
        made[f"TIDEWIRE_PUBLIC_{name.upper()}"] = f":{listens.rpartition(':')[2]}"
    if "media" in others:
        made["TIDEWIRE_MEDIA_BLOB_TOKEN"] = made["TIDEWIRE_BLOB_TOKEN"] = kept_secret(settings.data_dir / "media" / "blob_token")
        made["TIDEWIRE_BLOB_SERVICE"] = given.get("TIDEWIRE_MEDIA_INTERNAL_LISTEN", "127.0.0.1:7421")
    if "calls" in others:
        host = settings.chat_listen.rpartition(":")[0]
        made["TIDEWIRE_CALLS_MEDIA_LISTEN"] = f"{host}:7432"
        made["TIDEWIRE_CALLS_MEDIA_ADDRESSES"] = ",".join(_addresses(settings.tls_names)) if host in ANYWHERE else ""
    if sys.stderr.isatty():
        made["TIDEWIRE_LOG_FORMAT"] = "text"
    return {**made, **given}


def _addresses(names: str) -> list[str]:
    """The IP addresses among names: by these clients reach the machine."""
    found = []
    for name in names.split(","):
        try:
            found.append(str(ipaddress.ip_address(name.strip())))
        except ValueError:
            continue
    return found


async def _common(settings: Settings, name: str, other: Other, folder: Path) -> dict[str, str]:
    host = settings.chat_listen.rpartition(":")[0]
    return {
        "DATA_DIR": str(folder),
        "GRPC_LISTEN": f"{host}:{other.grpc_port}",
        "HTTP_LISTEN": f"{host}:{other.http_port}",
        "NODE": settings.internal_public or settings.internal_listen,
        "NODE_TOKEN_FILE": str(await _node_token(settings, name, other.scopes, folder)),
        "TLS": settings.tls,
        "TLS_DIR": str(settings.data_dir / "tls"),
        "TLS_NAMES": settings.tls_names,
        "TLS_CERT": settings.tls_cert,
        "TLS_KEY": settings.tls_key,
        **({"LOG_FORMAT": "text"} if sys.stderr.isatty() else {}),
    }


async def _node_token(settings: Settings, name: str, scopes: Sequence[str], folder: Path) -> Path:
    path = folder / "node_token"
    if not path.exists():
        async with opened_beside(settings) as stores:
            try:
                await token_command.revoke(stores, name)  # one whose secret is lost
            except Refused:
                pass
            token = await token_command.create(stores, settings, name, list(scopes), "")
        path.touch(mode=0o600)
        path.write_text(token)
    return path


class Together:
    """The processes. One that ends by itself is started again; one that cannot start ends all."""

    def __init__(self, commands: Mapping[str, Sequence[str]], variables: Mapping[str, str]) -> None:
        """`commands`: by name, the arguments of the Python that runs this."""
        self._commands = commands
        self._variables = variables
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = False

    async def run(self) -> int:
        """Until a signal. The exit code: that of a process that could not start, else 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signal, number)
        codes = await asyncio.gather(*(self._keep(name) for name in self._commands))
        return next((code for code in codes if code), 0)

    def _signal(self, number: int) -> None:
        self._stopping = True
        for process in self._running.values():
            if process.returncode is None:
                process.send_signal(number)

    async def _keep(self, name: str) -> int:
        while True:
            process = self._running[name] = await asyncio.create_subprocess_exec(
                *(sys.executable, *self._commands[name]),
                env=self._variables,
                stdin=asyncio.subprocess.PIPE,  # ends with this process
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C of the terminal comes by way of this process, once
                limit=LINE_BYTES_MAX,
            )
            assert process.stdout is not None and process.stderr is not None, "they are pipes"
            was_up = asyncio.Event()
            await asyncio.gather(
                _copy(name, process.stdout, sys.stdout, was_up), _copy(name, process.stderr, sys.stderr, asyncio.Event())
            )
            code = await process.wait()
            if self._stopping:
                return 0
            if not was_up.is_set():
                self._signal(signal.SIGTERM)
                return code or 1
            log.error("%s ended with %d; it is started again", name, code)
            await asyncio.sleep(RESTART_S)
            if self._stopping:
                return 0


async def _copy(name: str, lines: asyncio.StreamReader, to: object, said: asyncio.Event) -> None:
    while line := await lines.readline():
        said.set()
        print(f"{name:<5} | {line.decode(errors='replace').rstrip()}", file=to, flush=True)  # type: ignore[call-overload]
