"""Descriptions that this unit writes: a lite agent, one BUNDLE group, one host candidate for each address (RFC 8839, 9143, 8851, 8853)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from calls.domain.sdp import Payload

HOST_PRIORITY = 2_130_706_431
"""Type preference 126, local preference 65,535, component 1 (RFC 8445 §5.1.2.1)."""


@dataclass(frozen=True, slots=True)
class Transport:
    """This unit's end of one transport.

    Attributes:
        fingerprint: "sha-256 AB:CD:…".
        setup: "passive" in an answer, "actpass" in an offer.
        candidates: IP address and port, as clients reach them.
    """

    ufrag: str
    password: str
    fingerprint: str
    setup: str
    candidates: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a section that sends has to say: who, and in which SSRCs."""

    stream: str
    track: str
    cname: str
    ssrc: int
    rtx_ssrc: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """One media section. With port 0 (`rejected`) only the first four count."""

    kind: str
    mid: str
    protocol: str
    formats: tuple[str, ...]
    direction: str = "inactive"
    payloads: tuple[Payload, ...] = ()
    extensions: Mapping[int, str] = field(default_factory=dict)
    rids: tuple[str, ...] = ()
    sent: Sent | None = None
    rejected: bool = False


def write(sections: Sequence[Section], transport: Transport, session: int, version: int) -> str:
    """The description. `session` and `version`: of the origin line; the version grows with each one of a session."""
    bundled = [section.mid for section in sections if not section.rejected]
    lines = [
        "v=0",
        f"o=- {session} {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(bundled)}".rstrip(),
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
    ]
    for section in sections:
        lines += _rejected(section) if section.rejected else _section(section, transport)
    return "\r\n".join(lines) + "\r\n"


def _rejected(section: Section) -> list[str]:
    return [
        f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        "a=inactive",
    ]


def _section(section: Section, transport: Transport) -> list[str]:
    numbers = " ".join(str(payload.number) for payload in section.payloads)
    lines = [
        f"m={section.kind} 9 {section.protocol} {numbers}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        f"a={section.direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.password}",
        f"a=fingerprint:{transport.fingerprint}",
        f"a=setup:{transport.setup}",
    ]
    lines += [f"a=extmap:{number} {uri}" for number, uri in sorted(section.extensions.items())]
    for payload in section.payloads:
        channels = f"/{payload.channels}" if payload.channels > 1 else ""
        lines.append(f"a=rtpmap:{payload.number} {payload.name}/{payload.clock_rate}{channels}")
        lines += [f"a=rtcp-fb:{payload.number} {said}" for said in payload.feedback]
        if payload.parameters:
            lines.append(f"a=fmtp:{payload.number} {payload.parameters}")
    lines += [f"a=rid:{rid} recv" for rid in section.rids]
    if section.rids:
        lines.append(f"a=simulcast:recv {';'.join(section.rids)}")
    if section.sent is not None:
        lines += _sent(section.sent)
    for number, (address, port) in enumerate(transport.candidates):
        priority = HOST_PRIORITY - (number << 8)
        lines.append(f"a=candidate:{number + 1} 1 udp {priority} {address} {port} typ host")
    return [*lines, "a=end-of-candidates"]


def _sent(sent: Sent) -> list[str]:
    lines = [f"a=msid:{sent.stream} {sent.track}"]
    ssrcs = [sent.ssrc]
    if sent.rtx_ssrc is not None:
        ssrcs.append(sent.rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {sent.ssrc} {sent.rtx_ssrc}")
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{sent.cname}", f"a=ssrc:{ssrc} msid:{sent.stream} {sent.track}"]
    return lines
