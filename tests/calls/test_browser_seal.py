"""Calls of groups in a real Chromium whose frames are sealed by a passphrase: who has it sees and hears, the unit forwards, others get nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from playwright.async_api import expect

from tests.calls.test_browser import in_order
from tests.calls.test_browser_again import another_life, restart
from tests.support.browser import Tab, chromium, clip
from tests.support.calls_browser import Place

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
OTHERS = ".tile:not(.own)"
STREAMS_ALONE = "delete window.RTCRtpScriptTransform;"
"""As Chromium was before 141."""
SEALED = """async ({ kind, data, key, iv }) => {
  const { seal } = await import("/seal.js");
  const way = await crypto.subtle.importKey("raw", new Uint8Array(key), "AES-GCM", false, ["encrypt"]);
  return [...await seal(way, new Uint8Array(iv), kind, new Uint8Array(data))];
}"""
OPENED = """async ({ frame, key }) => {
  const { open } = await import("/seal.js");
  const way = await crypto.subtle.importKey("raw", new Uint8Array(key), "AES-GCM", false, ["decrypt"]);
  const data = await open(way, new Uint8Array(frame));
  return data && [...data];
}"""
KEPT_KEY = """const derive = SubtleCrypto.prototype.deriveKey;
SubtleCrypto.prototype.deriveKey = async function (...given) { return (window.made = await derive.apply(this, given)); };"""
OF_KEY = """async (iv) => {
  const way = { name: "AES-GCM", iv: new Uint8Array(iv) };
  return [...new Uint8Array(await crypto.subtle.encrypt(way, window.made, new Uint8Array(5)))];
}"""
KEY, IV = bytes(range(32)), bytes(range(100, 112))


async def sealed(place: Place, passphrase: str, script: str = "") -> Tab:
    """Somebody new who has typed this."""
    tab = await place.tab(script)
    await tab.page.fill("#passphrase", passphrase)
    return tab


async def hang_up(*tabs: Tab) -> None:
    for tab in tabs:
        await tab.page.click("#hang-up")
        assert tab.errors == []


async def sees_in_order(tab: Tab, videos: int = 1) -> None:
    """So many videos, and the numbers in one of them count."""
    await tab.sees(videos, "down")
    numbers = await tab.counter(f"{OTHERS} video", 15)
    assert len(set(numbers)) >= 8 and in_order(numbers, 120)


@pytest.mark.parametrize("script", ["", STREAMS_ALONE], ids=["script transform", "streams"])
async def test_who_has_the_passphrase_sees_and_hears_and_so_does_who_comes_late(place: Place, script: str) -> None:
    ann, ben, cat = [await sealed(place, "correct horse", script) for _ in range(3)]
    group = await place.group(ann, ben, cat)
    for tab in (ann, ben):
        await tab.calls(group)
        await tab.says("active")
    for tab in (ann, ben):
        await sees_in_order(tab)
    await cat.calls(group)
    await cat.says("active")
    await sees_in_order(cat, 2)
    await cat.hears(2, "down")
    for tab in (ann, ben, cat):
        await expect(tab.page.locator(".tile.own .name")).to_have_text("you · sealed")
        await expect(tab.page.locator(OTHERS)).to_have_count(2)
        assert "passphrase" not in "".join(await tab.page.locator(f"{OTHERS} .name").all_text_contents())
    await hang_up(ann, ben, cat)


@pytest.mark.parametrize("passphrase", ["battery staple", ""], ids=["another", "none"])
async def test_who_has_another_passphrase_gets_packets_and_no_picture_and_no_sound(place: Place, passphrase: str) -> None:
    ann, ben = await sealed(place, "correct horse"), await sealed(place, passphrase)
    await place.meet(ann, ben)
    deaf = [ann, ben] if passphrase else [ann]
    for tab in deaf:
        await expect(tab.page.locator(f"{OTHERS} .name")).to_contain_text("another passphrase, or none", timeout=30_000)
        async with asyncio.timeout(60):
            while min(one["packets"] for one in await tab.inbound("video", "down") + await tab.inbound("audio", "down")) < 100:
                await tab.page.wait_for_timeout(100)
        assert [one["frames"] for one in await tab.inbound("video", "down")] == [0]
        assert [one["energy"] for one in await tab.inbound("audio", "down")] == [0]
    await hang_up(ann, ben)


async def test_layers_are_switched_while_frames_are_sealed(place: Place, tmp_path: Path) -> None:
    camera = await asyncio.to_thread(clip, tmp_path / "camera.y4m", 20, 2)
    async with chromium(f"--use-file-for-fake-video-capture={camera}") as browser:
        there = place.by(browser)
        ann, ben = await sealed(there, "correct horse"), await sealed(there, "correct horse")
        await there.meet(ann, ben)
        participant = await ben.page.evaluate("window.page.current.participantId")
        await ann.sees(1, "down")
        for height, expected in ((480, 240), (60, 120), (480, 240)):
            await ann.page.evaluate("([id, h]) => window.page.current.watch(id, 'camera', h)", [participant, height])
            await ann.shows(expected)
            await ann.sees(1, "down")
        await hang_up(ann, ben)


async def test_a_screen_is_sealed_too_and_another_life_of_the_call_has_another_key(place: Place) -> None:
    ann, ben = await sealed(place, "correct horse", KEPT_KEY), await sealed(place, "correct horse")
    await place.meet(ann, ben)
    await ann.page.click("#screen")
    await expect(ben.page.locator(OTHERS)).to_have_count(2, timeout=30_000)
    await ben.sees(2, "down", frames=3)
    key = await ann.page.evaluate(OF_KEY, list(IV))
    (era, _) = await restart(place, ann, ben)
    for tab in (ann, ben):
        await another_life(tab, era)
        await tab.says("active")
    await ben.sees(2, "down", frames=3)
    await ann.sees(1, "down")
    assert await ann.page.evaluate(OF_KEY, list(IV)) != key
    await hang_up(ann, ben)


@pytest.mark.parametrize(
    ("kind", "first", "clear"),
    [("video", 0x10, 10), ("video", 0x11, 3), ("audio", 0x78, 1)],
    ids=["VP8 keyframe", "VP8 delta", "Opus"],
)
async def test_clear_are_the_bytes_that_the_unit_reads_and_they_cannot_be_changed(
    place: Place, kind: str, first: int, clear: int
) -> None:
    tab = await place.tab()
    data = bytes([first, *range(1, 60)])
    frame = bytes(await tab.page.evaluate(SEALED, {"kind": kind, "data": list(data), "key": list(KEY), "iv": list(IV)}))
    assert frame[:clear] == data[:clear] and len(frame) == len(data) + 16 + 12 + 1
    assert frame[-13:] == IV + bytes([clear])
    assert AESGCM(KEY).decrypt(IV, frame[clear:-13], frame[:clear]) == data[clear:]

    async def opened(changed: bytes) -> bytes | None:
        found = await tab.page.evaluate(OPENED, {"frame": list(changed), "key": list(KEY)})
        return None if found is None else bytes(found)

    assert await opened(frame) == data
    for at in (0, clear - 1, clear, len(frame) - 14, len(frame) - 13):
        assert await opened(frame[:at] + bytes([frame[at] ^ 2]) + frame[at + 1 :]) is None
    for count in (clear - 1, clear + 1, 255):
        assert await opened(frame[:-1] + bytes([count])) is None
    assert [await opened(data[:length]) for length in (0, 1, 12, 28)] == [None] * 4


async def test_the_key_is_that_of_the_passphrase_and_the_life_of_the_call(place: Place) -> None:
    """As docs/calls.md says it, worked out by somebody else."""
    ann, ben = await sealed(place, "correct horse", KEPT_KEY), await sealed(place, "correct horse")
    await place.meet(ann, ben)
    era = await ann.page.evaluate("window.page.current.eraId")
    salt = f"tidewire frames {era}".encode()
    key = PBKDF2HMAC(SHA256(), 32, salt, 600_000).derive(b"correct horse")
    found = await ann.page.evaluate(OF_KEY, list(IV))
    assert AESGCM(key).decrypt(IV, bytes(found), None) == bytes(5)
    with pytest.raises(InvalidTag):
        AESGCM(KEY).decrypt(IV, bytes(found), None)
    assert await ann.page.evaluate("window.made.extractable") is False
    await hang_up(ann, ben)
