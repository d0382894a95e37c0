"""What the calls process serves by HTTP: the WebSocket door, and the page to try calls with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from tidewire.v1 import call_pb2

from calls.adapters.frames import Response
from calls.adapters.signal_stream import Frame, SignalStreams
from calls.domain.signalling_limits import SignallingLimits
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Reason, Refusal, Refused

PAGE = Path(__file__).parent.parent / "page"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob:; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
HEARTBEAT_S = 30.0


class HttpCalls:
    """The handlers."""

    def __init__(
        self,
        streams: SignalStreams,
        refused: Callable[[str], None],
        limits: SignallingLimits,
    ) -> None:
        self._streams = streams
        self._refused = refused
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Where what is."""
        return [
            web.get("/v1/signal", self._signal),
            web.get("/", self._page),
            web.get("/{name:[a-z_]+\\.(?:js|css)}", self._page),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        path = PAGE / request.match_info.get("name", "index.html")
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=HEADERS)

    async def _signal(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=self._limits.frame_bytes_max)
        await socket.prepare(request)

        as_text = False

        async def read() -> Frame | None:
            nonlocal as_text
            message = await socket.receive()
            as_text = as_text or message.type is WSMsgType.TEXT
            try:
                if message.type is WSMsgType.TEXT:
                    return json_format.Parse(message.data, call_pb2.SignalRequest(), max_recursion_depth=8)
                return call_pb2.SignalRequest.FromString(message.data) if message.type is WSMsgType.BINARY else None
            except (DecodeError, json_format.ParseError) as error:
                return Refusal(Reason.INVALID, f"this is no SignalRequest: {error}"[:200], "frame")

        async def write(response: Response) -> None:
            try:
                if as_text:
                    await socket.send_str(json_format.MessageToJson(response, indent=None))
                else:
                    await socket.send_bytes(response.SerializeToString())
            except ConnectionError:
                return  # the reader sees the end

        try:
            await self._streams.serve(request.remote or "", "", read, write)
        except Refused as refused:
            self._refused(refused.refusal.reason.name)
            await write(Response(refusal=refusals.message(refused.refusal)))
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=refused.refusal.reason.name.encode())
        await socket.close()
        return socket
