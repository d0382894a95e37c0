"""One packet to many: in Python, in Python straight into the batch, and in C. The same bytes go out, whichever it is."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from calls.adapters.aiortc_dtls import SrtpCipher
from calls.adapters.compiled_fan_out import LIBRARY, VERSION, CompiledFanOut, NotBuilt, compiled
from calls.adapters.fan_out import SingleFanOut
from calls.adapters.forwarding_unit import forwarding
from calls.adapters.mmsg import BatchedDatagrams, BatchedFanOut, library
from calls.adapters.sendto import SingleDatagrams
from calls.adapters.udp import BATCH, opened, packed
from calls.domain.codecs import Vp8
from calls.domain.rtp import Packet
from calls.domain.run import Rewrite
from calls.ports.media import PLAIN_BYTES_MAX, Datagrams, FanOut, Target

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((Path(__file__).parent / "vectors" / "fan_out.json").read_text())
KINDS = ("single", "batched", "compiled")


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    subprocess.run(["make", "-s", "accelerator"], cwd=ROOT, check=True)


def keys(number: int = 1) -> SrtpCipher:
    """The same for the same number: what is protected by them is comparable."""
    key = bytes((number + index) & 0xFF for index in range(30))
    incoming, outgoing = (
        Session(Policy(key=key, ssrc_type=kind, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80))
        for kind in (Policy.SSRC_ANY_INBOUND, Policy.SSRC_ANY_OUTBOUND)
    )
    return SrtpCipher(incoming, outgoing)


class Line:
    """A fan-out of a kind, and the socket that all of it arrives at."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        udp = stack.enter_context(opened("127.0.0.1", 0, 4 << 20, 4 << 20))
        self.sink = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sink.bind(("127.0.0.1", 0))
        self.sink.settimeout(5)
        self.address = packed(self.sink.getsockname())
        self.datagrams: Datagrams
        self.fan_out: FanOut
        if kind == "single":
            self.datagrams = single = SingleDatagrams(udp)
            self.fan_out = SingleFanOut(single)
        else:
            self.datagrams = many = BatchedDatagrams(udp, library())
            self.fan_out = BatchedFanOut(many) if kind == "batched" else CompiledFanOut(many, compiled())

    def sent(self, packet: Packet, rewrites: Sequence[Rewrite], cipher: SrtpCipher) -> list[bytes]:
        """What arrives of one packet."""
        targets = [Target(rewrite, cipher, self.address) for rewrite in rewrites]
        count = self.fan_out.forward(packet, self.fan_out.prepared(targets))
        self.datagrams.flush()
        return [self.sink.recv(2_048) for _ in range(count)]


@pytest.fixture
def lines() -> Iterator[dict[str, Line]]:
    with ExitStack() as stack:
        yield {kind: Line(kind, stack) for kind in KINDS}


@pytest.fixture(params=KINDS)
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    with ExitStack() as stack:
        yield Line(request.param, stack)


def a_packet(
    wire: bytes, *, order: int = 70_000, time: int = 90_000, marker: int = 0, start: int = 20, vp8: Vp8 | None = None
) -> Packet:
    packet = Packet(5, order & 0xFFFF, time, 96, marker)
    packet.wire, packet.order, packet.start, packet.octets = wire, order, start, len(wire) - start
    packet.vp8 = vp8 or Vp8()
    return packet


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["what"])
def test_vectors_come_out_as_written(line: Line, vector: dict[str, object]) -> None:
    given, wanted = dict(vector["packet"]), vector["protected"]  # type: ignore[call-overload]
    wire = bytes.fromhex(given.pop("wire"))
    packet = a_packet(wire, **{**given, "vp8": Vp8(*given["vp8"])})
    rewrites = [Rewrite(*one) for one in vector["rewrites"]]  # type: ignore[attr-defined]
    assert [one.hex() for one in line.sent(packet, rewrites, keys())] == wanted


def test_what_differs_is_eleven_bytes_and_the_counters(line: Line) -> None:
    wire = b"\x90" + bytes(19) + b"\x90\xe0\x80\x05\x07" + b"picture"
    vp8 = Vp8(picture_at=2, picture_bits=15, picture=5, tl0_at=4, tl0=7)
    packet, cipher = a_packet(wire, marker=0x80, vp8=vp8), keys()
    (one,) = line.sent(packet, [Rewrite(97, -69_900, -80_000, 0xABCD, True, 300, 250)], cipher)
    plain = keys()._incoming.unprotect(one)
    assert plain[:12] == bytes.fromhex("90e10064 00002710 0000abcd".replace(" ", ""))
    assert plain[12:22] == wire[12:22] and plain[22:25] == (0x8000 | 305).to_bytes(2, "big") + bytes([(7 + 250) & 0xFF])
    assert plain[25:] == wire[25:]


