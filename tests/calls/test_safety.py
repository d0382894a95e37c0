"""What a network, a stranger or a participant can do to the forwarding unit: each known danger by its name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from functools import partial

import pytest
from pylibsrtp import Error, Policy, Session

from calls.adapters.aiortc_dtls import SrtpCipher
from calls.adapters.buffers import Memory, buffers
from calls.adapters.forwarding_unit import MonotonicClock
from calls.adapters.sendto import SingleDatagrams
from calls.domain import rtcp
from calls.domain.drop import Drop
from calls.domain.limits import ForwarderLimits
from calls.domain.rtp import WIRE_BYTES_MAX
from calls.domain.tracks import Source
from calls.ports.forwarding import MediaLost
from calls.ports.media import BUFFER_BYTES, DATAGRAM_BYTES_MAX, PLAIN_BYTES_MAX, TRAILER_BYTES_MAX
from calls.services.leg import Leg, new_credentials
from calls.services.mux import Mux
from server.kit.refusal import Refused
from tests.calls.rooms import CAMERA, MICROPHONE, SIMULCAST, Camera, Microphone, Room, a_room
from tests.calls.scripted import OPUS, VP8, Scripted, check, rtp, until

pytestmark = pytest.mark.timeout(60)
PROFILES = (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, Policy.SRTP_PROFILE_AEAD_AES_128_GCM, Policy.SRTP_PROFILE_AEAD_AES_256_GCM)
KEY_BYTES = {1: 30, 7: 28, 8: 44}


def sessions(profile: int) -> tuple[Session, Session]:
    """Inbound and outbound, with one key."""
    key = bytes(range(KEY_BYTES[profile]))
    both = []
    for kind in (Policy.SSRC_ANY_INBOUND, Policy.SSRC_ANY_OUTBOUND):
        policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile)
        policy.allow_repeat_tx = True
        policy.window_size = 1_024
        both.append(Session(policy))
    return both[0], both[1]


@pytest.mark.parametrize("profile", PROFILES)
def test_srtp_never_writes_behind_its_buffer(profile: int) -> None:
    cipher = SrtpCipher(*sessions(profile))
    buffer, behind = buffers(2)
    behind.memory[:] = b"\xa5" * BUFFER_BYTES
    for size in (PLAIN_BYTES_MAX, PLAIN_BYTES_MAX - 1, WIRE_BYTES_MAX + 2):
        buffer.memory[:12] = rtp(1, size, 0, b"", VP8)
        assert size < cipher.protect(buffer, size) <= BUFFER_BYTES
        buffer.memory[:8] = rtcp.receiver_report(7, ())
        assert size // 4 * 4 < cipher.protect_control(buffer, size // 4 * 4) <= BUFFER_BYTES
    for size in (PLAIN_BYTES_MAX + 1, BUFFER_BYTES, BUFFER_BYTES + 1, 1 << 20, 0, -1):
        assert cipher.protect(buffer, size) == cipher.protect_control(buffer, size) == 0
    for size in (BUFFER_BYTES + 1, 1 << 20, 0, -1):
        assert cipher.unprotect(buffer, size) == cipher.unprotect_control(buffer, size) == 0
    assert bytes(behind.memory) == b"\xa5" * BUFFER_BYTES
    assert WIRE_BYTES_MAX + 2 <= PLAIN_BYTES_MAX and PLAIN_BYTES_MAX + TRAILER_BYTES_MAX <= BUFFER_BYTES


async def test_a_datagram_of_more_than_1500_bytes_is_dropped_before_anything_else() -> None:
    async with a_room() as room:
        ann, ben = await room.pair(MICROPHONE)
        speech = Microphone(ann.up, 7, "0")
        await speech.heard(ben, "ann/microphone")
        for size in (DATAGRAM_BYTES_MAX + 1, 9_000, 60_000):
            for first in (b"\x00\x01", b"\x16\xfe", b"\x80\x60", b"\x80\xc8"):
                ann.up.send(first + bytes(size - 2))
        await room.counts(Drop.TOO_LONG, 12)
        # The greatest that pylibsrtp's own buffer can hold comes through: it has grown by eight bytes on its way.
        ann.up.sends(speech.packet(bytes(1_320)))
        await until(lambda: ben.of("ann/microphone")[-1].payload == bytes(1_320))


class Failing(SingleDatagrams):
    """A real socket whose reading breaks after the first datagram."""

    def burst(self) -> Iterator[tuple[Memory, int, bytes]]:
        yield next(super().burst())
        raise RuntimeError("a bug")


async def test_what_a_burst_caused_leaves_whatever_else_happens() -> None:
    limits, clock = ForwarderLimits(), MonotonicClock()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
        for one in (inside, outside):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
        mux = Mux(Failing(inside), clock, limits)
        leg = Leg(new_credentials(lambda count: bytes(range(count))), limits, 0)
        mux.add(leg)
        (credentials,) = leg.credentials
        outside.sendto(check(credentials.ufrag.decode(), credentials.password.decode()), inside.getsockname())
        with pytest.raises(RuntimeError):
            mux.readable()
        assert outside.recv(2_048)[:2] == b"\x01\x01"


async def test_no_content_of_before_an_epoch_is_sent_after_it() -> None:
    """Nonce reuse (a): a packet of before the keyframe, reordered, would take a number of the epoch before."""
    async with a_room() as room:
        ann, ben = await room.pair(CAMERA)
        camera = Camera(ann.up, 9, "0")
        await until(lambda: _starts(camera, ben))
        for _ in range(10):
            camera.show()
        await room.unit.watch(ben.place, {"ann/camera": 0})
        counts: list[int] = []
        await until(lambda: _stands_still(camera, ben, counts))
        late = [camera.packet() for _ in range(3)]
        count = len(ben.of("ann/camera"))
        await room.unit.watch(ben.place, {"ann/camera": 90})
        await until(lambda: _starts(camera, ben) and len(ben.of("ann/camera")) > count)
        count = len(ben.of("ann/camera"))
        for packet in late:
            ann.up.sends(packet)
        await until(lambda: _starts(camera, ben) and len(ben.of("ann/camera")) > count)
        assert _one_content_for_each_number(ben)


def _stands_still(camera: Camera, ben: Scripted, counts: list[int]) -> bool:
    """Nothing of it comes any more, for three looks on end."""
    camera.show()
    counts.append(len(ben.of("ann/camera")))
    return len(counts) > 2 and len(set(counts[-3:])) == 1


def _starts(camera: Camera, ben: Scripted) -> bool:
    camera.show(keyframe=True)
    return bool(ben.of("ann/camera"))


def _one_content_for_each_number(person: Scripted) -> bool:
    """By the clear headers of everything that came, also of what the receiver's SRTP took for a repeat."""
    found: dict[bytes, bytes] = {}
    media = [data for data in person.down.raw if data[0] >= 128 and not 192 <= data[1] < 224]
    return bool(media) and all(found.setdefault(data[2:4] + data[8:12], data) == data for data in media)


