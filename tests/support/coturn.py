"""A real relay: coturn in a process of its own, on loopback, with the "TURN REST" credentials that calls give out."""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
from pathlib import Path

from tests.support.node import free_port

STARTS_S = 20.0
MAGIC = 0x2112A442


class Coturn:
    """One relay."""

    def __init__(self, folder: Path, *secrets: str) -> None:
        """`secrets`: all that it takes, the newest first."""
        self.port = free_port()
        self.log = folder / "turn.log"
        self._folder = folder
        self._secrets = secrets
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """As `turn_urls` names it."""
        return f"turn:127.0.0.1:{self.port}?transport=udp"

    @property
    def tcp_url(self) -> str:
        """The same one, for whoever has no UDP."""
        return f"turn:127.0.0.1:{self.port}?transport=tcp"

    async def start(self) -> None:
        """Start it, and wait until it answers a Binding request."""
        self._folder.mkdir(parents=True, exist_ok=True)
        low = free_port()
        settings = self._folder / "turn.conf"
        lines = [
            "use-auth-secret",
            *(f"static-auth-secret={secret}" for secret in self._secrets),
            "realm=tidewire",
            f"listening-port={self.port}",
            "listening-ip=127.0.0.1",
            "relay-ip=127.0.0.1",
            f"min-port={low}",
            f"max-port={low + 200}",
            *("no-tls", "no-dtls", "no-cli", "no-tcp-relay", "no-multicast-peers", "allow-loopback-peers"),
            f"log-file={self.log}",
            "simple-log",
            f"pidfile={self._folder / 'turn.pid'}",
            f"userdb={self._folder / 'turn.db'}",
        ]
        settings.write_text("\n".join(lines) + "\n")
        program = shutil.which("turnserver")
        assert program is not None, "`make .tools/calls` installs coturn"
        self._process = await asyncio.create_subprocess_exec(
            program, "-c", str(settings), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(STARTS_S):
            while not await asyncio.to_thread(self._answers):
                assert self._process.returncode is None, self.log.read_text()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.sendto(struct.pack("!HHI12s", 1, 0, MAGIC, b"twelve bytes"), ("127.0.0.1", self.port))
            try:
                return probe.recv(1_500)[:2] == b"\x01\x01"
            except OSError:
                return False

    async def close(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
