"""Enforces the field limits that the schema states (`tidewire.v1.limits`): each message type is compiled once into checks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

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


class FieldLimits:
    """All checks, by message type."""

    def __init__(self, is_phone: Callable[[str], bool]) -> None:
        self._compiled: dict[str, list[tuple[FieldDescriptor, Check]]] = {}
        self._formats = {**FORMATS, options_pb2.FORMAT_E164: is_phone}

    def violation(self, message: Any) -> Refusal | None:
        """The first limit that `message` passes, or None."""
        return self._violation(message, "")

    def _violation(self, message: Any, path: str) -> Refusal | None:
        descriptor = message.DESCRIPTOR
        checks = self._compiled.get(descriptor.full_name)
        if checks is None:
            checks = self._compiled[descriptor.full_name] = self._compile(descriptor)
        for field, check in checks:
            refusal = check(message, path + field.name)
            if refusal is not None:
                return refusal
        return None

    def _compile(self, descriptor: Descriptor) -> list[tuple[FieldDescriptor, Check]]:
        checks: list[tuple[FieldDescriptor, Check]] = []
        for field in descriptor.fields:
            limits: options_pb2.FieldLimits = field.GetOptions().Extensions[options_pb2.limits]  # type: ignore[index]
            if field.message_type is not None and not field.is_repeated:
                checks.append((field, self._nested(field, limits.required)))
            elif field.message_type is not None:
                checks.append((field, self._items(field, limits, None)))
            elif limits.ByteSize():
                single = self._scalar(field, limits)
                checks.append((field, self._items(field, limits, single) if field.is_repeated else self._value(field, single)))
        return checks

    def _nested(self, field: FieldDescriptor, required: bool) -> Check:
        name = field.name

        def check(message: Any, path: str) -> Refusal | None:
            if not message.HasField(name):
                return _missing(path) if required else None
            return self._violation(getattr(message, name), path + ".")

        return check

    def _items(self, field: FieldDescriptor, limits: options_pb2.FieldLimits, single: Check | None) -> Check:
        name = field.name

        def check(message: Any, path: str) -> Refusal | None:
            items = getattr(message, name)
            if not items:
                return _missing(path) if limits.required else None
            if limits.items_max and len(items) > limits.items_max:
                return limit_exceeded(f"{path}.items_max", limits.items_max, len(items))
            for item in items:
                refusal = self._violation(item, path + ".") if single is None else single(item, path)
                if refusal is not None:
                    return refusal
            return None

        return check

    def _value(self, field: FieldDescriptor, single: Check) -> Check:
        name, optional = field.name, field.has_presence

        def check(message: Any, path: str) -> Refusal | None:
            if optional and not message.HasField(name):
                return None
            return single(getattr(message, name), path)

        return check

    def _scalar(self, field: FieldDescriptor, limits: options_pb2.FieldLimits) -> Check:
        matches = self._formats.get(limits.format)
        is_text = field.type == FieldDescriptor.TYPE_STRING
        is_bytes = field.type == FieldDescriptor.TYPE_BYTES

        def check(value: Any, path: str) -> Refusal | None:
            if not value:
                return _missing(path) if limits.required or limits.value_min > 0 else None
            if is_text:
                if limits.chars_max and len(value) > limits.chars_max:
                    return limit_exceeded(f"{path}.chars_max", limits.chars_max, len(value))
                if len(value) < limits.chars_min:
                    return limit_exceeded(f"{path}.chars_min", limits.chars_min, len(value))
                if matches is not None and not matches(value):
                    form = options_pb2.Format.Name(limits.format).removeprefix("FORMAT_")
                    return Refusal(Reason.INVALID, detail=f"{path} has not the form {form}", subject=path)
            elif is_bytes:
                if limits.bytes_max and len(value) > limits.bytes_max:
                    return limit_exceeded(f"{path}.bytes_max", limits.bytes_max, len(value))
            elif limits.value_max and value > limits.value_max:
                return limit_exceeded(f"{path}.value_max", limits.value_max, value)
            elif limits.value_min and value < limits.value_min:
                return limit_exceeded(f"{path}.value_min", limits.value_min, value)
            return None

        return check


def _missing(path: str) -> Refusal:
    return Refusal(Reason.INVALID, detail=f"{path} is missing", subject=path)
