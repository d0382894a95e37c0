"""Link previews: the fetcher against a page server on this machine, and the worker's method from a device of the SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from tidewire import Client, Message, Preview, Refused

from media import settings as media_settings
from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from media.adapters.http_fetcher import HttpFetcher
from media.app import serving
from media.domain.limits import Limits
from media.ports.fetcher import NoPage
from media.ports.node import Device
from media.services.previews import PreviewService
from server.kit.system import SystemClock
from tests.support.media import Deployment

pytestmark = pytest.mark.process
PAGE = '<html><head><meta property="og:title" content="The sea"><meta name="description" content="Wide & blue"></head></html>'
HERE = frozenset({ip_address("127.0.0.1")})


class Site:
    """A web site on 127.0.0.1, and what it was asked."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[web.Request] = []
        self.never = asyncio.Event()
        self.pictures: dict[str, bytes] = {}

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        match request.path.strip("/").split("/", 1):
            case ["page"]:
                response = web.Response(text=PAGE, content_type="text/html")
                response.set_cookie("who", "you")
                return response
            case ["hops", count] if int(count):
                raise web.HTTPFound(f"/hops/{int(count) - 1}")
            case ["hops", _]:
                raise web.HTTPFound("/page")
            case ["to", where]:
                return web.Response(status=302, headers={"Location": f"{where}"})
            case ["nowhere"]:
                return web.Response(status=302)
            case ["large"]:
                return web.Response(text=PAGE + "x" * 3_000_000, content_type="text/html")
            case ["illustrated", *rest]:
                where = "/picture/" + "".join(rest)
                said = f'{PAGE}<meta property="og:image" content="{where}">'
                return web.Response(text=said, content_type="text/html")
            case ["picture", name]:
                return web.Response(body=self.pictures[name], content_type="image/jpeg")
            case ["image"]:
                return web.Response(body=b"\xff\xd8", content_type="image/jpeg")
            case ["packed"]:
                return web.Response(body=b"\x1f\x8b", content_type="text/html", headers={"Content-Encoding": "gzip"})
            case ["slow"]:
                response = web.StreamResponse(headers={"Content-Type": "text/html"})
                await response.prepare(request)
                await self.never.wait()
                return response
        raise web.HTTPNotFound


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    application = web.Application()
    application.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    yield site
    site.never.set()
    await runner.cleanup()


def fetcher(site: Site, allowed: Callable[[object], bool] = HERE.__contains__, **limits: int) -> HttpFetcher:
    return HttpFetcher(Limits(**limits), allowed, frozenset({site.port, 80}))


async def test_a_page_is_fetched_as_nobody_through_three_redirects(site: Site) -> None:
    page = await fetcher(site).fetch(site.url("/hops/2"))
    assert (page.url, page.body.decode(), page.charset) == (site.url("/page"), PAGE, "utf-8")
    assert len(site.asked) == 4 and not any("Cookie" in request.headers for request in site.asked)
    await fetcher(site).fetch(site.url("/page"))
    assert "Cookie" not in site.asked[-1].headers


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/hops/3", "too many redirects"),
        ("/none", "404"),
        ("/image", "200, image/jpeg"),
        ("/packed", "it is compressed"),
        ("/nowhere", "the address is no"),
        ("/to/file:///etc/passwd", "the address is no http or https address"),
        ("/to/http://127.0.0.1:1/", "the address has a port"),
        ("/to/http://127.0.0.2/", "127.0.0.2 is not public"),
        ("/to/http://[::1]/", "::1 is not public"),
        ("/to/http://2130706434/", "not public|canonical"),
        ("/to/http://0x7f.2/", "not public|canonical"),
    ],
)
async def test_what_is_no_public_page_is_not_fetched(site: Site, path: str, why: str) -> None:
    with pytest.raises(NoPage, match=why):
        await fetcher(site).fetch(site.url(path))


async def test_of_a_large_page_the_beginning_is_read_and_a_slow_one_is_left(site: Site) -> None:
    assert len((await fetcher(site).fetch(site.url("/large"))).body) == 1_048_576
    with pytest.raises(NoPage, match="too long"):
        await fetcher(site, preview_timeout_ms=200).fetch(site.url("/slow"))


