"""A one-time-code sender: for each username on standard input it sends a code, and says which on standard output.

python -m server token create --name codes --scope append --account codes
echo ann | python sdk/python/examples/one_time_codes.py 127.0.0.1:7420 tws_codes.…
"""

from __future__ import annotations

import asyncio
import secrets
import sys

from tidewire import Refused
from tidewire.internal import Services

VALID_S = 600


async def main(address: str, token: str) -> None:
    """Send codes until the input ends."""
    async with Services(address, token) as services:
        while username := (await asyncio.to_thread(sys.stdin.readline)).strip():
            code = f"{secrets.randbelow(1_000_000):06}"
            try:
                await services.send_text(f"Your code is {code}", username=username, expires_in_s=VALID_S)
                print(username, code, flush=True)
            except Refused as refused:
                print(username, refused.reason, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
