"""What the node holds at the media worker for its envelopes, and lets go of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from server.adapters.memory.log import MemoryLog
from server.domain.envelope import Entry, Header, Kind
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal
from server.services.media_claims import SLACK_S, MediaClaims
from tests.support.cast import ALICE, DIRECT, NOW, PHONE, uuid
from tests.support.clock import HandClock

BODY = b"what the device says of the blob"
TRUE = b"what is true of the blob"


class Worker:
    """The port `Media`, as far as these rules go: one blob, held or not."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, str], int] = {}
        self.refusal: Refusal | None = None
        self.released = asyncio.Event()

    async def claim(self, account_id: str, conversation_id: str, envelope_id: str, body: bytes, until_ms: int) -> bytes | Refusal:
        assert body in (BODY, TRUE)
        if self.refusal is not None:
            return self.refusal
        self.held[account_id, conversation_id, envelope_id] = until_ms
        return TRUE

    async def release(self, account_id: str, conversation_id: str, envelope_id: str) -> None:
        self.held.pop((account_id, conversation_id, envelope_id), None)
        self.released.set()


@dataclass
class Held:
    worker: Worker
    claims: MediaClaims
    log: MemoryLog


@pytest.fixture
async def held() -> AsyncIterator[Held]:
    async with asyncio.TaskGroup() as tasks:
        worker, log = Worker(), MemoryLog()
        yield Held(worker, MediaClaims(worker, log, HandClock(NOW), Limits(), tasks), log)


def a_photo(number: int = 1, sender: Identity = PHONE, **changes: object) -> Proposal:
    return replace(Proposal(sender, uuid(number), 0, int(Kind.MEDIA), BODY), **changes)  # type: ignore[arg-type]


KEY = (ALICE, DIRECT, uuid(1))


async def test_a_blob_is_held_a_day_longer_than_its_envelope_and_the_envelope_says_what_is_true(held: Held) -> None:
    photo = a_photo(expires_in_s=60)
    assert await held.claims.hold(DIRECT, photo) is None
    assert photo.body == TRUE and held.worker.held == {KEY: NOW + 1000 * (60 + SLACK_S)}
    assert await held.claims.hold(DIRECT, photo) is None, "the same again"
    assert await held.claims.hold(DIRECT, a_photo(2)) is None
    assert held.worker.held[ALICE, DIRECT, uuid(2)] == NOW + 1000 * (Limits().retention_s + SLACK_S)


async def test_what_the_worker_refuses_is_refused_and_the_body_stays(held: Held) -> None:
    held.worker.refusal = Refusal(Reason.NOT_FOUND)
    photo = a_photo()
    assert await held.claims.hold(DIRECT, photo) == held.worker.refusal
    assert photo.body == BODY


@pytest.mark.parametrize(
    ("reason", "held_after"),
    [
        (Reason.NOT_A_MEMBER, False),
        (Reason.MODE_MISMATCH, False),
        (Reason.TOO_OLD, True),
        (Reason.UNAVAILABLE, True),
    ],
)
async def test_a_refused_envelope_lets_go_unless_it_may_be_in_the_log(held: Held, reason: Reason, held_after: bool) -> None:
    photo, later = a_photo(), a_photo(2)
    await held.claims.hold(DIRECT, photo)
    await held.claims.hold(DIRECT, later)
    held.claims.refused(DIRECT, photo, Refusal(reason))
    held.claims.refused(DIRECT, later, Refusal(Reason.NOT_A_MEMBER))
    while (ALICE, DIRECT, uuid(2)) in held.worker.held:
        await asyncio.sleep(0)
    assert (KEY in held.worker.held) is held_after


async def test_a_text_that_is_refused_asks_nothing_of_the_worker(held: Held) -> None:
    await held.claims.hold(DIRECT, a_photo())
    held.claims.refused(DIRECT, a_photo(kind=int(Kind.TEXT)), Refusal(Reason.NOT_A_MEMBER))
    await asyncio.sleep(0)
    assert not held.worker.released.is_set()


async def test_an_envelope_that_is_deleted_for_everyone_lets_go(held: Held) -> None:
    await held.claims.hold(DIRECT, a_photo())
    photo = Entry(1, Header(uuid(1), ALICE, PHONE.device_id, int(Kind.MEDIA), NOW), TRUE)
    deletion = Entry(2, Header(uuid(2), ALICE, PHONE.device_id, int(Kind.DELETION), NOW, target_seq=1), b"")
    await held.log.append(DIRECT, 0, (photo, deletion))
    held.claims.appended(DIRECT, (photo,))
    held.claims.appended(DIRECT, (deletion,))
    async with asyncio.timeout(5):
        await held.worker.released.wait()
    assert held.worker.held == {}
