"""The forwarding unit over a real socket: what participants get of one another, whatever the network and they themselves do."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from struct import unpack_from

import pytest
import pytest_asyncio

from calls.domain import rtcp
from calls.domain.drop import Drop
from calls.domain.rtcp import KeyframeWanted, Nack, Remb, SenderReport
from calls.domain.tracks import Source
from calls.ports.forwarding import MediaLost
from server.kit.refusal import Reason, Refused
from tests.calls.rooms import CAMERA, MICROPHONE, SIMULCAST, Camera, Microphone, Room, a_room
from tests.calls.scripted import VP8, Scripted, check, rtp, until

pytestmark = pytest.mark.timeout(90)


@pytest_asyncio.fixture(params=["batched", "single", pytest.param("compiled", marks=pytest.mark.process)])
async def room(request: pytest.FixtureRequest) -> AsyncIterator[Room]:
    """A unit, in every way of sending."""
    if request.param == "compiled":
        subprocess.run(["make", "-s", "accelerator"], cwd=Path(__file__).parents[2], check=True)
    async with a_room(fan_out="compiled" if request.param == "compiled" else "python", batched=request.param != "single") as made:
        yield made


def parts(packets: list[bytes], kind: type[rtcp.Part]) -> list[rtcp.Part]:
    """What reports said."""
    return [part for packet in packets for part in (rtcp.read(packet) or []) if isinstance(part, kind)]  # type: ignore[union-attr]


async def begins(camera: Camera, by: Scripted) -> None:
    """Keyframes until one is seen: the first may come before anybody looks."""

    def seen() -> bool:
        camera.show(keyframe=True)
        return bool(by.of("ann/camera"))

    await until(seen)


def numbers(person: Scripted) -> list[int]:
    """Of Ann's pictures as they came, by their content."""
    return [unpack_from("!I", one.payload, len(one.payload) - 4)[0] for one in person.of("ann/camera")]


async def test_frames_arrive_as_they_were_whatever_they_are(room: Room) -> None:
    """Encrypted end to end: nothing but the clear bytes is looked at, and nothing is changed."""
    ann, ben = await room.pair({Source.MICROPHONE: (), Source.CAMERA: ()})
    speech, camera = Microphone(ann.up, 5, "0"), Camera(ann.up, 6, "1")
    await speech.heard(ben, "ann/microphone")
    await begins(camera, ben)
    sealed = bytes(range(256)) * 4
    camera.show(rest=sealed)
    speech.speak(b"\x78" + sealed)
    await until(lambda: ben.of("ann/camera")[-1].payload.endswith(sealed))
    await until(lambda: ben.of("ann/microphone")[-1].payload == b"\x78" + sealed)
    assert ben.of("ann/camera")[-1].payload[8:] == sealed and ben.down.broken == 0


async def test_what_gets_lost_on_the_way_in_is_asked_for_and_on_the_way_out_sent_again(room: Room) -> None:
    ann, ben = await room.pair(CAMERA)
    camera = Camera(ann.up, 6, "0")
    await begins(camera, ben)
    first = camera.number
    sent: dict[int, bytes] = {}
    for number in range(200):
        packet = camera.packet()
        sent[camera.first + camera.number] = packet
        if number % 10 not in (3, 4):
            ann.up.sends(packet)
        if number % 20 == 0:
            await asyncio.sleep(0)
    ann.up.sends(camera.packet())
    last = camera.number - 1

    def repaired() -> bool:
        asked = {sequence for part in parts(ann.up.control, Nack) for sequence in part.sequences}  # type: ignore[union-attr]
        ann.up.control.clear()
        for sequence in asked:
            ann.up.sends(sent[sequence])
        return set(range(first, last + 1)) <= set(numbers(ben))

    await until(repaired)
    # Half of it never reached Ben: he asks, and gets it on the repair stream, with the number that it had.
    came = {one.sequence: one for one in ben.of("ann/camera")}
    lost = sorted(came)[10:100:2]
    for _ in range(2):  # The second time is too soon: both are read at once.
        ben.down.reports(rtcp.nack(1, ben.ssrc_of("ann/camera"), lost))
    await until(lambda: len(ben.of("ann/camera", rtx=True)) >= len(lost))
    for again in ben.of("ann/camera", rtx=True):
        original = came[unpack_from("!H", again.payload)[0]]
        assert (again.payload[2:], again.timestamp, again.payload_type) == (original.payload, original.timestamp, 97)
    camera.show()
    await until(lambda: camera.number - 1 in numbers(ben))
    assert len(ben.of("ann/camera", rtx=True)) == len(lost)


