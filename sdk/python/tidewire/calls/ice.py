"""By which relays a device is reached."""

from __future__ import annotations

from tidewire.errors import TidewireError
from tidewire.v1 import call_pb2


def towards_person(ice: call_pb2.IceServers, relay_only: bool) -> call_pb2.IceServers:
    """All that the process hands out. `relay_only`: the device wants relays alone, whatever the process says.

    Raises:
        TidewireError: it does, and there are none.
    """
    if relay_only and not any(server.username for server in ice.servers):
        raise TidewireError("this device is to be reached through relays alone, and the deployment has none")
    return call_pb2.IceServers(servers=ice.servers, relay_only=relay_only or ice.relay_only)


def towards_unit(ice: call_pb2.IceServers, relay_only: bool) -> call_pb2.IceServers:
    """What is of use towards the forwarding unit: relays alone, for it sees itself where checks come from. Those by TCP come first, since
    aiortc takes one relay alone, and it is for whoever cannot reach the unit by UDP.

    Raises:
        TidewireError: relays alone are wanted, and there are none.
    """
    relays = [server for server in towards_person(ice, relay_only).servers if server.username]
    for server in relays:
        server.urls[:] = sorted(server.urls, key=lambda url: not _by_tcp(url))
    return call_pb2.IceServers(servers=relays, relay_only=relay_only or ice.relay_only)


def _by_tcp(url: str) -> bool:
    return url.startswith("turns:") or url.endswith("transport=tcp")
