"""The SDK without an event loop, against a real node in a process of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tidewire import Message, Refused, StoreInUse
from tidewire.sync import Client

from tests.support.node import Node

pytestmark = pytest.mark.process


def chat(address: str, folder: Path) -> None:
    with Client(address, folder / "ann.db") as ann, Client(address, folder / "ben.db") as ben:
        assert ann.register_username("ann") and ben.register_username("ben")
        conversation_id = ann.direct("ben")
        assert ann.send(conversation_id, "hello").seq == 1
        ann.send(conversation_id, "still there?")
        for event in ben.events(timeout_s=30.0):
            if isinstance(event, Message) and event.seq == 2:
                break
        assert [message.text for message in ben.history(conversation_id)] == ["hello", "still there?"]
        with pytest.raises(Refused):
            ben.direct("nobody")
        with pytest.raises(StoreInUse), Client(address, folder / "ann.db"):
            pass


async def test_two_people_chat_without_a_loop(tmp_path: Path) -> None:
    node = Node(tmp_path / "data")
    await node.start()
    try:
        await asyncio.to_thread(chat, node.address, tmp_path)
    finally:
        await node.close()
