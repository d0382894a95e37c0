"""The other doors of calls: WebSocket, the page, health, and the webhook that wakes devices."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, web
from google.protobuf import json_format
from tidewire.v1 import call_pb2

from calls.domain.signalling_limits import SignallingLimits
from tests.support.calls_world import Calls, World
from tests.support.metrics import scrape

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


def url(calls: Calls, path: str) -> str:
    return f"http://127.0.0.1:{calls.app.http_port}{path}"


async def text(socket: Any) -> dict[str, Any]:
    """The next frame, of a socket that speaks JSON."""
    message = await asyncio.wait_for(socket.receive(), 30)
    assert message.type is WSMsgType.TEXT, message
    found: dict[str, Any] = json.loads(message.data)
    return found


async def test_a_browser_signals_by_websocket_as_json(calls: Calls) -> None:
    ann, (ben,) = (await calls.person())[0], await calls.person()
    await ann.close_stream()
    async with ClientSession() as session, session.ws_connect(url(calls, "/v1/signal")) as socket:
        await socket.send_str(json.dumps({"ref": "1", "hello": {"accessToken": ann.token}}))
        welcome = await text(socket)
        assert (welcome["ref"], welcome["welcome"]["accountId"]) == ("1", ann.account_id)
        place = call_pb2.PlaceCall(
            call_id="01890000-0000-7000-8000-000000000001",
            conversation_id=await ann.direct(ben),
            offer=call_pb2.CallDescription(revision=1, sdp="offer"),
        )
        await socket.send_str(json.dumps({"ref": "2", "place": json_format.MessageToDict(place)}))
        placed = await text(socket)
        assert (placed["ref"], placed["placed"]["callId"]) == ("2", place.call_id)
        await ben.hears("incoming")
        await ben.accept(place.call_id)
        assert (await text(socket))["accepted"]["answer"]["sdp"] == "answer"


async def test_or_in_binary(calls: Calls) -> None:
    (ann,) = await calls.person()
    async with ClientSession() as session, session.ws_connect(url(calls, "/v1/signal")) as socket:
        hello = call_pb2.SignalRequest(ref=7, hello=call_pb2.CallHello(access_token=ann.token))
        await socket.send_bytes(hello.SerializeToString())
        message = await asyncio.wait_for(socket.receive(), 30)
        assert call_pb2.SignalResponse.FromString(message.data).welcome.device_id == ann.device_id
    assert (await ann.hears("closing")).replaced


async def streams(calls: Calls, count: int) -> None:
    """Wait until so many are left: that one was cut is known here before it is known there."""
    async with asyncio.timeout(30):
        while (await scrape(f"127.0.0.1:{calls.app.http_port}"))["tidewire_calls_streams"] != count:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ('{"hello": {"accessToken": "nobody\'s"}}', "REFUSAL_REASON_UNAUTHENTICATED"),
        ('{"leave": {"conversationId": "g:1"}}', "REFUSAL_REASON_OUT_OF_PLACE"),
        ("{", "REFUSAL_REASON_INVALID"),
        ('{"hello": {"nonsense": 1}}', "REFUSAL_REASON_INVALID"),
    ],
    ids=["a wrong token", "no hello", "no JSON", "an unknown field"],
)
async def test_a_socket_that_begins_wrongly_hears_why_and_is_closed(calls: Calls, frame: str, reason: str) -> None:
    async with ClientSession() as session, session.ws_connect(url(calls, "/v1/signal")) as socket:
        await socket.send_str(frame)
        assert (await text(socket))["refusal"]["reason"] == reason
        assert (await asyncio.wait_for(socket.receive(), 30)).type is WSMsgType.CLOSE


async def test_a_frame_that_cannot_be_read_later_is_refused_and_the_socket_lives(calls: Calls) -> None:
    (ann,) = await calls.person()
    async with ClientSession() as session, session.ws_connect(url(calls, "/v1/signal")) as socket:
        await socket.send_str(json.dumps({"hello": {"accessToken": ann.token}}))
        await text(socket)
        for broken in ("[]", "{}", '{"ref": "3", "accept": {}}'):
            await socket.send_str(broken)
            assert "refusal" in await text(socket)
        await socket.send_str(json.dumps({"ref": "4", "peek": {"conversationId": "g:none"}}))
        assert (await text(socket))["refusal"]["reason"] == "REFUSAL_REASON_NOT_A_MEMBER"


async def test_who_says_nothing_is_sent_away(world: World) -> None:
    async with (
        world.calls(world.settings(limits=SignallingLimits(hello_ms=100))) as calls,
        ClientSession() as session,
        session.ws_connect(url(calls, "/v1/signal")) as socket,
    ):
        message = await asyncio.wait_for(socket.receive(), 30)
        refusal = call_pb2.SignalResponse.FromString(message.data).refusal
        assert (refusal.subject, refusal.limit) == ("hello_ms", 100)


async def test_the_page_and_health_are_there_and_nothing_else(calls: Calls) -> None:
    async with ClientSession() as session:
        for path, status, kind in (
            ("/", 200, "text/html"),
            ("/calls.js", 200, "application/javascript"),
            ("/calls.css", 200, "text/css"),
            ("/healthz", 200, "text/plain"),
            ("/readyz", 200, "text/plain"),
            ("/metrics", 200, "text/plain"),
            ("/secret.js", 404, "text/plain"),
            ("/../settings.py", 404, "text/plain"),
        ):
            async with session.get(url(calls, path)) as response:
                assert (response.status, response.content_type.replace("text/java", "application/java")) == (status, kind), path
        async with session.get(url(calls, "/")) as response:
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]


async def test_a_process_that_stops_is_not_ready_and_sends_its_streams_away(world: World) -> None:
    async with world.calls() as calls, ClientSession() as session:
        (ann,) = await calls.person()
        await calls.app.drain()
        closing = await ann.hears("closing")
        assert (closing.replaced, closing.retry_after_ms > 0) == (False, True)
        async with session.get(url(calls, "/readyz")) as response:
            assert response.status == 503


async def test_devices_without_a_stream_are_woken_by_a_signed_webhook(world: World) -> None:
    woken: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def wake(request: web.Request) -> web.Response:
        await woken.put((request.headers["Tidewire-Signature"], await request.read()))
        return web.Response()

    application = web.Application()
    application.add_routes([web.post("/wake", wake)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    secret = "a secret of the webhook, long enough"
    settings = world.settings(wake_url=f"http://127.0.0.1:{runner.addresses[0][1]}/wake", wake_secret=secret)
    try:
        async with world.calls(settings) as calls:
            ann, (ben,), (cat,) = (await calls.person())[0], await calls.person(), await calls.person()
            await cat.silence_strangers()
            for device in (cat, ben):
                await device.close_stream()
            await streams(calls, 1)
            await ann.place(cat)
            placed = (await ann.place(ben, video=True)).placed
            signature, body = await asyncio.wait_for(woken.get(), 30)
    finally:
        await runner.cleanup()
    said = json.loads(body)
    assert said == {
        "kind": "call",
        "account_id": ben.account_id,
        "device_ids": [ben.device_id],
        "call_id": placed.call_id,
        "conversation_id": said["conversation_id"],
        "caller_account_id": ann.account_id,
        "video": True,
        "until_ms": placed.rings_until_ms,
    }
    at, digest = [part.split("=", 1)[1] for part in signature.split(",")]
    assert digest == hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


async def test_a_webhook_that_is_away_keeps_nobody_from_calling(world: World) -> None:
    settings = world.settings(wake_url="http://127.0.0.1:1/wake", wake_secret="a secret of the webhook, long enough")
    async with world.calls(settings) as calls:
        ann, (ben,) = (await calls.person())[0], await calls.person()
        await ben.close_stream()
        await streams(calls, 1)
        assert (await ann.place(ben)).WhichOneof("event") == "placed"
