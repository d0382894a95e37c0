"""Where devices connect: each at first to one of the servers, then, when a connection is lost, to the next in an order of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import cycle

import grpc

from tidewire.transport import OPTIONS, pinned_authority


class Servers:
    """The servers of one deployment."""

    def __init__(self, addresses: Sequence[str], pin: str) -> None:
        """`pin`: see `Transport`.

        Raises:
            TidewireError: the authority is not the pinned one, or the first server does not answer.
        """
        self._addresses = list(addresses)
        self._authority = pinned_authority(addresses[0], pin) if pin else None

    @property
    def first(self) -> str:
        """Where accounts are made."""
        return self._addresses[0]

    def channel(self, address: str) -> grpc.aio.Channel:
        """A channel with a connection of its own: TLS, or none on loopback without a pin."""
        if self._authority is None and address.startswith(("127.", "localhost:", "[::1]:")):
            return grpc.aio.insecure_channel(address, options=OPTIONS)
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(self._authority), options=OPTIONS)

    def of(self, number: int) -> Iterator[grpc.aio.Channel]:
        """Channels for one device, without end: the first by its number, so that devices are spread evenly, and the others by chance,
        so that those who lose one server do not all go to the same other one."""
        first = self._addresses[number % len(self._addresses)]
        others = [address for address in self._addresses if address != first]
        random.shuffle(others)
        return (self.channel(address) for address in cycle([first, *others]))
