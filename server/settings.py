"""The node's settings: defaults, then a TOML file, then TIDEWIRE_* variables, then the command line. An unknown name is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from server.domain.limits import Limits
from server.kit import setting_sources
from server.kit.grpc_server import REQUEST_BYTES_MAX
from server.kit.setting_sources import ANYWHERE, SECRET_CHARS_MIN, SettingsError, host_of, is_loopback

PREFIX = "TIDEWIRE_"
NOT_OURS = ("TIDEWIRE_HOME", "TIDEWIRE_MEDIA_", "TIDEWIRE_CALLS_")
"""Variables of other programs, which may stand in the same environment."""


SECRET = ("cluster_token", "blob_token", "pepper", "redis_password", "redis_url", "cql_password")
"""Settings that no log shows."""
FRAMES = ("/tidewire.v1.ChatService/", "/tidewire.internal.v1.BotService/")
"""Their requests are frames, with the limit of frames."""
SECONDS_MAX = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, besides the limits."""

    chat_listen: str = "127.0.0.1:7400"
    """gRPC for devices."""
    http_listen: str = "127.0.0.1:7410"
    """Health, readiness, metrics."""
    data_dir: Path = Path("data")
    tls: str = "off"
    """off; auto: an own certificate authority in data_dir; files: tls_cert and tls_key; proxy: something in front ends TLS."""
    tls_cert: str = ""
    tls_key: str = ""
    tls_names: str = "localhost"
    """With tls = auto: the names and addresses in the certificate, separated by commas."""
    drain_grace_s: float = 20.0
    """How long a stopping node waits for its devices, which it lets go over four fifths of it at most."""
    log_format: str = "auto"
    """auto: text on a terminal, else JSON; text; json."""
    log_level: str = "INFO"
    code_sender: str = "console"
    """console, or smtp with smtp_host, smtp_port and smtp_sender."""
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_sender: str = ""
    store: str = "sqlite"
    """sqlite: embedded, one node; cql: Cassandra or ScyllaDB, any number of nodes."""
    store_wait_s: float = 60.0
    """How long a start waits for a database that is not there yet, or does not answer; 0: not at all."""
    routes: str = "memory"
    """memory: this node is alone; redis: nodes find one another, and each other's devices."""
    workers: int = 1
    """So many nodes, one per process, on one chat_listen; their HTTP and internal ports are 100 apart."""
    node_id: str = ""
    """What other nodes call this one; empty: another name at each start."""
    internal_listen: str = "127.0.0.1:7420"
    """gRPC for internal services and other nodes."""
    internal_public: str = ""
    """Where other nodes reach internal_listen; empty: that very address."""
    cluster_token: str = ""
    """What nodes show one another, at least 32 characters. Internal services have certificates, too, and must not pass for a node."""
    cluster_ca: str = ""
    """With the next two: mutual TLS on internal_listen. Off loopback it is needed beside cluster_token."""
    cluster_cert: str = ""
    cluster_key: str = ""
    pepper: str = ""
    """Key of stored code hashes and of repeated token refreshes, at least 32 characters, the same on all nodes; empty: made and kept
    in data_dir."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """rediss:// for TLS."""
    redis_password: str = ""
    redis_ca: str = ""
    redis_prefix: str = "tw"
    cql_hosts: str = "127.0.0.1"
    """Contact points, separated by commas."""
    cql_port: int = 9042
    cql_keyspace: str = "tidewire"
    cql_dc: str = "datacenter1"
    """The data centre that this node is in."""
    cql_replication: str = "datacenter1:3"
    """Copies in each data centre, for a keyspace that does not exist yet."""
    cql_data_centres: str = "one"
    """one: a keyspace with copies in several data centres is refused; home: nodes run in this one only; all: nodes run in several, and
    every condition spans them all."""
    cql_user: str = ""
    cql_password: str = ""
    cql_ca: str = ""
    """With it the database is reached by TLS."""
    public_chat: str = ""
    """What devices are told as the address of chat; empty: where they asked."""
    public_media: str = ""
    """Of the media worker's gRPC for devices; empty: the deployment has none, or devices are told otherwise."""
    blob_service: str = ""
    """The media worker's internal listener, such as 127.0.0.1:7421; empty: envelopes with media are refused."""
    blob_token: str = ""
    """What the node shows the media worker, at least 32 characters; or mutual TLS by cluster_ca, cluster_cert and cluster_key."""
    public_calls: str = ""
    limits: Limits = field(default_factory=Limits)

    def request_bytes_max(self, method: str) -> int:
        """The greatest request of a gRPC method."""
        return self.limits.frame_bytes_max if method.startswith(FRAMES) else REQUEST_BYTES_MAX

    def describe(self) -> dict[str, object]:
        """The effective settings that differ from the defaults, without what is secret."""
        return setting_sources.changed(self, SECRET)


