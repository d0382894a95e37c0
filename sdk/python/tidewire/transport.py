"""The wire: a channel, its TLS, unary calls with a token, and statuses turned into exceptions."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import secrets
import socket
import ssl
import time
from typing import Any

import grpc

from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.v1 import (
    account_pb2_grpc,
    call_link_pb2_grpc,
    chat_pb2_grpc,
    contact_pb2_grpc,
    conversation_pb2_grpc,
    device_pb2_grpc,
    group_pb2_grpc,
    refusal_pb2,
)

CALL_TIMEOUT_S = 15.0
OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.use_local_subchannel_pool", 1),
]


def new_envelope_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7)."""
    ms = time.time_ns() // 1_000_000
    value = (ms & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def refused(message: refusal_pb2.Refusal) -> Refused:
    """A refusal in a response, as an exception."""
    name = refusal_pb2.RefusalReason.Name(message.reason).removeprefix("REFUSAL_REASON_")
    return Refused(
        name,
        message.detail,
        limit=message.limit if message.HasField("limit") else None,
        actual=message.actual if message.HasField("actual") else None,
        retry_after_s=message.retry_after_ms / 1000 if message.HasField("retry_after_ms") else None,
    )


def failure(error: grpc.RpcError) -> TidewireError:
    """A status, as an exception."""
    code, detail = error.code(), error.details() or ""
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return Unreachable(detail or "the server does not answer")
    if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) and not _is_answer(error):
        return Unreachable(detail)  # the transport's own: grpc.aio ends so when the server ends a stream that is being written to
    return Refused(code.name, detail, retry_after_s=1.0 if code is grpc.StatusCode.RESOURCE_EXHAUSTED else None)


def _is_answer(error: grpc.RpcError) -> bool:
    """The status is one of ours: each has details."""
    metadata: Any = error.trailing_metadata() or ()
    return any(key == "grpc-status-details-bin" for key, _ in metadata)


class _Moving:
    """What stubs are made over: each call goes to the server that the transport is connected to when it begins."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __getattr__(self, kind: str) -> Any:
        """`unary_unary` and its like, as a channel has them."""

        def make(path: str, **options: Any) -> Any:
            return lambda *args, **kwargs: self._transport.method(kind, path, options)(*args, **kwargs)

        return make


class Transport:
    """The services of one deployment, by one of its servers at a time."""

    def __init__(self, server: str, pin: str = "") -> None:
        """`server`: host:port, or several of them with commas between. They are tried in an order of this transport's own, so that those
        who lose one server do not all go to the same other one.

        Raises:
            TidewireError: the authority is not the pinned one. Unreachable: no server answers when it is asked for its authority.
        """
        self.server = server
        self.token = ""
        self._ending: set[asyncio.Future[None]] = set()
        """Channels that close once their last calls are done."""
        self._servers = [part.strip() for part in server.split(",")]
        secrets.SystemRandom().shuffle(self._servers)
        self._at = 0
        self._authority = _first_authority(self._servers, pin) if pin else None
        self._connect()
        channel = _Moving(self)
        self.chat = chat_pb2_grpc.ChatServiceStub(channel)
        self.accounts = account_pb2_grpc.AccountServiceStub(channel)
        self.devices = device_pb2_grpc.DeviceServiceStub(channel)
        self.contacts = contact_pb2_grpc.ContactServiceStub(channel)
        self.call_links = call_link_pb2_grpc.CallLinkServiceStub(channel)
        self.groups = group_pb2_grpc.GroupServiceStub(channel)
        self.conversations = conversation_pb2_grpc.ConversationServiceStub(channel)

    @property
    def address(self) -> str:
        """The server that calls go to now."""
        return self._servers[self._at]

    @property
    def secure(self) -> bool:
        """The deployment speaks TLS."""
        return self._authority is not None or not _is_loopback(self.address.rpartition(":")[0].strip("[]"))

    def channel_to(self, server: str) -> grpc.aio.Channel:
        """A channel to a server of the deployment, by the same rules as to the chat."""
        if self._authority is None and _is_loopback(server.rpartition(":")[0].strip("[]")):
            return grpc.aio.insecure_channel(server, options=OPTIONS)
        return grpc.aio.secure_channel(server, grpc.ssl_channel_credentials(self._authority), options=OPTIONS)

    def _connect(self) -> None:
        self._methods: dict[str, Any] = {}
        self.channel = self.channel_to(self.address)

    def method(self, kind: str, path: str, options: dict[str, Any]) -> Any:
        """A method of the server that is connected now."""
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = getattr(self.channel, kind)(path, **options)
        return method

    def move(self) -> None:
        """Go on with the next server, or with a new connection to the only one: the old one may be to a process that stands still.

        Calls under way go on to their end.
        """
        ending = asyncio.ensure_future(self.channel.close(CALL_TIMEOUT_S))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        self._at = (self._at + 1) % len(self._servers)
        self._connect()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Who speaks."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    async def call(self, method: Any, request: Any) -> Any:
        """One unary call. Without a sign-in there is no stream that would move on when a server is away: then the next call goes elsewhere.

        Raises:
            Unreachable, Refused
        """
        try:
            return await method(request, metadata=self.metadata(), timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            failed = failure(error)
            if isinstance(failed, Unreachable) and not self.token:
                self.move()
            raise failed from error

    async def close(self) -> None:
        """End all calls."""
        await self.channel.close(None)
        for ending in self._ending:
            ending.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _first_authority(servers: list[str], pin: str) -> bytes:
    for server in servers[:-1]:
        try:
            return pinned_authority(server, pin)
        except Unreachable:
            continue
    return pinned_authority(servers[-1], pin)


def pinned_authority(server: str, pin: str) -> bytes:
    """The certificate authority that `server` shows, in PEM, if its SHA-256 (of the DER, hex) is `pin`.

    Raises:
        TidewireError: another authority. Unreachable: no answer.
    """
    host, _, port = server.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            chain = _chain(secure)
    except OSError as error:
        raise Unreachable(f"{server} does not answer: {error}") from error
    for der in chain:
        if hashlib.sha256(der).hexdigest() == pin.replace(":", "").lower():
            return ssl.DER_cert_to_PEM_cert(der).encode()
    raise TidewireError(f"{server} shows another certificate authority than the pinned one")


def _chain(secure: ssl.SSLSocket) -> list[bytes]:
    if hasattr(secure, "get_unverified_chain"):
        return list(secure.get_unverified_chain())
    inner = secure._sslobj  # type: ignore[attr-defined]  # public from Python 3.13 on
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner.get_unverified_chain()]


async def sleep_jittered(base_s: float, attempt: int, cap_s: float = 60.0) -> None:
    """Wait a random time up to base·2^attempt seconds, at most `cap_s` (full jitter)."""
    await asyncio.sleep(secrets.SystemRandom().uniform(0, min(cap_s, base_s * 2**attempt)))
