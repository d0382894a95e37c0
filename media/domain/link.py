"""Links that may be fetched, and what a page says of itself.

Rules that live here and nowhere else:
- http and https, on their two ports, without a user in the address.
- A host is what it resolves to: every address has to be one of the public internet, not of this machine, network or cluster.
- Of a page only its head's own words are read: at most so many tags, each at most so long, so that no page costs more than another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin, urlsplit

URL_CHARS_MAX = 2_048
TITLE_CHARS_MAX, DESCRIPTION_CHARS_MAX = 256, 1_024
TAGS_MAX, TAG_CHARS_MAX = 256, 4_096
PORTS = frozenset({80, 443})
HTML = frozenset({"text/html", "application/xhtml+xml"})
Address = IPv4Address | IPv6Address

_PUBLIC_V6 = ip_network("2000::/3")
"""All that is given out; neither this machine, links, sites, multicast, nor IPv4 in disguise."""
_NOT_PUBLIC = [
    ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
        "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
]  # fmt: skip
_TAG = re.compile(r"<(meta|title)(?=[\s/>])", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^<>]{0,256}charset=["']?([\w-]{1,40})""", re.IGNORECASE)
_TITLES = ("og:title", "twitter:title")
_DESCRIPTIONS = ("og:description", "twitter:description", "description")
_IMAGES = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image")
THUMBNAIL_BYTES_MAX = 16_384
"""Of the small picture: it travels inside the envelope."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a page says of itself. "": it does not say."""

    url: str
    title: str
    description: str
    image: str = ""
    """Where it says that its picture is."""
    thumbnail: bytes = b""
    """That picture, small, as JPEG; b"": none."""


def is_public(address: Address) -> bool:
    """An address of the public internet."""
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_V6 or address.scope_id):
        return False
    return not any(address in block for block in _NOT_PUBLIC if block.version == address.version)


def literal(host: str) -> Address | None:
    """The address that a host is already, without being resolved."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def wrong(url: str, ports: frozenset[int] = PORTS) -> str:
    """Why an address may not be fetched, as far as it says so itself; "": it may, if its host is public."""
    if len(url) > URL_CHARS_MAX or not url.isprintable() or " " in url or "\\" in url:
        return "is no address of a page"
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "is no address of a page"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is no http or https address"
    if parts.username is not None or parts.password is not None:
        return "has a user in it"
    return "" if port in ports else "has a port that is not for pages"


def redirected(url: str, location: str) -> str:
    """Where a redirect, or a reference of the page, leads; "": nowhere."""
    try:
        return urljoin(url, location.strip()) if location.strip() else ""
    except ValueError:
        return ""


def preview(url: str, body: bytes, charset: str) -> Preview:
    """What the page at `url` says of itself. `charset`: as its header says; "": it does not."""
    text = _text(body, charset)
    found: dict[str, str] = {}
    for name, value in _said(text):
        found.setdefault(name, " ".join(value.split()))
    title = next((found[name] for name in (*_TITLES, "<title>") if found.get(name)), "")
    description = next((found[name] for name in _DESCRIPTIONS if found.get(name)), "")
    image = next((found[name] for name in _IMAGES if found.get(name)), "")
    return Preview(url, title[:TITLE_CHARS_MAX], description[:DESCRIPTION_CHARS_MAX], redirected(url, image))


def _text(body: bytes, charset: str) -> str:
    declared = _CHARSET.search(body[:TAG_CHARS_MAX])
    for name in (charset, declared[1].decode("ascii") if declared else ""):
        try:
            return body.decode(name, "replace") if name else body.decode("utf-8")
        except (LookupError, ValueError):
            continue
    return body.decode("utf-8", "replace")


def _said(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of the tags that say something of the page."""
    for number, tag in enumerate(_TAG.finditer(text)):
        if number == TAGS_MAX:
            return
        piece = text[tag.start() : tag.start() + TAG_CHARS_MAX]
        if tag[1].lower() == "title":
            yield "<title>", unescape(piece.partition(">")[2].partition("<")[0])
        else:
            attributes = _attributes(piece)
            yield (attributes.get("property") or attributes.get("name") or "").lower(), attributes.get("content") or ""


class _First(HTMLParser):
    """The attributes of the first tag."""

    class Found(Exception):
        """It was read; the rest is of no interest."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes = dict(attrs)
        raise self.Found


def _attributes(piece: str) -> dict[str, str | None]:
    parser = _First()
    try:
        parser.feed(piece)
    except _First.Found:
        pass
    return parser.attributes
