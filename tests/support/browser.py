"""A real Chromium, with a fake camera and microphone, on the page of the calls process."""

from __future__ import annotations

import asyncio
import fractions
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
from aiortc.mediastreams import VideoStreamTrack
from playwright.async_api import Browser, Page, async_playwright, expect

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-accept-this-tab-capture",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
)
"""Without the loopback one, 127.0.0.1 is no way to reach anybody; without the mDNS one, addresses are names that nobody resolves."""
PATIENCE_S = 60
expect.set_options(timeout=30_000)
BITS = 12
"""Of the counter in the frames of `counting`."""
READ_COUNTER = """async ({ selector, frames, bits }) => {
  const video = document.querySelector(selector);
  const canvas = new OffscreenCanvas(320, 240);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const seen = [];
  while (seen.length < frames) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    context.drawImage(video, 0, 0, 320, 240);
    let value = 0;
    for (let bit = 0; bit < bits; bit++) {
      const [red] = context.getImageData(20 + (bit % 6) * 48 + 24, bit < 6 ? 60 : 180, 1, 1).data;
      value = value * 2 + (red > 128 ? 1 : 0);
    }
    seen.push(value);
  }
  return seen;
}"""
FIGURES = """async (which) => {
  const pc = window.page.current[which];
  const found = [];
  const stats = await pc.getStats();
  for (const one of stats.values()) {
    if (one.type === "inbound-rtp") found.push({ id: one.id, kind: one.kind, packets: one.packetsReceived, lost: one.packetsLost,
      frames: one.framesDecoded ?? 0, height: one.frameHeight ?? 0, freezes: one.freezeCount ?? 0, frozen_s: one.totalFreezesDuration ?? 0,
      energy: one.totalAudioEnergy ?? 0, concealed: one.concealedSamples ?? 0, samples: one.totalSamplesReceived ?? 0,
      again: one.retransmittedPacketsReceived ?? 0 });
    if (one.type === "outbound-rtp") found.push({ kind: `sent ${one.kind}`, again: one.retransmittedPacketsSent ?? 0 });
    if (one.type === "transport") {
      const pair = stats.get(one.selectedCandidatePairId);
      const ends = ["local", "remote"].map((end) => stats.get(pair?.[`${end}CandidateId`])?.candidateType);
      found.push({ kind: "transport", dtls: one.dtlsState, role: one.dtlsRole, srtp: one.srtpCipher, local: ends[0], remote: ends[1] });
    }
  }
  return JSON.stringify(found);
}"""


def counting(number: int) -> bytes:
    """A frame of 320×240 in yuv420p whose twelve blocks say `number`, the greatest bit first."""
    luma = bytearray(b"\x20" * (320 * 240))
    for bit in range(BITS):
        if number >> (BITS - 1 - bit) & 1:
            left, top = 20 + (bit % 6) * 48, 40 if bit < 6 else 160
            for row in range(top, top + 40):
                luma[row * 320 + left : row * 320 + left + 48] = b"\xe0" * 48
    return bytes(luma) + b"\x80" * (320 * 120)


class Counting(VideoStreamTrack):  # type: ignore[misc]
    """Frames that count, ten a second."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._since = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        """The next one, when it is due."""
        await asyncio.sleep(max(0.0, self._since + self._number / 10 - time.monotonic()))
        frame = av.VideoFrame(320, 240, "yuv420p")
        data = counting(self._number % 120)
        for plane, (start, end) in zip(frame.planes, ((0, 76_800), (76_800, 96_000), (96_000, 115_200))):
            width = 320 if start == 0 else 160
            rows = [data[at : at + width].ljust(plane.line_size, b"\0") for at in range(start, end, width)]
            plane.update(b"".join(rows))
        frame.pts, frame.time_base = self._number * 9_000, fractions.Fraction(1, 90_000)
        self._number += 1
        return frame


def counted(luma: bytes, stride: int) -> int:
    """The number in a frame's luma of 320×240."""
    value = 0
    for bit in range(BITS):
        at = (60 if bit < 6 else 180) * stride + 20 + (bit % 6) * 48 + 24
        value = value * 2 + (luma[at] > 128)
    return value


