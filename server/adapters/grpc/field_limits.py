"""Enforces the field limits that the schema states (`tidewire.v1.limits`): each message type is compiled once into checks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from tidewire.v1 import options_pb2

from server.domain.refusal import Reason, Refusal, limit_exceeded

Check = Callable[[Any, str], Refusal | None]

FORMATS: dict[int, Callable[[str], bool]] = {
    options_pb2.FORMAT_ID: re.compile(r"[a-z0-9_.:-]{1,96}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_UUID: re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_E164: re.compile(r"\+[1-9][0-9]{5,14}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_EMAIL: re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_USERNAME: re.compile(r"[a-z][a-z0-9_.]{2,31}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_CODE: re.compile(r"[0-9]{6}").fullmatch,  # type: ignore[dict-item]
}


class _Compiled(NamedTuple):
    """The checks of one message type."""

    scalars: tuple[tuple[str, bool, Check], ...]
    """(field, required, check) of fields without presence; a check looks only at what is set."""
    messages: tuple[tuple[str, bool, Check], ...]
    """(field, required, check) of single messages outside a oneof."""
    lists: tuple[tuple[str, bool, Check], ...]
    """(field, required, check) of repeated fields."""
    oneofs: tuple[tuple[str, dict[str, Check]], ...]
    """(oneof, check of each branch that has one)."""


class FieldLimits:
    """All checks, by message type. This runs for every command, so that a type's fields are sorted by kind once."""

    def __init__(self, is_phone: Callable[[str], bool]) -> None:
        self._compiled: dict[Descriptor, _Compiled] = {}
        self._formats = {**FORMATS, options_pb2.FORMAT_E164: is_phone}

    def violation(self, message: Any) -> Refusal | None:
        """The first limit that `message` passes, or None."""
        return self._violation(message, "")

    def _violation(self, message: Any, path: str) -> Refusal | None:
        compiled = self._compiled.get(message.DESCRIPTOR)
        if compiled is None:
            compiled = self._compiled[message.DESCRIPTOR] = self._compile(message.DESCRIPTOR)
        for name, required, check in compiled.scalars:
            if value := getattr(message, name):
                if (refusal := check(value, path)) is not None:
                    return refusal
            elif required:
                return _missing(path + name)
        for oneof, branches in compiled.oneofs:
            which = message.WhichOneof(oneof)
            if which in branches and (refusal := branches[which](getattr(message, which), path)) is not None:
                return refusal
        for name, required, check in compiled.messages:
            if message.HasField(name):
                if (refusal := check(getattr(message, name), path)) is not None:
                    return refusal
            elif required:
                return _missing(path + name)
        for name, required, check in compiled.lists:
            if items := getattr(message, name):
                if (refusal := check(items, path)) is not None:
                    return refusal
            elif required:
                return _missing(path + name)
        return None

    def _compile(self, descriptor: Descriptor) -> _Compiled:
        scalars: list[tuple[str, bool, Check]] = []
        messages: list[tuple[str, bool, Check]] = []
        lists: list[tuple[str, bool, Check]] = []
        oneofs: dict[str, dict[str, Check]] = {}
        for field in descriptor.fields:
            limits: options_pb2.FieldLimits = field.GetOptions().Extensions[options_pb2.limits]  # type: ignore[index]
            required = limits.required or limits.value_min > 0
            if field.message_type is not None:
                if not field.message_type.fields and not field.is_repeated and not required:
                    continue
                single: Check = self._nested(field.name)
            elif limits.ByteSize():
                single = self._scalar(field, limits)
            else:
                continue
            if field.is_repeated:
                lists.append((field.name, required, self._items(field.name, limits, single)))
            elif field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
                oneofs.setdefault(field.containing_oneof.name, {})[field.name] = single
            elif field.has_presence:
                messages.append((field.name, required, single))
            else:
                scalars.append((field.name, required, single))
        return _Compiled(tuple(scalars), tuple(messages), tuple(lists), tuple(oneofs.items()))

    def _nested(self, name: str) -> Check:
        below = name + "."
        return lambda value, path: self._violation(value, path + below)

    def _items(self, name: str, limits: options_pb2.FieldLimits, single: Check) -> Check:
        def check(items: Any, path: str) -> Refusal | None:
            if limits.items_max and len(items) > limits.items_max:
                return limit_exceeded(f"{path}{name}.items_max", limits.items_max, len(items))
            for item in items:
                refusal = single(item, path)
                if refusal is not None:
                    return refusal
            return None

        return check

    def _scalar(self, field: FieldDescriptor, limits: options_pb2.FieldLimits) -> Check:
        name, matches = field.name, self._formats.get(limits.format)
        chars_max, chars_min, bytes_max = limits.chars_max, limits.chars_min, limits.bytes_max
        value_max, value_min = limits.value_max, limits.value_min

        def text(value: str, path: str) -> Refusal | None:
            if chars_max and len(value) > chars_max:
                return limit_exceeded(f"{path}{name}.chars_max", chars_max, len(value))
            if len(value) < chars_min:
                return limit_exceeded(f"{path}{name}.chars_min", chars_min, len(value))
            if matches is not None and value and not matches(value):
                form = options_pb2.Format.Name(limits.format).removeprefix("FORMAT_")
                return Refusal(Reason.INVALID, detail=f"{path}{name} has not the form {form}", subject=path + name)
            return None

        def data(value: bytes, path: str) -> Refusal | None:
            if bytes_max and len(value) > bytes_max:
                return limit_exceeded(f"{path}{name}.bytes_max", bytes_max, len(value))
            return None

        def number(value: int, path: str) -> Refusal | None:
            if value_max and value > value_max:
                return limit_exceeded(f"{path}{name}.value_max", value_max, value)
            if value_min and value < value_min:
                return limit_exceeded(f"{path}{name}.value_min", value_min, value)
            return None

        if field.type == FieldDescriptor.TYPE_STRING:
            return text
        return data if field.type == FieldDescriptor.TYPE_BYTES else number


def _missing(path: str) -> Refusal:
    return Refusal(Reason.INVALID, detail=f"{path} is missing", subject=path)
