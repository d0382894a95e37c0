"""`tidewire call` and `tidewire join` as people type them, over everything that `make run` starts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.node import free_port

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]
LOOPBACK = (
    "import sys, aioice.ice; aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ['127.0.0.1'];"
    "from tidewire.cli import main; sys.exit(main())"
)
"""The command, but with media that stays on this machine."""


class Machine:
    """The server's command, and people's commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chat = f"127.0.0.1:{free_port()}"
        self._server: asyncio.subprocess.Process | None = None
        names = ("HTTP", "INTERNAL", "CALLS_GRPC", "CALLS_HTTP", "CALLS_INTERNAL", "CALLS_MEDIA")
        listens = {f"TIDEWIRE_{name}_LISTEN": f"127.0.0.1:{free_port()}" for name in names}
        self.http = listens["TIDEWIRE_CALLS_HTTP_LISTEN"]
        self.variables = {
            **os.environ,
            **listens,
            "TIDEWIRE_CHAT_LISTEN": self.chat,
            "TIDEWIRE_DATA_DIR": str(folder / "data"),
            "TIDEWIRE_CALLS_GROUP_EMPTY_MS": "200",
            "TIDEWIRE_HOME": str(folder / "home"),
        }

    async def start(self) -> None:
        """Wait until both processes are up."""
        self._server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "--with", "calls"),
            env=self.variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self._server.stdout is not None
        waiting = {"Tidewire is up", "Calls are up"}
        async with asyncio.timeout(60):
            while waiting:
                line = (await self._server.stdout.readline()).decode()
                assert line, "the server ended"
                waiting -= {sentence for sentence in waiting if sentence in line}

    async def tidewire(self, profile: str, *words: str) -> asyncio.subprocess.Process:
        """A person's command."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", LOOPBACK, "--server", self.chat, "--profile", profile, *words),
            env=self.variables,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def close(self) -> None:
        """End the server."""
        if self._server is not None and self._server.returncode is None:
            self._server.terminate()
            await asyncio.wait_for(self._server.communicate(), 30)


async def said(process: asyncio.subprocess.Process) -> str:
    """What a command printed, once it has ended well."""
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, out.decode()
    return out.decode()


async def until(process: asyncio.subprocess.Process, words: str) -> str:
    """Read on until a line has these words; all that was read."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(60):
        while line := (await process.stdout.readline()).decode():
            lines.append(line)
            if words in line:
                return "".join(lines)
    raise AssertionError("".join(lines))


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    made = Machine(tmp_path)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def clip(tmp_path: Path) -> Path:
    """Sound and pictures."""
    path = tmp_path / "clip.mp4"
    process = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "sine=440:d=20"),
        *("-f", "lavfi", "-i", "testsrc=s=320x240:r=10:d=20", "-c:v", "mpeg4", "-c:a", "aac", str(path)),
    )
    assert await process.wait() == 0
    return path


