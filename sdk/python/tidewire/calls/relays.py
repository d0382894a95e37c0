"""Whether a relay gives an address, as a call would ask for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tidewire.errors import TidewireError
from tidewire.v1 import call_pb2

try:
    from aioice import Connection, TransportPolicy
    from aiortc import RTCIceServer
    from aiortc.rtcicetransport import connection_kwargs
except ImportError as error:
    raise TidewireError("calls need aiortc: pip install 'tidewire[calls]'") from error

ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class RelayTried:
    """What came of one relay. `why`: it gave none; "": it did."""

    url: str
    why: str


async def tried(server: call_pb2.IceServer, url: str) -> RelayTried:
    """Ask it for an address, and give that back."""
    given = connection_kwargs([RTCIceServer(urls=url, username=server.username, credential=server.credential)])
    if "turn_server" not in given:
        return RelayTried(url, "this SDK does not know such a relay")
    connection = Connection(ice_controlling=True, transport_policy=TransportPolicy.RELAY, **given)
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.gather_candidates()
        there = any(candidate.type == "relay" for candidate in connection.local_candidates)
        return RelayTried(
            url, "" if there else "it does not answer, or refuses what calls hand out: are its secret and clock the same?"
        )
    except TimeoutError:
        return RelayTried(url, f"it does not answer within {ANSWER_S:.0f} s")
    except Exception as error:  # noqa: BLE001 -- aioice raises whatever the network or the relay did
        return RelayTried(url, " ".join(str(error).split()) or type(error).__name__)
    finally:
        await connection.close()
