"""Settings: sources in their order, and refusals in one sentence."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.clustered import found
from server.kit.setting_sources import SettingsError
from server.settings import Settings, load

SECRET = "x" * 32


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('drain_grace_s = 1\ndevices_max = 3\nlog_level = "DEBUG"\n')
    settings = load(
        file, {"TIDEWIRE_DRAIN_GRACE_S": "2", "TIDEWIRE_DEVICES_MAX": "4", "TIDEWIRE_HOME": "x"}, {"drain_grace_s": "3"}
    )
    assert (settings.drain_grace_s, settings.limits.devices_max, settings.log_level) == (3.0, 4, "DEBUG")
    assert settings.describe() == {"drain_grace_s": "3.0", "devices_max": 4, "log_level": "DEBUG"}
    assert load(None, {}, {}) == Settings()


MUTUAL = {"cluster_ca": "ca.pem", "cluster_cert": "node.pem", "cluster_key": "node.key"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"chat_lisen": "x"}, "did you mean chat_listen"),
        ({"devices_max": "many"}, "devices_max is a whole number"),
        ({"devices_max": "0"}, "devices_max is at least 1, not 0"),
        ({"drain_grace_s": "x"}, "number of seconds"),
        ({"tls": "on"}, "tls is one of off, auto, files, proxy"),
        ({"chat_listen": "7400"}, "an address and a port"),
        ({"chat_listen": "0.0.0.0:7400"}, "set tls = auto"),
        ({"tls": "files"}, "needs tls_cert and tls_key"),
        ({"code_sender": "smtp"}, "needs smtp_host"),
        ({"routes": "redis"}, "set store = cql"),
        ({"routes": "redis", "store": "cql", "pepper": SECRET}, "needs cluster_token"),
        ({"routes": "redis", "store": "cql", "pepper": SECRET, **MUTUAL}, "needs cluster_token, .* also with mutual TLS"),
        (
            {
                "routes": "redis",
                "store": "cql",
                "pepper": SECRET,
                "cluster_token": SECRET,
                **MUTUAL,
                "internal_listen": "0.0.0.0:7420",
            },
            "internal_listen = 0.0.0.0:7420 is no address at which other nodes reach this one: set internal_public",
        ),
        ({"store": "cql"}, "needs pepper"),
        ({"workers": "2"}, "set store = cql and routes = redis"),
        (
            {"workers": "2", "store": "cql", "routes": "redis", "pepper": SECRET, "chat_listen": "127.0.0.1:0"},
            "give chat_listen one",
        ),
        ({"cql_replication": "3"}, "such as datacenter1:3"),
        ({"cql_data_centres": "two"}, "cql_data_centres is one of one, home, all"),
        ({"store": "cql", "pepper": "short"}, "pepper has at least 32 characters, not 5"),
        ({"cluster_ca": "ca.pem"}, "needs all of cluster_ca"),
        ({"internal_listen": "0.0.0.0:7420"}, "internal_listen = 0.0.0.0:7420 is open"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load(None, {}, given)


def test_an_open_listener_with_tls_is_fine() -> None:
    assert load(None, {}, {"chat_listen": "0.0.0.0:7400", "tls": "auto"}).tls == "auto"
    with pytest.raises(SettingsError, match="cannot be read"):
        load(Path("/nowhere.toml"), {}, {})


def test_what_is_secret_is_not_described() -> None:
    settings = load(None, {}, {"store": "cql", "routes": "redis", "pepper": SECRET, "cluster_token": SECRET})
    assert settings.describe() == {"store": "cql", "routes": "redis", "pepper": "(set)", "cluster_token": "(set)"}


def test_what_only_opening_can_tell_is_one_sentence_too() -> None:
    given = {"store": "cql", "routes": "redis", "pepper": SECRET, "cluster_token": SECRET, "redis_url": "nonsense"}

    async def open_it() -> None:
        async with found(load(None, {}, given)):
            raise AssertionError("there is no such Redis")

    with pytest.raises(SettingsError, match="redis_url is no address of a Redis"):
        asyncio.run(open_it())
