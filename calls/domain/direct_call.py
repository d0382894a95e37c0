"""A call between two people, as a state machine: an event and a moment in, the call afterwards and commands out.

    RINGING → CONNECTING → ACTIVE ⇄ RECONNECTING → ENDED

Rules that live here and nowhere else:
- Who is blocked hears ringing; nothing is delivered, and the call ends as one that nobody took.
- One device takes the call; whoever stores the call makes sure that of two changes of one state the second is judged anew.
- Declining is for all devices of the account; busy is heard when all devices that ring are.
- Until the call is taken the caller's candidates are kept; the device that takes it gets them.
- Of two offers with one revision the second is refused: one side offers at a time.
- A call has exactly one record, made when it ends.
"""

from __future__ import annotations

from typing import Any

import msgspec

from calls.domain import messages
from calls.domain.direct_call_events import (
    Accepted,
    Busy,
    Came,
    Command,
    Declined,
    Deliver,
    Described,
    DirectCall,
    Due,
    Event,
    HungUp,
    Media,
    Reached,
    Record,
    Recorded,
    Ring,
    Shown,
    State,
    Step,
    StopRinging,
)
from calls.domain.messages import End, Party
from calls.domain.signalling_limits import SignallingLimits
from server.kit.refusal import Reason, Refusal, limit_exceeded

RECORD_RETRY_MS = 5_000
"""A record that the node did not take is tried again after this long."""

OVER = Refusal(Reason.NOT_FOUND, "the call is over, or there is none", "call_id")
NOT_TAKEN = Refusal(Reason.OUT_OF_PLACE, "nobody has taken the call yet", "call_id")
NOT_IN = Refusal(Reason.NOT_ALLOWED, "this device has no part in the call", "call_id")


def placed(call: DirectCall, now_ms: int, limits: SignallingLimits) -> Step:
    """A call begins; it rings once it has an offer."""
    call = _with(call, began_ms=now_ms, due_ms=now_ms + limits.ring_ms, offerer=call.caller)
    return call, _ring(call)


def _ring(call: DirectCall) -> tuple[Command, ...]:
    if call.offer is None:
        return ()
    return (Ring(call),) if call.reachable else (Deliver(call.caller, messages.Rings(call.call_id)),)


