"""What frames of direct and of group calls share."""

from __future__ import annotations

from tidewire.v1 import call_pb2

from calls.domain import messages
from calls.domain.messages import Candidate, Sdp


def sdp(told: call_pb2.CallDescription) -> Sdp:
    """A description as it came."""
    return Sdp(told.revision, told.sdp, told.sealed)


def description(known: Sdp | None) -> call_pb2.CallDescription | None:
    """A description as it goes."""
    return None if known is None else call_pb2.CallDescription(revision=known.revision, sdp=known.sdp, sealed=known.sealed)


def candidates(known: tuple[Candidate, ...]) -> list[call_pb2.IceCandidate]:
    """Candidates as they go."""
    return [call_pb2.IceCandidate(candidate=one.line, mid=one.mid, line=one.place) for one in known]


def ice(known: messages.Ice) -> call_pb2.IceServers:
    """Relays as they go."""
    servers = [call_pb2.IceServer(urls=one.urls, username=one.username, credential=one.credential) for one in known.servers]
    return call_pb2.IceServers(servers=servers, relay_only=known.relay_only, expires_at_ms=known.expires_at_ms)


def end(reason: messages.End) -> call_pb2.CallEnd:
    """A reason as it goes."""
    return call_pb2.CallEnd.Value(f"CALL_END_{reason.name}")  # type: ignore[return-value, arg-type]


def incoming(told: messages.Incoming) -> call_pb2.IncomingCall:
    """A call as it is told to a device that rings."""
    return call_pb2.IncomingCall(
        call_id=told.call_id,
        conversation_id=told.conversation_id,
        caller_account_id=told.caller_account_id,
        video=told.video,
        offer=description(told.offer),
        rings_until_ms=told.rings_until_ms,
        ice=ice(told.ice),
        ticket=told.ticket,
        silent=told.silent,
    )
