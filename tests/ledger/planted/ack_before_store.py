"""A device that acks what it has received, and stores it seconds later."""

from __future__ import annotations

import asyncio

from tidewire.stream import Stream
from tidewire.v1 import chat_pb2

from tests.ledger.device import main
from tests.ledger.planted import plant

DELAY_S = 30.0


async def _take(self: Stream, told: list[chat_pb2.Event]) -> None:
    received = [event.envelope for event in told if event.HasField("envelope")]
    for envelope in received:
        self._acks.stored(envelope.conversation_id, envelope.seq)
    if received:
        self._wake.set()
        await asyncio.sleep(DELAY_S)
    await take(self, told)


take = plant(Stream, "_take", _take)

if __name__ == "__main__":
    asyncio.run(main())
