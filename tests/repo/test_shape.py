"""The repository checks itself: sizes, names, and enums that must agree."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tidewire.internal.v1 import feed_pb2
from tidewire.v1 import account_pb2, chat_pb2, envelope_pb2, refusal_pb2

from server.domain import accounts, envelope, feed, notice
from server.kit import refusal
from tests.repo import refusals

ROOT = Path(__file__).parents[2]
CODE = [
    path
    for folder in ("server", "media", "calls", "sdk/python/tidewire", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "v1" not in path.parts
]
LINES_MAX, FUNCTION_MAX = 400, 50


def test_files_are_short() -> None:
    assert [p for p in CODE if len(p.read_text().splitlines()) > LINES_MAX] == []


@pytest.fixture
def _collecting_nothing() -> Iterator[None]:
    """What is collected in the middle of `ast.parse` and parses something itself, as tracebacks do, makes it fail (CPython #106905)."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_collecting_nothing")
def test_functions_are_short() -> None:
    long = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > FUNCTION_MAX:
                    long.append(f"{path.relative_to(ROOT)}:{node.name} {size}")
    assert long == []


def test_nothing_is_called_manager_or_utils() -> None:
    words = ("manager", "helper", "util", "common", "base", "misc")
    assert [p for p in CODE if set(words) & set(p.stem.rstrip("s").split("_"))] == []


def test_every_reason_of_a_refusal_has_its_number_on_the_wire() -> None:
    on_wire = {name.removeprefix("REFUSAL_REASON_") for name in refusal_pb2.RefusalReason.DESCRIPTOR.values_by_name}
    assert on_wire - {"UNSPECIFIED"} == {reason.name for reason in refusal.Reason}


def test_numbers_of_the_domain_are_those_of_the_wire() -> None:
    pairs = [
        (envelope.Kind, envelope_pb2.Kind, "KIND_"),
        (envelope.Role, envelope_pb2.Role, "ROLE_"),
        (envelope.MemberAction, envelope_pb2.MemberAction, "MEMBER_ACTION_"),
        (accounts.Audience, account_pb2.Audience, "AUDIENCE_"),
        (notice.ClosingReason, chat_pb2.ClosingReason, "CLOSING_REASON_"),
        (feed.FeedKind, feed_pb2.FeedKind, "FEED_KIND_"),
        (feed.AccountChange, feed_pb2.AccountChangeKind, "ACCOUNT_CHANGE_KIND_"),
    ]
    for mine, wire, prefix in pairs:
        numbers = {name.removeprefix(prefix): number for name, number in wire.items() if number}
        assert numbers == {member.name: member.value for member in mine if member.value}


def test_the_page_of_refusals_is_that_of_the_enum() -> None:
    assert refusals.PAGE.read_text() == refusals.page(), "run python -m tests.repo.refusals"
