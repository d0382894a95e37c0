"""A node, calls that can be started again at the same addresses, and people in the tabs of a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
from playwright.async_api import Browser
from tidewire import Client
from tidewire.transport import new_envelope_id
from tidewire.v1 import call_link_pb2, call_link_pb2_grpc, contact_pb2, contact_pb2_grpc, group_pb2, group_pb2_grpc

from calls.app import App, serving
from calls.domain.limits import ForwarderLimits
from calls.settings import Settings
from tests.support.browser import Tab, chromium, clip
from tests.support.calls_world import SCOPES, World, people
from tests.support.media import service_token
from tests.support.node import Node, free_port


class Place:
    """A node, calls, and a browser."""

    def __init__(self, node: Node, settings: Settings, browser: Browser) -> None:
        self.node = node
        self.browser = browser
        self.settings = settings
        self._running = AsyncExitStack()
        self._app: App | None = None
        self._links: dict[str, str] = {}

    @property
    def app(self) -> App:
        """Running calls."""
        assert self._app is not None, "calls do not run"
        return self._app

    def by(self, browser: Browser) -> Place:
        """The same, with another browser."""
        made = Place(self.node, self.settings, browser)
        made._app = self._app
        return made

    async def start(self) -> None:
        """Start calls, always at the same addresses."""
        self._app = await self._running.enter_async_context(serving(self.settings))

    async def stop(self) -> None:
        """End them without a word to anybody."""
        self._app = None
        await self._running.aclose()

    async def tab(self, script: str = "") -> Tab:
        """Somebody new in a tab. `script`: runs before the page's own."""
        ((token, account_id, _),) = await people(self.node, 1)
        tab = await Tab.opened(self.browser, self.app.http_port, token, account_id, script)
        tab.token = token  # type: ignore[attr-defined]
        return tab

    async def group(self, owner: Tab, *others: Tab | Client) -> str:
        """A group of these people."""
        async with grpc.aio.insecure_channel(self.node.address) as channel:
            stub: Any = group_pb2_grpc.GroupServiceStub(channel)  # type: ignore[no-untyped-call]
            request = group_pb2.CreateGroupRequest(
                change=group_pb2.ChangeId(envelope_id=new_envelope_id()),
                title="all",
                account_ids=[other.account_id for other in others],
            )
            token = owner.token  # type: ignore[attr-defined]
            made = await stub.CreateGroup(request, metadata=(("authorization", f"Bearer {token}"),))
        return str(made.conversation_id)

    async def link(self, maker: Tab) -> str:
        """A new link with approval."""
        async with grpc.aio.insecure_channel(self.node.address) as channel:
            stub: Any = call_link_pb2_grpc.CallLinkServiceStub(channel)  # type: ignore[no-untyped-call]
            token = maker.token  # type: ignore[attr-defined]
            request = call_link_pb2.CreateCallLinkRequest(approval=True)
            made = await stub.CreateCallLink(request, metadata=(("authorization", f"Bearer {token}"),))
        link = f"tidewire:call/{made.token}"
        self._links[link] = made.link.link_id
        return link

    async def revoke(self, maker: Tab, link: str) -> None:
        """Nobody comes by this link any more."""
        async with grpc.aio.insecure_channel(self.node.address) as channel:
            stub: Any = call_link_pb2_grpc.CallLinkServiceStub(channel)  # type: ignore[no-untyped-call]
            token = maker.token  # type: ignore[attr-defined]
            request = call_link_pb2.RevokeCallLinkRequest(link_id=self._links[link])
            await stub.RevokeCallLink(request, metadata=(("authorization", f"Bearer {token}"),))

    async def knows(self, owner: Tab, other: Tab) -> None:
        """Somebody is in somebody's contacts."""
        async with grpc.aio.insecure_channel(self.node.address) as channel:
            stub: Any = contact_pb2_grpc.ContactServiceStub(channel)  # type: ignore[no-untyped-call]
            contact = contact_pb2.Contact(account_id=other.account_id, name="known")
            token = owner.token  # type: ignore[attr-defined]
            await stub.PutContact(
                contact_pb2.PutContactRequest(contact=contact), metadata=(("authorization", f"Bearer {token}"),)
            )

    async def room(self, people: int) -> tuple[str, list[Tab]]:
        """So many tabs in the call of a group; who began it first."""
        tabs = [await self.tab() for _ in range(people)]
        return await self.meet(*tabs), tabs

    async def meet(self, *tabs: Tab) -> str:
        """All of these are in the call of a group, which is new."""
        group = await self.group(*tabs)
        await tabs[0].calls(group)
        await tabs[0].says("active")
        for tab in tabs[1:]:
            await tab.accepts()
            await tab.says("active")
        return group


@asynccontextmanager
async def browsing(folder: Path, **more: str) -> AsyncIterator[Place]:
    """Running. `more`: settings of calls."""
    port, http_port = free_port(), free_port()
    node = Node(folder / "node", public_calls=f":{port}", address_commands_burst=1_000_000)
    token = await service_token(folder / "node", "calls", *SCOPES)
    await node.start()
    # The load is that of the whole process, of encoders of the SDK, too.
    patience = ForwarderLimits(lost_s=10, gone_s=15, load_video_max=100.0, load_shed=100.0)
    own = World(node, token, folder).settings(forwarder=patience)
    settings = replace(own, grpc_listen=f"127.0.0.1:{port}", http_listen=f"127.0.0.1:{http_port}", **more)  # type: ignore[arg-type]
    camera = await asyncio.to_thread(clip, folder / "camera.y4m")
    async with chromium(f"--use-file-for-fake-video-capture={camera}") as browser:
        place = Place(node, settings, browser)
        await place.start()
        try:
            yield place
        finally:
            await place.stop()
            await node.close()