async def test_a_publisher_that_changes_its_ssrc_uses_no_number_twice() -> None:
    """Nonce reuse (a), once more: numbers of the new stream mean nothing in the old one."""
    async with a_room() as room:
        ann, ben = await room.pair(CAMERA)
        camera = Camera(ann.up, 9, "0", first=1_000)
        await until(lambda: _starts(camera, ben))
        for _ in range(50):
            camera.show()
        await until(lambda: len(ben.of("ann/camera")) > 50)
        again = Camera(ann.up, 10, "0", first=camera.first + camera.number - 40)
        again.show()
        for _ in range(40):
            again.show(keyframe=True)
        count = len(ben.of("ann/camera"))
        await until(lambda: _starts(again, ben) and len(ben.of("ann/camera")) > count)
        assert _one_content_for_each_number(ben)
        assert [one.sequence for one in ben.of("ann/camera")] == sorted(one.sequence for one in ben.of("ann/camera"))


async def test_what_is_sent_again_on_the_same_stream_is_the_same_byte_for_byte() -> None:
    """Nonce reuse (b): another abs-send-time under the same number gives GCM's authentication key away."""
    async with a_room() as room:
        ann, ben = await room.pair(CAMERA, rtx=False)
        camera = Camera(ann.up, 9, "0")
        await until(lambda: _starts(camera, ben))
        first = ben.of("ann/camera")[0]
        seen = ben.down.raw.count(first.raw)
        ben.down.reports(rtcp.nack(1, first.ssrc, [first.sequence]))
        await until(lambda: ben.down.raw.count(first.raw) > seen)
        assert _one_content_for_each_number(ben) and ben.down.broken == 1  # A repeat, as libsrtp sees it.


async def test_an_ssrc_is_never_used_again_and_its_stream_is_removed() -> None:
    """Nonce reuse (c), and streams that would stay for the life of the transport."""
    async with a_room() as room:
        ann, ben = await room.pair(MICROPHONE)
        leg = room.unit._find(ben.place)[1].down.leg
        seen: set[int] = set()
        for _ in range(3):
            await Microphone(ann.up, 70, "0").heard(ben, "ann/microphone")
            ssrc = ben.ssrc_of("ann/microphone")
            assert ssrc not in seen
            seen.add(ssrc)
            await room.unit.leave(ann.place)
            assert _forgotten(leg, ssrc)
            await ann.close()
            ann = await _comes_back(room, ben)
        await Microphone(ann.up, 70, "0").heard(ben, "ann/microphone")
        assert not _forgotten(leg, ben.ssrc_of("ann/microphone"))


