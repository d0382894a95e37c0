"""The settings of calls: defaults, then a TOML file, then TIDEWIRE_CALLS_* variables, then the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from calls.domain.limits import ForwarderLimits
from calls.domain.signalling_limits import SignallingLimits
from server.kit import beside_settings, setting_sources
from server.kit.beside_settings import BesideSettings
from server.kit.setting_sources import ANYWHERE, SettingsError, host_of

PREFIX = "TIDEWIRE_CALLS_"
SECRET = ("node_token", "redis_url", "redis_password", "peer_token", "turn_secrets", "ticket_secret", "wake_secret")
"""Settings that no log shows."""
CERTIFICATE_S = (3_600, 1_209_600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(BesideSettings):
    """Everything that can be set, besides the limits."""

    grpc_listen: str = "127.0.0.1:7402"
    """gRPC for devices."""
    http_listen: str = "127.0.0.1:7412"
    """The WebSocket door and the page; health, readiness, metrics."""
    internal_listen: str = "127.0.0.1:7422"
    """gRPC between the processes of calls."""
    data_dir: Path = Path("data/calls")
    """What has to be kept between starts: secrets."""
    role: str = "both"
    """With rings = redis: signalling: devices come to this process, and the media of groups does not; forwarder: the other way round."""
    rings: str = "memory"
    """Where direct calls are kept: memory, for one process; redis, for any number."""
    redis_url: str = ""
    """redis://, rediss:// (TLS), redis+cluster:// or rediss+cluster://."""
    redis_password: str = ""
    redis_ca: str = ""
    """A file with the authorities that are trusted; empty: the system's."""
    redis_prefix: str = "tidewire"
    """What every key begins with."""
    internal_public: str = ""
    """With rings = redis: internal_listen as the other processes reach it; empty: internal_listen."""
    peer_token: str = ""
    """With rings = redis: what processes of calls show one another, at least 32 characters; or mutual TLS by the three settings above."""
    turn_urls: str = ""
    """Relays, separated by commas, such as turn:turn.example.org:3478?transport=udp. Empty: none."""
    turn_secrets: str = ""
    """Their shared secrets, the newest first, separated by commas: credentials are made with the first, relays know all of them."""
    stun_urls: str = ""
    """Reflectors, separated by commas, such as stun:turn.example.org:3478."""
    ticket_secret: str = ""
    """Key of call tickets, at least 32 characters, the same in all processes; empty: made and kept in data_dir."""
    media_listen: str = "127.0.0.1:7432"
    """UDP of group calls: DTLS and SRTP. One port for all of them."""
    media_addresses: str = ""
    """IP addresses by which clients reach media_listen, separated by commas; empty: its host."""
    fan_out: str = "python"
    """How a packet is copied to many: python; or compiled, in C, built by `make accelerator`: the same bytes for less."""
    wake_url: str = ""
    """Where devices that are asleep are woken: a webhook. Empty: they are not."""
    wake_secret: str = ""
    """Key of the webhook's signatures, at least 32 characters."""
    limits: SignallingLimits = field(default_factory=SignallingLimits)
    forwarder: ForwarderLimits = field(default_factory=ForwarderLimits)

    def describe(self) -> dict[str, object]:
        """The effective settings that differ from the defaults, without what is secret."""
        return setting_sources.changed(self, SECRET)


def listed(text: str) -> tuple[str, ...]:
    """What stands between the commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def load(file: Path | None, environment: Mapping[str, str], arguments: Mapping[str, str]) -> Settings:
    """The settings from all sources.

    Raises:
        SettingsError: an unknown name, a wrong value, or a listener that would be open to the world without TLS.
    """
    settings = setting_sources.load(Settings, PREFIX, (), file, environment, arguments)
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Refuse what cannot work, or should not.

    Raises:
        SettingsError: in one sentence that says which setting to use.
    """
    setting_sources.check_listeners(settings, ("grpc_listen", "http_listen"), ("internal_listen", "media_listen"), settings.tls)
    beside_settings.check(
        settings,
        {"rings": ("memory", "redis"), "role": ("both", "signalling", "forwarder"), "fan_out": ("python", "compiled")},
        ("ticket_secret", "wake_secret", "peer_token"),
    )
    if settings.role != "signalling" and not settings.media_addresses and host_of(settings.media_listen) in ANYWHERE:
        raise SettingsError(f"media_listen = {settings.media_listen} is no address that clients can reach: set media_addresses")
    _check_groups(settings.limits, settings.forwarder)
    _check_certificate(settings.forwarder.certificate_s)
    _check_needs(settings)


def _check_certificate(certificate_s: int) -> None:
    """Each is valid for 30 days: transports that are made by it on its last day stand for two more weeks."""
    least, most = CERTIFICATE_S
    if not least <= certificate_s <= most:
        raise SettingsError(f"certificate_s is from {least:,} (an hour) to {most:,} (two weeks), not {certificate_s:,}")


def _check_groups(limits: SignallingLimits, forwarder: ForwarderLimits) -> None:
    """Signalling takes nobody in whom the unit refuses."""
    for name, most in (("group_audio_max", "participants_max"), ("group_video_max", "video_senders_max")):
        given, room = getattr(limits, name), getattr(forwarder, most)
        if given > room:
            raise SettingsError(f"{name} = {given} is more than {most} = {room}: raise both")


def _check_needs(settings: Settings) -> None:
    if settings.role != "both" and settings.rings != "redis":
        raise SettingsError(f"role = {settings.role} needs rings = redis, by which processes find one another")
    if settings.rings == "redis" and not settings.redis_url:
        raise SettingsError("rings = redis needs redis_url")
    if settings.rings == "redis" and not settings.ticket_secret:
        raise SettingsError("rings = redis needs ticket_secret, the same in all processes")
    if settings.rings == "redis" and not (settings.peer_token or settings.cluster_ca):
        raise SettingsError("rings = redis needs peer_token, or cluster_ca, cluster_cert and cluster_key for mutual TLS")
    if settings.turn_urls and not listed(settings.turn_secrets):
        raise SettingsError("turn_urls needs turn_secrets, which the relays have as static-auth-secret")
    for url in listed(settings.turn_urls):
        if not url.startswith(("turn:", "turns:")):
            raise SettingsError(f"turn_urls are addresses such as turn:turn.example.org:3478, not {url!r}")
    if settings.wake_url and not settings.wake_secret:
        raise SettingsError("wake_url needs wake_secret, by which the webhook knows who calls it")
    if settings.wake_url and not settings.wake_url.startswith(("http://", "https://")):
        raise SettingsError(f"wake_url is an address such as https://push.example.org/wake, not {settings.wake_url!r}")
