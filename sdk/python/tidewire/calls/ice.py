"""By which relays a device is reached."""

from __future__ import annotations

from tidewire.errors import TidewireError
from tidewire.v1 import call_pb2


async def towards_person(ice: call_pb2.IceServers, relay_only: bool) -> call_pb2.IceServers:
    """Of all that the process hands out what answers first: one relay, and one that says which address this device has. `relay_only`: the
    device wants relays alone, whatever the process says.

    Raises:
        TidewireError: relays alone are wanted, and there are none, or none answers; or aiortc is missing.
    """
    from tidewire.calls.answering import answering

    if relay_only and not any(server.username for server in ice.servers):
        raise TidewireError("this device is to be reached through relays alone, and the deployment has none")
    wanted = call_pb2.IceServers()
    wanted.CopyFrom(ice)
    wanted.relay_only = relay_only or ice.relay_only
    return await answering(wanted)


async def towards_unit(ice: call_pb2.IceServers, relay_only: bool) -> call_pb2.IceServers:
    """What is of use towards the forwarding unit: a relay alone, for it sees itself where checks come from.

    Raises:
        TidewireError: as `towards_person`.
    """
    relays = [server for server in ice.servers if server.username]
    return await towards_person(call_pb2.IceServers(servers=relays, relay_only=ice.relay_only), relay_only)
