"""Fair turns, ranges of HTTP, and how a sealed file lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.domain import byte_range, sealed
from media.domain.byte_range import ByteRange, Piece, Unsatisfiable
from media.domain.fair_queue import FairQueue


def test_accounts_take_turns_however_much_one_of_them_sends() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3"):
        queue.put("ann", item)
    queue.put("ben", "b1")
    assert (len(queue), queue.waiting("ann"), queue.waiting("carol")) == (4, 3, 0)
    assert [queue.take() for _ in range(5)] == ["a1", "b1", "a2", "a3", None]
    assert len(queue) == 0 and queue.waiting("ann") == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", ByteRange(0, 100)),
        ("bytes=900-", ByteRange(900, 100)),
        ("bytes=900-5000", ByteRange(900, 100)),
        ("bytes=-100", ByteRange(900, 100)),
        ("bytes=-5000", ByteRange(0, 1_000)),
        ("bytes=999-999", ByteRange(999, 1)),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
    ],
)
def test_a_range_of_1000_bytes(header: str, expected: ByteRange | None) -> None:
    assert byte_range.wanted(header, 1_000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_a_range_outside_the_file_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        byte_range.wanted(header, 1_000)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes 0-99/1000", Piece(0, 100, 1_000)),
        ("bytes 999-999/1000", Piece(999, 1, 1_000)),
        ("bytes */1000", Piece(None, 0, 1_000)),
        ("bytes 0-1000/1000", None),
        ("bytes 5-4/1000", None),
        ("bytes 0-99/*", None),
        ("0-99/1000", None),
    ],
)
def test_a_piece_of_an_upload(header: str, expected: Piece | None) -> None:
    assert byte_range.piece(header) == expected


@given(st.integers(1, 10 * sealed.CHUNK), st.data())
def test_the_chunks_that_cover_a_range_hold_it_and_nothing_more(size: int, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, size - 1))
    length = data.draw(st.integers(1, size - offset))
    wanted = sealed.covering(size, offset, length)
    assert wanted.first * sealed.CHUNK + wanted.skip == offset and wanted.skip < sealed.CHUNK
    assert wanted.last * sealed.CHUNK < offset + length <= (wanted.last + 1) * sealed.CHUNK
    assert wanted.offset == wanted.first * sealed.STORED_CHUNK
    assert wanted.offset + wanted.length == min((wanted.last + 1) * sealed.STORED_CHUNK, sealed.stored_size(size))


def test_no_nonce_is_used_twice_and_the_last_chunk_says_so() -> None:
    nonces = {sealed.nonce(index, last) for index in range(100) for last in (False, True)}
    assert len(nonces) == 200 and {len(nonce) for nonce in nonces} == {12}


def test_an_empty_file_is_one_empty_last_chunk() -> None:
    assert sealed.chunks(0) == 1 and sealed.stored_size(0) == sealed.TAG
