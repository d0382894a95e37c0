"""Keyspaces with the node's schema, on a test's Cassandra."""

from __future__ import annotations

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy

from server.adapters.cql.connecting import CqlSettings
from server.adapters.cql.opening import migrate_blocking
from tests.support.cassandra.server import CassandraNode


class Keyspace:
    """A keyspace on one node, which is emptied between tests: making one costs seconds."""

    def __init__(self, node: CassandraNode, name: str) -> None:
        self.node = node
        self.settings = CqlSettings((node.host,), node.port, name, replication={"datacenter1": 1})
        migrate_blocking(self.settings)
        profile = ExecutionProfile(WhiteListRoundRobinPolicy([node.host]), request_timeout=30)
        self._cluster = Cluster(
            [node.host],
            node.port,
            protocol_version=4,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        )
        self.session = self._cluster.connect(name)
        """For what a test looks at or breaks by hand."""
        self._tables = [table for table in self._cluster.metadata.keyspaces[name].tables if not table.startswith("schema_")]

    def empty(self) -> None:
        """Truncate what has rows."""
        used = [name for name in self._tables if self.session.execute(f"SELECT * FROM {name} LIMIT 1").one() is not None]
        for future in [self.session.execute_async(f"TRUNCATE {name}") for name in used if name != "meta"]:
            future.result()

    def close(self) -> None:
        """Close the session."""
        self._cluster.shutdown()