REWRITES = st.builds(
    Rewrite,
    st.sampled_from([96, 97, 111, 45]),
    st.integers(-(2**31), 2**20),
    st.integers(-(2**33), 2**33),
    st.integers(1, 2**32 - 1),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.integers(-(2**40), 2**40),
)
DESCRIPTORS = st.builds(
    Vp8,
    st.integers(1, 8),
    st.sampled_from([0, 7, 15]),
    st.integers(0, 0x7FFF),
    st.integers(0, 9),
    st.integers(0, 255),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    payload=st.binary(min_size=12, max_size=400),
    order=st.integers(65_536, 2**40),
    time=st.integers(0, 2**32 - 1),
    marker=st.sampled_from([0, 0x80]),
    vp8=DESCRIPTORS,
    rewrites=st.lists(REWRITES, max_size=12, unique_by=lambda one: one.ssrc),
)
def test_whatever_the_packet_all_three_say_the_same(
    lines: dict[str, Line], payload: bytes, order: int, time: int, marker: int, vp8: Vp8, rewrites: list[Rewrite]
) -> None:
    packet = a_packet(b"\x90" + bytes(19) + payload, order=order, time=time, marker=marker, vp8=vp8)
    said = [lines[kind].sent(packet, rewrites, keys()) for kind in KINDS]
    assert said[0] == said[1] == said[2] and len(said[0]) == len(rewrites)


def test_more_targets_than_a_batch_holds_all_get_it(line: Line) -> None:
    rewrites = [Rewrite(96, 0, 0, number) for number in range(1, 2 * BATCH + 20)]
    got = line.sent(a_packet(b"\x90" + bytes(40)), rewrites, keys())
    assert [int.from_bytes(one[8:12], "big") for one in got] == [one.ssrc for one in rewrites]


def test_one_that_cannot_be_protected_is_left_out_and_the_others_get_it(line: Line) -> None:
    cipher, wire = keys(), b"\x90" + bytes(40)
    assert len(line.sent(a_packet(wire, order=90_000), [Rewrite(96, 0, 0, 7)], cipher)) == 1
    # Far behind what was sent before under these keys: libsrtp refuses it.
    got = line.sent(a_packet(wire, order=80_000), [Rewrite(96, 0, 0, number) for number in (6, 7, 8)], cipher)
    assert [int.from_bytes(one[8:12], "big") for one in got] == [6, 8]


@pytest.fixture
def others() -> Iterator[list[socket.socket]]:
    """Whom nothing is meant for, or one datagram each."""
    with ExitStack() as stack:
        made = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(4)]
        for one in made:
            one.bind(("127.0.0.1", 0))
            one.settimeout(1)
        yield made


def test_what_waits_to_be_sent_goes_where_it_was_to_go_whoever_else_is_prepared_for(
    line: Line, others: list[socket.socket]
) -> None:
    rewrite, cipher = Rewrite(96, 0, 0, 7), keys()
    first, _ = (line.fan_out.prepared([Target(rewrite, cipher, line.address)]) for _ in range(2))
    assert line.fan_out.forward(a_packet(b"\x90" + bytes(40)), first) == 1
    del first
    kept = [line.fan_out.prepared([Target(rewrite, cipher, packed(one.getsockname()))]) for one in others]
    line.datagrams.flush()
    assert len(line.sink.recv(2_048)) > 41 and len(kept) == len(others)
    for one in others:
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(2_048)


def test_more_addresses_than_are_kept_get_what_is_theirs_once(
    line: Line, others: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.adapters.mmsg.NAMES_MAX", 1)
    for number, one in enumerate(others):
        line.datagrams.buffer().memory[:1] = bytes([number])
        line.datagrams.send(1, packed(one.getsockname()))
    line.datagrams.flush()
    for number, one in enumerate(others):
        assert one.recv(2_048) == bytes([number])
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(2_048)


def test_what_is_too_long_goes_to_nobody(line: Line) -> None:
    assert line.sent(a_packet(bytes(PLAIN_BYTES_MAX + 1)), [Rewrite(96, 0, 0, 7)], keys()) == []
    assert line.sent(a_packet(b"\x90" + bytes(40)), [], keys()) == []


def test_a_library_that_is_not_there_is_said_with_what_builds_it(tmp_path: Path) -> None:
    with pytest.raises(NotBuilt, match="make accelerator"):
        compiled(tmp_path / "fan_out.so")


def test_a_library_that_is_none_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "fan_out.so"
    broken.write_bytes(LIBRARY.read_bytes()[:200])
    with pytest.raises(NotBuilt, match="cannot be used here"):
        compiled(broken)


def test_a_library_of_another_version_is_not_used(tmp_path: Path) -> None:
    source, other = LIBRARY.with_suffix(".c").read_text(), tmp_path / "fan_out.c"
    other.write_text(source.replace(f"FAN_OUT_VERSION {VERSION}", f"FAN_OUT_VERSION {VERSION + 1}"))
    subprocess.run(["cc", "-fPIC", "-shared", "-o", tmp_path / "fan_out.so", other], check=True)
    with pytest.raises(NotBuilt, match=f"of version {VERSION + 1}, and {VERSION} is needed"):
        compiled(tmp_path / "fan_out.so")


async def test_it_needs_the_systems_calls_for_many() -> None:
    with pytest.raises(NotBuilt, match="sendmmsg"):
        async with forwarding(lambda event: None, "127.0.0.1", 0, ["127.0.0.1"], fan_out="compiled", batched=False):
            pass
