"""Ports within one process, for a deployment that has one."""

from __future__ import annotations

from calls.domain.direct_call_events import DirectCall, State
from calls.domain.messages import Message, Party, Replaced
from calls.domain.signalling_limits import SignallingLimits
from calls.ports.signalling import Stored, Stream
from server.kit.world import Clock


class MemoryRings:
    """`Rings` in a dict."""

    def __init__(self, clock: Clock, limits: SignallingLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._calls: dict[str, Stored] = {}
        self._pairs: dict[str, str] = {}
        """Conversation → its live call."""
        self._gone_ms: dict[str, int] = {}
        """When an ended call is forgotten, in order."""

    async def begin(self, call: DirectCall) -> Stored:
        """See `Rings.begin`."""
        self._forget()
        known = self._calls.get(call.call_id) or self._calls.get(self._pairs.get(call.conversation_id, ""))
        if known is not None and (known.call.state is not State.ENDED or known.call.call_id == call.call_id):
            return known
        self._pairs[call.conversation_id] = call.call_id
        self._calls[call.call_id] = Stored(call, 1)
        return self._calls[call.call_id]

    async def get(self, call_id: str) -> Stored | None:
        """See `Rings.get`."""
        return self._calls.get(call_id)

    async def replace(self, stored: Stored, call: DirectCall) -> bool:
        """See `Rings.replace`."""
        known = self._calls.get(call.call_id)
        if known is None or known.version != stored.version:
            return False
        self._calls[call.call_id] = Stored(call, stored.version + 1)
        if call.state is State.ENDED:
            if self._pairs.get(call.conversation_id) == call.call_id:
                del self._pairs[call.conversation_id]
            self._gone_ms.setdefault(call.call_id, self._clock.monotonic_ms() + self._limits.memory_ms)
        return True

    async def of_account(self, account_id: str) -> list[DirectCall]:
        """See `Rings.of_account`."""
        live = [self._calls[call_id].call for call_id in self._pairs.values()]
        return [call for call in live if account_id in (call.caller.account_id, call.callee_id)]

    async def due(self, now_ms: int) -> list[str]:
        """See `Rings.due`."""
        self._forget()
        return [call_id for call_id, (call, _) in self._calls.items() if 0 < call.due_ms <= now_ms]

    def _forget(self) -> None:
        now_ms = self._clock.monotonic_ms()
        while self._gone_ms and next(iter(self._gone_ms.values())) <= now_ms:
            call_id = next(iter(self._gone_ms))
            del self._gone_ms[call_id]
            self._calls.pop(call_id, None)


class LocalPost:
    """`Post` for the streams of this process."""

    def __init__(self) -> None:
        self._streams: dict[Party, Stream] = {}

    async def attend(self, stream: Stream) -> None:
        """See `Attendance.attend`."""
        before = self._streams.get(stream.party)
        self._streams[stream.party] = stream
        if before is not None:
            before.take(Replaced(stream.stream_id))

    async def leave(self, stream: Stream) -> None:
        """See `Attendance.leave`."""
        if self._streams.get(stream.party) is stream:
            del self._streams[stream.party]

    @property
    def streams(self) -> list[Stream]:
        """All of them."""
        return list(self._streams.values())

    def has(self, party: Party) -> bool:
        """The device has a stream here."""
        return party in self._streams

    def __len__(self) -> int:
        return len(self._streams)

    async def deliver(self, party: Party, message: Message) -> None:
        """See `Post.deliver`."""
        stream = self._streams.get(party)
        if stream is not None:
            stream.take(message)

    async def present(self, account_id: str) -> set[str]:
        """See `Post.present`."""
        return {party.device_id for party in self._streams if party.account_id == account_id}
