"""Where datagrams go: one socket, many transports (RFC 7983, RFC 5761).

Only a valid check leads from an address to a transport. So whatever else comes from a stranger costs one look into a dictionary, and is
never answered.
"""

from __future__ import annotations

from collections import Counter

from calls.domain import stun
from calls.domain.drop import Drop
from calls.domain.limits import ForwarderLimits
from calls.ports.media import DATAGRAM_BYTES_MAX, Buffer, Clock, Datagrams
from calls.services.leg import Credentials, Leg


class Mux:
    """The unit's only reader of its socket."""

    def __init__(self, datagrams: Datagrams, clock: Clock, limits: ForwarderLimits) -> None:
        self._datagrams = datagrams
        self._clock = clock
        self._limits = limits
        self._by_ufrag: dict[bytes, Leg] = {}
        self._by_address: dict[bytes, Leg] = {}
        self.drops: Counter[Drop] = Counter()
        self._ages_ns = self._bursts = 0

    @property
    def addresses(self) -> int:
        """That lead to a transport."""
        return len(self._by_address)

    @property
    def ufrags(self) -> int:
        """That are valid."""
        return len(self._by_ufrag)

    def add(self, leg: Leg) -> None:
        """From now on its checks are answered."""
        for one in leg.credentials:
            self._by_ufrag[one.ufrag] = leg

    def renew(self, leg: Leg, credentials: Credentials) -> None:
        """ICE restart: these are the leg's newest."""
        for old in leg.credentials[1:]:
            self._by_ufrag.pop(old.ufrag, None)
        leg.credentials = [credentials, leg.credentials[0]]
        self._by_ufrag[credentials.ufrag] = leg

    def remove(self, leg: Leg) -> None:
        """Nothing leads to it any more, by whatever credentials or address."""
        for one in leg.credentials:
            self._by_ufrag.pop(one.ufrag, None)
        for address in leg.path.addresses:
            if self._by_address.get(address) is leg:
                del self._by_address[address]

    def take_age_ns(self) -> int:
        """How old the first datagrams of bursts were when they were read: the mean since the last time."""
        mean = self._ages_ns // self._bursts if self._bursts else 0
        self._ages_ns = self._bursts = 0
        return mean

    def readable(self) -> None:
        """Take one burst in; what it causes leaves in the same turn, whatever else happens."""
        now_ns = self._clock.now_ns()
        try:
            for buffer, length, address in self._datagrams.burst():
                drop = self._one(buffer, length, address, now_ns)
                if drop is not None:
                    self.drops[drop] += 1
        finally:
            self._datagrams.flush()
        self._ages_ns += self._datagrams.age_ns
        self._bursts += 1

    def _one(self, buffer: Buffer, length: int, address: bytes, now_ns: int) -> Drop | None:
        if length > DATAGRAM_BYTES_MAX:
            return Drop.TOO_LONG
        if length < 2:
            return Drop.BROKEN
        memory = buffer.memory
        first = memory[0]
        if first < 4:
            return self._check(bytes(memory[:length]), address, now_ns)
        leg = self._by_address.get(address)
        if leg is None:
            return Drop.STRANGER
        if 128 <= first < 192:
            return self._protected(leg, buffer, length, address, now_ns)
        if 20 <= first < 64:
            if leg.handshake is not None:
                leg.handshake.feed(bytes(memory[:length]))
            return None
        return Drop.BROKEN

    def _protected(self, leg: Leg, buffer: Buffer, length: int, address: bytes, now_ns: int) -> Drop | None:
        cipher, receiver = leg.cipher, leg.receiver
        if cipher is None or receiver is None:
            return Drop.TOO_EARLY
        control = 192 <= buffer.memory[1] < 224
        plain = cipher.unprotect_control(buffer, length) if control else cipher.unprotect(buffer, length)
        if not plain:
            return Drop.UNAUTHENTIC
        if address != leg.path.current and leg.path.authenticated(address):
            leg.look(now_ns)
        data = bytes(buffer.memory[:plain])
        drop = receiver.control(data, now_ns) if control else receiver.media(data, now_ns)
        if control or drop is not None:
            leg.strays.heard(int.from_bytes(data[4:8] if control else data[8:12], "big"))
        return drop

    def _check(self, datagram: bytes, address: bytes, now_ns: int) -> Drop | None:
        ufrag = stun.local_ufrag(datagram)
        if ufrag is None:
            return Drop.NOT_A_CHECK
        leg = self._by_ufrag.get(ufrag)
        password = leg.password(ufrag) if leg is not None else None
        if leg is None or password is None:
            return Drop.NOT_A_CHECK
        check = stun.read_check(datagram, password)
        if isinstance(check, Drop):
            return check
        held = self._by_address.get(address)
        if held is not None and held is not leg:
            if held.alive and held.path.holds(address, now_ns):
                return Drop.TAKEN
            # Client or NAT have given the same address to another transport meanwhile.
            held.path.forget(address)
            held.look(now_ns)
        self._by_address[address] = leg
        forgotten = leg.path.checked(address, check.nominates, leg.cipher is not None, now_ns)
        if forgotten is not None:
            self._by_address.pop(forgotten, None)
            self.drops[Drop.ADDRESSES] += 1
        if check.nominates and ufrag == leg.credentials[0].ufrag:
            self._settle(leg)
        leg.look(now_ns)
        answer = stun.response(check, password, address)
        self._datagrams.buffer().memory[: len(answer)] = answer
        self._datagrams.send(len(answer), address)
        return None

    def _settle(self, leg: Leg) -> None:
        """The client has chosen a path by the newest credentials: older ones are of no use, on whatever address."""
        for old in leg.credentials[1:]:
            self._by_ufrag.pop(old.ufrag, None)
        del leg.credentials[1:]