async def _comes_back(room: Room, ben: Scripted) -> Scripted:
    answers = ben.answers
    ann = await room.joined("ann", MICROPHONE)
    await until(lambda: ben.answers > answers and any(one.track.participant_id == "ann" for one in ben.offers[-1].tracks))
    return ann


def _forgotten(leg: Leg, ssrc: int) -> bool:
    """Whether libsrtp has no state of the stream: there is nothing to remove then."""
    assert isinstance(leg.cipher, SrtpCipher)
    try:
        leg.cipher._outgoing.remove_stream(ssrc)
    except Error:
        return True
    return False


def test_an_ssrc_that_chance_brings_twice_is_taken_once() -> None:
    chance = iter((b"\0\0\0\0", b"\0\0\0\7", b"\0\0\0\7", b"\0\0\0\7", b"\0\0\0\x08"))
    leg = Leg(new_credentials(bytes), ForwarderLimits(), 0)
    assert [leg.fresh_ssrc(lambda count: next(chance)) for _ in range(2)] == [7, 8]


async def test_a_transport_has_four_addresses_at_most() -> None:
    async with a_room() as room:
        ann = await room.joined("ann", MICROPHONE)
        for _ in range(6):
            await ann.up.checks(nominates=False, by=ann.up.another_socket())
        assert room.unit.mux.addresses == ForwarderLimits().addresses_max
        assert room.unit.drops[Drop.ADDRESSES] == 3
        await ann.up.checks()  # The one that media goes to was not forgotten.
        assert room.unit.mux.addresses == ForwarderLimits().addresses_max


async def test_a_participant_has_sixteen_ssrcs_at_most() -> None:
    async with a_room() as room:
        ann = await room.joined("ann", {Source.MICROPHONE: (), Source.CAMERA: ("q", "h", "f")})
        Camera(ann.up, 1, "1", rid="q").show()
        for ssrc in range(100, 140):
            ann.up.sends(rtp(ssrc, 1, 1, b"x" * 10, 97, mid="1", rid="q"))
        # A repair stream says so with another name: none of these is one. Under its own name each of forty layers is one layer.
        await room.counts(Drop.UNKNOWN_STREAM, 40)
        for ssrc in range(200, 240):
            Camera(ann.up, ssrc, "1", rid="q").show(keyframe=True)
        await until(lambda: room.unit._find(ann.place)[1].up.packets >= 81)
        assert len(room.unit._find(ann.place)[1].up.streams._known) <= ForwarderLimits().ssrcs_max


async def test_tracks_and_layers_are_counted() -> None:
    async with a_room(ForwarderLimits(layers_max=3, video_tracks_max=1)) as room:
        for sends, limit in (
            ({Source.CAMERA: ("a", "b", "c", "d")}, "layers_max"),
            ({Source.CAMERA: (), Source.SCREEN: ()}, "video_tracks_max"),
        ):
            with pytest.raises(Refused) as refused:
                await room.person("ann", sends).join()
            assert refused.value.refusal.subject == limit
        assert not room.unit.busy and room.unit.mux.ufrags == 0


async def test_media_moves_only_to_where_media_authenticated_from() -> None:
    async with a_room() as room:
        ann, ben = await room.pair(MICROPHONE)
        speech, old = Microphone(ann.up, 7, "0"), ben.down.socket
        await speech.heard(ben, "ann/microphone")
        victim = ben.down.another_socket()
        asyncio.get_running_loop().remove_reader(victim)
        ben.down.send(check(ben.down.remote_ufrag, ben.down.remote_password), victim)
        await until(lambda: room.unit.mux.addresses == 4)
        count = len(ben.of("ann/microphone"))
        for _ in range(5):
            speech.speak()
        await until(lambda: len(ben.of("ann/microphone")) >= count + 5)
        assert victim.recv(2_048)[:2] == b"\x01\x01"  # The response to its check, smaller than that, and nothing more:
        with pytest.raises(BlockingIOError):
            victim.recv(2_048)
        asyncio.get_running_loop().add_reader(victim, ben.down._readable, victim)
        ben.down.socket = victim
        ben.down.reports(rtcp.receiver_report(1, ()))
        asyncio.get_running_loop().remove_reader(old)
        count = len(ben.of("ann/microphone"))
        await until(lambda: (speech.speak(), len(ben.of("ann/microphone")) > count)[1])


