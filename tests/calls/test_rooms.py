"""Who is in a room of the forwarding unit, who is let in, who is lost, and who of many is forwarded."""

from __future__ import annotations

import gc

import pytest

from calls.domain.limits import ForwarderLimits
from calls.ports.forwarding import MediaGone, MediaLost, MediaUp, Published, Speakers
from calls.services.leg import Leg
from server.kit.refusal import Reason, Refused
from tests.calls.rooms import CAMERA, MICROPHONE, Camera, Microphone, a_room
from tests.calls.scripted import until

pytestmark = pytest.mark.timeout(90)


async def test_who_gives_no_consent_is_sent_nothing_then_lost_and_then_gone() -> None:
    async with a_room(ForwarderLimits(lost_s=2, gone_s=5)) as room:
        ann = await room.joined("ann", MICROPHONE)
        await until(lambda: room.told(MediaUp))
        await until(lambda: room.told(MediaLost))
        await ann.up.checks()
        await until(lambda: len(room.told(MediaUp)) == 2)
        await until(lambda: room.told(MediaGone))
        assert [type(one) for one in room.events if not isinstance(one, Published)] == [
            MediaUp,
            MediaLost,
            MediaUp,
            MediaLost,
            MediaGone,
        ]
        assert room.told(MediaGone) == [MediaGone(ann.place, "network")]
        assert not room.unit.busy and room.unit.mux.addresses == 0


async def test_who_never_connects_is_gone() -> None:
    async with a_room(ForwarderLimits(connect_s=1)) as room:
        ann = room.person("ann", MICROPHONE)
        await ann.offers_again()
        await until(lambda: room.told(MediaGone))
        assert room.told(MediaGone) == [MediaGone(ann.place, "failed")] and not room.told(MediaUp)


@pytest.mark.parametrize(
    ("limits", "reason", "subject"),
    [
        (ForwarderLimits(load_join_max=0.0), Reason.UNAVAILABLE, ""),
        (ForwarderLimits(egress_bps_max=1), Reason.UNAVAILABLE, ""),
        (ForwarderLimits(participants_max=1), Reason.LIMIT_EXCEEDED, "participants_max"),
        (ForwarderLimits(video_senders_max=1), Reason.LIMIT_EXCEEDED, "video_senders_max"),
    ],
)
async def test_who_would_be_too_much_is_refused_and_the_others_notice_nothing(
    limits: ForwarderLimits, reason: Reason, subject: str
) -> None:
    async with a_room(limits) as room:
        await room.joined("ann", CAMERA)
        with pytest.raises(Refused) as refused:
            await room.joined("ben", CAMERA)
        refusal = refused.value.refusal
        assert (refusal.reason, refusal.subject) == (reason, subject)
        assert (refusal.retry_after_ms is not None) is (reason is Reason.UNAVAILABLE)
        assert room.unit.mux.ufrags == 2


async def test_no_new_call_where_there_is_no_room_for_one() -> None:
    async with a_room(ForwarderLimits(calls_max=1)) as room:
        await room.joined("ann", MICROPHONE)
        with pytest.raises(Refused, match="1 calls, of at most 1"):
            await room.person("eve", MICROPHONE, call="another").join()


async def test_who_speaks_is_told_and_the_loudest_are_heard() -> None:
    async with a_room(ForwarderLimits(audio_last_n=1)) as room:
        people = {name: await room.joined(name, MICROPHONE) for name in ("ann", "ben", "eve")}
        await until(lambda: all(len(one.offers and one.offers[-1].tracks) == 2 and one.answers for one in people.values()))
        voices = {name: Microphone(person.up, 5, "0") for name, person in people.items()}
        voices["ann"].level, voices["ben"].level, voices["eve"].level = 100, 20, 100

        def speak() -> None:
            for voice in voices.values():
                voice.speak()

        def said() -> tuple[str, ...]:
            told = room.told(Speakers)
            return told[-1].participant_ids if told else ()  # type: ignore[union-attr]

        await until(lambda: (speak(), said() == ("ben",))[1])
        eve = people["eve"]
        await until(lambda: (speak(), eve.of("ben/microphone"))[1])
        heard = len(eve.of("ann/microphone"))
        for _ in range(20):
            speak()
        count = len(eve.of("ben/microphone"))
        await until(lambda: (speak(), len(eve.of("ben/microphone")) > count + 20)[1])
        assert len(eve.of("ann/microphone")) == heard
        voices["ann"].level, voices["ben"].level = 10, 100
        await until(lambda: (speak(), said()[:1] == ("ann",) and len(eve.of("ann/microphone")) > heard)[1])
        for voice in voices.values():
            voice.level = 127
        await until(lambda: (speak(), said() == ())[1])


async def test_the_latest_speakers_are_seen_and_whoever_was_asked_for() -> None:
    async with a_room(ForwarderLimits(video_last_n=1)) as room:
        for name in ("ann", "eve"):
            await room.joined(name, CAMERA)
        ben = await room.joined("ben", MICROPHONE)
        await until(lambda: ben.offers and len(ben.offers[-1].tracks) == 2 and ben.answers)
        cameras = {name: Camera(room.people[name].up, 6, "0") for name in ("ann", "eve")}

        def show(name: str) -> list[object]:
            for camera in cameras.values():
                camera.show(keyframe=True)
            return list(ben.of(f"{name}/camera"))

        await until(lambda: show("ann"))
        assert not ben.of("eve/camera")
        await room.unit.watch(ben.place, {"eve/camera": 90})
        await until(lambda: show("eve"))
        await room.unit.watch(ben.place, {"eve/camera": 90, "ann/camera": 0})
        looks: list[tuple[int, int]] = []

        def eve_alone() -> bool:
            """Since three looks ago three pictures of eve came, and none of ann, who sent as many."""
            show("eve")
            looks.append((len(ben.of("ann/camera")), len(ben.of("eve/camera"))))
            (ann, eve), (ann_now, eve_now) = looks[-4:][0], looks[-1]
            return ann_now == ann and eve_now >= eve + 3

        await until(eve_alone)


async def test_what_is_of_somebody_who_left_is_gone_without_the_collector() -> None:
    async with a_room() as room:
        eve = await room.joined("eve", MICROPHONE)

        def legs() -> int:
            return sum(type(one) is Leg for one in gc.get_objects())

        gc.collect()
        others = legs() - 2  # of tests before this one; two are eve's
        gc.disable()
        try:
            for number in range(3):
                ann = await room.joined(f"ann{number}", CAMERA)
                await until(lambda ann=ann: ann.answers)
                await room.unit.leave(ann.place)
                await ann.close()
            # One is still that of the last handshake that was begun.
            await until(lambda: legs() - others <= 3)
        finally:
            gc.enable()
        assert eve.up.dtls is not None
