"""Where a participant's transport is reached: chosen by checks, moved by what authenticates, believed for as long as checks come.

A check proves a password, and the address it came from may still be anyone's: so media moves to another address only once SRTP or SRTCP
has authenticated from there, and a participant cannot aim its download at a stranger.
"""

from __future__ import annotations

CLAIM_NS = 10_000_000_000
"""For so long a valid check keeps an address for its transport."""


class Path:
    """The addresses of one transport. An address is the port and the IP address, as bytes."""

    __slots__ = ("addresses_max", "current", "heard_ns", "_seen", "_wanted")

    def __init__(self, addresses_max: int) -> None:
        self.addresses_max = addresses_max
        self.current: bytes | None = None
        """Where media goes to; None: no check came yet."""
        self.heard_ns: int | None = None
        """When the last valid check came, from wherever; None: none did."""
        self._seen: dict[bytes, int] = {}
        self._wanted: bytes | None = None

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """All from which valid checks came, `current` among them."""
        return tuple(self._seen)

    def checked(self, address: bytes, nominates: bool, bound: bool, now_ns: int) -> bytes | None:
        """A valid check came. Returns the address that is forgotten for it, if there is one too many.

        Args:
            nominates: the client has chosen this address.
            bound: keys are there, so that only what authenticates moves the path.
        """
        forgotten = None
        if address not in self._seen and len(self._seen) >= self.addresses_max:
            forgotten = min(self._seen, key=lambda one: (one == self.current, self._seen[one]))
            self.forget(forgotten)
        self._seen[address] = self.heard_ns = now_ns
        if bound:
            if nominates or self.current is None:
                self._wanted = address if address != self.current else None
        elif nominates or self.current is None:
            self.current = address
        return forgotten

    def authenticated(self, address: bytes) -> bool:
        """SRTP or SRTCP authenticated from this address. True: media moves there."""
        if address != self._wanted:
            return False
        self.current, self._wanted = address, None
        return True

    def holds(self, address: bytes, now_ns: int) -> bool:
        """A valid check came from there of late: nobody else may have the address, whose own password is right and whose sender is forged."""
        heard = self._seen.get(address)
        return heard is not None and now_ns - heard < CLAIM_NS

    def forget(self, address: bytes) -> None:
        """The address belongs to another transport now. Nothing is sent there until a check says where to."""
        self._seen.pop(address, None)
        if self._wanted == address:
            self._wanted = None
        if self.current == address:
            self.current = None

    def silent_ns(self, now_ns: int) -> int | None:
        """For how long no valid check came, from wherever; None: none ever did."""
        return None if self.heard_ns is None else now_ns - self.heard_ns

    def asks_for_media(self, now_ns: int, within_ns: int) -> bool:
        """A valid check came from `current` of late: whoever is there consents still, whatever comes from other addresses."""
        return self.current is not None and now_ns - self._seen[self.current] < within_ns
