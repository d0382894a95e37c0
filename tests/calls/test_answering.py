"""Which relay a device uses: the one that answers first, of a real one, dead addresses, and some that take what is said and answer nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tidewire.calls import CallMedia, CallState, answering, ice
from tidewire.errors import TidewireError
from tidewire.v1 import call_pb2

from tests.calls.test_relay import NEW, SOUND, hears, people
from tests.support.coturn import Coturn
from tests.support.node import free_port

pytestmark = pytest.mark.process


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Coturn]:
    made = Coturn(tmp_path / "turn", NEW)
    await made.start()
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one answers it is waited for, however slow this machine is: who answers first, ends the waiting."""
    monkeypatch.setattr(answering, "ANSWERS_S", 60)


@pytest.fixture
def silent() -> Iterator[dict[str, str]]:
    """Addresses that take everything and answer nothing, by their way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        for one in (udp, tcp):
            one.bind(("127.0.0.1", 0))
        tcp.listen()
        yield {
            "udp": f"turn:127.0.0.1:{udp.getsockname()[1]}?transport=udp",
            "tcp": f"turn:127.0.0.1:{tcp.getsockname()[1]}?transport=tcp",
            "tls": f"turns:127.0.0.1:{tcp.getsockname()[1]}?transport=tcp",
            "stun": f"stun:127.0.0.1:{udp.getsockname()[1]}",
        }


def given(*urls: str, stun: tuple[str, ...] = (), relay_only: bool = False) -> call_pb2.IceServers:
    """As the process hands it out."""
    servers = [call_pb2.IceServer(urls=stun)] if stun else []
    servers += [call_pb2.IceServer(urls=urls, username="1:call.device", credential="secret")] if urls else []
    return call_pb2.IceServers(servers=servers, relay_only=relay_only, expires_at_ms=7)


def used(found: call_pb2.IceServers) -> list[str]:
    return [url for server in found.servers for url in server.urls]


def dead() -> str:
    """Where nobody listens."""
    return f"turn:127.0.0.1:{free_port()}?transport=udp"


async def test_of_several_relays_the_one_that_answers_is_used_wherever_it_stands(relay: Coturn, silent: dict[str, str]) -> None:
    strange = ("turns:127.0.0.1:1?transport=udp", "no address", f"turn:127.0.0.1:{free_port()}?transport=tcp")
    for url in (relay.url, relay.tcp_url):
        for urls in ((dead(), *silent.values(), *strange, url), (url, *silent.values(), dead())):
            found = await answering.answering(given(*urls))
            assert used(found) == [url] and found.expires_at_ms == 7
            assert (found.servers[0].username, found.servers[0].credential) == ("1:call.device", "secret")


async def test_an_address_that_answers_something_else_is_no_relay(relay: Coturn) -> None:
    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 this is a mail server, which says so\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greets, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await answering.answering(given(f"turn:127.0.0.1:{port}?transport=tcp", relay.url))
    assert used(found) == [relay.url]


async def test_what_says_which_address_this_device_has_is_chosen_so_too_unless_relays_alone_are_wanted(
    relay: Coturn, silent: dict[str, str]
) -> None:
    stun = f"stun:127.0.0.1:{relay.port}"
    both = given(relay.url, stun=(silent["stun"], stun))
    assert used(await ice.towards_person(both, relay_only=False)) == [stun, relay.url]
    assert used(await ice.towards_person(both, relay_only=True)) == [relay.url]
    assert used(await ice.towards_unit(both, relay_only=False)) == [relay.url]


async def test_where_none_answers_a_device_goes_on_without_unless_it_is_to_be_reached_through_relays_alone(
    silent: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "ANSWERS_S", 0.3)
    urls = (dead(), silent["udp"], silent["tcp"])
    assert used(await ice.towards_person(given(*urls), relay_only=False)) == []
    for unit in (ice.towards_person, ice.towards_unit):
        for own, theirs in ((True, False), (False, True)):
            with pytest.raises(TidewireError, match=r"none of 3 answers within 0\.3 s"):
                await unit(given(*urls, relay_only=theirs), own)
    assert used(await answering.answering(given())) == []


async def test_so_many_are_asked_and_no_more(relay: Coturn, silent: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "ASKED_MAX", 2)
    assert used(await answering.answering(given(silent["udp"], relay.url))) == [relay.url]
    monkeypatch.setattr(answering, "ANSWERS_S", 0.3)
    assert used(await answering.answering(given(silent["udp"], silent["tcp"], relay.url))) == []


async def test_strangers_and_groups_talk_by_the_relay_that_answers_though_the_first_one_is_dead(
    relay: Coturn, silent: dict[str, str], tmp_path: Path
) -> None:
    urls = ",".join((silent["udp"], dead(), silent["tcp"], relay.url))
    async with people(tmp_path, "ann", "ben", turn_urls=urls, turn_secrets=NEW) as (ann, ben):
        ringing = asyncio.ensure_future(anext(ben.calls.incoming()))
        placed = await ann.calls.place(await ann.direct("ben"), SOUND)
        taken = await asyncio.wait_for(ringing, 30)
        await taken.accept(SOUND)
        for call in (placed, taken):
            async with asyncio.timeout(30):
                assert await call.becomes(CallState.ACTIVE) is CallState.ACTIVE
            assert call.roads() == {"relay"}, "they are strangers"
        await placed.hang_up()
        conversation_id = await ann.create_group("all", ["ben"])
        ann.calls.relay_only = True
        hers, his = [await client.calls.join(conversation_id, SOUND) for client in (ann, ben)]
        assert await hears(his, hers.participant_id) and hers.roads() == {"relay"}


async def test_who_is_to_be_reached_through_relays_alone_is_told_that_none_answers(
    silent: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "ANSWERS_S", 0.3)
    async with people(tmp_path, "ann", "ben", turn_urls=silent["udp"], turn_secrets=NEW) as (ann, ben):
        conversation_id = await ann.create_group("all", ["ben"])
        ben.calls.relay_only = True
        with pytest.raises(TidewireError, match="none of 1 answers"):
            await ben.calls.join(conversation_id, SOUND)
        with pytest.raises(TidewireError, match="none of 1 answers"):
            await ann.calls.place(await ann.direct("ben"), CallMedia())
        room = await ann.calls.join(conversation_id, SOUND)
        async with asyncio.timeout(30):
            assert await room.becomes(CallState.ACTIVE) is CallState.ACTIVE
        assert room.roads() == {"host"}, "the others go on without"
        await room.leave()
