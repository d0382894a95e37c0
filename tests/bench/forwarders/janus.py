"""Janus's side: the VideoRoom of the Debian package, with a folder of settings of its own, over its HTTP interface."""

from __future__ import annotations

import asyncio
import glob
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.bench.forwarders.party import Party, Through
from tests.bench.forwarders.servers import on_core
from tests.support.node import free_port

CORE = """general: {{
	configs_folder = "{folder}"
	plugins_folder = "{folder}/plugins"
	transports_folder = "{folder}/transports"
	events_folder = "{folder}/none"
	loggers_folder = "{folder}/none"
	debug_level = 2
	event_loops = 1
	protected_folders = []
}}
nat: {{
	ice_enforce_list = "{address}"
	ipv6 = false
}}
"""
HTTP = """general: {{
	json = "compact"
	base_path = "/janus"
	http = true
	ip = "127.0.0.1"
	port = {port}
	https = false
}}
admin: {{
	admin_http = false
}}
"""


class JanusSays(Exception):
    """An error of its interface."""


class JanusSession:
    """One client of its HTTP interface: what it says comes by a long poll."""

    def __init__(self, http: ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._polling: asyncio.Future[None] | None = None
        self.heard: dict[int, asyncio.Queue[Any]] = {}
        """What a handle is told that it did not ask for."""

    async def open(self) -> None:
        """Create it."""
        self._url += f"/{(await self._post(self._url, janus='create'))['data']['id']}"
        self._polling = asyncio.ensure_future(self._poll())

    async def _post(self, url: str, **message: Any) -> Any:
        message["transaction"] = secrets.token_hex(8)
        async with self._http.post(url, json=message) as response:
            said = await response.json(content_type=None)
        if said["janus"] == "error":
            raise JanusSays(said["error"]["reason"])
        return said

    async def attach(self) -> int:
        """A handle of the VideoRoom."""
        handle = int((await self._post(self._url, janus="attach", plugin="janus.plugin.videoroom"))["data"]["id"])
        self.heard[handle] = asyncio.Queue()
        return handle

    async def ask(self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None) -> Any:
        """A request, and the event that answers it."""
        transaction = secrets.token_hex(8)
        self._waiting[transaction] = asyncio.get_running_loop().create_future()
        message = {"janus": "message", "transaction": transaction, "body": body, **({"jsep": jsep} if jsep else {})}
        async with self._http.post(f"{self._url}/{handle}", json=message) as response:
            said = await response.json(content_type=None)
        if said["janus"] == "ack":
            said = await asyncio.wait_for(self._waiting[transaction], 30)
        del self._waiting[transaction]
        if said["janus"] == "error" or "error" in said.get("plugindata", {}).get("data", {}):
            raise JanusSays(str(said))
        return said

    async def _poll(self) -> None:
        while True:
            async with self._http.get(self._url, params={"maxev": "10"}) as response:
                said = await response.json(content_type=None)
            for one in said if isinstance(said, list) else [said]:
                waiting = self._waiting.get(one.get("transaction", ""))
                if waiting is not None and not waiting.done() and one["janus"] in ("event", "error"):
                    waiting.set_result(one)
                elif one["janus"] == "event" and one["sender"] in self.heard:
                    self.heard[one["sender"]].put_nowait(one)

    async def close(self) -> None:
        """Destroy it, and with it its handles."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
            await self._post(self._url, janus="destroy")


class JanusSeat:
    """Publishes by one handle, subscribes by another one, and adds whoever comes to the subscription."""

    def __init__(self, session: JanusSession, room: int, party: Party) -> None:
        self.party = party
        self._session = session
        self._room = room
        self._up = self._down = 0
        self._watching: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()

    async def join(self) -> None:
        """Joins and publishes; from then on subscribes to whoever publishes."""
        session, party = self._session, self.party
        await party.gather()
        await session.open()
        self._up = await session.attach()
        body = {"request": "joinandconfigure", "ptype": "publisher", "room": self._room, "display": f"party{party.number}"}
        said = await session.ask(self._up, body, {"type": "offer", "sdp": party.offer()})
        feeds = [one["id"] for one in said["plugindata"]["data"]["publishers"]]
        self._watching = asyncio.ensure_future(self._watch(feeds))
        await party.answered(said["jsep"]["sdp"])

    async def _watch(self, feeds: list[int]) -> None:
        while True:
            if feeds:
                await self._subscribe(feeds)
            event = await self._session.heard[self._up].get()
            feeds = [one["id"] for one in event["plugindata"]["data"].get("publishers", [])]

    async def _subscribe(self, feeds: list[int]) -> None:
        streams = [{"feed": one} for one in feeds]
        if self._down:
            said = await self._session.ask(self._down, {"request": "subscribe", "streams": streams})
        else:
            self._down = await self._session.attach()
            body = {"request": "join", "ptype": "subscriber", "room": self._room, "streams": streams}
            said = await self._session.ask(self._down, body)
        while True:
            if "jsep" in said:
                offer = said["jsep"]["sdp"]
                answer = {"type": "answer", "sdp": await self.party.offered(offer)}
                await self._session.ask(self._down, {"request": "start"}, answer)
                await self.party.connects(offer)
                self._changed.set()
            if self._session.heard[self._down].empty():
                return
            said = self._session.heard[self._down].get_nowait()

    async def complete(self, streams: int) -> None:
        """Waits for offers."""
        assert self._watching is not None
        async with asyncio.timeout(60):
            while len(self.party.streams) < streams or not self.party.down.connected:
                waiting = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({waiting, self._watching}, return_when=asyncio.FIRST_COMPLETED)
                if self._watching.done():
                    self._watching.result()
                self._changed.clear()

    async def leave(self) -> None:
        """Destroys the session."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._session.close()
        await self.party.close()


class Janus:
    """`Server` over the Debian package's program."""

    name = "janus"

    def __init__(self, folder: Path, address: str) -> None:
        """`address`: for media; Janus takes none of loopback.

        Raises:
            OSError: it is not installed.
        """
        self.pid = 0
        self._folder = folder
        self._address = address
        self._process: asyncio.subprocess.Process | None = None
        self._http: ClientSession | None = None
        self._url = ""
        program = shutil.which("janus")
        if program is None:
            raise OSError("there is no janus: `make .tools/janus` installs it")
        self._program = program

    async def start(self, core: int) -> None:
        """With one event loop, and no plugin but the VideoRoom."""
        port = free_port()
        folder = self._folder / f"janus{port}"
        for kind, name in (("plugins", "libjanus_videoroom.so"), ("transports", "libjanus_http.so")):
            (folder / kind).mkdir(parents=True)
            (library,) = glob.glob(f"/usr/lib/*/janus/{kind}/{name}")
            (folder / kind / name).symlink_to(library)
        (folder / "none").mkdir()
        (folder / "janus.jcfg").write_text(CORE.format(folder=folder, address=self._address))
        (folder / "janus.transport.http.jcfg").write_text(HTTP.format(port=port))
        (folder / "janus.plugin.videoroom.jcfg").write_text("general: {\n}\n")
        with on_core(core), (self._folder / "janus.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(self._program, "-F", str(folder), "-C", str(folder / "janus.jcfg")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid
        self._http = ClientSession(timeout=ClientTimeout(total=90), connector=TCPConnector(limit=0))
        self._url = f"http://127.0.0.1:{port}/janus"
        async with asyncio.timeout(30):
            while not await self._answers():
                if self._process.returncode is not None:
                    raise OSError((self._folder / "janus.log").read_text()[-2_000:])
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        assert self._http is not None
        try:
            async with self._http.get(f"{self._url}/info") as response:
                return response.status == 200
        except OSError:
            return False

    async def seats(self, count: int, first: int, through: Sequence[Through | None] = ()) -> list[JanusSeat]:
        """A room for so many."""
        assert self._http is not None
        making = JanusSession(self._http, self._url)
        await making.open()
        body = {
            "request": "create",
            "publishers": count,
            "bitrate": 0,
            "audiocodec": "opus",
            "videocodec": "vp8",
            "permanent": False,
        }
        said = await making.ask(await making.attach(), body)
        room = said["plugindata"]["data"]["room"]
        await making.close()
        ways = [*through, *[None] * count]
        return [JanusSeat(JanusSession(self._http, self._url), room, Party(first + at, False, ways[at])) for at in range(count)]

    async def close(self) -> None:
        """Ends the process."""
        if self._http is not None:
            await self._http.close()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 20)
            except TimeoutError:
                os.kill(self._process.pid, 9)
                await self._process.wait()

    async def end(self) -> None:
        """As `close`."""
        await self.close()