def clip(path: Path, frames: int = 120, scale: int = 1) -> Path:
    """A file for the fake camera (YUV4MPEG2) whose frames count from 0, ten a second; `scale` times 320×240."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n" % (320 * scale, 240 * scale))
        for number in range(frames):
            file.write(b"FRAME\n" + _scaled(counting(number), scale))
    return path


def _scaled(frame: bytes, scale: int) -> bytes:
    luma = [
        frame[at : at + 320].replace(b"\x20", b"\x20" * scale).replace(b"\xe0", b"\xe0" * scale) for at in range(0, 76_800, 320)
    ]
    return b"".join(row * scale for row in luma) + frame[76_800:] * scale**2


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """A browser with a profile of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            await browser.close()


class Tab:
    """Somebody's page."""

    def __init__(self, page: Page, account_id: str) -> None:
        self.page = page
        self.account_id = account_id
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @classmethod
    async def opened(cls, browser: Browser, http_port: int, token: str, account_id: str, script: str = "") -> Tab:
        """Signed in. `script`: runs before the page's own."""
        context = await browser.new_context(permissions=["camera", "microphone"], viewport={"width": 1000, "height": 700})
        tab = cls(await context.new_page(), account_id)
        await tab.page.add_init_script(script)
        await tab.page.goto(f"http://127.0.0.1:{http_port}/#token={token}")
        await tab.says("connected")
        return tab

    async def says(self, status: str) -> None:
        """Wait until the status line has this in it."""
        await expect(self.page.locator("#status")).to_contain_text(status, timeout=30_000)

    async def calls(self, target: str) -> None:
        """Call a person, or the call of a group."""
        await self.page.fill("#target", target)
        await self.page.click("#call")

    async def accepts(self) -> None:
        """Take what rings."""
        await self.page.locator("#accept").click(timeout=30_000)

    async def figures(self, connection: str = "pc") -> list[dict[str, Any]]:
        """What the browser measures of `pc`, `up` or `down`."""
        found: list[dict[str, Any]] = json.loads(await self.page.evaluate(FIGURES, connection))
        return found

    async def inbound(self, kind: str, connection: str = "pc") -> list[dict[str, Any]]:
        """Of what is received: audio or video."""
        return [one for one in await self.figures(connection) if one["kind"] == kind]

    async def transport(self, connection: str = "pc") -> dict[str, Any]:
        """DTLS, SRTP, and the kinds of the addresses at both ends."""
        (found,) = await self.inbound("transport", connection)
        return found

    async def sees(self, streams: int, connection: str = "pc", frames: int = 10) -> None:
        """Wait until so many videos have each decoded `frames` more."""
        before = {one["id"]: one["frames"] for one in await self.inbound("video", connection)}
        until_s = time.monotonic() + PATIENCE_S + frames / 10
        while time.monotonic() < until_s:
            now = await self.inbound("video", connection)
            grown = [one["frames"] - before.get(one["id"], 0) for one in now]
            if sum(more >= frames for more in grown) >= streams:
                return
            await self.page.wait_for_timeout(200)
        raise AssertionError(f"{grown} frames more, of {streams} videos")

    async def hears(self, voices: int = 1, connection: str = "pc") -> None:
        """Wait until there are so many sounds, and each was heard: a microphone of a browser's may begin with silence."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            sounds = await self.inbound("audio", connection)
            if len(sounds) == voices and all(one["energy"] > 0 for one in sounds):
                return
            await self.page.wait_for_timeout(200)
        raise AssertionError(f"{sounds} instead of {voices} that are heard")

    async def shows(self, height: int) -> None:
        """Wait until the one video of the room has this height."""
        for _ in range(300):
            (video,) = await self.inbound("video", "down")
            if video["height"] == height:
                return
            await self.page.wait_for_timeout(200)
        raise AssertionError(f"{video} instead of {height}")

    async def counter(self, selector: str, frames: int) -> list[int]:
        """The numbers in the next frames of a video that plays."""
        found: list[int] = await self.page.evaluate(READ_COUNTER, {"selector": selector, "frames": frames, "bits": BITS})
        return found