def load(file: Path | None, environment: Mapping[str, str], arguments: Mapping[str, str]) -> Settings:
    """The settings from all sources.

    Raises:
        SettingsError: an unknown name, a wrong value, or a listener that would be open to the world without TLS.
    """
    settings = setting_sources.load(Settings, PREFIX, NOT_OURS, file, environment, arguments)
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Refuse what cannot work, or should not.

    Raises:
        SettingsError: in one sentence that says which setting to use.
    """
    choices = {
        "tls": ("off", "auto", "files", "proxy"),
        "log_format": ("auto", "text", "json"),
        "code_sender": ("console", "smtp"),
        "store": ("sqlite", "cql"),
        "routes": ("memory", "redis"),
        "cql_data_centres": ("one", "home", "all"),
    }
    for name, allowed in choices.items():
        if getattr(settings, name) not in allowed:
            raise SettingsError(f"{name} is one of {', '.join(allowed)}, not {getattr(settings, name)!r}")
    for name in ("chat_listen", "http_listen", "internal_listen", "internal_public"):
        if name == "internal_public" and not settings.internal_public:
            continue
        host, _, port = getattr(settings, name).rpartition(":")
        if not host or not port.isdigit():
            raise SettingsError(f"{name} is an address and a port such as 127.0.0.1:7400, not {getattr(settings, name)!r}")
    if settings.tls == "off" and not is_loopback(settings.chat_listen):
        raise SettingsError(
            f"chat_listen = {settings.chat_listen} is open to the network without TLS: set tls = auto (or files, or proxy when"
            " something in front of the node ends TLS)"
        )
    if settings.tls == "files" and not (settings.tls_cert and settings.tls_key):
        raise SettingsError("tls = files needs tls_cert and tls_key")
    for name in ("store_wait_s", "drain_grace_s"):
        if not 0 <= getattr(settings, name) < SECONDS_MAX:
            raise SettingsError(f"{name} is a number of seconds from 0 to a day, not {getattr(settings, name)}")
    if settings.code_sender == "smtp" and not (settings.smtp_host and settings.smtp_sender):
        raise SettingsError("code_sender = smtp needs smtp_host and smtp_sender")
    _check_cluster(settings)


def copies(text: str) -> dict[str, int]:
    """ "datacenter1:3,datacenter2:2" as data centre → copies.

    Raises:
        SettingsError: it is not of this form.
    """
    pairs = [part.strip().rpartition(":") for part in text.split(",")]
    if any(not name or not number.isdigit() for name, _, number in pairs):
        raise SettingsError(f"cql_replication is data centres with their copies such as datacenter1:3, not {text!r}")
    return {name: int(number) for name, _, number in pairs}


def _check_cluster(settings: Settings) -> None:
    copies(settings.cql_replication)
    mutual_tls = bool(settings.cluster_ca and settings.cluster_cert and settings.cluster_key)
    if settings.routes == "redis" and settings.store != "cql":
        raise SettingsError("routes = redis is for several nodes, and store = sqlite is one node's own: set store = cql")
    if settings.workers > 1 and settings.routes != "redis":
        raise SettingsError("workers are nodes that share a store: set store = cql and routes = redis")
    if settings.workers > 1 and settings.chat_listen.endswith(":0"):
        raise SettingsError("workers listen on one port: give chat_listen one")
    if settings.routes == "redis" and not settings.cluster_token:
        also = ", also with mutual TLS: whoever has a certificate, an internal service too, could else act for any device"
        raise SettingsError(
            f"routes = redis needs cluster_token, a secret that the nodes alone share{also if mutual_tls else ''}"
        )
    if settings.blob_service and not (settings.blob_token or mutual_tls):
        raise SettingsError("blob_service needs blob_token, or cluster_ca, cluster_cert and cluster_key for mutual TLS")
    if settings.store == "cql" and not settings.pepper:
        raise SettingsError("store = cql needs pepper, a secret that is the same on all nodes")
    for name in ("cluster_token", "blob_token", "pepper"):
        value = getattr(settings, name)
        if value and len(value) < SECRET_CHARS_MIN:
            raise SettingsError(f"{name} has at least {SECRET_CHARS_MIN} characters, not {len(value)}")
    if any((settings.cluster_ca, settings.cluster_cert, settings.cluster_key)) and not mutual_tls:
        raise SettingsError("mutual TLS between nodes needs all of cluster_ca, cluster_cert and cluster_key")
    if settings.routes == "redis" and not settings.internal_public and host_of(settings.internal_listen) in ANYWHERE:
        raise SettingsError(
            f"internal_listen = {settings.internal_listen} is no address at which other nodes reach this one: set internal_public"
        )
    if not mutual_tls and not is_loopback(settings.internal_listen):
        raise SettingsError(
            f"internal_listen = {settings.internal_listen} is open to the network without TLS: set cluster_ca, cluster_cert and"
            " cluster_key"
        )
