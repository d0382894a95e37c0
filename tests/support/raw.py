"""A client without an SDK, for what an SDK never does: any bytes on a stream, and streams that nobody reads."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import grpc
from tidewire.transport import new_envelope_id
from tidewire.v1 import account_pb2, account_pb2_grpc, chat_pb2, refusal_pb2

HELLO = chat_pb2.Command(hello=chat_pb2.Hello(last=True))
CONNECT = "/tidewire.v1.ChatService/Connect"
SUBMIT = "/tidewire.v1.ChatService/Submit"


class Raw:
    """One open stream that takes any bytes."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        method = channel.stream_stream(
            CONNECT, request_serializer=bytes, response_deserializer=chat_pb2.ConnectResponse.FromString
        )
        self.call = method(metadata=(("authorization", f"Bearer {token}"),))
        self._events: list[chat_pb2.Event] = []

    async def write(self, *commands: chat_pb2.Command) -> None:
        """A good frame."""
        await self.call.write(chat_pb2.ConnectRequest(commands=commands).SerializeToString())

    async def until(self, wanted: Callable[[chat_pb2.Event], bool]) -> chat_pb2.Event:
        """The next event that is wanted."""
        async with asyncio.timeout(30):
            while True:
                while self._events:
                    event = self._events.pop(0)
                    if wanted(event):
                        return event
                frame = await self.call.read()
                assert isinstance(frame, chat_pb2.ConnectResponse), "the stream ended"
                self._events.extend(frame.events)

    async def refusal(self) -> refusal_pb2.Refusal:
        """The next refusal."""
        return (await self.until(lambda event: event.HasField("refusal"))).refusal

    async def lives(self) -> None:
        """The stream answers."""
        ref = random.randrange(1, 2**60)
        await self.write(chat_pb2.Command(ref=ref, ping=chat_pb2.Ping()))
        await self.until(lambda event: event.HasField("pong") and event.pong.ref == ref)


class World:
    """A node that runs somewhere, and ways to be somebody on it without an SDK."""

    def __init__(self, channel: grpc.aio.Channel, address: str, http_port: int) -> None:
        self.channel = channel
        self.address = address
        self.metrics = f"http://127.0.0.1:{http_port}/metrics"
        self.accounts = account_pb2_grpc.AccountServiceStub(channel)

    async def person(self, name: str) -> account_pb2.Credentials:
        """Somebody new."""
        return (await self.accounts.RegisterUsername(account_pb2.RegisterUsernameRequest(username=name))).credentials

    async def stream(self, token: str, *, narrow: bool = False) -> Raw:
        """A stream that has said Hello. `narrow`: on a connection of its own that buffers next to nothing."""
        options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1_024), ("grpc.use_local_subchannel_pool", 1)]
        raw = Raw(grpc.aio.insecure_channel(self.address, options=options) if narrow else self.channel, token)
        await raw.write(HELLO)
        await raw.until(lambda event: event.HasField("caught_up"))
        return raw


def text(conversation_id: str, words: str = "hi", envelope_id: str = "") -> chat_pb2.Command:
    """A Send."""
    send = chat_pb2.Send(conversation_id=conversation_id, envelope_id=envelope_id or new_envelope_id())
    send.body.text.text = words
    return chat_pb2.Command(ref=1, send=send)
