"""Every open stream of this node, by account and device."""

from __future__ import annotations

from collections.abc import Sequence

from server.domain.events import Told
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.notice import ClosingReason
from server.ports.wire import Wire
from server.services.conversations import Live
from server.services.streaming import Stream


class Hub:
    """Every open stream of this node: one per device."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._streams: dict[str, dict[str, Stream]] = {}
        self._along: set[Stream] = set()
        """Streams that were told something that could wait."""

    def count(self) -> int:
        """How many streams are open."""
        return sum(len(streams) for streams in self._streams.values())

    def add(self, stream: Stream) -> None:
        """A stream has opened; an older one of the same device is closed with REPLACED."""
        streams = self._streams.setdefault(stream.identity.account_id, {})
        old = streams.get(stream.identity.device_id)
        streams[stream.identity.device_id] = stream
        if old is not None:
            old.close(ClosingReason.REPLACED)

    def remove(self, stream: Stream) -> None:
        """A stream is over. A later one of the same device stays (the fence)."""
        streams = self._streams.get(stream.identity.account_id, {})
        if streams.get(stream.identity.device_id) is stream:
            del streams[stream.identity.device_id]
            if not streams:
                del self._streams[stream.identity.account_id]

    def of_account(self, account_id: str) -> list[Stream]:
        """The account's open streams."""
        return list(self._streams.get(account_id, {}).values())

    def of_device(self, identity: Identity) -> Stream | None:
        """The device's open stream."""
        return self._streams.get(identity.account_id, {}).get(identity.device_id)

    def is_connected(self, account_id: str) -> bool:
        """Whether the account has an open stream here."""
        return account_id in self._streams

    def all(self) -> list[Stream]:
        """Every open stream."""
        return [stream for streams in self._streams.values() for stream in streams.values()]

    def published(self, conversation_id: str, live: Live, head: int, since: int) -> None:
        """A log has grown from `since` to `head`: nudge the streams of the audience of what is new, once each."""
        for account_id, member in live.fold.members.items():
            streams = self._streams.get(account_id)
            if streams and (member.is_in() or member.left_seq() > since):
                for stream in list(streams.values()):
                    stream.nudge(conversation_id, head)

    def tell(self, account_id: str, event: Told, wire: Wire, except_device_id: str = "", only_device_id: str = "") -> None:
        """Tell all of an account's devices, or one of them; serialised once."""
        if account_id in self._streams:
            self.send(account_id, wire.told(event), except_device_id, only_device_id)

    def send(self, account_id: str, events: Sequence[bytes], except_device_id: str = "", only_device_id: str = "") -> None:
        """Send serialised events to all of an account's devices, or to one of them."""
        for device_id, stream in list(self._streams.get(account_id, {}).items()):
            if device_id != except_device_id and only_device_id in ("", device_id):
                stream.send(events)

    def tell_along(self, account_id: str, event: Told, wire: Wire) -> None:
        """Tell all of an account's devices with their next frame, or at the next `wake`."""
        if account_id in self._streams:
            self.send_along(account_id, wire.told(event))

    def send_along(self, account_id: str, events: Sequence[bytes]) -> None:
        """Send serialised events with the devices' next frames, or at the next `wake`."""
        for stream in self._streams.get(account_id, {}).values():
            stream.send_along(events)
            self._along.add(stream)

    def wake(self) -> None:
        """Send what still waits to be sent along."""
        along, self._along = self._along, set()
        for stream in along:
            stream.wake()
