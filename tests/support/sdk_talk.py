"""Two people talk, with nothing but the SDK and what it depends on: run by another Python environment than the tests'.

`python sdk_talk.py HOST:PORT FOLDER` prints the versions that it ran on, as JSON, when everything that it said has arrived.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from pathlib import Path

from tidewire import Client, Message, TicksMoved


async def main(server: str, folder: Path) -> None:
    """Register, send, read, tick, a group, a reconnect."""
    async with Client.open(server, folder / "ann.db") as ann, Client.open(server, folder / "ben.db") as ben:
        await ann.register_username("ann")
        await ben.register_username("ben")
        at_ben, at_ann = ben.listen(), ann.listen()
        both = await ann.direct("ben")
        sent = await (await ann.send(both, "hello"))
        while not (isinstance(event := await at_ben.get(), Message) and event.text == "hello"):
            pass
        await ben.mark_read(both, sent.seq)
        while [message.tick for message in await ann.history(both)] != ["read"]:
            while not isinstance(await at_ann.get(), TicksMoved):
                pass
        group = await ann.create_group("both", ["ben"])
        await (await ben.send(group, "in the group"))
        while not (isinstance(event := await at_ann.get(), Message) and event.text == "in the group"):
            pass
    async with Client.open(server, folder / "ben.db") as ben:
        await ben.caught_up()
        assert [message.text for message in await ben.history(both)] == ["hello"]
    print(json.dumps({name: version(name) for name in ("grpcio", "protobuf")}))


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(sys.argv[1], Path(sys.argv[2])), 60))
