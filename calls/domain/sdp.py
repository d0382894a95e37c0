"""Session descriptions (RFC 8866, 9429) as this unit needs them: read into values, or refused. `sdp_writer` writes ours.

What is unknown is passed over; what is known and malformed refuses the whole description, naming the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from calls.domain.limits import ForwarderLimits
from server.kit.refusal import Reason, Refusal, limit_exceeded

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
SETUPS = ("actpass", "active", "passive")
PAYLOADS_MAX, SSRCS_MAX, EXTENSIONS_MAX, RIDS_MAX, FINGERPRINTS_MAX = 128, 64, 64, 16, 8
TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}")
MEDIA = re.compile(
    r"(audio|video|application|text|message|image) ([0-9]{1,5})(?:/[0-9]{1,5})? ([A-Za-z0-9/]{1,32}) ([!-~ ]{1,1024})"
)
RTPMAP = re.compile(r"([0-9]{1,3}) ([!-.0-~]{1,64})/([0-9]{1,9})(?:/([0-9]{1,2}))?")
EXTMAP = re.compile(r"([0-9]{1,4})(?:/[a-z]{1,16})? ([!-~]{1,255})(?: .*)?")
SSRC = re.compile(r"([0-9]{1,10})(?: (.*))?")
GROUP = re.compile(r"([A-Z-]{1,16})((?: [0-9]{1,10}){0,8})")
RID = re.compile(r"([A-Za-z0-9_-]{1,32}) (send|recv)(?: .*)?")
FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16}) +((?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2})")
ICE = re.compile(r"[A-Za-z0-9+/=_-]{1,256}")


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload type: `name` as written, `parameters` of its fmtp line, `feedback` as in its rtcp-fb lines."""

    number: int
    name: str
    clock_rate: int
    channels: int = 0
    parameters: str = ""
    feedback: tuple[str, ...] = ()

    def parameter(self, name: str) -> str | None:
        """One parameter of the fmtp line."""
        for item in self.parameters.split(";"):
            key, _, value = item.strip().partition("=")
            if key.lower() == name:
                return value
        return None


@dataclass(slots=True)
class Media:
    """One media section, as it was read.

    Attributes:
        port: 0: rejected.
        extensions: id → URI.
        groups: of SSRCs: FID pairs a stream with its repairs, SIM lists layers.
        rids: that it sends, in the order of its simulcast line.
        fingerprints: algorithm and value, of the section or else of the session; so are `ufrag`, `password` and `setup`.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    mid: str = ""
    direction: str = "sendrecv"
    payloads: tuple[Payload, ...] = ()
    extensions: Mapping[int, str] = field(default_factory=dict)
    ssrcs: tuple[int, ...] = ()
    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()
    rids: tuple[str, ...] = ()
    ufrag: str = ""
    password: str = ""
    fingerprints: tuple[tuple[str, str], ...] = ()
    setup: str = ""
    mux: bool = False

    @property
    def sends(self) -> bool:
        """Media comes from whoever wrote it."""
        return self.port != 0 and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whoever wrote it takes media."""
        return self.port != 0 and self.direction in ("sendrecv", "recvonly")


class _Malformed(Exception):
    """Ends the reading of a description; never leaves this module."""


def invalid(detail: str) -> Refusal:
    """A description that no answer fits."""
    return Refusal(Reason.INVALID, detail=detail, subject="sdp")


def read(text: str, limits: ForwarderLimits) -> tuple[Media, ...] | Refusal:
    """The media sections, in their order; each has its own mid."""
    if len(text) > limits.sdp_bytes_max:
        return limit_exceeded("sdp_bytes_max", limits.sdp_bytes_max, len(text))
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    if not lines or lines[0] != "v=0":
        return invalid("the description does not begin with v=0")
    starts = [number for number, line in enumerate(lines) if line.startswith("m=")]
    if not starts:
        return invalid("the description has no media section")
    if len(starts) > limits.sections_max:
        return limit_exceeded("sections_max", limits.sections_max, len(starts))
    try:
        session = _attributes(lines[: starts[0]])
        media = tuple(
            _media(lines[start], _attributes(lines[start + 1 : end]), session)
            for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
        )
    except _Malformed as error:
        return invalid(f"malformed: {error}")
    if len({one.mid for one in media}) != len(media):
        return invalid("two media sections have the same mid")
    return media