async def test_a_picture_is_fetched_by_the_same_rules_and_only_whole(site: Site) -> None:
    site.pictures = {"sea": b"x" * 1_000}
    assert await fetcher(site).image(site.url("/picture/sea")) == b"x" * 1_000
    for path, limits, why in (
        ("/picture/sea", {"preview_image_bytes_max": 999}, "more than 999 bytes"),
        ("/page", {}, "200, text/html"),
        ("/to/http://127.0.0.2/", {}, "127.0.0.2 is not public"),
        ("/to/data:image/png;base64,AAAA", {}, "the address is no"),
    ):
        with pytest.raises(NoPage, match=why):
            await fetcher(site, **limits).image(site.url(path))


async def test_a_preview_has_a_small_picture_or_none(site: Site, workshop: FfmpegWorkshop, files: Path) -> None:
    site.pictures = {
        "sea": (files / "photo.jpg").read_bytes(),
        "turned": (files / "turned.jpg").read_bytes(),
        "broken": b"\xff\xd8 no picture",
        "playlist": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "sound": (files / "opus.ogg").read_bytes(),
    }
    previews = PreviewService(fetcher(site), workshop, SystemClock(), Limits())
    found = {}
    for name in (*site.pictures, "missing"):
        preview = await previews.preview(Device("ann", "phone"), site.url(f"/illustrated/{name}"))
        assert (preview.title, preview.image) == ("The sea", site.url(f"/picture/{name}"))
        found[name] = preview.thumbnail
    for name in ("sea", "turned"):
        assert found[name].startswith(b"\xff\xd8") and len(found[name]) <= 16_384 and b"SECRET" not in found[name]
    assert [name for name, picture in found.items() if not picture] == ["broken", "playlist", "sound", "missing"]
    assert (await previews.preview(Device("ann", "phone"), site.url("/page"))).thumbnail == b""


async def test_a_picture_is_made_as_small_as_it_has_to_be(workshop: FfmpegWorkshop, files: Path) -> None:
    picture = (files / "photo.jpg").read_bytes()
    sizes = [len(await workshop.thumbnail(picture, most)) for most in (16_384, 4_000, 10)]
    assert 4_000 >= sizes[1] > 0 == sizes[2] and sizes[0] >= sizes[1]


async def test_a_name_is_what_it_resolves_to_and_nothing_is_asked_of_what_is_not_public(site: Site) -> None:
    assert (await fetcher(site, lambda address: True).fetch(site.url("/page", "localhost"))).url.startswith("http://localhost")
    count = len(site.asked)
    for host in ("localhost", "127.0.0.1", "127.1"):
        with pytest.raises(NoPage, match="not public|canonical"):
            await HttpFetcher(Limits(), ports=frozenset({site.port})).fetch(site.url("/page", host))
    assert len(site.asked) == count


async def test_a_device_has_a_preview_made_and_sends_it(site: Site, tmp_path: Path, files: Path) -> None:
    site.pictures = {"sea": (files / "photo.jpg").read_bytes()}
    deployment = await Deployment.started(tmp_path / "deployment")
    await deployment.worker.close()
    settings = {name: str(value) for name, value in deployment.worker.settings.items()}
    address = deployment.node.address
    try:
        async with AsyncExitStack() as opened:
            ann = await opened.enter_async_context(Client.open(address, tmp_path / "ann.db"))
            await ann.register_username("ann")
            me = await ann.direct("ann")
            made = media_settings.load(None, {}, settings | {"previews_burst": "2", "previews_per_hour": "1"})
            async with serving(made, fetcher=fetcher(site)):
                preview = await ann.preview(site.url("/illustrated/sea"))
                assert preview == Preview(site.url("/illustrated/sea"), "The sea", "Wide & blue", preview.thumbnail)
                assert preview.thumbnail.startswith(b"\xff\xd8")
                seen = ann.listen()
                await (await ann.send(me, f"look: {preview.url}", preview=preview))
                async with asyncio.timeout(10):
                    while not (isinstance(event := await seen.get(), Message) and event.seq):
                        pass
                assert event.preview == preview
                with pytest.raises(Refused) as nothing:
                    await ann.preview(site.url("/none"))
                assert (nothing.value.reason, str(nothing.value)) == ("NOT_FOUND", "there is no page that can be shown")
                with pytest.raises(Refused) as often:
                    await ann.preview(site.url("/page"))
                assert often.value.reason == "RATE_LIMITED" and often.value.retry_after_s
            async with serving(media_settings.load(None, {}, settings | {"previews": "off"})):
                with pytest.raises(Refused) as off:
                    await ann.preview(site.url("/page"))
                assert (off.value.reason, str(off.value)) == ("KIND_NOT_ENABLED", "this deployment fetches no pages")
    finally:
        await deployment.close()
