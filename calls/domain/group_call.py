"""A call of a group, as a state machine: an event and a moment in, the call afterwards and commands out.

Rules that live here and nowhere else:
- A call has a life, an era: from the first who joins until `group_empty_ms` after the last has left. Each life has one record.
- An account is in with one device: its second one takes the place of the first.
- At most `group_audio_max` are in, `group_video_max` of them with a camera, `group_screens_max` show a screen.
- Whom an admin mutes stays mute until that person unmutes; nobody else can.
- Joining or leaving stops the ringing on all devices of the account; declining does not stop it for others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from calls.domain.messages import End, Party
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.tracks import Source
from server.kit.refusal import Reason, Refusal, limit_exceeded


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is in. Times are Unix ms."""

    participant_id: str
    party: Party
    joined_ms: int
    muted: bool = False
    camera_off: bool = False
    hand_raised: bool = False
    sources: tuple[Source, ...] = ()
    """What it announced to send."""
    up: bool = False
    """Its media flows."""
    lost: bool = False
    """Its media flowed, and does not now."""
    admin: bool = False
    """It lets others in."""
    guest: bool = False
    """It came by a link, and is no member."""
    name: str = ""
    """Of a guest: how it is shown."""


class GroupCall(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a call."""

    conversation_id: str
    era_id: str
    starter_id: str
    """The account that began it."""
    began_ms: int
    participants: tuple[Participant, ...] = ()
    """In the order in which they came."""
    rung: tuple[str, ...] = ()
    """Accounts that ring."""
    rung_by: str = ""
    """The account that had them ring."""
    ring_until_ms: int = 0
    video: bool = False
    """Somebody sent pictures."""
    begun: bool = False
    """Somebody was in."""
    talked_since_ms: int = 0
    """Since when there were two."""
    empty_since_ms: int = 0
    """Since when nobody is in; 0: somebody is."""

    def find(self, participant_id: str) -> Participant | None:
        """Somebody by id."""
        return next((one for one in self.participants if one.participant_id == participant_id), None)

    def of(self, party: Party) -> Participant | None:
        """Somebody by device."""
        return next((one for one in self.participants if one.party == party), None)


# -- events ------------------------------------------------------------------------------------------------------------


class Joins(NamedTuple):
    """A device wants in, or offers again. `participant_id`: what it is called when it is not in yet."""

    party: Party
    participant_id: str
    sources: tuple[Source, ...]
    muted: bool
    camera_off: bool
    admin: bool = False
    guest: bool = False
    name: str = ""


class Ranks(NamedTuple):
    """Somebody lets others in from now on, or not any more."""

    participant_id: str
    admin: bool


class Leaves(NamedTuple):
    """A device leaves; or declines, when it is not in."""

    party: Party


class SetsSelf(NamedTuple):
    """A device says what stands beside its name. None: unchanged."""

    party: Party
    muted: bool | None
    camera_off: bool | None
    hand_raised: bool | None


class Mutes(NamedTuple):
    """An admin mutes somebody."""

    participant_id: str
    admin_id: str


class Removes(NamedTuple):
    """Somebody is put out: by an admin, or since the account is no member any more."""

    participant_id: str


class MediaIs(NamedTuple):
    """The unit says whether somebody's media flows."""

    participant_id: str
    flows: bool


class MediaEnded(NamedTuple):
    """The unit has put somebody out."""

    participant_id: str
    failed: bool


class Rings(NamedTuple):
    """Somebody has these accounts rung."""

    account_ids: tuple[str, ...]
    caller_id: str


class Tick(NamedTuple):
    """Time has passed. `awaited`: somebody waits to be let in, and the call is not over before that is answered."""

    awaited: bool = False


Event = Joins | Ranks | Leaves | SetsSelf | Mutes | Removes | MediaIs | MediaEnded | Rings | Tick


# -- commands ----------------------------------------------------------------------------------------------------------


class TellRoster(NamedTuple):
    """Who is in has changed: tell those who are, and those who follow."""


class TellOver(NamedTuple):
    """A device is out, for a reason."""

    party: Party
    reason: End


class Ranked(NamedTuple):
    """A device lets others in, and sees who waits; or does so no more."""

    party: Party
    admin: bool


class TellMuted(NamedTuple):
    """An admin muted this device."""

    party: Party
    admin_id: str


class Mute(NamedTuple):
    """The unit drops, or lets pass, what somebody says."""

    participant_id: str
    muted: bool


class PutOut(NamedTuple):
    """The unit ends somebody's transports."""

    participant_id: str


class RingAccounts(NamedTuple):
    """Ring these accounts."""

    account_ids: tuple[str, ...]


class StopRinging(NamedTuple):
    """An account does not ring any more; `device_id`: where it was taken, which needs not be told."""

    account_id: str
    device_id: str
    taken: bool


class Ended(NamedTuple):
    """This life is over: forget it, and append its record."""


Command = TellRoster | TellOver | Ranked | TellMuted | Mute | PutOut | RingAccounts | StopRinging | Ended
Step = tuple[GroupCall, tuple[Command, ...]]
NOT_IN = Refusal(Reason.NOT_FOUND, "the device is not in this call", "conversation_id")
NOBODY = Refusal(Reason.NOT_FOUND, "there is no such participant", "participant_id")


def step(call: GroupCall, event: Event, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    """What an event does to a call; a refusal leaves it as it is."""
    match event:
        case Joins():
            return _joins(call, event, now_ms, limits)
        case Ranks(participant_id, admin):
            one = call.find(participant_id)
            if one is None or one.admin is admin:
                return call, ()
            return _put(call, one, admin=admin), (Ranked(one.party, admin),)
        case Leaves(party):
            return _leaves(call, party, now_ms)
        case SetsSelf():
            return _sets_self(call, event)
        case Mutes(participant_id, admin_id):
            return _mutes(call, participant_id, admin_id)
        case Removes(participant_id):
            gone = call.find(participant_id)
            return NOBODY if gone is None else _without(call, gone, now_ms, End.REMOVED)
        case MediaIs(participant_id, flows):
            one = call.find(participant_id)
            if one is None or (one.up, one.lost) == (flows, not flows):
                return call, ()
            return _put(call, one, up=flows, lost=not flows), (TellRoster(),)
        case MediaEnded(participant_id, failed):
            gone = call.find(participant_id)
            return (call, ()) if gone is None else _without(call, gone, now_ms, End.FAILED if failed else End.NETWORK)
        case Rings():
            return _rings(call, event, now_ms, limits)
        case _:
            return _tick(call, event.awaited, now_ms, limits)


def may_join(call: GroupCall, event: Joins, limits: SignallingLimits) -> Refusal | None:
    """Whether there is room, asked before the unit is."""
    others = [one for one in call.participants if one.party.account_id != event.party.account_id]
    if len(others) >= limits.group_audio_max:
        return limit_exceeded("group_audio_max", limits.group_audio_max, len(others) + 1)
    for source, name in ((Source.CAMERA, "group_video_max"), (Source.SCREEN, "group_screens_max")):
        sending = sum(source in one.sources for one in others)
        if source in event.sources and sending >= getattr(limits, name):
            return limit_exceeded(name, getattr(limits, name), sending + 1)
    return None


def _joins(call: GroupCall, event: Joins, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    refusal = may_join(call, event, limits)
    if refusal is not None:
        return refusal
    video = call.video or any(source.video for source in event.sources)
    known = call.of(event.party)
    if known is not None:
        again = _put(call, known, sources=event.sources, admin=event.admin, guest=event.guest, name=event.name)
        rank = (Ranked(event.party, event.admin),) if event.admin or known.admin else ()
        return _with(again, video=video), (*rank, TellRoster())
    commands: list[Command] = []
    stays = []
    for one in call.participants:
        if one.party.account_id == event.party.account_id:
            commands += [PutOut(one.participant_id), TellOver(one.party, End.REPLACED)]
        else:
            stays.append(one)
    new = Participant(
        participant_id=event.participant_id,
        party=event.party,
        joined_ms=now_ms,
        muted=event.muted,
        camera_off=event.camera_off,
        sources=event.sources,
        admin=event.admin,
        guest=event.guest,
        name=event.name,
    )
    if event.admin:
        commands.append(Ranked(event.party, True))
    if event.party.account_id in call.rung:
        commands.append(StopRinging(event.party.account_id, event.party.device_id, True))
    since = call.talked_since_ms or (now_ms if stays else 0)
    joined = _with(
        call,
        participants=(*stays, new),
        rung=tuple(one for one in call.rung if one != event.party.account_id),
        video=video,
        begun=True,
        talked_since_ms=since,
        empty_since_ms=0,
    )
    return joined, (*commands, TellRoster())


def _leaves(call: GroupCall, party: Party, now_ms: int) -> Step | Refusal:
    one = call.of(party)
    if one is not None:
        return _without(call, one, now_ms, None)
    if party.account_id not in call.rung:
        return NOT_IN
    rung = tuple(account_id for account_id in call.rung if account_id != party.account_id)
    return _with(call, rung=rung), (StopRinging(party.account_id, party.device_id, False),)


def _without(call: GroupCall, gone: Participant, now_ms: int, reason: End | None) -> Step:
    """`reason`: what the device is told; None: it knows."""
    rest = tuple(one for one in call.participants if one != gone)
    told: tuple[Command, ...] = () if reason is None else (TellOver(gone.party, reason),)
    empty = 0 if rest else now_ms
    return _with(call, participants=rest, empty_since_ms=empty), (PutOut(gone.participant_id), *told, TellRoster())


def _sets_self(call: GroupCall, event: SetsSelf) -> Step | Refusal:
    one = call.of(event.party)
    if one is None:
        return NOT_IN
    muted = one.muted if event.muted is None else event.muted
    camera_off = one.camera_off if event.camera_off is None else event.camera_off
    hand = one.hand_raised if event.hand_raised is None else event.hand_raised
    changed = _put(call, one, muted=muted, camera_off=camera_off, hand_raised=hand)
    if changed == call:
        return call, ()
    mute: tuple[Command, ...] = (Mute(one.participant_id, muted),) if muted != one.muted else ()
    return changed, (*mute, TellRoster())


def _mutes(call: GroupCall, participant_id: str, admin_id: str) -> Step | Refusal:
    one = call.find(participant_id)
    if one is None:
        return NOBODY
    if one.muted:
        return call, ()
    return _put(call, one, muted=True), (Mute(participant_id, True), TellMuted(one.party, admin_id), TellRoster())


def _rings(call: GroupCall, event: Rings, now_ms: int, limits: SignallingLimits) -> Step | Refusal:
    inside = {one.party.account_id for one in call.participants}
    wanted = tuple(one for one in dict.fromkeys(event.account_ids) if one not in inside)
    rung = tuple(dict.fromkeys((*call.rung, *wanted)))
    if len(rung) > limits.group_ring_max:
        return limit_exceeded("group_ring_max", limits.group_ring_max, len(rung))
    if not wanted:
        return call, ()
    return _with(call, rung=rung, rung_by=event.caller_id, ring_until_ms=now_ms + limits.ring_ms), (RingAccounts(wanted),)


def _tick(call: GroupCall, awaited: bool, now_ms: int, limits: SignallingLimits) -> Step:
    commands: list[Command] = []
    ends = not awaited and bool(call.empty_since_ms) and now_ms - call.empty_since_ms >= limits.group_empty_ms
    if call.rung and (ends or now_ms >= call.ring_until_ms):
        commands += [StopRinging(account_id, "", False) for account_id in call.rung]
        call = _with(call, rung=())
    if ends:
        commands.append(Ended())
    return call, tuple(commands)


def _put(call: GroupCall, one: Participant, **changes: Any) -> GroupCall:
    changed = msgspec.structs.replace(one, **changes)
    return _with(call, participants=tuple(changed if other == one else other for other in call.participants))


def _with(call: GroupCall, **changes: Any) -> GroupCall:
    return msgspec.structs.replace(call, **changes)
