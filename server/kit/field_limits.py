"""Enforces the field limits that the schema states (`tidewire.v1.limits`): each message type is compiled once into checks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from tidewire.v1 import options_pb2

from server.kit.refusal import Reason, Refusal, limit_exceeded

Check = Callable[[Any], Refusal | None]

FORMATS: dict[int, Callable[[str], bool]] = {
    options_pb2.FORMAT_ID: re.compile(r"[a-z0-9_.:-]{1,96}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_UUID: re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_E164: re.compile(r"\+[1-9][0-9]{5,14}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_EMAIL: re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_USERNAME: re.compile(r"[a-z][a-z0-9_.]{2,31}").fullmatch,  # type: ignore[dict-item]
    options_pb2.FORMAT_CODE: re.compile(r"[0-9]{6}").fullmatch,  # type: ignore[dict-item]
}


class _Compiled:
    """The checks of one message type. Filled after it is made, so that a type may contain itself."""

    __slots__ = ("lists", "messages", "oneofs", "scalars")

    def __init__(self) -> None:
        self.scalars: list[tuple[str, bool, Check]] = []
        """(field, required, check) of fields without presence; a check looks only at what is set."""
        self.oneofs: list[tuple[str, dict[str, Check]]] = []
        """(oneof, check of each branch that has one)."""
        self.messages: list[tuple[str, bool, Check]] = []
        """(field, required, check) of single messages outside a oneof, and of other fields with presence."""
        self.lists: list[tuple[str, bool, Check]] = []
        """(field, required, check) of repeated fields."""

    def violation(self, message: Any) -> Refusal | None:
        """The first limit that `message` passes, or None."""
        for name, required, check in self.scalars:
            if value := getattr(message, name):
                if (refusal := check(value)) is not None:
                    return refusal
            elif required:
                return _missing(name)
        for oneof, branches in self.oneofs:
            which = message.WhichOneof(oneof)
            if which in branches and (refusal := branches[which](getattr(message, which))) is not None:
                return refusal
        for name, required, check in self.messages:
            if message.HasField(name):
                if (refusal := check(getattr(message, name))) is not None:
                    return refusal
            elif required:
                return _missing(name)
        for name, required, check in self.lists:
            if items := getattr(message, name):
                if (refusal := check(items)) is not None:
                    return refusal
            elif required:
                return _missing(name)
        return None


class FieldLimits:
    """All checks, by message type. This runs for every command: a type's fields are sorted by kind once, and a path is put together
    only for a refusal."""

    def __init__(self, is_phone: Callable[[str], bool]) -> None:
        self._compiled: dict[Descriptor, _Compiled] = {}
        self._formats = {**FORMATS, options_pb2.FORMAT_E164: is_phone}

    def violation(self, message: Any) -> Refusal | None:
        """The first limit that `message` passes, or None."""
        refusal = self._of(message.DESCRIPTOR).violation(message)
        if refusal is None or not refusal.detail:
            return refusal
        return dataclasses.replace(refusal, detail=f"{refusal.subject} {refusal.detail}")

    def _of(self, descriptor: Descriptor) -> _Compiled:
        compiled = self._compiled.get(descriptor)
        if compiled is None:
            compiled = self._compiled[descriptor] = _Compiled()
            self._fill(compiled, descriptor)
        return compiled

    def _fill(self, compiled: _Compiled, descriptor: Descriptor) -> None:
        oneofs: dict[str, dict[str, Check]] = {}
        for field in descriptor.fields:
            limits: options_pb2.FieldLimits = field.GetOptions().Extensions[options_pb2.limits]  # type: ignore[index]
            required = limits.required or limits.value_min > 0
            if field.message_type is not None:
                if not field.message_type.fields and not field.is_repeated and not required:
                    continue
                single = _nested(field.name, self._of(field.message_type))
            elif limits.ByteSize():
                single = self._scalar(field, limits)
            else:
                continue
            if field.is_repeated:
                compiled.lists.append((field.name, required, _items(field.name, limits, single)))
            elif field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
                oneofs.setdefault(field.containing_oneof.name, {})[field.name] = single
            elif field.has_presence:
                compiled.messages.append((field.name, required, single))
            else:
                compiled.scalars.append((field.name, required, single))
        compiled.oneofs = list(oneofs.items())

    def _scalar(self, field: FieldDescriptor, limits: options_pb2.FieldLimits) -> Check:
        name, matches = field.name, self._formats.get(limits.format)
        chars_max, chars_min, bytes_max = limits.chars_max, limits.chars_min, limits.bytes_max
        value_max, value_min = limits.value_max, limits.value_min

        def text(value: str) -> Refusal | None:
            if chars_max and len(value) > chars_max:
                return limit_exceeded(f"{name}.chars_max", chars_max, len(value))
            if len(value) < chars_min:
                return limit_exceeded(f"{name}.chars_min", chars_min, len(value))
            if matches is not None and value and not matches(value):
                form = options_pb2.Format.Name(limits.format).removeprefix("FORMAT_")
                return Refusal(Reason.INVALID, detail=f"has not the form {form}", subject=name)
            return None

        def data(value: bytes) -> Refusal | None:
            if bytes_max and len(value) > bytes_max:
                return limit_exceeded(f"{name}.bytes_max", bytes_max, len(value))
            return None

        def number(value: int) -> Refusal | None:
            if value_max and value > value_max:
                return limit_exceeded(f"{name}.value_max", value_max, value)
            if value_min and value < value_min:
                return limit_exceeded(f"{name}.value_min", value_min, value)
            return None

        if field.type == FieldDescriptor.TYPE_STRING:
            return text
        return data if field.type == FieldDescriptor.TYPE_BYTES else number


def _nested(name: str, compiled: _Compiled) -> Check:
    def check(message: Any) -> Refusal | None:
        refusal = compiled.violation(message)
        return None if refusal is None else dataclasses.replace(refusal, subject=f"{name}.{refusal.subject}")

    return check


def _items(name: str, limits: options_pb2.FieldLimits, single: Check) -> Check:
    items_max = limits.items_max

    def check(items: Any) -> Refusal | None:
        if items_max and len(items) > items_max:
            return limit_exceeded(f"{name}.items_max", items_max, len(items))
        for item in items:
            refusal = single(item)
            if refusal is not None:
                return refusal
        return None

    return check


def _missing(name: str) -> Refusal:
    return Refusal(Reason.INVALID, detail="is missing", subject=name)
