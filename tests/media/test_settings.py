"""The media worker's settings, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.settings import load
from server.kit.setting_sources import SettingsError

TOKENS = {"TIDEWIRE_MEDIA_BLOB_TOKEN": "b" * 32, "TIDEWIRE_MEDIA_NODE_TOKEN": "tws_media.secret"}


def test_variables_of_the_node_are_not_the_workers() -> None:
    settings = load(None, {**TOKENS, "TIDEWIRE_STORE": "cql", "TIDEWIRE_MEDIA_STORE": "folder"}, {})
    assert settings.store == "folder"


def test_limits_and_rules_are_settings_too(tmp_path: Path) -> None:
    file = tmp_path / "media.toml"
    file.write_text('video_bytes_max = 33554432\nquota_bytes = 1000\nblob_token = "' + "b" * 32 + '"\nnode_token = "t"\n')
    settings = load(file, {}, {"video_duration_ms_max": "90000"})
    assert settings.rules.video_bytes_max == 33_554_432 and settings.rules.video_duration_ms_max == 90_000
    assert settings.limits.quota_bytes == 1_000


def test_no_secret_is_told() -> None:
    told = str(load(None, {**TOKENS, "TIDEWIRE_MEDIA_URL_SECRET": "u" * 32}, {"log_level": "DEBUG"}).describe())
    assert "DEBUG" in told and "bbb" not in told and "uuu" not in told and "secret" not in told.replace("url_secret", "")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"strore": "s3"}, "there is no setting strore; did you mean store"),
        ({"store": "tape"}, "store is one of folder, s3, not 'tape'"),
        ({"store": "s3"}, "store = s3 needs s3_endpoint"),
        ({"tls": "files"}, "tls = files needs tls_cert and tls_key"),
        ({"http_listen": "0.0.0.0:80"}, "http_listen = 0.0.0.0:80 is open to the network without TLS"),
        ({"grpc_listen": "0.0.0.0:80"}, "grpc_listen = 0.0.0.0:80 is open to the network without TLS"),
        ({"internal_listen": "0.0.0.0:80"}, "internal_listen = 0.0.0.0:80 is open to the network without TLS"),
        ({"grpc_listen": "7401"}, "grpc_listen is an address and a port"),
        ({"blob_token": "short"}, "blob_token has at least 32 characters, not 5"),
        ({"blob_token": ""}, "nodes need a way in"),
        ({"node_token": ""}, "set node_token or node_token_file"),
        ({"cluster_ca": "ca.pem"}, "mutual TLS with nodes needs all of"),
        ({"video_bytes_max": "0"}, "video_bytes_max is at least 1, not 0"),
        ({"processes": "many"}, "processes is a whole number"),
        ({"drain_grace_s": "long"}, "drain_grace_s is a number of seconds"),
        ({"sandbox": "none"}, "sandbox is one of auto, bubblewrap"),
        ({"store_wait_s": "-1"}, "store_wait_s is a number of seconds from 0 to a day, not -1.0"),
    ],
)
def test_what_cannot_work_is_one_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, TOKENS, given)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)
