"""One transport of a participant, up or down: its credentials, its path and its keys."""

from __future__ import annotations

import base64
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Protocol

from calls.domain.drop import Drop
from calls.domain.limits import SECOND_NS, ForwarderLimits
from calls.domain.path import Path
from calls.domain.strays import Strays
from calls.ports.media import Cipher, Handshake

Entropy = Callable[[int], bytes]


class Receiver(Protocol):
    """What a leg's packets go to, decrypted."""

    def media(self, data: bytes, now_ns: int) -> Drop | None:
        """An RTP packet, authenticated."""
        ...

    def control(self, data: bytes, now_ns: int) -> Drop | None:
        """An RTCP packet, authenticated."""
        ...


def _nobody() -> None:
    """Nobody keeps where to send to."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """ICE's, made by us (RFC 8445 §5.3: 24 bits for the one and 128 for the other at least)."""

    ufrag: bytes
    password: bytes


def new_credentials(entropy: Entropy) -> Credentials:
    """Fresh ones; the ufrag alone leads to the transport, so it is long enough to be unique."""
    return Credentials(base64.b64encode(entropy(9)).rstrip(b"="), base64.b64encode(entropy(18)))


class Leg:
    """One transport.

    Attributes:
        credentials: those of the last description first; older ones stay valid until the client has chosen a path with newer ones.
        open: media may be sent: there are keys, a path, and consent of who is at its end.
        alive: there are keys and a path, and checks come, from whichever address.
        since_ns: when it was described to the client.
        closed: the client ended DTLS, or it failed.
        moved: is told when `open`, the path or the keys have changed: whoever keeps where to send to looks anew.
    """

    __slots__ = (
        "credentials", "path", "receiver", "handshake", "cipher", "open", "alive", "since_ns", "closed", "used", "strays", "moved", "_limits", "_seen",
    )  # fmt: skip

    def __init__(self, credentials: Credentials, limits: ForwarderLimits, since_ns: int) -> None:
        self.credentials = [credentials]
        self.path = Path(limits.addresses_max)
        self.receiver: Receiver | None = None
        self.handshake: Handshake | None = None
        self.cipher: Cipher | None = None
        self.open = self.alive = self.closed = False
        self.since_ns = since_ns
        self.used: set[int] = set()
        """SSRCs that we ever sent with these keys: none is used twice."""
        self.strays = Strays(limits.ssrcs_max)
        self.moved: Callable[[], None] = _nobody
        self._limits = limits
        self._seen: tuple[bool, bytes | None] = (False, None)

    def password(self, ufrag: bytes) -> bytes | None:
        """That belongs to this ufrag."""
        for one in self.credentials:
            if one.ufrag == ufrag:
                return one.password
        return None

    def look(self, now_ns: int) -> None:
        """Is there consent still? Told after every change, and by ticks (RFC 7675)."""
        path, within_ns = self.path, self._limits.lost_s * SECOND_NS
        silent = path.silent_ns(now_ns)
        self.alive = self.cipher is not None and path.current is not None and silent is not None and silent < within_ns
        self.open = self.alive and path.asks_for_media(now_ns, within_ns)
        seen = self.open, self.path.current
        if seen != self._seen:
            self._seen = seen
            self.moved()

    def tidy(self, known: Container[int]) -> None:
        """Let the keys forget SSRCs that are of no stream, but for the newest. `known`: those that are of one."""
        if self.cipher is not None:
            for ssrc in self.strays.take(known):
                self.cipher.forget_incoming(ssrc)

    def close(self) -> None:
        """Nothing is sent any more, and nothing taken."""
        self.open, self.alive, self.closed, self.cipher = False, False, True, None
        self._seen = False, None
        self.moved()
        self.moved = _nobody

    def fresh_ssrc(self, entropy: Entropy) -> int:
        """An SSRC for what we send, never used with these keys before."""
        while True:
            ssrc = int.from_bytes(entropy(4), "big")
            if ssrc and ssrc not in self.used:
                self.used.add(ssrc)
                return ssrc
