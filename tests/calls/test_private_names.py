"""Names of aiortc and pylibsrtp that are not public, and what this unit believes of them: an upgrade that breaks one fails here, loudly."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime

import aioice
import aiortc.rtcdtlstransport as dtls
import pylibsrtp
from aiortc import RTCIceGatherer, RTCIceServer
from aiortc.rtcicetransport import connection_kwargs
from pylibsrtp import Policy, Session, _binding

from calls.settings import CERTIFICATE_S


def test_a_session_is_a_pointer_to_libsrtps() -> None:
    session = Session(Policy(key=bytes(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    assert _binding.ffi.typeof(session._srtp[0]).cname.startswith("struct srtp_ctx_t_")


def test_the_binding_has_what_is_called_in_place() -> None:
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        kind = _binding.ffi.typeof(getattr(_binding.lib, name))
        assert [one.cname for one in kind.args][1:] == ["void *", "int *"], name
    assert [one.cname for one in _binding.ffi.typeof(_binding.lib.srtp_remove_stream).args][1:] == ["unsigned int"]


def test_streams_are_removed_by_an_ssrc_in_network_order() -> None:
    assert "htonl(ssrc)" in inspect.getsource(pylibsrtp.Session.remove_stream)


def test_a_certificate_is_valid_for_twice_as_long_as_one_may_serve() -> None:
    left = dtls.RTCCertificate.generateCertificate().expires - datetime.now(UTC)
    assert left.total_seconds() >= 2 * CERTIFICATE_S[1]


def test_a_dtls_transport_asks_its_ice_transport_for_three_things() -> None:
    source = inspect.getsource(dtls.RTCDtlsTransport)
    assert set(re.findall(r"self\.transport\.(\w+)", source)) == {"role", "_recv", "_send"}


def test_a_dtls_transport_has_its_keys_under_these_names() -> None:
    source = inspect.getsource(dtls.RTCDtlsTransport)
    assert "self._rx_srtp" in source and "self._tx_srtp" in source
    assert 'if self.transport.role == "controlling"' in source
    transport = dtls.RTCDtlsTransport(type("Pipe", (), {"role": "controlling"})(), [dtls.RTCCertificate.generateCertificate()])
    assert transport._rx_srtp is None and transport._tx_srtp is None and transport.state == "new"


def test_what_gathers_ways_takes_relays_until_it_begins() -> None:
    connection = RTCIceGatherer(iceServers=[])._connection
    assert isinstance(connection, aioice.Connection)
    assert connection._transport_policy is aioice.TransportPolicy.ALL
    relay = connection_kwargs([RTCIceServer(urls="turn:relay:1?transport=tcp", username="u", credential="p")])
    assert relay and all(hasattr(connection, name) for name in relay)
    gathers = inspect.getsource(aioice.Connection.gather_candidates) + inspect.getsource(
        aioice.Connection.get_component_candidates
    )
    for name in (*relay, "_transport_policy"):
        assert f"self.{name}" in gathers, name
