"""Cassandra nodes that can be killed, frozen, and started again over the same data."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import RetryPolicy, WhiteListRoundRobinPolicy

from tests.support.cassandra import fetch
from tests.support.node import free_port

HEAP = "384m"
READY_S = 90

_OPENED = [
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.rmi/sun.rmi.transport.tcp",
    "jdk.management/com.sun.management.internal",
]
_EXPORTED = [
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
]

_CONFIG = """
cluster_name: tidewire-tests
num_tokens: 1
initial_token: '{token}'
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
listen_address: {host}
rpc_address: {host}
native_transport_port: {port}
storage_port: {storage_port}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: '{seeds}'}}]
commitlog_sync: {commitlog_sync}
{commitlog_period}
commitlog_disk_access_mode: legacy
commitlog_segment_size: 8MiB
commitlog_total_space: 64MiB
memtable_heap_space: 64MiB
memtable_offheap_space: 32MiB
file_cache_size: 32MiB
key_cache_size: 4MiB
hints_directory: {data}/hints
data_file_directories: ['{data}/data']
commitlog_directory: {data}/commitlog
saved_caches_directory: {data}/caches
cdc_raw_directory: {data}/cdc
disk_failure_policy: stop
auto_snapshot: false
concurrent_reads: 8
concurrent_writes: 8
concurrent_compactors: 1
compaction_throughput: 0MiB/s
write_request_timeout: 2000ms
read_request_timeout: 2000ms
request_timeout: 5000ms
truncate_request_timeout: 20000ms
materialized_views_enabled: false
{more}
"""
_GUARDED = """
authenticator: PasswordAuthenticator
client_encryption_options:
  enabled: true
  optional: false
  keystore: {keystore}
  keystore_password: {password}
  store_type: PKCS12
"""
KEYSTORE_PASSWORD = "keystore"


class CassandraNode:
    """One node: a JVM that dies with the thread that started it."""

    def __init__(
        self,
        folder: Path,
        host: str,
        port: int,
        storage_port: int,
        *,
        seeds: str,
        token: int,
        durable: bool = True,
        keystore: Path | None = None,
    ) -> None:
        """
        Args:
            durable: every write is on the disk before it is acknowledged, as an operator has to have it.
            keystore: with it clients need TLS, and a login: at first there is cassandra alone, with the password cassandra.
        """
        self.host, self.port = host, port
        self.folder = folder
        self.log = folder / "log"
        """What it wrote, over all its lives."""
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        sync = ("batch", "") if durable else ("periodic", "commitlog_sync_period: 10000ms")
        config = _CONFIG.format(
            commitlog_sync=sync[0],
            commitlog_period=sync[1],
            host=host,
            port=port,
            storage_port=storage_port,
            seeds=seeds,
            token=token,
            data=folder,
            more=_GUARDED.format(keystore=keystore, password=KEYSTORE_PASSWORD) if keystore else "",
        )
        self._tls = keystore is not None
        (folder / "cassandra.yaml").write_text(config)

    @classmethod
    def alone(cls, folder: Path, *, durable: bool = True, keystore: Path | None = None) -> CassandraNode:
        """A node that is a cluster by itself."""
        host = "127.0.0.1"
        storage_port = free_port(host)
        seeds, port = f"{host}:{storage_port}", free_port(host)
        return cls(folder, host, port, storage_port, seeds=seeds, token=0, durable=durable, keystore=keystore)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the node is not running"
        return self._process.pid

    @property
    def is_started(self) -> bool:
        """Whether it runs, perhaps without answering yet."""
        return self._process is not None

    def start(self) -> None:
        """Start it. Call this from a thread that outlives the node, the main one; then `wait`."""
        jars = fetch.jars()
        setpriv = shutil.which("setpriv")
        assert setpriv, "util-linux has setpriv"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [setpriv, "--pdeathsig", "KILL", fetch.java(), *self._options(), "-cp", f"{jars}/*", _MAIN],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def _options(self) -> list[str]:
        properties = {
            "cassandra.config": f"file://{self.folder}/cassandra.yaml",
            "cassandra.storagedir": self.folder,
            "cassandra.logdir": self.folder,
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.ring_delay_ms": 100,
            "cassandra.superuser_setup_delay_ms": 0,
            "cassandra.consistent.rangemovement": "false",
            "cassandra.jmx.local.port": 0,
            "logback.configurationFile": f"file://{fetch.HERE}/logback.xml",
            "jdk.attach.allowAttachSelf": "true",
            "io.netty.tryReflectionSetAccessible": "true",
            "java.net.preferIPv4Stack": "true",
        }
        return [
            f"-Xms{HEAP}",
            f"-Xmx{HEAP}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xss384k",
            *(f"-D{name}={value}" for name, value in properties.items()),
            *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENED),
            *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTED),
        ]

    def answers(self) -> bool:
        """Whether it speaks CQL: an OPTIONS frame is answered with SUPPORTED."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as plain, self._secured(plain) as connection:
                connection.sendall(bytes([4, 0, 0, 0, 5, 0, 0, 0, 0]))
                return connection.recv(9)[4:5] == b"\x06"
        except OSError:
            return False

    def _secured(self, plain: socket.socket) -> socket.socket:
        return ssl._create_unverified_context().wrap_socket(plain) if self._tls else plain

    def wait(self, seconds: float = READY_S) -> None:
        """Block until it answers. On a busy machine a node may not hear of any other in time, and ends: it is started again."""
        until = time.monotonic() + seconds
        starts = 1
        while not self.answers():
            assert self._process is not None and time.monotonic() < until, f"Cassandra did not start: {self.tail()}"
            if self._process.poll() is not None:
                assert starts < STARTS_MAX, f"Cassandra ended {starts} times: {self.tail()}"
                starts += 1
                self.start()
            time.sleep(0.1)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3_000:]

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)


