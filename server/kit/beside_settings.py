"""The settings that every process beside the node has: TLS, logs, how it asks a node, and mutual TLS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from server.kit import setting_sources
from server.kit.setting_sources import SECRET_CHARS_MIN, SettingsError, is_loopback

CHOICES = {"tls": ("off", "auto", "files", "proxy"), "log_format": ("auto", "text", "json")}


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideSettings:
    """Of a process beside the node."""

    internal_listen: str = ""
    tls: str = "off"
    """off; auto: the authority in tls_dir; files: tls_cert and tls_key; proxy: something in front ends TLS."""
    tls_dir: Path = Path("data/tls")
    """With tls = auto: where the authority is. The node's own, so that a client pins one."""
    tls_cert: str = ""
    tls_key: str = ""
    tls_names: str = "localhost"
    """With tls = auto: the names and addresses in the certificate, separated by commas."""
    drain_grace_s: float = 10.0
    log_format: str = "auto"
    """auto: text on a terminal, else JSON; text; json."""
    log_level: str = "INFO"
    node: str = "127.0.0.1:7420"
    """A routing node's internal listener."""
    node_token: str = ""
    """A service token of this process (`python -m server token create`)."""
    node_token_file: str = ""
    """A file with that token, instead."""
    cluster_ca: str = ""
    """Mutual TLS with nodes and with other processes of its kind, with the two settings below."""
    cluster_cert: str = ""
    cluster_key: str = ""

    @property
    def mutual_tls(self) -> bool:
        """The internal listener asks for certificates."""
        return bool(self.cluster_ca and self.cluster_cert and self.cluster_key)

    def the_node_token(self) -> str:
        """The service token.

        Raises:
            OSError: its file cannot be read.
        """
        return self.node_token or Path(self.node_token_file).read_text().strip()


def check(settings: BesideSettings, choices: Mapping[str, tuple[str, ...]], secrets: tuple[str, ...]) -> None:
    """Refuse what cannot work, or should not.

    Args:
        choices: of more settings than `CHOICES`.
        secrets: settings that are long, or empty.

    Raises:
        SettingsError: in one sentence that says which setting to use.
    """
    setting_sources.check_choices(settings, {**CHOICES, **choices})
    if settings.tls == "files" and not (settings.tls_cert and settings.tls_key):
        raise SettingsError("tls = files needs tls_cert and tls_key")
    if any((settings.cluster_ca, settings.cluster_cert, settings.cluster_key)) and not settings.mutual_tls:
        raise SettingsError("mutual TLS with nodes needs all of cluster_ca, cluster_cert and cluster_key")
    if not settings.mutual_tls and not is_loopback(settings.internal_listen):
        raise SettingsError(
            f"internal_listen = {settings.internal_listen} is open to the network without TLS: set cluster_ca, cluster_cert and"
            " cluster_key"
        )
    if not (settings.node_token or settings.node_token_file):
        raise SettingsError("this process asks a node whose a token is: set node_token or node_token_file")
    for name in secrets:
        value = getattr(settings, name)
        if value and len(value) < SECRET_CHARS_MIN:
            raise SettingsError(f"{name} has at least {SECRET_CHARS_MIN} characters, not {len(value)}")
