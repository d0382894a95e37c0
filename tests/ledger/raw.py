"""A client without an SDK that sends the very same envelope again and again: in one frame, on one stream, on two, and by Submit."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import grpc
from tidewire.v1 import account_pb2, account_pb2_grpc, chat_pb2, chat_pb2_grpc, envelope_pb2

from tests.support.ledger import Line

TRIES = 40
PAUSE_S = 0.25
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
"""Each device may come to another node."""
BROKEN = (grpc.aio.AioRpcError, asyncio.InvalidStateError, ConnectionError)


@dataclass
class Raw:
    """Two further devices of an account. What they are answered is in `lines`, which is a journal like the others'."""

    address: str
    person: str
    code: str
    tokens: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    async def link(self) -> None:
        """Log both in."""
        async with grpc.aio.insecure_channel(self.address) as channel:
            accounts = account_pb2_grpc.AccountServiceStub(channel)
            for _ in range(2):
                handle = account_pb2.Handle(username=self.person)
                started = await accounts.StartLogin(account_pb2.StartLoginRequest(handle=handle))
                request = account_pb2.ConfirmLoginRequest(challenge_id=started.challenge.challenge_id, recovery_code=self.code)
                credentials = (await accounts.ConfirmLogin(request)).credentials
                self.tokens.append(credentials.access_token)
                self._write("account", account=credentials.account_id)

    async def repeat(self, conversation_id: str, text: str, known_seq: int = 0) -> None:
        """Send one envelope twelve times, from both devices at once, and write down every answer; again until each was answered."""
        body = envelope_pb2.Body(text=envelope_pb2.Text(text=text))
        send = chat_pb2.Send(conversation_id=conversation_id, envelope_id=_uuid7(), known_seq=known_seq, body=body)
        self._write("queued", c=conversation_id, id=send.envelope_id, text=text)
        for attempt in range(TRIES):
            jobs = [self._all_ways(token, send) for token in self.tokens]
            results = await asyncio.gather(*jobs, return_exceptions=True)
            failed = [result for result in results if isinstance(result, BaseException)]
            others = [error for error in failed if not isinstance(error, BROKEN)]
            if others:
                raise others[0]
            if not failed or attempt == TRIES - 1:
                return
            await asyncio.sleep(PAUSE_S)

    async def _all_ways(self, token: str, send: chat_pb2.Send) -> None:
        async with grpc.aio.insecure_channel(self.address, OWN_CONNECTION) as channel:
            chat = chat_pb2_grpc.ChatServiceStub(channel)
            await self._stream(chat, token, send, [2])
            await self._stream(chat, token, send, [1, 1])
            await asyncio.gather(self._by_submit(chat, token, send), self._by_submit(chat, token, send))

    async def _stream(self, chat: Any, token: str, send: chat_pb2.Send, frames: list[int]) -> None:
        call = chat.Connect(metadata=_metadata(token))
        try:
            await call.write(chat_pb2.ConnectRequest(commands=[chat_pb2.Command(hello=chat_pb2.Hello(last=True))]))
            for count in frames:
                await call.write(chat_pb2.ConnectRequest(commands=[chat_pb2.Command(send=send)] * count))
            answers = 0
            while answers < sum(frames):
                frame = await call.read()
                if not isinstance(frame, chat_pb2.ConnectResponse):
                    raise ConnectionError("the stream ended")
                for event in frame.events:
                    if event.HasField("closing"):
                        raise ConnectionError("closed")
                    if event.HasField("send_result"):
                        self._answered(event.send_result)
                        answers += 1
        finally:
            call.cancel()

    async def _by_submit(self, chat: Any, token: str, send: chat_pb2.Send) -> None:
        request = chat_pb2.SubmitRequest(commands=[chat_pb2.Command(send=send)])
        response = await chat.Submit(request, metadata=_metadata(token), timeout=10)
        for event in response.events:
            self._answered(event.send_result)

    def _answered(self, result: chat_pb2.SendResult) -> None:
        if result.HasField("sent"):
            self._write("sent", c=result.conversation_id, id=result.envelope_id, seq=result.sent.seq)
        elif result.HasField("unavailable") or result.HasField("rate_limited"):
            raise ConnectionError("try again")
        else:
            self._write("refused", c=result.conversation_id, id=result.envelope_id, reason=result.WhichOneof("outcome"))

    def _write(self, what: str, **values: object) -> None:
        self.lines.append({"at": time.monotonic_ns(), "is": what, **values})


def _metadata(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def _uuid7() -> str:
    value = uuid.uuid4().int & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value))