STARTS_MAX = 3
_MAIN = "org.apache.cassandra.service.CassandraDaemon"


class Ring:
    """Three nodes on 127.0.0.1, .2 and .3, each with a third of the tokens."""

    def __init__(self, folder: Path) -> None:
        hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        self.port, storage_port = free_port(*hosts), free_port(*hosts)
        self.nodes = [
            CassandraNode(
                folder / f"node{number}",
                host,
                self.port,
                storage_port,
                seeds=f"{hosts[0]}:{storage_port}",
                token=-(2**63) + 1 + number * (2**64 // 3),
            )
            for number, host in enumerate(hosts)
        ]

    @property
    def contact_points(self) -> list[str]:
        """The addresses of all nodes."""
        return [node.host for node in self.nodes]

    def start(self) -> None:
        """Start the seed, then the others, and wait until each of them sees all. From the main thread: they die with it."""
        for node in self.nodes:
            node.start()
            if node is self.nodes[0]:
                node.wait()
        for node in self.nodes:
            node.wait()
        self.settle()

    def settle(self, seconds: float = READY_S) -> None:
        """Wait until every node answers and reaches all the others."""
        until = time.monotonic() + seconds
        for node in self.nodes:
            node.wait(max(1, until - time.monotonic()))
        for node in self.nodes:
            while not _reaches_all(node):
                assert time.monotonic() < until, f"{node.host} does not reach all others: {node.tail()}"
                time.sleep(0.2)

    def close(self) -> None:
        """Kill all of them."""
        for node in self.nodes:
            node.kill()


def _reaches_all(node: CassandraNode) -> bool:
    """Whether a read at ALL of a row with three replicas succeeds through this node."""
    profile = ExecutionProfile(
        WhiteListRoundRobinPolicy([node.host]), consistency_level=ConsistencyLevel.ALL, request_timeout=3, retry_policy=_Never()
    )
    cluster = Cluster(
        [node.host],
        node.port,
        protocol_version=4,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
        connect_timeout=3,
    )
    try:
        session = cluster.connect()
        session.execute(
            "CREATE KEYSPACE IF NOT EXISTS ring WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 3}"
        )
        session.execute(
            "CREATE TABLE IF NOT EXISTS ring.seen (id int PRIMARY KEY) WITH id = 72696e67-0000-4000-8000-000000000001"
        )
        session.execute("SELECT id FROM ring.seen WHERE id = 0")
        return True
    except (DriverException, NoHostAvailable):
        return False
    finally:
        cluster.shutdown()


class _Never(RetryPolicy):
    """No second try."""

    def on_unavailable(self, *_: object, **__: object) -> tuple[int, None]:
        return self.RETHROW, None

    def on_read_timeout(self, *_: object, **__: object) -> tuple[int, None]:
        return self.RETHROW, None