def step(call: DirectCall, event: Event, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    """What an event does to a call; a refusal leaves it as it is."""
    if isinstance(event, Recorded):
        return _with(call, recorded=True, due_ms=0), ()
    if isinstance(event, Due):
        return _due(call, now_ms, limits)
    if call.state is State.ENDED:
        return OVER
    if isinstance(event, HungUp):
        return _hung_up(call, event, now_ms)
    if isinstance(event, Reached):
        return _reached(call, event, limits)
    if call.state is State.RINGING:
        return _ringing(call, event, now_ms, limits)
    return _talking(call, event, now_ms, limits)


# -- while it rings ----------------------------------------------------------------------------------------------------


def _ringing(call: DirectCall, event: Event, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    if isinstance(event, Described):
        return _first_offer(call, event)
    if isinstance(event, Media):
        return NOT_TAKEN
    assert isinstance(event, Came | Shown | Accepted | Declined | Busy), "the others are answered before"
    early = call.offer is None and not isinstance(event, Came)
    if event.party.account_id != call.callee_id or not call.reachable or early:
        return NOT_IN if event.party == call.caller else OVER
    device_id = event.party.device_id
    known = _with(call, devices=call.devices if device_id in call.devices else (*call.devices, device_id))
    match event:
        case Came():
            return known, ()
        case Shown():
            if call.shown:
                return known, ()
            return _with(known, shown=True), (Deliver(call.caller, messages.Rings(call.call_id)),)
        case Accepted():
            return _accepted(known, event, now_ms, limits)
        case Declined():
            return _ended(known, End.DECLINED, now_ms, event.party)
        case _:
            busy = call.busy if device_id in call.busy else (*call.busy, device_id)
            known = _with(known, busy=busy)
            return _ended(known, End.BUSY, now_ms, event.party) if set(known.devices) <= set(busy) else (known, ())


def _first_offer(call: DirectCall, event: Described) -> Step | Refusal:
    if event.party != call.caller or event.answers or event.description == call.offer:
        return (call, ()) if event.description == call.offer else NOT_TAKEN
    if call.offer is not None or event.description.revision != 1:
        return Refusal(Reason.OUT_OF_PLACE, "until it is taken a call has one offer, of revision 1", "description")
    offered = _with(call, offer=event.description)
    return offered, _ring(offered)


def _accepted(call: DirectCall, event: Accepted, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    offer = call.offer
    assert offer is not None, "it rings"
    if event.answer.revision != offer.revision:
        return Refusal(Reason.INVALID, "answers another offer", "answer.revision", offer.revision, event.answer.revision)
    taker = event.party
    taken = _with(
        call,
        state=State.CONNECTING,
        taken_by=taker.device_id,
        answer=event.answer,
        candidates=(),
        due_ms=now_ms + limits.connect_ms,
    )
    commands: list[Command] = [Deliver(call.caller, messages.Accepted(call.call_id, event.answer, taker.device_id))]
    if call.candidates:
        commands.append(Deliver(taker, messages.Candidates(call.call_id, call.candidates)))
    commands.append(StopRinging(taken, End.ANSWERED_ELSEWHERE, taker.device_id))
    return taken, tuple(commands)


# -- while people talk -------------------------------------------------------------------------------------------------


def _talking(call: DirectCall, event: Event, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    match event:
        case Media():
            return _media(call, event, now_ms, limits)
        case Described():
            return _described(call, event, limits)
        case Accepted(party, answer):
            if party == Party(call.callee_id, call.taken_by) and answer == call.answer:
                return call, ()  # it repeats itself, since it did not hear the answer
            return Refusal(Reason.OUT_OF_PLACE, "another device took the call", "call_id")
        case Came():
            return call, ()
    return Refusal(Reason.OUT_OF_PLACE, "the call does not ring any more", "call_id")


def _media(call: DirectCall, event: Media, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    if not call.is_in(event.party):
        return NOT_IN
    if event.flows:
        since = call.talked_since_ms or now_ms
        active = _with(call, state=State.ACTIVE, talked_since_ms=since, talked_until_ms=now_ms, due_ms=now_ms + limits.silence_ms)
        return active, ()
    if call.state is State.ACTIVE:
        return _with(call, state=State.RECONNECTING, talked_until_ms=now_ms, due_ms=now_ms + limits.reconnect_ms), ()
    return call, ()


def _described(call: DirectCall, event: Described, limits: SignallingLimits) -> Step | Refusal:
    other, newest = call.other(event.party), call.offer
    if other is None:
        return NOT_IN
    assert newest is not None, "it was taken"
    revision = event.description.revision
    told = Deliver(other, messages.Described(call.call_id, event.description, event.answers))
    if event.answers:
        if revision != newest.revision or event.party == call.offerer:
            return Refusal(Reason.OUT_OF_PLACE, "answers no offer of the other side", "revision", newest.revision, revision)
        return _with(call, answer=event.description), (told,)
    if revision > limits.revisions_max:
        return limit_exceeded("revisions_max", limits.revisions_max, revision)
    if event.description == newest:
        return call, (told,)  # said again, since its answer was lost
    if revision != newest.revision + 1 or call.answer is None or call.answer.revision != newest.revision:
        sentence = "an offer is open, or the other side was first: the next revision is offered once this one is answered"
        return Refusal(Reason.OUT_OF_PLACE, sentence, "revision", newest.revision + 1, revision)
    return _with(call, offer=event.description, offerer=event.party), (told,)


# -- at any time -------------------------------------------------------------------------------------------------------


def _reached(call: DirectCall, event: Reached, limits: SignallingLimits) -> Step | Refusal:
    other = call.other(event.party)
    if other is not None:
        return call, (Deliver(other, messages.Candidates(call.call_id, event.candidates)),)
    if call.state is not State.RINGING or event.party != call.caller:
        return NOT_IN
    kept = (*call.candidates, *event.candidates)
    if len(kept) > limits.candidates_max:
        return limit_exceeded("candidates_max", limits.candidates_max, len(kept))
    return _with(call, candidates=kept), ()


def _hung_up(call: DirectCall, event: HungUp, now_ms: int) -> Step | Refusal:
    if not call.is_in(event.party):
        return NOT_IN
    if call.state is State.RINGING:
        return _ended(call, End.CANCELLED, now_ms, event.party)
    if call.state is State.ACTIVE:
        call = _with(call, talked_until_ms=now_ms)
    return _ended(call, End.FAILED if event.failed else End.HANGUP, now_ms, event.party)


def _due(call: DirectCall, now_ms: int, limits: SignallingLimits) -> Step:
    if call.state is State.ENDED:
        return (call, ()) if call.recorded else (_with(call, due_ms=now_ms + RECORD_RETRY_MS), (Record(call),))
    if call.due_ms > now_ms:
        return call, ()
    why = {State.RINGING: End.MISSED, State.CONNECTING: End.FAILED}.get(call.state, End.NETWORK)
    return _ended(call, why, now_ms, None)


def _ended(call: DirectCall, end: End, now_ms: int, by: Party | None) -> Step:
    """`by`: whose command it was, who is answered otherwise."""
    ended = _with(call, state=State.ENDED, end=end, due_ms=now_ms + RECORD_RETRY_MS)
    commands: list[Command] = []
    if call.state is State.RINGING:
        if by != call.caller:
            commands.append(Deliver(call.caller, messages.Over(call.call_id, end)))
        if call.reachable and call.offer is not None:
            elsewhere = End.DECLINED_ELSEWHERE if end is End.DECLINED else end
            commands.append(StopRinging(ended, elsewhere, by.device_id if by is not None and by != call.caller else ""))
    else:
        parties = (call.caller, Party(call.callee_id, call.taken_by))
        commands += [Deliver(party, messages.Over(call.call_id, end)) for party in parties if party != by]
    return ended, (*commands, Record(ended))


def _with(call: DirectCall, **changes: Any) -> DirectCall:
    return msgspec.structs.replace(call, **changes)
