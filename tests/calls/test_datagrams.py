"""What the unit's socket does, in either way of using it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from calls.adapters.mmsg import BatchedDatagrams, library
from calls.adapters.sendto import SingleDatagrams
from calls.adapters.udp import BATCH, BURST, opened, packed
from calls.ports.media import DATAGRAM_BYTES_MAX
from tests.calls.scripted import until

Either = BatchedDatagrams | SingleDatagrams
Made = Callable[..., tuple[Either, socket.socket]]


@pytest.fixture(params=["batched", "single"])
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    """Makes datagrams on a host, and a socket that talks to them."""
    with ExitStack() as stack:

        def make(host: str = "127.0.0.1", by: str = "127.0.0.1", buffer_bytes: int = 1 << 20) -> tuple[Either, socket.socket]:
            udp = stack.enter_context(opened(host, 0, buffer_bytes, buffer_bytes))
            loaded = library()
            assert loaded is not None, "Linux has both calls"
            datagrams = BatchedDatagrams(udp, loaded) if request.param == "batched" else SingleDatagrams(udp)
            family = socket.AF_INET6 if ":" in by else socket.AF_INET
            other = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            other.bind((by, 0))
            other.settimeout(5)
            other.connect((by, datagrams.port))
            return datagrams, other

        yield make


def all_of(datagrams: Either) -> list[tuple[bytes, int, bytes]]:
    """One burst: contents, lengths, addresses."""
    return [(bytes(buffer.memory[:length]), length, address) for buffer, length, address in datagrams.burst()]


def send(datagrams: Either, data: bytes, address: bytes) -> None:
    datagrams.buffer().memory[: len(data)] = data
    datagrams.send(len(data), address)


async def test_what_arrives_is_read_with_its_address_and_answered(made: Made) -> None:
    datagrams, other = made()
    assert all_of(datagrams) == []
    for number in range(3):
        other.send(b"hello%d" % number)
    address = packed(other.getsockname())
    assert all_of(datagrams) == [(b"hello%d" % number, 6, address) for number in range(3)]
    assert 0 < datagrams.age_ns < 60_000_000_000
    for number in range(3):
        send(datagrams, b"there%d" % number, address)
    datagrams.flush()
    assert [other.recv(99) for _ in range(3)] == [b"there0", b"there1", b"there2"]
    datagrams.flush()
    assert (datagrams.counts.received, datagrams.counts.sent, datagrams.counts.lost) == (3, 3, 0)


async def test_a_datagram_that_is_too_long_shows_itself_and_harms_no_other(made: Made) -> None:
    datagrams, other = made()
    for size in (DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX + 1, 9_000, 1):
        other.send(bytes(size))
    lengths = [length for _, length, _ in all_of(datagrams)]
    assert lengths == [DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX + 1, DATAGRAM_BYTES_MAX + 1, 1]


async def test_a_burst_has_an_end_and_nothing_is_lost_by_it(made: Made) -> None:
    datagrams, other = made()
    for number in range(BURST + 10):
        other.send(b"%d" % number)
    first = all_of(datagrams)
    assert len(first) == BURST
    assert [data for data, _, _ in first + all_of(datagrams)] == [b"%d" % number for number in range(BURST + 10)]


async def test_more_than_a_batch_leaves_by_itself_in_order(made: Made) -> None:
    datagrams, other = made()
    for number in range(BATCH + 5):
        send(datagrams, b"%d" % number, packed(other.getsockname()))
    assert datagrams.counts.sent == BATCH
    datagrams.flush()
    assert [other.recv(99) for _ in range(BATCH + 5)] == [b"%d" % number for number in range(BATCH + 5)]


async def test_one_that_cannot_be_sent_is_counted_and_the_others_leave(made: Made) -> None:
    datagrams, other = made()
    for address in (packed(other.getsockname()), b"\x00\x00\x7f\x00\x00\x01", packed(other.getsockname())):
        send(datagrams, b"x", address)
    datagrams.flush()
    assert other.recv(9) == other.recv(9) == b"x"
    assert (datagrams.counts.sent, datagrams.counts.lost) == (2, 1)


@pytest.mark.parametrize("by", ["127.0.0.1", "::1"])
async def test_on_a_socket_of_ipv6_both_families_meet(made: Made, by: str) -> None:
    datagrams, other = made("::", by)
    other.send(b"hello")
    ((data, _, address),) = all_of(datagrams)
    assert data == b"hello" and address == packed(other.getsockname()) and len(address) == (6 if by == "127.0.0.1" else 18)
    send(datagrams, b"there", address)
    datagrams.flush()
    assert other.recv(9) == b"there"


async def test_many_addresses_are_no_trouble(made: Made) -> None:
    datagrams, other = made()
    for number in range(5_000):
        send(datagrams, b"x", (20_000 + number % 2_000).to_bytes(2, "big") + b"\x7f\x01" + number.to_bytes(2, "big"))
    send(datagrams, b"mine", packed(other.getsockname()))
    datagrams.flush()
    assert other.recv(9) == b"mine"


async def test_an_answer_that_nobody_listens_is_no_news(made: Made) -> None:
    datagrams, other = made()
    gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gone.bind(("127.0.0.1", 0))
    address = packed(gone.getsockname())
    gone.close()
    for _ in range(3):
        send(datagrams, b"x", address)
        datagrams.flush()
    other.send(b"hello")
    found: list[tuple[bytes, int, bytes]] = []
    await until(lambda: found.extend(all_of(datagrams)) or found)
    assert found[0][0] == b"hello"


@pytest.mark.parametrize(("asked", "level"), [(8_192, logging.INFO), (1 << 30, logging.WARNING)])
def test_what_the_system_gave_of_the_buffers_is_logged(asked: int, level: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), opened("127.0.0.1", 0, asked, asked) as udp:
        given = udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    (record,) = [one for one in caplog.records if "media socket" in one.message]
    assert (
        record.levelno == level and record.__dict__["asked_receive_bytes"] == asked and record.__dict__["receive_bytes"] == given
    )


def test_an_address_that_is_taken_is_said() -> None:
    with opened("127.0.0.1", 0, 8_192, 8_192) as udp, pytest.raises(OSError, match="in use"):
        opened("127.0.0.1", udp.getsockname()[1], 8_192, 8_192)