async def test_repairs_of_a_publisher_are_what_they_repair(room: Room) -> None:
    ann, ben = await room.pair(SIMULCAST)
    camera = Camera(ann.up, 6, "0", rid="q")
    await begins(camera, ben)
    lost = camera.packet()
    camera.show()
    sequence = camera.first + camera.number - 1
    payload = lost[lost.index(b"\x90\xc0") :]
    ann.up.sends(
        rtp(60, 1, 3_000 * (camera.number - 1), sequence.to_bytes(2, "big") + payload, 97, marker=True, mid="0", repaired="q")
    )
    await until(lambda: camera.number - 2 in numbers(ben))
    assert len({one.ssrc for one in ben.down.media}) == 1
    ann.up.sends(rtp(60, 2, 0, b"", 97, mid="0", repaired="q"))
    await room.counts(Drop.PADDING, 1)


def picture_ids(person: Scripted) -> list[int]:
    return [unpack_from("!H", one.payload, 2)[0] & 0x7FFF for one in person.of("ann/camera")]


async def test_layers_are_switched_at_keyframes_without_a_frozen_picture(room: Room) -> None:
    ann, ben = await room.pair(SIMULCAST)
    layers = [Camera(ann.up, 6 + index, "0", rid=rid, height=90 << index, first=9_000 * index) for index, rid in enumerate("qhf")]
    layers[1].number, layers[2].number = 500, 900

    def all_show(*, keyframe: int | None = None) -> None:
        for index, layer in enumerate(layers):
            layer.show(keyframe=index == keyframe)

    def ssrc_asked() -> set[int]:
        return {part.ssrc for part in parts(ann.up.control, KeyframeWanted)}  # type: ignore[union-attr]

    def heights() -> list[int]:
        """Of the layer that each picture is of, by its number."""
        return [90 if number < 500 else 180 if number < 900 else 360 for number in numbers(ben)]

    await room.unit.watch(ben.place, {"ann/camera": 90})
    await until(lambda: (all_show(keyframe=0), ben.of("ann/camera"))[1])
    for height, index in ((360, 2), (180, 1), (90, 0)):
        ann.up.control.clear()
        await room.unit.watch(ben.place, {"ann/camera": height})
        await until(lambda: (all_show(), layers[index].ssrc in ssrc_asked())[1])  # noqa: B023
        count = len(ben.of("ann/camera"))
        for _ in range(5):
            all_show()
        # The old layer flows on for as long as no keyframe comes.
        await until(lambda: len(ben.of("ann/camera")) >= count + 5)  # noqa: B023
        assert heights()[-1] != height
        all_show(keyframe=index)
        await until(lambda: heights()[-1] == height)  # noqa: B023
    seen = ben.of("ann/camera")
    assert [one.sequence for one in seen] == list(range(seen[0].sequence, seen[0].sequence + len(seen)))
    ids, times = picture_ids(ben), [one.timestamp for one in seen]
    assert all((after - before) & 0x7FFF == 1 for before, after in zip(ids, ids[1:]))
    # Seconds, not days: between two layers as much passes as this machine stood still.
    assert all(0 < (after - before) & 0xFFFFFFFF < 60 * 90_000 for before, after in zip(times, times[1:]))
    assert list(dict.fromkeys(heights())) == [90, 360, 180] and heights()[-1] == 90
    for before, after, one in zip(heights(), heights()[1:], seen[1:]):
        assert before == after or one.payload[5] == 0x10  # Each layer begins with a keyframe.