async def counted(path: Path) -> dict[str, int]:
    """How many frames of what a file has."""
    process = await asyncio.create_subprocess_exec(
        *("ffprobe", "-loglevel", "error", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames"),
        *("-of", "csv=p=0", str(path)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return {kind: int(frames) for kind, frames in (line.split(",")[:2] for line in out.decode().split())}


async def test_a_file_is_played_to_somebody_who_records_it(machine: Machine, clip: Path) -> None:
    for name in ("ann", "ben"):
        await said(await machine.tidewire(name, "register", name))
    record = machine.folder / "heard.mp4"
    ben = await machine.tidewire("ben", "call", "--silent", "--record", str(record))
    await until(ben, "waiting for a call")
    ann = await said(await machine.tidewire("ann", "call", "ben", "--file", str(clip), "--seconds", "6"))
    assert "connected" in ann and "the call is over after 0:0" in ann
    heard = await said(ben)
    assert "ann calls with video" in heard and str(record) in heard
    frames = await counted(record)
    assert frames["audio"] >= 50 and frames["video"] >= 10
    assert "📞 video call, 0:0" in await said(await machine.tidewire("ben", "history", "ann"))


async def test_two_people_join_the_call_of_their_group(machine: Machine, clip: Path) -> None:
    for name in ("ann", "ben"):
        await said(await machine.tidewire(name, "register", name))
    await said(await machine.tidewire("ann", "groups", "create", "Lunch", "ben"))
    ben = await machine.tidewire("ben", "join", "Lunch", "--silent")
    await until(ben, "connected")
    ann = await said(await machine.tidewire("ann", "join", "Lunch", "--file", str(clip), "--seconds", "8"))
    assert "ben is here" in ann and "connected" in ann
    heard = await until(ben, "ann left")
    assert "ann is here" in heard and "speaks: ann" in heard
    ben.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(ben.communicate(), 60)
    assert "Traceback" not in out.decode()


async def test_a_guest_comes_by_a_link_and_is_let_in_by_a_key(machine: Machine) -> None:
    for name in ("ann", "ben"):
        await said(await machine.tidewire(name, "register", name))
    link = (await said(await machine.tidewire("ann", "link", "create", "--approval", "on"))).strip()
    assert link.startswith("tidewire:call/")
    ann = await machine.tidewire("ann", "join", link, "--silent")
    await until(ann, "connected")
    ben = await machine.tidewire("ben", "join", link, "--silent", "--seconds", "1")
    await until(ben, "waiting to be let in")
    await until(ann, "ben waits to be let in  (type 1 and Enter")
    assert ann.stdin is not None
    ann.stdin.write(b"7\n1\n")
    assert "nobody waits with this number" in await until(ann, "ben (guest) is here")
    assert "connected" in await said(ben)
    ann.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(ann.communicate(), 60)
    assert "Traceback" not in out.decode()
    listed = await said(await machine.tidewire("ann", "link"))
    assert "l:" in listed and "with approval" in listed
    await said(await machine.tidewire("ann", "link", "change", listed.split()[0], "--approval", "off"))
    assert "open" in await said(await machine.tidewire("ann", "link", "list"))
    await said(await machine.tidewire("ann", "link", "revoke", listed.split()[0]))
    assert await said(await machine.tidewire("ann", "link")) == ""


async def test_what_cannot_be_is_one_sentence(machine: Machine) -> None:
    for name in ("ann", "ben"):
        await said(await machine.tidewire(name, "register", name))
    await said(await machine.tidewire("ann", "groups", "create", "Alone"))
    for words, sentence in (
        (("call", "nobody", "--silent"), "nobody, and no group of yours"),
        (("call", "ann", "--silent"), "a direct conversation is called"),
        (("call", "ann", "--file", "/nowhere.wav"), "/nowhere.wav cannot be played"),
        (("join", "tidewire:call/wrong", "--silent"), "cannot join: there is no such link"),
        (("link", "create", "Lunch"), "you are in no group called 'Lunch'"),
        (("link", "revoke"), "link takes: create [GROUP]"),
        (("join", "Alone", "--silent", "--relay-only"), "through relays alone, and the deployment has none"),
        (("call", "ben", "--silent", "--relay-only"), "through relays alone, and the deployment has none"),
        (("join", "Lunch", "--silent"), "you are in no group called 'Lunch'"),
    ):
        process = await machine.tidewire("ann", *words)
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 1 and sentence in out.decode() and "Traceback" not in out.decode(), (words, out.decode())


async def test_the_doctor_looks_at_calls(machine: Machine) -> None:
    await said(await machine.tidewire("ann", "register", "ann"))
    assert "calls    ok     they answer; there is no relay" in await said(await machine.tidewire("ann", "doctor"))


async def test_the_page_is_printed_with_a_token(machine: Machine) -> None:
    await said(await machine.tidewire("ann", "register", "ann"))
    address = await said(await machine.tidewire("ann", "page", "--address", machine.http))
    assert address.startswith(f"http://{machine.http}/#token=")
