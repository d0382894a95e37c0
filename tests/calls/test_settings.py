"""Settings of calls: what cannot work is refused with a sentence that says which setting to use."""

from __future__ import annotations

import socket
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec

import pytest

from calls.settings import Settings, load
from server.kit.setting_sources import SettingsError

TOKEN = {"node_token": "tws_calls.secret"}
LONG = "x" * 32


def test_the_defaults_need_a_token_alone() -> None:
    settings = load(None, {}, TOKEN)
    assert settings.describe() == {"node_token": "(set)"}
    assert (settings.grpc_listen, settings.http_listen) == ("127.0.0.1:7402", "127.0.0.1:7412")


def test_limits_are_settings_too() -> None:
    settings = load(None, {"TIDEWIRE_CALLS_RING_MS": "1000", "TIDEWIRE_CALLS_LOST_S": "5"}, TOKEN)
    assert (settings.limits.ring_ms, settings.forwarder.lost_s) == (1_000, 5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "set node_token or node_token_file"),
        ({"tls": "maybe"}, "tls is one of off, auto, files, proxy"),
        ({"grpc_listen": "0.0.0.0:7402"}, "open to the network without TLS: set tls = auto"),
        ({"internal_listen": "0.0.0.0:7422"}, "set cluster_ca, cluster_cert and cluster_key"),
        ({"media_listen": "0.0.0.0:7432"}, "set media_addresses"),
        ({"media_listen": "nowhere"}, "media_listen is an address and a port"),
        ({"tls": "files"}, "tls = files needs tls_cert and tls_key"),
        ({"cluster_ca": "ca.pem"}, "needs all of cluster_ca, cluster_cert and cluster_key"),
        ({"turn_urls": "turn:relay"}, "turn_urls needs turn_secrets"),
        ({"turn_urls": "relay:3478", "turn_secrets": "s"}, "turn_urls are addresses such as turn:"),
        ({"wake_url": "https://push.example.org"}, "wake_url needs wake_secret"),
        ({"wake_url": "push", "wake_secret": LONG}, "wake_url is an address such as https://"),
        ({"role": "forwarder"}, "role = forwarder needs rings = redis"),
        ({"role": "unit"}, "role is one of both, signalling, forwarder"),
        ({"rings": "redis"}, "rings = redis needs redis_url"),
        ({"rings": "redis", "redis_url": "redis://cache"}, "rings = redis needs ticket_secret"),
        ({"rings": "redis", "redis_url": "redis://cache", "ticket_secret": LONG}, "rings = redis needs peer_token"),
        ({"ticket_secret": "short"}, "ticket_secret has at least 32 characters, not 5"),
        ({"group_audio_max": "33"}, "group_audio_max = 33 is more than participants_max = 32: raise both"),
        ({"certificate_s": "3599"}, "certificate_s is from 3,600 .* to 1,209,600 .*, not 3,599"),
        ({"certificate_s": "1209601"}, "certificate_s is from 3,600 .* to 1,209,600 .*, not 1,209,601"),
        ({"ring_s": "5"}, "there is no setting ring_s; did you mean ring_ms"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_work_is_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load(None, {}, given if not given else TOKEN | given)


def test_secrets_are_not_shown() -> None:
    settings = Settings(node_token="a", turn_secrets="b", ticket_secret="c", wake_secret="d")
    assert set(settings.describe().values()) == {"(set)"}


@pytest.mark.process
@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--set", "tls=maybe"), 2, "tls is one of"),
        (("--set", "node_token=a"), 1, "cannot be listened on"),
        (("--set", "nonsense"), 2, "--set takes NAME=VALUE"),
    ],
    ids=["wrong setting", "taken address", "no assignment"],
)
async def test_the_command_says_in_one_sentence_why_it_cannot_start(
    options: tuple[str, ...], code: int, says: str, tmp_path: object
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listens = {"grpc_listen": taken.getsockname()[1], "http_listen": 0, "media_listen": 0}
        own = [f"--set={name}=127.0.0.1:{port}" for name, port in listens.items()]
        process = await create_subprocess_exec(
            *(sys.executable, "-m", "calls", f"--set=data_dir={tmp_path}", *own, *options), stdout=PIPE, stderr=PIPE
        )
        _, said = await process.communicate()
    assert process.returncode == code and says in said.decode() and "Traceback" not in said.decode()