async def test_a_wish_for_a_keyframe_is_passed_on_once_for_all(room: Room) -> None:
    ann, ben = await room.pair(CAMERA)
    camera = Camera(ann.up, 6, "0")
    await begins(camera, ben)
    ann.up.control.clear()
    for _ in range(20):
        ben.down.reports(rtcp.picture_loss(1, ben.ssrc_of("ann/camera")))
    await until(lambda: parts(ann.up.control, KeyframeWanted))
    assert [part.ssrc for part in parts(ann.up.control, KeyframeWanted)] == [6]  # type: ignore[union-attr]


async def test_reports_end_here_and_are_made_anew(room: Room) -> None:
    ann, ben = await room.pair(CAMERA)
    camera = Camera(ann.up, 6, "0")
    await begins(camera, ben)

    def reported() -> bool:
        camera.show(keyframe=True)  # of a picture that stands still, as while this machine does, nothing is reported
        ann.up.reports(rtcp.sender_report(SenderReport(6, 0x1234_5678_0000_0000, 3_000 * camera.number, 99, 99), "secret"))
        return bool(parts(ben.down.control, SenderReport))

    await until(reported)
    (report, *_) = parts(ben.down.control, SenderReport)
    assert isinstance(report, SenderReport) and report.ssrc == ben.ssrc_of("ann/camera") and report.ntp == 0x1234_5678_0000_0000
    at = next(at for at, raw in enumerate(ben.down.raw) if raw[0] == 0x80 and raw[1] == 200)
    before = [one for one in ben.of("ann/camera") if one.raw in ben.down.raw[:at]]
    # The picture that it is about is the last one, or another was on its way already.
    assert report.timestamp in [one.timestamp for one in before[-2:]] and report.packets == len(before)
    assert not any(b"secret" in packet for packet in ben.down.control)
    await until(lambda: parts(ann.up.control, Remb) and parts(ann.up.control, rtcp.Report))


async def test_what_an_admin_mutes_is_not_heard_and_cannot_be_asked_for(room: Room) -> None:
    ann, ben = await room.pair(CAMERA, rtx=False)
    camera = Camera(ann.up, 6, "0")
    await begins(camera, ben)
    await room.unit.mute(ann.place, Source.CAMERA, True)
    muted = room.unit.drops[Drop.MUTED]
    for _ in range(10):
        camera.show(keyframe=True, rest=b"hidden--")
    await until(lambda: room.unit.drops[Drop.MUTED] >= muted + 10)
    await room.unit.mute(ann.place, Source.CAMERA, False)
    await until(lambda: (camera.show(keyframe=True, rest=b"seen----"), ben.of("ann/camera")[-1].payload.endswith(b"seen----"))[1])
    last = ben.of("ann/camera")[-1].sequence
    ben.down.reports(rtcp.nack(1, ben.ssrc_of("ann/camera"), [last - before & 0xFFFF for before in range(30)]))
    again = ben.down.broken
    await until(lambda: ben.down.broken > again)
    camera.show(rest=b"end-----")
    await until(lambda: ben.of("ann/camera")[-1].payload.endswith(b"end-----"))
    assert not any(b"hidden" in one.payload for one in ben.of("ann/camera"))
    # Whatever its client says: also a new offer does not unmute.
    await room.unit.mute(ann.place, Source.CAMERA, True)
    await ann.offers_again()
    muted = room.unit.drops[Drop.MUTED]
    camera.show(keyframe=True)
    await room.counts(Drop.MUTED, muted + 1)


