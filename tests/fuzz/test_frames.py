"""Whatever bytes come: a value or a refusal, never another exception."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from tidewire import reading
from tidewire.v1 import chat_pb2, envelope_pb2

from server.adapters.grpc import codec
from server.domain import events, ids, ranges
from server.domain.fold import Fold
from server.kit.field_limits import FieldLimits
from server.kit.phones import is_phone
from server.kit.refusal import Refusal
from tests.support.cast import PHONE

CHECK = FieldLimits(is_phone).violation

texts = st.text(max_size=40) | st.sampled_from(["g:x", "d:a:b", "s:a", "d:b:a", "00000000-0000-7000-8000-000000000001"])
numbers = st.integers(0, 2**64 - 1)
bodies = st.builds(
    envelope_pb2.Body,
    text=st.none() | st.builds(envelope_pb2.Text, text=texts),
    reaction=st.none() | st.builds(envelope_pb2.Reaction, emoji=texts),
    setting=st.none() | st.builds(envelope_pb2.Setting, key=texts, value=st.binary(max_size=40)),
    sealed=st.none() | st.builds(envelope_pb2.Sealed, ciphertext=st.binary(max_size=40)),
)
sends = st.builds(chat_pb2.Send, conversation_id=texts, envelope_id=texts, known_seq=numbers, body=bodies, target_seq=numbers)
commands = st.one_of(
    st.builds(chat_pb2.Command, ref=numbers, send=sends),
    st.builds(chat_pb2.Command, ack=st.builds(chat_pb2.Ack, conversation_id=texts, up_to_seq=numbers)),
    st.builds(chat_pb2.Command, typing=st.builds(chat_pb2.Typing, conversation_id=texts, kind=st.integers(-(2**31), 2**31 - 1))),
    st.builds(chat_pb2.Command),
)


@settings(max_examples=300)
@given(commands)
def test_any_command_becomes_one_that_can_be_done_or_a_refusal(message: chat_pb2.Command) -> None:
    command = codec.command(PHONE, message, CHECK)
    assert isinstance(command, events.Command)
    if isinstance(command.said, events.Bad):
        assert isinstance(command.said.refusal, Refusal) and command.said.refusal.sentence()


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_no_frame(data: bytes) -> None:
    try:
        frame = chat_pb2.ConnectRequest.FromString(data)
    except DecodeError:
        return
    for message in frame.commands:
        assert codec.command(PHONE, message, CHECK)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_the_sdk_shows_whatever_a_newer_server_sends(data: bytes) -> None:
    try:
        envelope = envelope_pb2.Envelope.FromString(data)
    except DecodeError:
        return
    message, _ = reading.message(envelope, "ann")
    assert message.kind and isinstance(message.text, str)


@given(texts)
def test_any_text_is_an_id_or_is_not(text: str) -> None:
    assert isinstance(ids.is_id(text), bool) and isinstance(ids.accounts_of(text), tuple)
    assert Fold(text).seq == 0


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50))))
def test_ranges_survive_their_text(runs: list[tuple[int, int]]) -> None:
    kept = ranges.normal(runs)
    assert ranges.from_text(ranges.to_text(kept)) == kept
