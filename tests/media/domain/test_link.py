"""Which links may be fetched, and what is read of a page."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.domain import link
from media.domain.link import Preview


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("172.31.255.255", False),
        ("172.32.0.1", True),
        ("192.0.0.8", False),
        ("192.0.2.1", False),
        ("192.88.99.1", False),
        ("192.168.0.1", False),
        ("198.18.0.1", False),
        ("198.51.100.1", False),
        ("203.0.113.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", False),
        ("::7f00:1", False),
        ("64:ff9b::7f00:1", False),
        ("fe80::1", False),
        ("2606:2800::1%eth0", False),
        ("fc00::1", False),
        ("fd12::1", False),
        ("ff02::1", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),
        ("3fff::1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_connected_to(address: str, public: bool) -> None:
    assert link.is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://example.org", ""),
        ("http://example.org:80/a?b=c#d", ""),
        ("https://example.org:443", ""),
        ("http://[2606:2800::1]/", ""),
        ("https://example.org:8443/", "has a port that is not for pages"),
        ("http://example.org:22/", "has a port that is not for pages"),
        ("https://ann:secret@example.org/", "has a user in it"),
        ("https://@example.org/", "has a user in it"),
        ("ftp://example.org/", "is no http or https address"),
        ("file:///etc/passwd", "is no http or https address"),
        ("https:///etc/passwd", "is no http or https address"),
        ("example.org", "is no http or https address"),
        ("", "is no http or https address"),
        ("http://example.org:port/", "is no address of a page"),
        ("http://[::1/", "is no address of a page"),
        ("http://example.org/a b", "is no address of a page"),
        ("http://example.org\r\nHost: inside/", "is no address of a page"),
        ("http://example.org\\@127.0.0.1/", "is no address of a page"),
        ("http://example.org/" + "a" * 2_048, "is no address of a page"),
    ],
)
def test_only_pages_are_fetched(url: str, wrong: str) -> None:
    assert link.wrong(url) == wrong


def test_a_host_that_is_an_address_is_known_as_one() -> None:
    assert link.literal("127.0.0.1") == ip_address("127.0.0.1") and link.literal("127.1") is None


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b", "https://example.org/b"),
        ("//other.org/", "https://other.org/"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("", ""),
        ("http://[::1", ""),
    ],
)
def test_a_redirect_leads_somewhere_or_nowhere(location: str, leads_to: str) -> None:
    assert link.redirected("https://example.org/a", location) == leads_to


@pytest.mark.parametrize(
    ("page", "title", "description"),
    [
        (b"<title>Plain &amp; simple</title>", "Plain & simple", ""),
        (b'<title>t</title><meta property="og:title" content="Better">', "Better", ""),
        (b"<META NAME=Description CONTENT='a > b &lt; c'><title x=y>T\n t</title>", "T t", "a > b < c"),
        (b'<meta property="og:title" content=""><title>T</title><meta name="twitter:description" content="d">', "T", "d"),
        (b'<meta property="og:title" content="first"><meta property="og:title" content="second">', "first", ""),
        (b"<meta><meta content><metal property=og:title content=no><title>" + b"x" * 1_000, "x" * 256, ""),
        (b'<meta charset="iso-8859-1"><title>caf\xe9</title>', "caf\u00e9", ""),
        (b'<meta charset="nothing"><title>caf\xc3\xa9</title>', "caf\u00e9", ""),
        (b"<title>caf\xe9</title>", "caf\ufffd", ""),
        (b"<meta property=og:title content='never closed", "", ""),
        (b"<meta>" * 256 + b"<title>too late</title>", "", ""),
        (b"no page at all", "", ""),
    ],
)
def test_a_page_says_what_it_is(page: bytes, title: str, description: str) -> None:
    assert link.preview("https://example.org", page, "") == Preview("https://example.org", title, description)


def test_the_header_says_the_letters_first() -> None:
    assert link.preview("u", b'<meta charset="utf-8"><title>\xe9</title>', "iso-8859-1").title == "\u00e9"


@given(st.binary(max_size=2_000), st.sampled_from(["", "utf-8", "utf-7", "idna", "hex", "no such"]))
def test_any_bytes_give_a_preview(body: bytes, charset: str) -> None:
    found = link.preview("u", b"<title>" + body, charset)
    assert len(found.title) <= 256 and len(found.description) <= 1_024


@pytest.mark.parametrize(
    ("said", "image"),
    [
        ('<meta property="og:image" content="/sea.jpg">', "https://example.org/sea.jpg"),
        (
            '<meta name="twitter:image" content="a.png"><meta property="og:image" content=" b.png ">',
            "https://example.org/d/b.png",
        ),
        ('<meta property="og:image" content="http://[::1/">', ""),
        ('<meta property="og:image" content="">', ""),
        ("", ""),
    ],
)
def test_where_a_page_says_that_its_picture_is(said: str, image: str) -> None:
    assert link.preview("https://example.org/d/page", said.encode(), "").image == image
