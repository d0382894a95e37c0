"""Nodes that know one another by certificates of one authority, made as `deploy/` makes them; and all others, which are refused."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from tidewire import Client
from tidewire.events import Typing
from tidewire.internal.v1 import relay_pb2, relay_pb2_grpc

from server.app import App, serving
from server.kit.setting_sources import SettingsError
from server.listening import check_certificates
from server.settings import Settings, load
from tests.server.test_many_nodes import SECRET, memory_stores, says, settings, until
from tests.support.certificates import Authority
from tests.support.node import Node, server
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process
SCRIPT = Path(__file__).parents[2] / "deploy/certificates.sh"


def make(folder: Path, *names: str) -> Path:
    """What `tidewire-certificates` leaves in a folder."""
    folder.mkdir()
    subprocess.run([SCRIPT, folder, *names], check=True, capture_output=True, timeout=30)
    return folder


def known_by(folder: Path, name: str, made: Settings) -> Settings:
    """Settings of a node that has a certificate beside the token."""
    files = {"cluster_ca": folder / "ca.pem", "cluster_cert": folder / f"{name}.pem", "cluster_key": folder / f"{name}.key"}
    return replace(made, node_id=name, **{setting: str(path) for setting, path in files.items()})


class Cluster:
    """node-1 and node-2 have certificates of one authority, node-0 has one of another, node-9 has none."""

    def __init__(self, folder: Path, ours: Path, others: Path, nodes: dict[str, App], stack: AsyncExitStack) -> None:
        self.ours, self.others = ours, others
        self.nodes = nodes
        self._folder = folder
        self._stack = stack

    async def person(self, name: str, node: str) -> Client:
        """Somebody new, on one of them."""
        address = f"127.0.0.1:{self.nodes[node].chat_port}"
        client = await self._stack.enter_async_context(Client.open(address, self._folder / f"{name}.db"))
        await client.register_username(name)
        await client.caught_up()
        return client


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    ours, others = make(tmp_path / "ours", "node-1", "node-2"), make(tmp_path / "others", "node-0")
    async with AsyncExitStack() as stack:
        redis = RedisServer(tmp_path / "redis")
        await redis.start()
        stack.push_async_callback(redis.close)
        stores, plain = memory_stores(), replace(settings(tmp_path, redis, 9), node_id="node-9")
        kept = [
            known_by(ours, "node-1", settings(tmp_path, redis, 1)),
            known_by(ours, "node-2", settings(tmp_path, redis, 2)),
            known_by(others, "node-0", settings(tmp_path, redis, 0)),
            plain,
        ]
        nodes = {each.node_id: await stack.enter_async_context(serving(each, stores)) for each in kept}
        async with AsyncExitStack() as devices:
            yield Cluster(tmp_path, ours, others, nodes, devices)


def everything(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was logged since the nodes were started. Not what grpc.aio says for others: its one poller serves all event loops that a process
    ever had, and complains of those of earlier tests, which are closed."""
    records = [*caplog.get_records("setup"), *caplog.records]
    return [one for one in records if one.name != "asyncio" or "PollerCompletionQueue" not in one.getMessage()]


async def until_said(caplog: pytest.LogCaptureFixture, wanted: set[tuple[str, str]]) -> None:
    """Wait until the log says of each of these nodes why there is no link to it."""
    said: set[tuple[str, str]] = set()
    try:
        async with asyncio.timeout(30):
            while not wanted <= said:
                await asyncio.sleep(0.02)
                records = [r for r in everything(caplog) if r.getMessage().startswith("there is no link to a node")]
                said = {(vars(record)["node"], vars(record)["error"]) for record in records}
    except TimeoutError:
        raise AssertionError(f"said was only {said}") from None