def _attributes(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        if len(line) < 2 or line[1] != "=" or not line[0].islower():
            raise _Malformed(line[:80])
        if line[0] == "a":
            name, _, value = line[2:].partition(":")
            found.setdefault(name, []).append(value)
    return found


def _match(pattern: re.Pattern[str], value: str) -> re.Match[str]:
    found = pattern.fullmatch(value)
    if found is None or not value.isascii():
        raise _Malformed(value[:80])
    return found


def _few(values: list[str], limit: int, name: str) -> list[str]:
    if len(values) > limit:
        raise _Malformed(f"{len(values)} lines of {name}, of at most {limit}")
    return values


def _media(line: str, own: dict[str, list[str]], session: dict[str, list[str]]) -> Media:
    head = _match(MEDIA, line[2:])
    media = Media(head[1], int(head[2]), head[3], tuple(head[4].split()))
    media.mid = _match(TOKEN, own["mid"][0])[0] if "mid" in own else _no_mid(line)
    for said in (session, own):
        for direction in DIRECTIONS:
            if direction in said:
                media.direction = direction
    both = {name: own.get(name) or session.get(name) or [] for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup")}
    if both["ice-ufrag"]:
        media.ufrag = _match(ICE, both["ice-ufrag"][0])[0]
    if both["ice-pwd"]:
        media.password = _match(ICE, both["ice-pwd"][0])[0]
    prints = [_match(FINGERPRINT, value) for value in _few(both["fingerprint"], FINGERPRINTS_MAX, "fingerprint")]
    media.fingerprints = tuple((one[1].lower(), one[2].upper()) for one in prints)
    if both["setup"]:
        if both["setup"][0] not in SETUPS:
            raise _Malformed(f"setup:{both['setup'][0][:40]}")
        media.setup = both["setup"][0]
    media.mux = "rtcp-mux" in own
    extensions = [_match(EXTMAP, value) for value in _few(own.get("extmap", []), EXTENSIONS_MAX, "extmap")]
    media.extensions = {int(one[1]): one[2] for one in extensions}
    media.payloads = _payloads(media, own) if media.kind in ("audio", "video") else ()
    _streams(media, own)
    return media


def _no_mid(line: str) -> str:
    raise _Malformed(f"{line[:40]} has no mid")


def _payloads(media: Media, own: dict[str, list[str]]) -> tuple[Payload, ...]:
    maps = {one[1]: one for one in (_match(RTPMAP, value) for value in _few(own.get("rtpmap", []), PAYLOADS_MAX, "rtpmap"))}
    parameters = dict(_pair(value) for value in _few(own.get("fmtp", []), PAYLOADS_MAX, "fmtp"))
    feedback: dict[str, list[str]] = {}
    for value in _few(own.get("rtcp-fb", []), 8 * PAYLOADS_MAX, "rtcp-fb"):
        number, said = _pair(value)
        feedback.setdefault(number, []).append(said)
    found = []
    for number in media.formats[:PAYLOADS_MAX]:
        one = maps.get(number)
        if one is not None and int(number) < 128:
            said_of = tuple(feedback.get(number, []) + feedback.get("*", []))
            found.append(Payload(int(number), one[2], int(one[3]), int(one[4] or 0), parameters.get(number, ""), said_of))
    return tuple(found)


def _pair(value: str) -> tuple[str, str]:
    number, blank, said = value.partition(" ")
    if not blank or not value.isascii() or not value.isprintable():
        raise _Malformed(value[:80])
    return number, said


def _streams(media: Media, own: dict[str, list[str]]) -> None:
    """SSRCs, their groups, and the names of layers."""
    ssrcs = [int(_match(SSRC, value)[1]) for value in _few(own.get("ssrc", []), 4 * SSRCS_MAX, "ssrc")]
    media.ssrcs = tuple(dict.fromkeys(ssrcs))
    groups = [_match(GROUP, value.rstrip()) for value in _few(own.get("ssrc-group", []), SSRCS_MAX, "ssrc-group")]
    media.groups = tuple((one[1], tuple(int(ssrc) for ssrc in one[2].split())) for one in groups)
    if any(ssrc > 0xFFFFFFFF for ssrc in (*media.ssrcs, *(ssrc for _, some in media.groups for ssrc in some))):
        raise _Malformed("an SSRC of more than 32 bits")
    rids = [_match(RID, value) for value in _few(own.get("rid", []), RIDS_MAX, "rid")]
    sent = [one[1] for one in rids if one[2] == "send"]
    for value in own.get("simulcast", [])[:1]:
        said = value.split()
        if "send" in said[:-1]:
            # Alternatives (a,b) count as their first; a leading ~ means that the layer begins paused (RFC 8853 §5.1).
            names = [one.split(",")[0].lstrip("~") for one in said[said.index("send") + 1].split(";")]
            sent = [name for name in names if name in sent]
    media.rids = tuple(dict.fromkeys(sent))
