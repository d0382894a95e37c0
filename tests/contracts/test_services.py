"""What every store of service tokens must do: over memory, SQLite and CQL."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.adapters.cql.opening import open_cql
from server.adapters.memory.services import MemoryServiceTokens
from server.adapters.sqlite.services import SqliteServiceTokens
from server.domain.service_tokens import Scope, ServiceToken
from server.kit.database import open_database
from server.kit.system import SystemClock
from server.ports.services import ServiceTokens
from tests.support.cast import NOW

CALLS = ServiceToken("calls", "hash", (Scope.INTROSPECT, Scope.NOTIFY), "", "", NOW)
ECHO = ServiceToken("echo", "other", (Scope.BOT,), "bot", "bot-device", NOW)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cql", marks=pytest.mark.process)])
async def tokens(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ServiceTokens]:
    if request.param == "memory":
        yield MemoryServiceTokens()
        return
    if request.param == "cql":
        cql = await open_cql(request.getfixturevalue("keyspace").settings, SystemClock(), retention_s=86_400)
        yield cql.service_tokens
        await cql.close()
        return
    database = await open_database(tmp_path / "tidewire.db")
    yield SqliteServiceTokens(database)
    await database.close()


async def test_a_token_is_there_whole_until_it_is_revoked(tokens: ServiceTokens) -> None:
    assert await tokens.get("calls") is None and await tokens.remove("calls") is None
    assert await tokens.add(ECHO) and await tokens.add(CALLS)
    assert await tokens.get("calls") == CALLS and await tokens.get("echo") == ECHO
    assert list(await tokens.all()) == [CALLS, ECHO]
    assert await tokens.remove("calls") == CALLS
    assert await tokens.get("calls") is None and list(await tokens.all()) == [ECHO]


async def test_a_name_that_is_taken_changes_nothing(tokens: ServiceTokens) -> None:
    await tokens.add(CALLS)
    assert not await tokens.add(dataclasses.replace(CALLS, secret_hash="stolen"))
    assert await tokens.get("calls") == CALLS


async def test_of_two_at_once_with_one_name_one_is_stored(tokens: ServiceTokens) -> None:
    added = await asyncio.gather(*(tokens.add(dataclasses.replace(CALLS, secret_hash=str(n))) for n in range(5)))
    assert sum(added) == 1
    stored = await tokens.get("calls")
    assert stored is not None and stored.secret_hash == str(added.index(True))
