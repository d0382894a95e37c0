"""A device of its own process that sends one document: `python -m tests.media.sending_device HOST:PORT STORE FILE [halts]`.

Prints each stage with its per cent, and `sent` at the end. Started again over the same store, it goes on. `halts`: once it has said that it
sends, it does nothing more, in the middle of the file, until it is killed.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from tidewire import Client, UploadMoved


async def main(address: str, store: Path, file: Path, *, halts: bool) -> None:
    """Register and send the first time; wait for what was begun the second time."""
    async with Client.open(address, store, retry_max_s=1.0) as ann:
        moves = ann.listen()
        if not await ann.uploads():
            await ann.register_username("sender")
            await ann.send_document(await ann.direct("sender"), file)
        while True:
            event = await moves.get()
            if isinstance(event, UploadMoved):
                print(event.stage.value, event.percent, flush=True)
                if halts and event.stage.value == "sending":
                    signal.pause()
                if event.stage.value == "ready":
                    break
        while await ann.waiting():
            await moves.get()
        print("sent", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), halts="halts" in sys.argv[4:]))
