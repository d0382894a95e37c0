"""Every store of the node on Cassandra or ScyllaDB. `opening.open_cql` is the way in."""
