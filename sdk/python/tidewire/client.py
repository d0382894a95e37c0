"""The client: one device of one account, its store, its stream, its outbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tidewire import events
from tidewire.avatars import Avatars
from tidewire.calls import CallLinks, Calls
from tidewire.domain.outbox import Item, State
from tidewire.errors import NotSignedIn, TidewireError
from tidewire.events import Event, Message, Preview
from tidewire.process_transport import ProcessTransport
from tidewire.store import Store
from tidewire.stream import RETRY_MAX_S, Stream
from tidewire.transport import Transport, new_envelope_id
from tidewire.v1 import call_pb2_grpc, chat_pb2, envelope_pb2, media_pb2

EXCERPT_CHARS = 120
"""How much of a message is quoted with an answer to it."""
LISTENER_MAX = 10_000
"""Events that wait for one listener before it is told `Lagged`."""


class Sending:
    """A message on its way. Await it for the server's word."""

    def __init__(self, conversation_id: str, envelope_id: str, done: asyncio.Future[events.Sent]) -> None:
        self.conversation_id = conversation_id
        self.envelope_id = envelope_id
        self._done = done

    @property
    def done(self) -> bool:
        """The server's word has come."""
        return self._done.done()

    def __await__(self) -> Any:
        """The `Sent` event, across restarts of the server.

        Raises:
            Refused: it was refused for good.
        """
        return asyncio.shield(self._done).__await__()


