"""The transport's limit: a grpc.aio server that answers and forwards the same frames as the node, and does nothing else.

No accounts, no rules, no store: what it needs per message is what any node of this kind needs. `python -m tests.bench.bare` prints
its port and serves until it is ended. Devices say who they are as `authorization: Bearer ACCOUNT`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import grpc
from tidewire.v1 import chat_pb2

from server.adapters.grpc.codec import item
from server.kit.loops import run

GROUP = "g:bare"
"""The one group: everybody who is connected."""


class Mailbox:
    """What waits for one stream; joined into one write whenever the last one is over."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._woken = asyncio.Event()

    def put(self, event: bytes) -> None:
        """Another event for the stream."""
        self._waiting.append(event)
        self._woken.set()

    async def write(self, context: Any) -> None:
        """Write for ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            frame = b"".join(self._waiting)
            self._waiting.clear()
            await context.write(frame)


class Bare:
    """The servicer."""

    def __init__(self) -> None:
        self._mailboxes: dict[str, Mailbox] = {}
        self._heads: defaultdict[str, int] = defaultdict(int)

    async def connect(self, requests: Any, context: Any) -> None:
        """ChatService.Connect without the chat."""
        account_id = dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
        mailbox = self._mailboxes[account_id] = Mailbox()
        writer = asyncio.ensure_future(mailbox.write(context))
        try:
            while isinstance(frame := await context.read(), chat_pb2.ConnectRequest):
                for command in frame.commands:
                    which = command.WhichOneof("command")
                    if which == "hello":
                        mailbox.put(item(chat_pb2.Event(caught_up=chat_pb2.CaughtUp())))
                    elif which == "send":
                        self._send(account_id, mailbox, command.ref, command.send)
        finally:
            writer.cancel()

    def _send(self, sender_id: str, mailbox: Mailbox, ref: int, send: chat_pb2.Send) -> None:
        conversation_id = send.conversation_id
        self._heads[conversation_id] = seq = self._heads[conversation_id] + 1
        result = chat_pb2.Event()
        result.send_result.ref, result.send_result.conversation_id = ref, conversation_id
        result.send_result.envelope_id, result.send_result.sent.seq = send.envelope_id, seq
        mailbox.put(item(result))
        event = chat_pb2.Event()
        envelope = event.envelope
        envelope.conversation_id, envelope.seq = conversation_id, seq
        envelope.header.envelope_id, envelope.header.sender_account_id = send.envelope_id, sender_id
        envelope.body.CopyFrom(send.body)
        data = item(event)
        to = self._mailboxes if conversation_id == GROUP else conversation_id.split(":")[1:]
        for account_id in to:
            if account_id != sender_id:
                self._mailboxes[account_id].put(data)


async def main() -> None:
    """Serve."""
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(Bare().connect, chat_pb2.ConnectRequest.FromString, bytes)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tidewire.v1.ChatService", {"Connect": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    run(main())
