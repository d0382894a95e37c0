"""The media worker's settings: defaults, then a TOML file, then TIDEWIRE_MEDIA_* variables, then the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidewire.media_rules.limits import MediaLimits

from media.domain.limits import Limits
from server.kit import beside_settings, setting_sources
from server.kit.beside_settings import BesideSettings
from server.kit.setting_sources import SettingsError

PREFIX = "TIDEWIRE_MEDIA_"
SECONDS_MAX = 86_400
SECRET = ("blob_token", "node_token", "s3_secret_key", "url_secret")
"""Settings that no log shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(BesideSettings):
    """Everything that can be set, besides the limits."""

    grpc_listen: str = "127.0.0.1:7401"
    """gRPC for devices."""
    http_listen: str = "127.0.0.1:7411"
    """Uploads and downloads by HTTP; health, readiness, metrics."""
    internal_listen: str = "127.0.0.1:7421"
    """gRPC for the routing nodes."""
    public_url: str = ""
    """What signed addresses begin with, such as https://media.example.org; empty: http_listen."""
    data_dir: Path = Path("data/media")
    """Catalogue, uploads under way, the file of keys; with store = folder the blobs."""
    blob_token: str = ""
    """What routing nodes show this worker, at least 32 characters; or mutual TLS by cluster_ca, cluster_cert and cluster_key."""
    store: str = "folder"
    """folder: in data_dir; s3: any S3."""
    s3_endpoint: str = ""
    """Such as https://s3.example.org; http:// without TLS."""
    s3_bucket: str = "tidewire"
    s3_region: str = "us-east-1"
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_ca: str = ""
    store_wait_s: float = 60.0
    """How long a start waits for an S3 that is not there yet, or does not answer; 0: not at all."""
    keys_file: str = ""
    """The deployment's keys for what is stored; empty: data_dir/keys.json, made at the first start. Back it up: without it nothing
    that is stored can be read."""
    url_secret: str = ""
    """Key of signed addresses, at least 32 characters; empty: made and kept in data_dir."""
    processes: int = max(1, (os.cpu_count() or 2) - 1)
    """Uploads that are looked at and transcoded at a time."""
    sandbox: str = "auto"
    """auto: bubblewrap where it works, else limits alone; bubblewrap: refuse to start without it."""
    previews: str = "on"
    """on: pages are fetched for link previews, from the public internet alone; off, where there is no way out."""
    limits: Limits = field(default_factory=Limits)
    rules: MediaLimits = field(default_factory=MediaLimits)

    def describe(self) -> dict[str, object]:
        """The effective settings that differ from the defaults, without what is secret."""
        return setting_sources.changed(self, SECRET)


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
    choices = {"store": ("folder", "s3"), "sandbox": ("auto", "bubblewrap"), "previews": ("on", "off")}
    setting_sources.check_listeners(settings, ("grpc_listen", "http_listen"), ("internal_listen",), settings.tls)
    beside_settings.check(settings, choices, ("blob_token", "url_secret"))
    if settings.store == "s3" and not (settings.s3_endpoint and settings.s3_access_key and settings.s3_secret_key):
        raise SettingsError("store = s3 needs s3_endpoint, s3_access_key and s3_secret_key")
    if not 0 <= settings.store_wait_s < SECONDS_MAX:
        raise SettingsError(f"store_wait_s is a number of seconds from 0 to a day, not {settings.store_wait_s}")
    if not (settings.blob_token or settings.mutual_tls):
        raise SettingsError("nodes need a way in: set blob_token, or cluster_ca, cluster_cert and cluster_key for mutual TLS")