class Client(Avatars):
    """One device. Open it with `Client.open`."""

    def __init__(
        self, store: Store, transport: Transport, tasks: asyncio.TaskGroup, meta: dict[str, str], retry_max_s: float
    ) -> None:
        super().__init__(store, transport, meta, tasks, retry_max_s)
        self._tasks = tasks
        self._retry_max_s = retry_max_s
        self._listeners: list[asyncio.Queue[Event]] = []
        self._stream: Stream | None = None
        self._stream_task: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Event()
        self._connections = 0
        self._calls: Calls | None = None
        self._calls_way = ProcessTransport(transport, "calls", call_pb2_grpc.CallServiceStub)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, server: str, store: str | Path, *, pin: str = "", retry_max_s: float = RETRY_MAX_S
    ) -> AsyncIterator[Client]:
        """Open the store and, if somebody is signed in, the stream.

        Args:
            server: "host:port", or several of them with commas between: the nodes of one deployment.
            store: the file; made if it is not there. One process at a time.
            pin: with a server on `tls = auto`: the fingerprint that it printed.
            retry_max_s: the longest pause before the stream is tried again, in seconds; the server's own hint comes first.

        Raises:
            StoreInUse: another process has the store open.
        """
        kept = await asyncio.to_thread(Store, Path(store).expanduser())
        transport = Transport(server, pin)
        try:
            meta = await kept.run(kept.meta)
            async with asyncio.TaskGroup() as tasks:
                client = cls(kept, transport, tasks, meta, retry_max_s)
                if client.account_id:
                    await client._begin()
                try:
                    yield client
                finally:
                    client._uploading.stop()
                    if client._calls is not None:
                        await client._calls.close()
                    if client._stream_task is not None:
                        client._stream_task.cancel()
                    await client._media.close()
                    await client._calls_way.close()
        finally:
            await transport.close()
            await asyncio.to_thread(kept.close)

    async def _begin(self) -> None:
        """Start the stream. It lives until the client is closed."""
        self._stream = Stream(self, self._store, self._transport, self._emit, retry_max_s=self._retry_max_s)
        await self._stream.prepare()
        self._stream_task = self._tasks.create_task(self._stream.run(), name="tidewire stream")
        await self._uploading.resume()

    def _running(self) -> Stream:
        if self._stream is None:
            raise NotSignedIn("register or log in first")
        return self._stream

    def _running_or_raise(self) -> None:
        self._running()

    def _wrote(self, item: Item) -> asyncio.Future[events.Sent]:
        return self._running().wrote(item)

    async def forward(self, conversation_id: str, message: Message) -> Sending:
        """Send a message's media to another conversation, without uploading it again.

        Raises:
            TidewireError: it has none, or media to be viewed once.
        """
        media = message.media
        if media is None or media.view_once:
            raise TidewireError("only a message with media that may be kept can be forwarded so")
        body = await self._store.run(lambda: self._store.body(message.conversation_id, message.seq))
        body.ClearField("quote")
        body.forward_score += 1
        return await self._write(conversation_id, media.line(), chat_pb2.Send(body=body))

    @property
    def calls(self) -> Calls:
        """Voice and video calls. From the first use on calls ring here, too.

        Raises:
            NotSignedIn
        """
        self._running()
        if self._calls is None:
            links = CallLinks(self._transport, self.call)
            self._calls = Calls(self._calls_way, self._tasks, lambda: self.refresh(self._transport.token), links)
        return self._calls

    async def calls_page(self, address: str = "") -> str:
        """The address of the page for calls, with this device's access token in it, which holds for some minutes.

        Args:
            address: host:port of the calls process's HTTP; "": the usual port beside its gRPC.

        Raises:
            Refused: there are no calls. Unreachable.
        """
        if not address:
            await self._calls_way.stub()
            host, _, port = self._calls_way.address.rpartition(":")
            address = f"{host}:{int(port) + 10}"
        return f"{'https' if self._transport.secure else 'http'}://{address}/#token={self._transport.token}"

    # -- events --------------------------------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        if isinstance(event, events.CaughtUp):
            self._caught_up.set()
        if isinstance(event, events.Connected):
            self._connections += 1
        if self._calls is not None:
            self._calls.learn(event)
        for queue in self._listeners:
            if queue.qsize() >= LISTENER_MAX:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(events.Lagged())
            queue.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        """Everything that happens from the first `anext` on. There may be many listeners; a slow one gets `Lagged`."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)

    def listen(self) -> asyncio.Queue[Event]:
        """The same as a queue that is registered at once."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.append(queue)
        return queue

    @property
    def connected(self) -> bool:
        """The stream is open now."""
        return self._stream is not None and self._stream.open

    @property
    def connections(self) -> int:
        """How often the stream was opened since the client was. 0: the server has not been reached yet."""
        return self._connections

    async def caught_up(self) -> None:
        """Wait until the store had everything once since the client was opened."""
        await self._caught_up.wait()

    # -- messages ------------------------------------------------------------------------------------------------------

    async def preview(self, url: str) -> Preview:
        """What a page says of itself, fetched by the media worker, for `send`.

        Raises:
            Refused: NOT_FOUND: there is no page that can be shown; KIND_NOT_ENABLED: this deployment fetches none. Unreachable.
        """
        found = (await self._media_call("PreviewLink", media_pb2.PreviewLinkRequest(url=url))).preview
        return Preview(found.url, found.title, found.description, found.thumbnail)

    async def send(
        self,
        conversation_id: str,
        text: str,
        *,
        expires_in_s: int = 0,
        answers: Message | None = None,
        preview: Preview | None = None,
    ) -> Sending:
        """Write a text. Returns when it is durable on this device; await the result for the server's word.

        Args:
            expires_in_s: the text stops to exist after so many seconds; 0: with the conversation's retention.
            answers: a stored message that is quoted.
            preview: of a link in the text, made by `preview`.
        """
        body = envelope_pb2.Body(text=envelope_pb2.Text(text=text))
        if preview is not None:
            made = envelope_pb2.LinkPreview(
                url=preview.url, title=preview.title, description=preview.description, thumbnail=preview.thumbnail
            )
            body.text.preview.CopyFrom(made)
        if answers is not None:
            excerpt = answers.text[:EXCERPT_CHARS]
            body.quote.CopyFrom(envelope_pb2.Quote(seq=answers.seq, sender_account_id=answers.sender_id, excerpt=excerpt))
        return await self._write(conversation_id, text, chat_pb2.Send(body=body, expires_in_s=expires_in_s))

    async def react(self, conversation_id: str, seq: int, emoji: str) -> Sending:
        """React to an envelope; "" takes it back."""
        body = envelope_pb2.Body(reaction=envelope_pb2.Reaction(emoji=emoji))
        return await self._write(conversation_id, emoji, chat_pb2.Send(body=body, target_seq=seq))

    async def edit(self, conversation_id: str, seq: int, text: str) -> Sending:
        """Give an own text another content."""
        body = envelope_pb2.Body(edit=envelope_pb2.Edit(text=envelope_pb2.Text(text=text)))
        return await self._write(conversation_id, text, chat_pb2.Send(body=body, target_seq=seq))

    async def delete(self, conversation_id: str, seq: int) -> Sending:
        """Delete an envelope for everyone."""
        body = envelope_pb2.Body(deletion=envelope_pb2.Deletion())
        return await self._write(conversation_id, "", chat_pb2.Send(body=body, target_seq=seq))

    async def _write(self, conversation_id: str, text: str, send: chat_pb2.Send) -> Sending:
        stream = self._running()
        envelope_id = new_envelope_id()
        send.conversation_id, send.envelope_id = conversation_id, envelope_id
        raw = send.SerializeToString()
        at_ms = time.time_ns() // 1_000_000
        await self._store.run(lambda: self._store.add_to_outbox(conversation_id, envelope_id, at_ms, text, raw))
        done = stream.wrote(Item(conversation_id, envelope_id))
        return Sending(conversation_id, envelope_id, done)

    async def log(self, conversation_id: str) -> list[Message]:
        """Every stored envelope of a conversation, oldest first, those included that a person does not see."""
        where = "WHERE e.conversation_id=? ORDER BY e.seq"
        return await self._store.run(lambda: self._store.messages(self.account_id, where, conversation_id))

    async def lost(self, conversation_id: str) -> list[Message]:
        """What this device has of a conversation that the server lost when it was restored from a backup, oldest first."""
        return await self._store.run(lambda: self._store.lost(self.account_id, conversation_id))

    async def waiting(self) -> list[Item]:
        """What is in the outbox: not sent yet, failed, or unknown."""
        return await self._store.run(self._store.outbox)

    async def search(self, words: str, *, limit: int = 50) -> list[Message]:
        """Stored messages that contain all the words, newest first."""
        quoted = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        where = (
            "WHERE (e.conversation_id, e.seq) IN (SELECT conversation_id, seq FROM words WHERE words MATCH ?)"
            " ORDER BY e.at_ms DESC LIMIT ?"
        )
        if not quoted:
            return []
        return await self._store.run(lambda: self._store.messages(self.account_id, where, quoted, limit))

    async def mark_read(self, conversation_id: str, seq: int) -> None:
        """A person has seen everything up to `seq`. Kept, and said again with each Hello."""
        await self._store.run(lambda: self._store.mark_read(conversation_id, seq))
        self._running().read(conversation_id, seq)

    def typing(self, conversation_id: str, kind: str = "text") -> None:
        """Tell that a person is typing ("text"), recording ("voice"), or has stopped (""). Best effort."""
        number = {"": 0, "text": 1, "voice": 2}[kind]
        self._running().tell(chat_pb2.Command(typing=chat_pb2.Typing(conversation_id=conversation_id, kind=number)))  # type: ignore[arg-type]

    def foreground(self, foreground: bool) -> None:
        """The app came to the foreground, or left it."""
        stream = self._running()
        stream.foreground = foreground
        stream.tell(chat_pb2.Command(set_foreground=chat_pb2.SetForeground(foreground=foreground)))

    def watch(self, *account_ids: str) -> None:
        """Be told when these people come and go; takes the place of whom was watched before. At most 64."""
        stream = self._running()
        stream.watched = account_ids
        stream.tell(chat_pb2.Command(watch_presence=chat_pb2.WatchPresence(account_ids=account_ids)))

    async def failed(self) -> list[Item]:
        """What was refused for good, or is unknown."""
        return [item for item in await self.waiting() if item.state in (State.FAILED, State.UNKNOWN)]

    async def discard(self, envelope_id: str) -> None:
        """Give up on what was refused, so that it is no longer listed. What turns out to be in the log still appears there."""
        await self._store.run(lambda: self._store.drop_from_outbox(envelope_id))
        self._running().forget(envelope_id)

    async def check_store(self) -> list[str]:
        """What is wrong with the store, as sentences; nothing: it reads, writes and is whole."""
        return await self._store.check()
