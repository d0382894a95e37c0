"""Credentials of relays (the "TURN REST" scheme, draft-uberti-behave-turn-rest-00) and tickets of calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple

import msgspec

from calls.domain.messages import Ice, IceServer, Party


class Relays(NamedTuple):
    """What the deployment has. `secrets`: the newest first; relays know all of them while one takes the place of another."""

    urls: tuple[str, ...]
    secrets: tuple[str, ...]
    stun_urls: tuple[str, ...] = ()


def credentials(relays: Relays, call_id: str, device_id: str, now_ms: int, ttl_s: int, *, relay_only: bool) -> Ice:
    """What one device gets for one call: a user name that says until when new relays are given, and a password of the newest secret.

    Without relays nothing can be relayed, so that `relay_only` is void.
    """
    servers = [IceServer(relays.stun_urls)] if relays.stun_urls else []
    if not relays.urls:
        return Ice(tuple(servers))
    expires_s = now_ms // 1000 + ttl_s
    username = f"{expires_s}:{call_id}.{device_id}"
    digest = hmac.new(relays.secrets[0].encode(), username.encode(), hashlib.sha1).digest()
    servers.append(IceServer(relays.urls, username, base64.b64encode(digest).decode()))
    return Ice(tuple(servers), relay_only, expires_s * 1000)


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What a call's ticket says."""

    call_id: str
    conversation_id: str
    caller: Party
    callee_id: str
    video: bool
    began_ms: int


TAG_BYTES = 16


def sealed_ticket(secret: bytes, ticket: Ticket) -> bytes:
    """The ticket as devices keep it: 16 bytes of HMAC-SHA256 (RFC 2104) before what it says."""
    said = msgspec.json.encode(ticket)
    return hmac.new(secret, said, hashlib.sha256).digest()[:TAG_BYTES] + said


def opened_ticket(secret: bytes, sealed: bytes, now_ms: int, ttl_s: int) -> Ticket | None:
    """What it says; None: it is not ours, or too old."""
    tag, said = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
    if not hmac.compare_digest(tag, hmac.new(secret, said, hashlib.sha256).digest()[:TAG_BYTES]):
        return None
    ticket = msgspec.json.decode(said, type=Ticket)
    return ticket if now_ms - ticket.began_ms <= ttl_s * 1000 else None
