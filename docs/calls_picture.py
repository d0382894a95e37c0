"""docs/calls.png: three people in the call of a group, in the page, taken from a real Chromium. `make picture-calls`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import grpc
from tidewire.transport import new_envelope_id
from tidewire.v1 import group_pb2, group_pb2_grpc

from tests.support.browser import Tab, chromium
from tests.support.calls_world import SCOPES, World, people
from tests.support.media import service_token
from tests.support.node import Node

PICTURE = Path(__file__).parent / "calls.png"


async def taken(folder: Path) -> None:
    """Start everything, call, wait until all are seen, take the picture."""
    node = Node(folder / "node")
    token = await service_token(folder / "node", "calls", *SCOPES)
    await node.start()
    try:
        async with World(node, token, folder).calls() as calls, chromium() as browser:
            who = [(await people(node, 1))[0] for _ in range(3)]
            async with grpc.aio.insecure_channel(node.address) as channel:
                stub: Any = group_pb2_grpc.GroupServiceStub(channel)  # type: ignore[no-untyped-call]
                request = group_pb2.CreateGroupRequest(
                    change=group_pb2.ChangeId(envelope_id=new_envelope_id()),
                    title="Lunch",
                    account_ids=[account_id for _, account_id, _ in who[1:]],
                )
                made = await stub.CreateGroup(request, metadata=(("authorization", f"Bearer {who[0][0]}"),))
            tabs = [await Tab.opened(browser, calls.app.http_port, access, account_id) for access, account_id, _ in who]
            await tabs[0].calls(made.conversation_id)
            await tabs[0].says("active")
            for tab in tabs[1:]:
                await tab.accepts()
                await tab.says("active")
            await tabs[2].page.click("#hand")
            for tab in tabs:
                await tab.sees(2, "down", frames=20)
            await tabs[0].page.screenshot(path=PICTURE)
    finally:
        await node.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(taken(Path(temporary)))
