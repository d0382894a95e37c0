"""What lies in the object store: unreadable without the keys, and whole or refused."""

from __future__ import annotations

import hashlib
import json
import random
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.adapters.aes_sealer import AesSealer, KeyFileError, add_key, drop_keys, load_keys
from media.domain import sealed
from media.ports.keys import Damaged, WrappedKey

SIZE = 5 * sealed.CHUNK + 777


@pytest.fixture
def sealer(tmp_path: Path) -> AesSealer:
    return load_keys(tmp_path / "keys.json")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain"
    path.write_bytes(random.Random(7).randbytes(SIZE))
    return path


async def stored(data: bytes, piece: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


async def opened(sealer: AesSealer, key: WrappedKey, size: int, offset: int, length: int, data: bytes) -> bytes:
    wanted = sealed.covering(size, offset, length)
    pieces = sealer.open(key, size, offset, length, stored(data[wanted.offset : wanted.offset + wanted.length]))
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, SIZE), (0, 1), (SIZE - 1, 1), (sealed.CHUNK - 1, 2), (sealed.CHUNK, sealed.CHUNK), (123_456, 200_000)],
)
async def test_any_range_is_read_without_the_rest(
    sealer: AesSealer, plain: Path, tmp_path: Path, offset: int, length: int
) -> None:
    key = await sealer.seal(plain, tmp_path / "sealed")
    data = (tmp_path / "sealed").read_bytes()
    assert len(data) == sealed.stored_size(SIZE)
    assert await opened(sealer, key, SIZE, offset, length, data) == plain.read_bytes()[offset : offset + length]


async def test_a_file_of_whole_blocks_is_read_to_its_end(sealer: AesSealer, tmp_path: Path) -> None:
    size = 32 * sealed.CHUNK
    source = tmp_path / "whole"
    source.write_bytes(bytes(range(256)) * (size // 256))
    key = await sealer.seal(source, tmp_path / "sealed")
    got = await opened(sealer, key, size, 0, size, (tmp_path / "sealed").read_bytes())
    assert hashlib.sha256(got).digest() == hashlib.sha256(source.read_bytes()).digest()


def turned(data: bytes) -> bytes:
    """One bit is another."""
    return data[:100_000] + bytes([data[100_000] ^ 1]) + data[100_001:]


def swapped(data: bytes) -> bytes:
    """Two chunks have changed places."""
    one, two = data[: sealed.STORED_CHUNK], data[sealed.STORED_CHUNK : 2 * sealed.STORED_CHUNK]
    return two + one + data[2 * sealed.STORED_CHUNK :]


def cut(data: bytes) -> bytes:
    """It ends between two chunks."""
    return data[: 5 * sealed.STORED_CHUNK]


def torn(data: bytes) -> bytes:
    """It ends inside a chunk."""
    return data[:-1]


@pytest.mark.parametrize("damage", [turned, swapped, cut, torn])
async def test_what_was_changed_is_refused_and_nothing_of_it_is_given_out(
    sealer: AesSealer, plain: Path, tmp_path: Path, damage: object
) -> None:
    key = await sealer.seal(plain, tmp_path / "sealed")
    data = damage((tmp_path / "sealed").read_bytes())  # type: ignore[operator]
    got = b""
    with pytest.raises(Damaged):
        async for piece in sealer.open(key, SIZE, 0, SIZE, stored(data)):
            got += piece
    assert plain.read_bytes().startswith(got)


async def test_a_file_cut_to_fewer_chunks_is_not_a_shorter_file(sealer: AesSealer, plain: Path, tmp_path: Path) -> None:
    key = await sealer.seal(plain, tmp_path / "sealed")
    with pytest.raises(Damaged):
        await opened(sealer, key, 5 * sealed.CHUNK, 0, 5 * sealed.CHUNK, (tmp_path / "sealed").read_bytes())


async def test_every_file_has_a_key_of_its_own(sealer: AesSealer, plain: Path, tmp_path: Path) -> None:
    one, two = await sealer.seal(plain, tmp_path / "1"), await sealer.seal(plain, tmp_path / "2")
    assert (tmp_path / "1").read_bytes() != (tmp_path / "2").read_bytes()
    with pytest.raises(Damaged):
        await opened(sealer, two, SIZE, 0, SIZE, (tmp_path / "1").read_bytes())
    with pytest.raises(Damaged, match="not authentic"):
        sealer.rewrap(WrappedKey(one.key[:-1] + b"?", one.key_id))


async def test_after_a_rotation_the_new_key_alone_opens_what_is_stored(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = await load_keys(path).seal(plain, tmp_path / "sealed")
    assert add_key(path) == "k2"
    rewrapped = load_keys(path).rewrap(key)
    assert (key.key_id, rewrapped.key_id) == ("k1", "k2")
    assert drop_keys(path, "k2") == ["k1"]
    data = (tmp_path / "sealed").read_bytes()
    assert await opened(load_keys(path), rewrapped, SIZE, 0, SIZE, data) == plain.read_bytes()
    with pytest.raises(Damaged, match="k1 is not in the file"):
        await opened(load_keys(path), key, SIZE, 0, SIZE, data)


def test_the_file_of_keys_is_its_owners_alone(sealer: AesSealer, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{}", '{"current": "k1", "keys": {"k1": "00"}}', '{"current": "k2", "keys": {}}'])
def test_a_wrong_file_of_keys_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(KeyFileError, match="cannot be used"):
        load_keys(tmp_path / "keys.json")
    assert (tmp_path / "keys.json").read_text() == content


def test_keys_are_32_random_bytes(tmp_path: Path) -> None:
    load_keys(tmp_path / "a.json")
    load_keys(tmp_path / "b.json")
    one, two = (json.loads((tmp_path / name).read_text())["keys"]["k1"] for name in ("a.json", "b.json"))
    assert len(bytes.fromhex(one)) == 32 and one != two