async def test_an_ice_restart_keeps_keys_and_media_and_ends_the_old_credentials(room: Room) -> None:
    ann, ben = await room.pair(MICROPHONE)
    speech = Microphone(ann.up, 5, "0")
    await speech.heard(ben, "ann/microphone")
    old = (ann.up.remote_ufrag, ann.up.remote_password)
    ann.up.ufrag = "another1"
    await ann.offers_again()
    assert (ann.up.remote_ufrag, ann.up.remote_password) != old
    # Until the new path is chosen the old one is good.
    before = ann.up.responses
    ann.up.send(check(*old))
    await until(lambda: ann.up.responses > before)
    wifi, lte = ann.up.socket, ann.up.another_socket()
    await ann.up.checks(by=lte)
    ann.up.socket = lte
    drops = room.unit.drops[Drop.NOT_A_CHECK]
    ann.up.send(check(*old), wifi)
    await room.counts(Drop.NOT_A_CHECK, drops + 1)
    count = len(ben.of("ann/microphone"))
    speech.speak()
    await until(lambda: len(ben.of("ann/microphone")) == count + 1)
    # The same of the down transport, which the unit offers.
    answers, old = ben.answers, (ben.down.remote_ufrag, ben.down.remote_password)
    await room.unit.restart(ben.place)
    await until(lambda: ben.answers > answers)
    assert (ben.down.remote_ufrag, ben.down.remote_password) != old
    await ben.down.checks()
    speech.speak()
    await until(lambda: len(ben.of("ann/microphone")) == count + 2)
    assert room.unit.mux.ufrags == 4 and not room.told(MediaLost)


async def test_who_comes_and_goes_twenty_times_uses_the_same_sections(room: Room) -> None:
    ann, ben = await room.pair(MICROPHONE)
    for number in range(20):
        await room.unit.leave(ann.place)
        await ann.close()
        answers = ben.answers
        ann = await room.joined("ann", MICROPHONE)
        await until(lambda: ben.answers > answers and any(one.track.participant_id == "ann" for one in ben.offers[-1].tracks))  # noqa: B023
        await Microphone(ann.up, 100 + number, "0").heard(ben, "ann/microphone")
    assert ben.offers[-1].offer.sdp.count("m=audio") <= 2
    assert room.unit.mux.ufrags == room.unit.mux.addresses == 4


async def test_another_client_of_the_same_participant_takes_its_place(room: Room) -> None:
    ann, ben = await room.pair(MICROPHONE)
    other = await room.joined("ann", MICROPHONE)
    await until(lambda: len(ben.offers) > 1 and len(ben.offers[-1].tracks) == 1)
    await Microphone(other.up, 9, "0").heard(ben, "ann/microphone")
    drops = room.unit.drops[Drop.STRANGER]
    Microphone(ann.up, 5, "0").speak()
    await room.counts(Drop.STRANGER, drops + 1)
    await ann.close()


async def test_a_client_that_says_nonsense_is_refused_and_the_call_goes_on(room: Room) -> None:
    from calls.domain.tracks import Description

    ann, ben = await room.pair(MICROPHONE)
    for text in ("", "v=0\r\n", ann.offer().replace("setup:active", "setup:passive")):
        with pytest.raises(Refused) as refused:
            await room.unit.join(ann.place, Description(9, text), {"0": Source.MICROPHONE})
        assert refused.value.refusal.reason is Reason.INVALID
    await room.unit.answered(ben.place, Description(99, "nonsense"))  # To another revision: ignored.
    with pytest.raises(Refused) as refused:
        await room.unit.watch(room.person("nobody", MICROPHONE).place, {})
    assert refused.value.refusal.reason is Reason.NOT_FOUND
    for packet in (b"\x80\xc9\x00\x09", rtp(5, 1, 1, b"x", VP8, mid="9")):
        (ann.up.reports if packet[1] == 0xC9 else ann.up.sends)(packet + bytes(8))
    await Microphone(ann.up, 5, "0").heard(ben, "ann/microphone")