async def test_media_goes_to_an_address_for_as_long_as_checks_come_from_it_whatever_comes_from_others() -> None:
    async with a_room(ForwarderLimits(lost_s=3)) as room:
        ann, ben = await room.pair(MICROPHONE)
        speech, other = Microphone(ann.up, 7, "0"), ben.down.another_socket()
        await speech.heard(ben, "ann/microphone")
        leg = room.unit._find(ben.place)[1].down.leg
        async with asyncio.timeout(30):
            while leg.open:
                for wire, by in ((ann.up, None), (ben.up, None), (ben.down, other)):
                    await wire.checks(by=by)
        count = len(ben.of("ann/microphone"))
        for _ in range(5):
            speech.speak()
        await ann.up.checks()
        assert len(ben.of("ann/microphone")) == count and not room.told(MediaLost)
        ben.down.socket = other
        ben.down.reports(rtcp.receiver_report(1, ()))
        await until(lambda: (speech.speak(), len(ben.of("ann/microphone")) > count)[1])


async def test_an_address_of_which_a_transport_hears_is_not_taken_from_it() -> None:
    """A participant with credentials of its own forges a victim's address."""
    async with a_room() as room:
        ann = await room.joined("ann", MICROPHONE)
        eve = await room.joined("eve", MICROPHONE)
        ann.up.send(check(eve.up.remote_ufrag, eve.up.remote_password))
        await until(lambda: room.unit.drops[Drop.TAKEN])
        ben = await room.joined("ben", MICROPHONE)
        await until(lambda: ben.answers)
        await Microphone(ann.up, 7, "0").heard(ben, "ann/microphone")


async def test_strangers_are_not_answered_and_get_no_more_than_they_send() -> None:
    async with a_room() as room:
        ann = await room.joined("ann", MICROPHONE)
        request = check(ann.up.remote_ufrag, ann.up.remote_password)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            before = dict(room.unit.drops)
            for data, drop in (
                (rtp(1, 1, 1, bytes(500), OPUS), Drop.STRANGER),
                (b"\x80\xc8\x00\x06" + bytes(24), Drop.STRANGER),
                (b"\x16\xfe\xff" + bytes(200), Drop.STRANGER),
                (b"\x40\x00" + bytes(200), Drop.STRANGER),
                (check(ann.up.remote_ufrag, "wrong" * 5), Drop.WRONG_INTEGRITY),
                (check("nobody", ann.up.remote_password), Drop.NOT_A_CHECK),
                (request[:-4] + b"\0\0\0\0", Drop.WRONG_INTEGRITY),
                (request[:60], Drop.NOT_A_CHECK),
                (b"\x00", Drop.BROKEN),
                (b"", Drop.BROKEN),
            ):
                count = room.unit.drops[drop]
                stranger.sendto(data, ann.up.unit)
                await room.counts(drop, count + 1)
            assert sum(room.unit.drops.values()) == sum(before.values()) + 10
            with pytest.raises(BlockingIOError):
                stranger.recv(2_048)
            assert room.unit.mux.addresses == 1
            # Whoever knows the password gets less than it sent, too.
            for nominates, fingerprint in ((True, True), (False, False)):
                data = check(ann.up.remote_ufrag, ann.up.remote_password, nominates, fingerprint)
                stranger.sendto(data, ann.up.unit)
                await until(lambda: room.unit.mux.addresses == 2)
                async with asyncio.timeout(30):
                    answer = await asyncio.get_running_loop().sock_recv(stranger, 2_048)
                assert len(answer) <= len(data)


async def test_whoever_changes_its_mind_before_a_keyframe_stays_in_no_list() -> None:
    async with a_room() as room:
        ann, ben = await room.pair(SIMULCAST)
        layers = [Camera(ann.up, 6 + index, "0", rid=rid, height=90 << index) for index, rid in enumerate("qhf")]
        (publication,) = room.unit._find(ann.place)[1].up.publications.values()
        subscription = room.unit._find(ben.place)[1].down.feeds["ann/camera"].subscription

        def wanted(layer: int) -> bool:
            for one in layers:
                one.show()
            return subscription.wanted == layer

        await room.unit.watch(ben.place, {"ann/camera": 90})
        await until(lambda: _starts(layers[0], ben))
        for height, layer in ((360, 2), (180, 1), (360, 2), (180, 1), (90, 0)):
            await room.unit.watch(ben.place, {"ann/camera": height})
            await until(partial(wanted, layer))
            assert {index for index, takers in publication.takers.items() if takers.feeds} == {0, layer}
            assert all(len(takers.feeds) <= 1 for takers in publication.takers.values())


async def test_a_participant_that_is_out_is_known_by_nothing() -> None:
    async with a_room() as room:
        ann = await room.joined("ann", MICROPHONE)
        for _ in range(5):  # ICE restarts, on the same address.
            ann.up.ufrag = ann.up.ufrag[::-1] + "x"
            await ann.offers_again()
        await ann.up.checks()
        await room.unit.leave(ann.place)
        assert room.unit.mux.ufrags == room.unit.mux.addresses == 0 and not room.unit.busy