async def test_nodes_with_certificates_relay_and_others_are_refused_with_a_sentence(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    strangers = {"node-0", "node-9"}
    await until_said(
        caplog,
        {
            ("node-1", "its certificate is not of this node's authority, or has expired: see cluster_ca"),  # says node-0
            ("node-9", "it does not speak TLS: set cluster_ca, cluster_cert and cluster_key there"),
            ("node-0", "it has not called this node"),  # say node-1 and node-2
        },
    )
    async with asyncio.timeout(30):
        while any(cluster.nodes[name].links() != 1 for name in ("node-1", "node-2")):
            await asyncio.sleep(0.01)
    people = {node: await cluster.person(name, node) for node, name in zip(sorted(cluster.nodes), ("zoe", "ann", "ben", "kim"))}
    ben = people["node-2"]
    at_ben = ben.listen()
    for node in (*strangers, "node-1"):  # who types is told by the relay alone: no log holds it
        conversation_id = await people[node].direct("ben")
        people[node].typing(conversation_id)
    await (await people["node-1"].send(await people["node-1"].direct("ben"), "hello"))
    typists: list[str] = []

    def hello(event: object) -> bool:
        if isinstance(event, Typing):
            typists.append(event.account_id)
        return says("hello")(event)

    await until(at_ben, hello)
    assert set(typists) <= {people["node-1"].account_id}
    people["node-1"].typing(await people["node-1"].direct("ben"))
    await until(at_ben, lambda event: isinstance(event, Typing) and event.account_id == people["node-1"].account_id)
    assert [cluster.nodes[name].links() for name in sorted(strangers)] == [0, 0]
    assert not [record for record in everything(caplog) if record.exc_info or record.levelno >= logging.ERROR]


async def test_a_call_without_a_certificate_of_the_authority_is_none(cluster: Cluster) -> None:
    def read(path: Path) -> bytes:
        return path.read_bytes()

    ours, others = cluster.ours, cluster.others
    address = f"127.0.0.1:{cluster.nodes['node-1'].internal_port}"
    other_pair = read(others / "node-0.key"), read(others / "node-0.pem")
    channels = {
        "of another authority": grpc.ssl_channel_credentials(read(ours / "ca.pem"), *other_pair),
        "with none": grpc.ssl_channel_credentials(read(ours / "ca.pem")),
        "plain": None,
    }
    for what, credentials in channels.items():
        made = grpc.aio.insecure_channel(address) if credentials is None else grpc.aio.secure_channel(address, credentials)
        async with made as channel:
            assert await outcome(channel) is grpc.StatusCode.UNAVAILABLE, what
    mine = grpc.ssl_channel_credentials(read(ours / "ca.pem"), read(ours / "node-2.key"), read(ours / "node-2.pem"))
    async with grpc.aio.secure_channel(address, mine) as channel:
        assert await outcome(channel) is grpc.StatusCode.OK


async def test_a_certificate_alone_is_not_enough_to_speak_for_a_device(cluster: Cluster) -> None:
    ann = await cluster.person("ann", "node-1")
    service = make_service(cluster.ours)
    address = f"127.0.0.1:{cluster.nodes['node-1'].internal_port}"
    async with grpc.aio.secure_channel(address, service) as channel:
        for said in (None, "Cluster ", f"Cluster {SECRET[:-1]}", f"Bearer {SECRET}", SECRET):
            assert await outcome(channel, said, ann) is grpc.StatusCode.UNAUTHENTICATED, said
            link = relay_pb2_grpc.RelayServiceStub(channel).Link(metadata=authorization(said))
            assert await link.code() is grpc.StatusCode.UNAUTHENTICATED, said
        assert await outcome(channel, f"Cluster {SECRET}", ann) is grpc.StatusCode.OK


def make_service(folder: Path) -> grpc.ChannelCredentials:
    """What an internal service has: a certificate of the nodes' authority."""
    subprocess.run([SCRIPT, folder, "media"], check=True, capture_output=True, timeout=30)
    authority, key, chain = ((folder / name).read_bytes() for name in ("ca.pem", "media.key", "media.pem"))
    return grpc.ssl_channel_credentials(authority, key, chain)


def authorization(said: str | None) -> tuple[tuple[str, str], ...]:
    """As metadata."""
    return () if said is None else (("authorization", said),)


async def outcome(
    channel: grpc.aio.Channel, said: str | None = f"Cluster {SECRET}", client: Client | None = None
) -> grpc.StatusCode:
    """How a command that is forwarded by this way, for a device, ends."""
    account_id, device_id = (client.account_id, client.device_id) if client is not None else ("a", "b")
    request = relay_pb2.ForwardRequest(account_id=account_id, device_id=device_id)
    return await relay_pb2_grpc.RelayServiceStub(channel).Forward(request, timeout=10, metadata=authorization(said)).code()


# -- files that cannot be used -----------------------------------------------------------------------------------------


def given(authority: Authority, **changes: object) -> Settings:
    """A node's settings with a good certificate for 127.0.0.1, but for the changes."""
    certificate, key = authority.issue("node")
    files = {"cluster_ca": authority.ca, "cluster_cert": certificate, "cluster_key": key}
    among = {"store": "cql", "routes": "redis", "pepper": SECRET, "cluster_token": SECRET, "internal_listen": "127.0.0.1:7420"}
    return load(None, {}, {name: str(value) for name, value in {**files, **among, **changes}.items()})


Change = Callable[[Authority, Path], dict[str, object]]


def other(authority: Authority, folder: Path) -> dict[str, object]:
    certificate, key = Authority(folder / "other", "other").issue("stranger")
    return {"cluster_cert": certificate, "cluster_key": key}


def late(authority: Authority, folder: Path) -> dict[str, object]:
    certificate, key = authority.issue("late", days=-1)
    return {"cluster_cert": certificate, "cluster_key": key}


WRONG: dict[str, Change] = {
    "cluster_ca = .*none.pem cannot be read: No such file": lambda _, folder: {"cluster_ca": folder / "none.pem"},
    "cluster_key = .*none.key cannot be read: No such file": lambda _, folder: {"cluster_key": folder / "none.key"},
    "cluster_ca = .* holds no certificate": lambda authority, _: {"cluster_ca": authority.issue("key")[1]},
    "cluster_cert = .* and cluster_key = .* are no certificate with its key in PEM$": lambda authority, _: {
        "cluster_cert": authority.issue("twice")[1]
    },
    "cluster_cert = .* and cluster_key = .*: they do not belong together": lambda authority, _: {
        "cluster_key": authority.issue("another")[1]
    },
    "other nodes with cluster_ca = .* do not take cluster_cert = .*: unable to get local issuer certificate": other,
    "do not take cluster_cert = .*: certificate has expired": late,
    "do not take cluster_cert = .*: IP address mismatch, certificate is not valid for '127.0.0.2'": lambda *_: {
        "internal_public": "127.0.0.2:7420"
    },
    "do not take cluster_cert = .*: Hostname mismatch, certificate is not valid for 'node-7'": lambda *_: {
        "internal_listen": "0.0.0.0:7420",
        "internal_public": "node-7:7420",
    },
    "tls_cert = .*none.pem cannot be read": lambda _, folder: {
        "tls": "files",
        "tls_cert": folder / "none.pem",
        "tls_key": folder / "none.key",
    },
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_file_that_cannot_be_used_is_one_sentence_at_the_start(tmp_path: Path, sentence: str) -> None:
    authority = Authority(tmp_path)
    check_certificates(given(authority))
    with pytest.raises(SettingsError, match=sentence) as error:
        check_certificates(given(authority, **WRONG[sentence](authority, tmp_path)))
    assert "\n" not in str(error.value)


async def test_the_sentence_is_all_that_the_program_says(tmp_path: Path) -> None:
    made = given(Authority(tmp_path), cluster_ca=tmp_path / "none.pem")
    names = ("store", "routes", "pepper", "cluster_token", "cluster_ca", "cluster_cert", "cluster_key")
    code, said = await server(data_dir=tmp_path / "data", **{name: getattr(made, name) for name in names})
    assert (code, said) == (2, f"cluster_ca = {tmp_path / 'none.pem'} cannot be read: No such file or directory")


async def test_whoever_knocks_without_a_certificate_leaves_no_stray_lines_in_the_log(tmp_path: Path) -> None:
    made = given(Authority(tmp_path))
    files = {name: getattr(made, name) for name in ("cluster_ca", "cluster_cert", "cluster_key")}
    node = Node(tmp_path / "node", log_format="json", **files)
    await node.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{node.internal_port}") as channel:
            assert await outcome(channel) is grpc.StatusCode.UNAVAILABLE
        assert await node.stop() == 0
        assert [json.loads(line)["event"] for line in node.log.read_text().splitlines()] == ["started", "draining", "stopped"]
    finally:
        await node.close()
