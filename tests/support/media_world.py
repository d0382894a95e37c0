"""A node, and media workers beside it in this process: for tests that speak by the wire alone."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from tidewire.internal.v1 import blob_pb2, blob_pb2_grpc
from tidewire.transport import new_envelope_id
from tidewire.v1 import group_pb2, group_pb2_grpc, media_pb2

from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from media.app import App, serving
from media.domain.limits import Limits
from media.settings import Settings
from tests.support.media import BLOB_TOKEN
from tests.support.media_calls import Caller, Said, refusal
from tests.support.node import Node

KIB, MIB = 1_024, 1_048_576
DATA = random.Random(5).randbytes(600 * KIB)
_names = iter(range(10_000))


class World:
    """A node, and workers beside it in this process."""

    def __init__(self, node: Node, token: str, workshop: FfmpegWorkshop, folder: Path) -> None:
        self.node = node
        self._token = token
        self._workshop = workshop
        self._folder = folder

    def settings(self, folder: str = "", **limits: int) -> Settings:
        """Of a worker; over the same folder when it is named."""
        any_port = "127.0.0.1:0"
        return Settings(
            data_dir=self._folder / (folder or f"media{next(_names)}"),
            grpc_listen=any_port,
            http_listen=any_port,
            internal_listen=any_port,
            node=f"127.0.0.1:{self.node.internal_port}",
            node_token=self._token,
            blob_token=BLOB_TOKEN,
            processes=2,
            limits=Limits(**limits),
        )

    @asynccontextmanager
    async def worker(self, settings: Settings, workshop: FfmpegWorkshop | None = None) -> AsyncIterator[Worker]:
        """A running one."""
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(serving(settings, workshop=workshop or self._workshop))
            yield Worker(self, app, settings, stack)


class Worker:
    """A worker, and people who use it."""

    def __init__(self, world: World, app: App, settings: Settings, stack: AsyncExitStack) -> None:
        self.app = app
        self.spool = settings.data_dir / "spool"
        self.blobs = settings.data_dir / "blobs"
        self._world = world
        self._stack = stack
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{app.internal_port}")
        stack.push_async_callback(channel.close, None)
        self._nodes: Any = blob_pb2_grpc.BlobServiceStub(channel)  # type: ignore[no-untyped-call]

    async def person(self) -> Caller:
        """Somebody new."""
        address = f"127.0.0.1:{self.app.grpc_port}"
        caller = await Caller.registered(self._world.node.address, address, f"person{next(_names)}")
        self._stack.push_async_callback(caller.close)
        return caller

    async def group(self, owner: Caller, *others: Caller) -> str:
        """A group of these people."""
        async with grpc.aio.insecure_channel(self._world.node.address) as channel:
            request = group_pb2.CreateGroupRequest(
                change=group_pb2.ChangeId(envelope_id=new_envelope_id()),
                title="all",
                account_ids=[other.account_id for other in others],
            )
            stub: Any = group_pb2_grpc.GroupServiceStub(channel)  # type: ignore[no-untyped-call]
            made = await stub.CreateGroup(request, metadata=owner.metadata)
        return str(made.conversation_id)

    async def claim(self, blob_id: str, conversation_id: str, account_id: str, envelope_id: str = "", **fields: Any) -> Any:
        """What a node says when an envelope refers to a blob."""
        request = blob_pb2.ClaimRequest(
            blob_id=blob_id,
            conversation_id=conversation_id,
            account_id=account_id,
            envelope_id=envelope_id or new_envelope_id(),
            **{"until_ms": 1 << 50} | fields,
        )
        return await self._nodes.Claim(request, metadata=(("authorization", f"Bearer {BLOB_TOKEN}"),), timeout=10)

    async def release(self, conversation_id: str, account_id: str, envelope_id: str) -> None:
        """What a node says when an envelope is deleted for everyone."""
        request = blob_pb2.ReleaseRequest(conversation_id=conversation_id, account_id=account_id, envelope_id=envelope_id)
        await self._nodes.Release(request, metadata=(("authorization", f"Bearer {BLOB_TOKEN}"),), timeout=10)

    def stored(self) -> list[Path]:
        """The files in the store."""
        return [path for path in self.blobs.rglob("*") if path.is_file()]


async def refused(call: Any) -> Said:
    """What a call was refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return refusal(error.value)


def rejection(status: Any) -> tuple[str, int, int]:
    """Reason, limit and what was found."""
    found = status.rejection
    return media_pb2.MediaRejectionReason.Name(found.reason).removeprefix("MEDIA_REJECTION_REASON_"), found.limit, found.actual


# -- announced ---------------------------------------------------------------------------------------------------------
