"""A real Cassandra, alone or as a ring of three, in processes of its own over folders of its own."""

from tests.support.cassandra.server import CassandraNode, Ring

__all__ = ["CassandraNode", "Ring"]
