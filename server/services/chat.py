"""The chat of one device: what each of its commands does, on a stream or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from server.domain import events, ids
from server.domain.append import Outcome, Sent, Ticket
from server.domain.connection import Moved
from server.domain.draining import Drain
from server.domain.events import Command, Positions, RefusalTold, SendResult, Told, TypingTold, Welcome
from server.domain.identity import Identity
from server.domain.notice import ClosingReason
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal, Refused
from server.ports.log import Head, Hint, LogRetention, Memberships
from server.services.draining import let_go
from server.services.elsewhere import NO_STREAM, Elsewhere
from server.services.hub import Hub
from server.services.presence import Presence
from server.services.rates import Rates
from server.services.sending import Sending
from server.services.streaming import RETRY_MS, Needs, Stream

HEADS_AT_ONCE = 32
OPENED_AT_ONCE = 8
"""Conversations that one stream has loaded at the same time, so that a device with many does not fill the queue to the store."""
LOOK_AGAIN_S = 1.0
"""Before a comparison that the store did not answer is tried again."""


class Later(Enum):
    """The answer `LATER`."""

    LATER = "the command has to wait for the store"


LATER = Later.LATER


class Chat:
    """Opens streams and does commands."""

    def __init__(
        self,
        hub: Hub,
        needs: Needs,
        sending: Sending,
        memberships: Memberships,
        retention: LogRetention,
        presence: Presence,
        rates: Rates,
        new_id: Callable[[], str],
        active: Callable[[str, int], Awaitable[None]],
        elsewhere: Elsewhere,
    ) -> None:
        """`active` stores that a device was connected at a Unix ms: one that is not, for the retention, holds up no trimming."""
        self._hub = hub
        self._needs = needs
        self._sending = sending
        self._memberships = memberships
        self._retention = retention
        self._presence = presence
        self._rates = rates
        self._new_id = new_id
        self._active = active
        self._elsewhere = elsewhere
        self._tickets: dict[Stream, set[Ticket]] = {}
        self._looks: dict[Stream, asyncio.Task[None]] = {}
        """Second looks that are due; gone with their stream, so that a stopping node waits for none."""
        self.draining = False

    # -- a stream ------------------------------------------------------------------------------------------------------

    async def open(self, identity: Identity, hello: events.Hello, woken: Callable[[], None]) -> Stream:
        """Answer Hello with Welcome. The live feed is attached, and nothing is read: a slow store does not pass for a dead node.

        `catch_up` is next, and `closed` last.
        """
        needs = self._needs
        stream = Stream(self._new_id(), identity, needs, woken)
        stream.connection.hello()
        epoch = await self._retention.epoch()
        stream.tell(Welcome(stream.connection_id, epoch, needs.clock.now_ms(), identity.account_id, identity.device_id))
        self._tickets[stream] = set()
        stream.said, stream.trusted = hello.positions, not hello.epoch or hello.epoch == epoch
        self._hub.add(stream)
        self._presence.connected(identity, stream.connection_id, hello.foreground)
        return stream

    async def catch_up(self, stream: Stream, hello: events.Hello) -> None:
        """Everything that the device lacks. What does not depend on one another is asked of the stores at once.

        Raises:
            Refused: UNAVAILABLE.
        """
        identity, needs = stream.identity, self._needs
        # first: from now on it holds up trimming again, and other nodes find it
        active = self._active(identity.device_id, needs.clock.now_ms())
        await asyncio.gather(active, self._elsewhere.came(identity, stream.connection_id))
        await self._open_feeds(stream)
        stream.do(stream.connection.hello_done())
        # where the device lags it may lack own envelopes, written on another device, whose ticks were told before it came
        await needs.receipts.unfinished(identity.account_id, {*hello.unfinished, *stream.connection.feeds})
        self._looks[stream] = needs.tasks.create_task(self._second_look(stream), name="second look")

    async def _open_feeds(self, stream: Stream) -> None:
        """Positions first, then heads from the log, newest conversation first."""
        identity, needs = stream.identity, self._needs
        rows, memberships = await asyncio.gather(
            needs.positions.of_device(identity.device_id), self._memberships.of_account(identity.account_id)
        )
        stored = {row.conversation_id: row for row in rows}
        hints = {hint.conversation_id: hint for hint in memberships}
        wanted = list(hints)
        heads: dict[str, Head] = {}
        for at in range(0, len(wanted), HEADS_AT_ONCE):
            heads.update(await needs.log.heads(wanted[at : at + HEADS_AT_ONCE]))
        lacking: list[tuple[str, int]] = []
        for conversation_id in sorted(heads, key=lambda key: -heads[key].changed_at_ms):
            row = stored.get(conversation_id)
            acked, read, skipped, fresh, _ = stream.know(conversation_id, row, heads[conversation_id].seq)
            hint = hints[conversation_id]
            head = min(heads[conversation_id].seq, hint.left_seq or heads[conversation_id].seq)
            self._tell_read(stream, hint)
            if fresh or acked != head or ids.is_self(conversation_id):
                lacking.append((conversation_id, head))
            if row is None or acked > row.acked or read > row.read or read > hint.read_seq:
                # what Hello knows better than the rows, or than the account's mark, a crash has lost: flush and tell it again
                needs.receipts.moved(identity, Moved(conversation_id, acked, read, skipped, read > hint.read_seq))
        for at in range(0, len(lacking), OPENED_AT_ONCE):
            await asyncio.gather(*(stream.open(*each) for each in lacking[at : at + OPENED_AT_ONCE]))

    def _tell_read(self, stream: Stream, hint: Hint) -> None:
        """What the account has read, perhaps on a device of another node; once per value."""
        if hint.read_seq > stream.read_told.get(hint.conversation_id, 0):
            stream.read_told[hint.conversation_id] = hint.read_seq
            stream.tell(Positions(hint.conversation_id, own_read_seq=hint.read_seq))

    async def _second_look(self, stream: Stream) -> None:
        """Compare the heads with the log once routes that were cached before this registration are dead."""
        await asyncio.sleep(self._needs.limits.second_look_ms / 1000)
        await self._look(stream)

    async def look(self, stream: Stream) -> None:
        """Note that the device is active, and compare the stream's heads with the log."""
        try:
            await self._active(stream.identity.device_id, self._needs.clock.now_ms())
        except Refused:
            pass  # the next comparison notes it
        await self._look(stream)

    async def _look(self, stream: Stream) -> None:
        """Compare; while the store is away, again and again."""
        while stream in self._tickets and not await self._looked(stream):
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _looked(self, stream: Stream) -> bool:
        """Compare once; False: the store is away."""
        try:
            hints = await self._memberships.of_account(stream.identity.account_id)
            wanted = [hint.conversation_id for hint in hints]
            for hint in hints:
                self._tell_read(stream, hint)
            for at in range(0, len(wanted), HEADS_AT_ONCE):
                for conversation_id, head in (await self._needs.log.heads(wanted[at : at + HEADS_AT_ONCE])).items():
                    self._needs.conversations.told(conversation_id, head.seq)
                    known = stream.known.get(conversation_id)
                    if known is None or known.acked < head.seq:
                        stream.nudge(conversation_id, head.seq)
            await self._needs.receipts.refresh(stream.identity.account_id)
        except Refused:
            return False  # the nudge that was lost may have been the last one
        return True

    async def compare(self) -> None:
        """Compare every stream with the log now and then, spread over the interval."""
        while True:
            streams = self._hub.all()
            pause_s = self._needs.limits.comparison_interval_s / max(1, len(streams))
            for stream in streams:
                await asyncio.sleep(pause_s)
                if stream.closing is None:
                    await self.look(stream)
            if not streams:
                await asyncio.sleep(pause_s)

    async def compare_all(self, spread_ms: int) -> None:
        """Compare every stream with the log once, spread over so many ms."""
        streams = self._hub.all()
        for stream in streams:
            if spread_ms:
                await asyncio.sleep(spread_ms / 1000 / len(streams))
            if stream.closing is None:
                await self.look(stream)

    def closed(self, stream: Stream) -> None:
        """The stream is over: its proposals that were not appended yet are dropped, its route is released."""
        if (due := self._looks.pop(stream, None)) is not None:
            due.cancel()
        for ticket in self._tickets.pop(stream, ()):
            self._needs.conversations.drop(ticket)
        self._hub.remove(stream)
        self._elsewhere.went(stream.connection_id)
        self._presence.disconnected(stream.connection_id)
        stream.release()

    def replaced(self, connection_id: str) -> None:
        """A later stream of this one's device stands on another node."""
        for stream in self._hub.all():
            if stream.connection_id == connection_id:
                stream.close(ClosingReason.REPLACED)

    def outrun(self, connection_id: str) -> None:
        """The cluster learnt late of this stream, and has heard of another one of its device since: whoever lives comes back, and then it
        is certain which one is the later. Not final, as `replaced` is."""
        for stream in self._hub.all():
            if stream.connection_id == connection_id:
                stream.close(ClosingReason.INTERNAL, RETRY_MS, "the device has been heard of elsewhere: it may come back")

    async def drain(self, begin: Callable[[Sequence[Identity]], Drain], retry_after_ms: Callable[[Drain], int]) -> None:
        """Tell every device to come back, each when its jitter says; their streams end as the drain that begins with them says.

        Returns when all have been told. From the first moment on no new stream is taken.
        """
        self.draining = True
        streams = self._hub.all()
        drain = begin([stream.identity for stream in streams])
        await let_go(streams, drain, self._elsewhere, self._needs.clock, lambda: retry_after_ms(drain))

    # -- commands ------------------------------------------------------------------------------------------------------

    def at_once(self, stream: Stream, command: Command) -> Refusal | Later | None:
        """Do one command of a stream, or say `LATER` when it has to wait for the store: then call `later`.

        A refusal has been told; it is returned so that floods can be counted.
        """
        said = command.said
        if isinstance(said, events.Ack):  # what was sent may always be acked
            stream.acked(said.conversation_id, said.up_to_seq)
            return None
        refusal = self._rates.command(stream.identity.account_id, self._needs.clock.monotonic_ms())
        if refusal is not None:
            return self._refuse(stream, command, refusal)
        if not isinstance(said, events.Send):
            return LATER
        proposal = self._sending.at_once(said)
        return LATER if proposal is None else self._propose(stream, command, said, proposal)

    async def do(self, stream: Stream, command: Command) -> Refusal | None:
        """`at_once`, and `later` where it has to be."""
        answer = self.at_once(stream, command)
        return await self.later(stream, command) if isinstance(answer, Later) else answer

    async def later(self, stream: Stream, command: Command) -> Refusal | None:
        """Do a command for which `at_once` said `LATER`."""
        try:
            match command.said:
                case events.Send() as send:
                    return self._propose(stream, command, send, await self._sending.prepare(send))
                case events.MarkRead(conversation_id, up_to_seq):
                    await stream.read(conversation_id, up_to_seq)
                case events.SetTyping(conversation_id, kind):
                    return await self._typing(stream, command, conversation_id, kind)
                case events.SetForeground(foreground):
                    self._presence.foreground(stream.connection_id, foreground)
                case events.WatchPresence(account_ids):
                    await self._presence.watch(stream.connection_id, account_ids)
                case events.Ping():
                    stream.tell(events.Pong(command.ref, self._needs.clock.now_ms()))
                case events.Hello():
                    return self._refuse(stream, command, Refusal(Reason.OUT_OF_PLACE, detail="a second Hello"))
                case events.Bad(bad):
                    return self._refuse(stream, command, bad)
                case events.Ack():
                    raise AssertionError("an ack is done at once")
        except Refused as refused:
            return self._refuse(stream, command, refused.refusal)
        return None

    def _refuse(self, stream: Stream, command: Command, refusal: Refusal) -> Refusal:
        said = command.said
        if isinstance(said, events.Send):
            stream.answered(command.ref, said.conversation_id, said.proposal.envelope_id, refusal)
        else:
            stream.tell(RefusalTold(command.ref, refusal))
        return refusal

    def _propose(self, stream: Stream, command: Command, send: events.Send, proposal: Proposal | Refusal) -> Refusal | None:
        ref, conversation_id, envelope_id = command.ref, send.conversation_id, send.proposal.envelope_id
        if isinstance(proposal, Refusal):
            stream.answered(ref, conversation_id, envelope_id, proposal)
            return proposal
        tickets = self._tickets[stream]
        author = stream.identity.account_id

        def answered(outcome: Outcome) -> None:
            tickets.discard(ticket)
            if isinstance(outcome, Sent):
                if outcome.duplicate:
                    self._needs.receipts.met(conversation_id, author, outcome.seq)
                else:
                    self._needs.receipts.sent(conversation_id, author)
            stream.answered(ref, conversation_id, envelope_id, outcome)

        ticket = Ticket(proposal)
        tickets.add(ticket)
        self._needs.conversations.submit(conversation_id, ticket, answered)
        return None

    async def _typing(self, stream: Stream, command: Command, conversation_id: str, kind: int) -> Refusal | None:
        refusal = await self.typing(stream.identity, conversation_id, kind)
        return None if refusal is None else self._refuse(stream, command, refusal)

    async def typing(self, identity: Identity, conversation_id: str, kind: int) -> Refusal | None:
        """Tell the members who are connected, but for those who block the sender."""
        fold = (await self._needs.conversations.open(conversation_id)).fold
        if not fold.is_member(identity.account_id):
            return Refusal(Reason.NOT_A_MEMBER)
        event = TypingTold(conversation_id, identity.account_id, kind)
        others = [account_id for account_id in fold.current() if account_id != identity.account_id]
        for account_id in filter(self._hub.is_connected, others):
            if not await self._sending.hides(account_id, identity.account_id):
                self._hub.tell(account_id, event, self._needs.wire)
        away = [
            account_id
            for account_id in await self._elsewhere.connected(others)
            if not await self._sending.hides(account_id, identity.account_id)
        ]
        if away:
            self._elsewhere.tell(away, event)
        return None

    # -- without a stream ----------------------------------------------------------------------------------------------

    async def forwarded(self, identity: Identity, commands: list[Command]) -> list[Told]:
        """Commands that another node has taken for the device's stream here. Not sent on again: the device may be moving about."""
        answers: list[Told] = []
        stream = self._hub.of_device(identity)
        for command in commands:
            if stream is None:
                answers.append(RefusalTold(command.ref, NO_STREAM))
            else:
                await self._done(stream, command)
        return answers

    async def _done(self, stream: Stream, command: Command) -> None:
        """Do a command of a unary call: what has moved is durable when it is answered."""
        await self.do(stream, command)
        if isinstance(command.said, (events.Ack, events.MarkRead)):
            await self._needs.receipts.flush_device(stream.identity.device_id)

    async def submit(self, identity: Identity, commands: list[Command]) -> list[Told]:
        """Do commands of a unary call; those that are about the device's stream go to it. Answers when all are done."""
        answers: list[Told] = []
        for command in commands:
            answer = await self._submit(identity, command)
            if answer is not None:
                if (refusal := events.refusal_in(answer)) is not None:
                    self._needs.counts.refused(refusal.reason.name)
                answers.append(answer)
        return answers

    async def _submit(self, identity: Identity, command: Command) -> Told | None:
        said, ref = command.said, command.ref
        refusal = self._rates.command(identity.account_id, self._needs.clock.monotonic_ms())
        try:
            if isinstance(said, events.Send):
                outcome = refusal or await self._submit_send(identity, said)
                return SendResult(ref, said.conversation_id, said.proposal.envelope_id, outcome)
            if refusal is not None:
                return RefusalTold(ref, refusal)
            if isinstance(said, events.Bad):
                return RefusalTold(ref, said.refusal)
            if isinstance(said, events.SetTyping):
                refusal = await self.typing(identity, said.conversation_id, said.kind)
                return None if refusal is None else RefusalTold(ref, refusal)
            stream = self._hub.of_device(identity)
            if isinstance(said, (events.Hello, events.Ping)):
                return RefusalTold(ref, NO_STREAM)
            if stream is None:
                return await self._elsewhere.submit(identity, command)
            await self._done(stream, command)
        except Refused as refused:
            return RefusalTold(ref, refused.refusal)
        return None

    async def _submit_send(self, identity: Identity, send: events.Send) -> Outcome:
        proposal = await self._sending.prepare(send)
        if isinstance(proposal, Refusal):
            return proposal
        outcome = await self._needs.conversations.append(send.conversation_id, proposal)
        if isinstance(outcome, Sent):
            self._needs.receipts.sent(send.conversation_id, identity.account_id)
        return outcome
