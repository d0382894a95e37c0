"""How what a device is told becomes bytes. The services join such bytes into frames and never look inside."""

from __future__ import annotations

from typing import Protocol

from server.domain.append import Sent
from server.domain.envelope import Entry
from server.domain.events import Told


class Wire(Protocol):
    """Serialises events. Each result is one item of `repeated Event events = 1`, tag and length included, so that frames are joins."""

    def envelope(self, conversation_id: str, entry: Entry) -> bytes:
        """An envelope event. Called once per entry, whoever gets it."""
        ...

    def sent(self, ref: int, conversation_id: str, envelope_id: str, sent: Sent) -> bytes:
        """A SendResult of what is in the log: what `told` would make of it, once per message."""
        ...

    def told(self, event: Told) -> list[bytes]:
        """Any other event; a State that is long comes in parts."""
        ...
