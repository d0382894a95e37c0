"""An echo bot: answers each text with the same text.

python -m server token create --name echo --scope bot --account echo
python sdk/python/examples/echo_bot.py 127.0.0.1:7420 tws_echo.…
"""

from __future__ import annotations

import asyncio
import sys

from tidewire.internal import Bot


async def main(address: str, token: str) -> None:
    """Answer for ever."""
    async with Bot(address, token) as bot:
        async for text in bot.texts():
            await bot.answer(text, f"You said: {text.text}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
