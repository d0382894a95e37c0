"""What the domain tells, as the wire has it."""

from __future__ import annotations

import pytest
from tidewire.v1 import chat_pb2, limits_pb2

from server.adapters.grpc.codec import WireEvents
from server.domain import events, notice
from server.domain.append import Sent
from server.domain.envelope import DELETED, Entry
from server.domain.limits import Limits
from server.domain.presence import Hidden, LastSeen, Online
from server.kit.refusal import Reason, Refusal
from server.services.sending import ENABLED_KINDS
from tests.support.cast import ALICE, BOB, DIRECT, GROUP, NOW, created, entry, folded, uuid

WIRE = WireEvents(Limits(), ENABLED_KINDS, limits_pb2.Endpoints(chat="here"))


def decoded(*items: bytes) -> list[chat_pb2.Event]:
    """Items joined into a frame, as a device reads it."""
    return list(chat_pb2.ConnectResponse.FromString(b"".join(items)).events)


@pytest.mark.parametrize(
    ("told", "branch"),
    [
        (events.Welcome("c", "epoch", NOW, ALICE, "phone"), "welcome"),
        (events.State(folded(GROUP, created(ALICE, BOB)), 0, 0), "state"),
        (events.SendResult(1, DIRECT, uuid(1), Sent(1, NOW)), "send_result"),
        (events.SendResult(1, DIRECT, uuid(1), Refusal(Reason.NOT_A_MEMBER)), "send_result"),
        (events.Gap(DIRECT, 1, 2, ((1, uuid(1)),)), "gap"),
        (events.Positions(DIRECT, ((1, 2),), ((1, 1),), 1), "positions"),
        (events.CaughtUp(), "caught_up"),
        (events.TypingTold(DIRECT, BOB, 1), "typing"),
        (events.PresenceTold(BOB, Online()), "presence"),
        (events.PresenceTold(BOB, LastSeen(NOW)), "presence"),
        (events.PresenceTold(BOB, Hidden()), "presence"),
        (events.NoticeTold(notice.DevicesChanged()), "notice"),
        (events.NoticeTold(notice.LoginRequested("id", "pad")), "notice"),
        (events.NoticeTold(notice.AccountChanged()), "notice"),
        (events.Pong(1, NOW), "pong"),
        (events.Closing(notice.ClosingReason.DRAIN, 100, "stopping"), "closing"),
        (events.RefusalTold(1, Refusal(Reason.INVALID)), "refusal"),
    ],
)
def test_everything_that_is_told_has_a_form(told: events.Told, branch: str) -> None:
    assert [event.WhichOneof("event") for event in decoded(*WIRE.told(told))] == [branch]


def test_a_refusal_is_found_in_whatever_carries_it() -> None:
    refusal = Refusal(Reason.NOT_A_MEMBER)
    assert events.refusal_in(events.RefusalTold(1, refusal)) is refusal
    assert events.refusal_in(events.SendResult(1, DIRECT, uuid(1), refusal)) is refusal
    assert events.refusal_in(events.SendResult(1, DIRECT, uuid(1), Sent(1, NOW))) is None
    assert events.refusal_in(events.CaughtUp()) is None


def test_events_are_joined_into_frames_as_they_are() -> None:
    frame = decoded(WIRE.envelope(DIRECT, entry(1)), *WIRE.told(events.CaughtUp()), WIRE.sent(7, DIRECT, uuid(2), Sent(2, NOW)))
    assert [event.WhichOneof("event") for event in frame] == ["envelope", "caught_up", "send_result"]


@pytest.mark.parametrize("sent", [Sent(3, NOW), Sent(3, NOW, duplicate=True)])
def test_the_short_way_says_what_the_long_way_says(sent: Sent) -> None:
    assert [WIRE.sent(7, DIRECT, uuid(1), sent)] == WIRE.told(events.SendResult(7, DIRECT, uuid(1), sent))


def test_an_envelope_brings_its_header_and_never_whom_it_is_withheld_from() -> None:
    header = entry(9).header._replace(expires_at_ms=NOW + 1, target_seq=3, visible_count=5, withheld_from=BOB)
    (event,) = decoded(WIRE.envelope(DIRECT, Entry(9, header, DELETED)))
    said = event.envelope
    assert (said.seq, said.header.expires_at_ms, said.header.target_seq, said.header.visible_count) == (9, NOW + 1, 3, 5)
    assert not said.HasField("body") and BOB not in str(said.header)
